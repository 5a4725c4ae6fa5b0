"""Many clients of the real server at once: bearer tokens, keep-alive connections, answers as they came."""

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2.extensions
from django.db import connection

from accounts.models import User
from carbon_portal.workflows.management.commands.demo_token import issue
from carbon_portal.workflows.verify import run
from tests import database

OFFERS, VOUCHERS, CAPTURES = "/api/v1/offers", "/api/v1/me/vouchers", "/api/v1/till/captures"
MEETING_SECONDS = 20.0  # less than tests.database.PATIENCE


@dataclass(frozen=True)
class Answer:
    """What the server said; `word` is the code of a refusal and empty for a success."""

    status: int
    body: bytes

    @property
    def word(self) -> str:
        return "" if self.status < 300 else str(json.loads(self.body).get("code", ""))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One device: one token, one connection."""

    def __init__(self, port: int, token: str) -> None:
        self.wire = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: dict[str, Any], key: str = "", *, tries: int = 2) -> Answer:
        """Send under an idempotency key (a new one by default), which also makes it safe to send again."""
        headers = {**self.headers, "Idempotency-Key": key or uuid.uuid4().hex}
        for attempt in range(1, tries + 1):
            try:
                self.wire.request("POST", path, json.dumps(body), headers)
                answer = self.wire.getresponse()
                return Answer(answer.status, answer.read())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # The server closes what was idle for two seconds; a second time it is a fault.
                self.wire.close()
                if attempt == tries:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")


def clients(port: int, user: User, count: int = 1) -> list[Client]:
    """Devices of one person, each with a token of its own."""
    return [Client(port, issue(user)) for _ in range(count)]


def at_once(queues: Sequence[Sequence[Callable[[], Answer]]]) -> list[list[Answer]]:
    """Each queue in its own thread, all started together; the answers in the order of what was asked."""
    gate = threading.Barrier(len(queues))
    answers: list[list[Answer]] = [[] for _ in queues]
    faults: list[BaseException] = []

    def work(number: int) -> None:
        try:
            gate.wait(timeout=60)
            answers[number] += [ask() for ask in queues[number]]
        except (OSError, http.client.HTTPException, threading.BrokenBarrierError) as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(queues))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    return answers


@contextmanager
def shut_until_two_wait(lock: str, *params: object) -> Iterator[None]:
    """Hold a row's lock until two sessions wait for it: whoever looks first and decides later has looked by then."""
    name = str(connection.settings_dict["NAME"])
    holder = database.connect("portal_owner", name)
    holder.cursor().execute(lock, params)
    opener = threading.Thread(target=_open_when_two_wait, args=(holder, name))
    opener.start()
    try:
        yield
    finally:
        opener.join()


def _open_when_two_wait(holder: psycopg2.extensions.connection, name: str) -> None:
    """The second may be long in coming where the machine does other work; databases of races let the first wait."""
    looking = database.connect("superuser", "postgres")
    looking.autocommit = True
    end = time.monotonic() + MEETING_SECONDS
    try:
        with looking.cursor() as cursor:
            while _waiting(cursor, name) < 2 and time.monotonic() < end:
                time.sleep(0.01)
    finally:
        holder.close()
        looking.close()


def _waiting(cursor: Any, name: str) -> int:
    """Sessions of the database that wait for a lock."""
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'", [name])
    return int(cursor.fetchone()[0])


def count(answers: Sequence[Sequence[Answer]]) -> Counter[tuple[int, str]]:
    """How often each status and refusal was answered."""
    return Counter((answer.status, answer.word) for queue in answers for answer in queue)


def violations() -> dict[str, list[list[str]]]:
    """What `verify` finds, all checks, by id."""
    connection.ensure_connection()
    return {finding.id: finding.offenders for finding in run.run() if finding.count}

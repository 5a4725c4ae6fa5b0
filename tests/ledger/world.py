"""Short builders for ledger tests: fund a pool, award points, run deeds in many threads at once."""

import datetime as dt
import itertools
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, connections

from carbon_portal.workflows.verify.ledger import CHECKS
from credits.ledger import addresses, services
from credits.ledger.constants import Kind, Unit

AT = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)
POINTS = Unit.POINTS


def fund(points: int, pool: UUID | None = None) -> UUID:
    pool = pool or uuid4()
    services.post(
        key=f"fund:{uuid4()}",
        kind=Kind.FUND,
        lines=[(addresses.ISSUANCE, POINTS, -points), (addresses.pool(pool), POINTS, points)],
        at=AT,
    )
    return pool


def award(participant: UUID, points: int, *, year: int = 2026) -> services.Posting:
    pool = fund(points)
    return services.post(
        key=f"award:{uuid4()}",
        kind=Kind.AWARD,
        lines=[
            (addresses.pool(pool), POINTS, -points),
            (addresses.participant_points(participant, year), POINTS, points),
        ],
        at=AT,
    )


def scalar(sql: str, params: list[Any] | None = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0]


def lines_of(entry_id: int) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.address, l.amount FROM ledger_ledgerline l JOIN ledger_ledgeraccount a ON a.id = l.account_id"
            " WHERE l.entry_id = %s ORDER BY l.line_no",
            [entry_id],
        )
        return cursor.fetchall()


def at_once(deeds: list[Callable[[], Any]], workers: int | None = None) -> list[Any]:
    """Run the deeds in threads with a connection each, started together; results or exceptions, in order."""
    results: list[Any] = [None] * len(deeds)
    shares = [range(n, len(deeds), workers or len(deeds)) for n in range(workers or len(deeds))]
    gate = threading.Barrier(len(shares))

    def work(numbers: range) -> None:
        try:
            connection.ensure_connection()
            gate.wait(timeout=60)
            for number in numbers:
                try:
                    results[number] = deeds[number]()
                except Exception as error:  # noqa: BLE001  (the test looks at each result)
                    results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(numbers,)) for numbers in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def meeting(number: int, look: Callable[..., Any]) -> Callable[..., Any]:
    """`look`, after which the first so many callers wait for one another: none of them has written when all have looked.

    For twins without a guard, which must go wrong each time and not by luck. There must be as many threads.
    """
    met, turns = threading.Barrier(number), itertools.count()

    def looked(*args: Any, **kwargs: Any) -> Any:
        found = look(*args, **kwargs)
        if next(turns) < number:
            met.wait(timeout=60)
        return found

    return looked


def assert_sound() -> None:
    """Every independent check of the ledger finds nothing."""
    with connection.cursor() as cursor:
        for check in CHECKS:
            cursor.execute(check.sql)
            assert cursor.fetchall() == [], check.id

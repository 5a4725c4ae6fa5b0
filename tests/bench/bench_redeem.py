"""L1, L2, L4: redemptions at one hot merchant against django-hordak, a naive balance row, and pgbench.

Eight clients, each a process with a connection of its own, post participant → merchant through the ledger's service for
some seconds; the others do theirs in turn, round by round, after a discarded round. After every round of ours the books
are audited: lines sum to zero, no balance is below zero, every acknowledged key stands once and no other does.
"""

import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from django.db import connection

from carbon_portal.kernel import clock
from carbon_portal.kernel.services import paths
from carbon_portal.kernel.services.postgres import find_binaries
from carbon_portal.workflows.verify.ledger import CHECKS
from credits.ledger import addresses, services
from credits.ledger.constants import Kind, Unit
from tests.bench.clients import ROOT, Clients
from tests.bench.harness import Bench, Measurement, Row, comparison, interleaved
from tests.bench.redeem_ours import MERCHANT, participant

CLIENTS = 8
PARTICIPANTS = 1_000
START_POINTS = 1_000_000_000
SECONDS = 2.5
SCALE = 8  # of pgbench's own tables: not fewer than the clients

# The same function with the same arguments as the service gives it; the key is new each time.
POST_SCRIPT = """
\\set payer random(0, {last})
\\set key random(1, 9000000000000000000)
SELECT * FROM ledger_post('pgbench:' || :client_id || ':' || :key, 'donation', '2026-11-22',
    ARRAY['participant:00000000-0000-4000-8000-' || (100000000000 + :payer) || ':points:2026',
          'merchant:{merchant}:points'], ARRAY['points', 'points'], ARRAY[-7, 7]::bigint[], 'bench');
"""


@dataclass
class World:
    """The database of our side, what its participants were given, and what was acknowledged so far."""

    name: str
    acknowledged: dict[str, int] = field(default_factory=dict)

    def audit(self, *, killed: str = "") -> None:
        """Raise unless the books are sound. What the killed run had acknowledged nobody knows any more."""
        with connection.cursor() as cursor:
            for check in CHECKS:
                cursor.execute(check.sql)
                if found := cursor.fetchall():
                    raise AssertionError(f"{check.id} finds {found[:3]}")
            cursor.execute("SELECT sum(amount), count(*) FROM ledger_ledgerline")
            assert cursor.fetchone()[0] == 0, "the lines do not sum to zero"
            cursor.execute(
                "SELECT split_part(idempotency_key, ':', 1) || ':' || split_part(idempotency_key, ':', 2),"
                " count(*), count(DISTINCT idempotency_key), max(split_part(idempotency_key, ':', 3)::bigint) + 1"
                " FROM ledger_ledgerentry WHERE source = 'bench' AND idempotency_key NOT LIKE 'pgbench:%' GROUP BY 1"
            )
            stand = {client: rest for client, *rest in cursor.fetchall()}
        for client, (rows, keys, highest) in stand.items():
            assert rows == keys == highest, f"{client}: {rows} entries, {keys} keys, {highest} sent"
            if client.split(":")[0] != killed:
                assert rows == self.acknowledged[client], f"{client}: {rows} entries, another number acknowledged"
        missing = [client for client, done in self.acknowledged.items() if done and client not in stand]
        assert not missing, f"acknowledged and lost: {missing}"


def run(bench: Bench) -> list[Row]:
    """L1 against three peers, L2 against two; what L4 asks is asserted after every round."""
    with ExitStack() as stack:
        world = _world(bench)
        tails: list[float] = []
        sides: dict[str, Measurement] = {"ledger": _ours(world, stack, tails)}
        if bench.peers:
            sides |= _peers(bench, stack)
        sides |= _pgbench(bench, world)
        rounds = interleaved(bench, sides)
        _kill_clients(world)
    return [
        comparison("L1", rounds, "ledger", "hordak transfer_to", target=4),
        comparison("L1", rounds, "ledger", "hordak, locked and checked", target=10),
        comparison("L1", rounds, "ledger", "naive select_for_update", target=10),
        *_ceiling(rounds),
        comparison("L2", rounds, "ledger", "pgbench -f", target=0.4),
        comparison("L2", rounds, "ledger", "pgbench simple-update", target=0.5),
        _tail(tails[-bench.rounds :]),
    ]


def _ceiling(rounds: list[dict[str, float]]) -> list[Row]:
    """How far above the first peer PostgreSQL itself gets here, with nothing to check and a client in C."""
    bare, peer = "pgbench simple-update", "hordak transfer_to"
    return [comparison("L1", rounds, bare, peer, target=None)] if {bare, peer} <= rounds[0].keys() else []


def _tail(tails: list[float]) -> Row:
    """L4: p99 against p50 of our own latencies, round by round."""
    middle = statistics.median(tails)
    mine = {"name": "p99 of the ledger", "unit": "× p50", "median": middle, "min": min(tails), "max": max(tails)}
    against = {"name": "p50", "unit": "× p50", "median": 1, "min": 1, "max": 1}
    return Row("L4", mine, against, middle, target=5, better="lower", rounds=list(tails))


def _world(bench: Bench) -> World:
    """A copy of the migrated template with funded participants."""
    name = bench.fresh_database()
    lines = [(addresses.ISSUANCE, Unit.POINTS, -PARTICIPANTS * START_POINTS)]
    lines += [
        (addresses.participant_points(participant(number), 2026), Unit.POINTS, START_POINTS)
        for number in range(PARTICIPANTS)
    ]
    services.post(key="start", kind=Kind.ISSUE, lines=lines, at=clock.now(), source="start")
    return World(name)


def _client_processes(world: World, clients: int) -> Clients:
    command = [sys.executable, "-m", "tests.bench.redeem_ours", str(clients), str(PARTICIPANTS)]
    return Clients(command, {**os.environ, "PORTAL_DB_NAME": world.name})


def _ours(world: World, stack: ExitStack, tails: list[float]) -> Measurement:
    processes = _client_processes(world, CLIENTS)
    stack.callback(processes.stop)

    def measure() -> float:
        measured = processes.measure(clients=CLIENTS, seconds=SECONDS)
        world.acknowledged |= {f"{measured.run}:{client}": done for client, done in enumerate(measured.done)}
        world.audit()
        tails.append(measured.p99_us / measured.p50_us)
        return measured.rate

    return measure


def _kill_clients(world: World) -> None:
    """L4: `kill -9` of all clients in the middle of their work; at most one deed of each is unknown to it."""
    processes = _client_processes(world, CLIENTS)
    processes.order("killed", clients=CLIENTS, seconds=60)
    time.sleep(1 + random.random())
    processes.kill()
    _wait_for_sessions_to_end()
    world.audit(killed="killed")


def _wait_for_sessions_to_end() -> None:
    """A session notices the death of its client when it next writes to it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
                " AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.1)
    raise AssertionError("sessions of killed clients are still at work")


def _peers(bench: Bench, stack: ExitStack) -> dict[str, Measurement]:
    """The other ledgers, each in processes of .venv-bench, on a database of their own in the same cluster."""
    name = bench.empty_database()
    environment = {**os.environ, "BENCH_DSN": json.dumps(paths.database_dsn(paths.OWNER, name=name))}
    program = [str(bench.peers), "-m", "tests.bench.peers.redeem"]
    subprocess.run([*program, "migrate", "0", str(PARTICIPANTS)], cwd=ROOT, env=environment, check=True)
    sides: dict[str, Measurement] = {}
    for title, side in (
        ("hordak transfer_to", "hordak"),
        ("hordak, locked and checked", "hordak-locked"),
        ("naive select_for_update", "naive"),
    ):
        processes = Clients([*program, side, str(CLIENTS), str(PARTICIPANTS)], environment)
        stack.callback(processes.stop)
        sides[title] = partial(_rate, processes)
    return sides


def _rate(processes: Clients) -> float:
    return processes.measure(clients=CLIENTS, seconds=SECONDS).rate


def _pgbench(bench: Bench, world: World) -> dict[str, Measurement]:
    """PostgreSQL's own load generator: with our function on our tables, and with its simple update on its own."""
    program = find_binaries().bin / "pgbench"
    if not program.exists():
        return {}
    name = bench.empty_database()
    script = bench.var / "ledger_post.pgbench"
    script.write_text(POST_SCRIPT.format(last=PARTICIPANTS - 1, merchant=MERCHANT), encoding="utf-8")

    def pgbench(role: str, database_name: str, *arguments: str) -> str:
        dsn = paths.database_dsn(role, name=database_name)
        command = [str(program), "-h", dsn["HOST"], "-p", str(dsn["PORT"]), "-U", dsn["USER"], *arguments, dsn["NAME"]]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def rate(role: str, database_name: str, *arguments: str) -> float:
        timing = ["-n", "-c", str(CLIENTS), "-j", "2", "-T", str(math.ceil(SECONDS))]
        found = re.search(r"^tps = ([0-9.]+)", pgbench(role, database_name, *timing, *arguments), re.MULTILINE)
        assert found, "pgbench says no rate"
        return float(found[1])

    def ours() -> float:
        found = rate(paths.WORKER, world.name, "-f", str(script))
        world.audit()
        return found

    pgbench(paths.OWNER, name, "-i", "-q", "-s", str(SCALE))
    return {"pgbench -f": ours, "pgbench simple-update": lambda: rate(paths.OWNER, name, "-N")}

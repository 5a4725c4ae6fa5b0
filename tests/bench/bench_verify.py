"""FAST, VERIFY: what checking costs, in the state machine's books and in large ones.

FAST: after each deed of the state machine, the questions about what it touched, against ten milliseconds, and against all
of `verify` at the end of each example. VERIFY: all of `verify` over BENCH_VERIFY_RECORDS records (200 000), imported and
quantified by the product, against reading the records once with binary COPY TO; and the questions about a record and its
account in these books.
"""

import os
import statistics
import time
from typing import Any

from django.db import connection

from tests import database
from tests.bench import bench_pipeline as pipeline
from tests.bench.harness import Bench, Row, rate, summary

RECORDS = int(os.environ.get("BENCH_VERIFY_RECORDS", "200000"))
EXAMPLES, STEPS = 30, 40
LIMIT_MS = 10.0
ASKED = 200  # records, each with its account, spread over all


def run(bench: Bench) -> list[Row]:
    """The first row judges FAST; the others are reported."""
    return [*of_the_machine(bench), *of_large_books(bench)]


def of_the_machine(bench: Bench) -> list[Row]:
    """The same examples each time; the machine itself notes the seconds."""
    bench.fresh_database()
    from hypothesis.stateful import run_state_machine_as_test

    from tests.stateful import machine
    from tests.stateful.test_machine import settle

    machine.Portal.prepare()
    machine.spent.clear()
    machine.whole.clear()
    run_state_machine_as_test(machine.Portal, settings=settle(EXAMPLES, STEPS, derandomize=True))
    parts, whole = [1000 * one for one in machine.spent], [1000 * one for one in machine.whole]
    return [
        within("FAST", "questions about what a deed touched, median", [statistics.median(parts)], target=1.0),
        within("FAST", "questions about what a deed touched, p99", [statistics.quantiles(parts, n=100)[98]], target=None),
        Row(
            "FAST", summary("questions about what a deed touched", "ms", parts), summary("all of verify", "ms", whole),
            statistics.median(parts) / statistics.median(whole), None, "lower",
        ),
    ]  # fmt: skip


def of_large_books(bench: Bench) -> list[Row]:
    """A round each of all questions and of one reading of the records; the single questions once, at the end."""
    name = bench.fresh_database()
    fill(bench)
    count = int(_one("SELECT count(*) FROM behaviors_behaviorrecord"))
    row = bench.compare(
        "VERIFY",
        (f"verify, {count:,} records", lambda: rate(count, verify)),
        ("binary COPY TO of the records", lambda: rate(count, lambda: read(name))),
        target=None,
        unit="records/s",
    )
    return [row, within("VERIFY", "questions about a record and its account", of_single_records(), target=None)]


def fill(bench: Bench) -> None:
    """Whole rounds of the pipeline, until there are so many records."""
    portal = pipeline.Portal(bench, pipeline.prepare())
    for _ in range(-(-RECORDS // pipeline.RECORDS)):
        portal.round()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def verify() -> None:
    """All questions, in one snapshot; they must find nothing."""
    from carbon_portal.workflows.verify import run as verifying

    found = {one.id: one.offenders[:3] for one in verifying.run() if one.count}
    assert not found, found


def read(name: str) -> None:
    """Every record once, as fast as the database gives it."""
    raw = database.connect("superuser", name)
    try:
        with raw.cursor() as cursor, open(os.devnull, "wb") as nowhere:
            cursor.copy_expert("COPY (SELECT * FROM behaviors_behaviorrecord) TO STDOUT (FORMAT binary)", nowhere)
    finally:
        raw.close()


def of_single_records() -> list[float]:
    """Milliseconds of each, once the statements are prepared."""
    from carbon_portal.workflows.verify import run as verifying

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, 'participant:' || r.participant_id || ':points:' || a.year"
            " FROM behaviors_behaviorrecord r JOIN credits_pointsaccrual a USING (participant_id)"
            " ORDER BY hashint8(r.id) LIMIT %s",
            [ASKED + 1],
        )
        chosen = cursor.fetchall()
    spent = []
    for record, account in chosen:
        began = time.perf_counter()
        assert not verifying.fast(accounts=[account], records=[record])
        spent.append(1000 * (time.perf_counter() - began))
    return spent[1:]


def within(goal: str, name: str, milliseconds: list[float], *, target: float | None) -> Row:
    """Milliseconds against the ten that a deed's checks may take."""
    limit = summary("limit", "ms", [LIMIT_MS])
    ratio = statistics.median(milliseconds) / LIMIT_MS
    return Row(goal, summary(name, "ms", milliseconds), limit, ratio, target, "lower")


def _one(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]

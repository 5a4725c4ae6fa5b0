"""P4: the formula engine against hand-written NumPy that makes the same checks and outputs, and against peers.

The document is the library's metro method without its limits; columns are typed and the evidence is mixed. A second
document has a daily limit on grams, beside NumPy's lexsort and cumsum over the same rows. Before anything is timed the
two sides must agree on every row. Peers (`peers/engine.py`) run in .venv-bench and do less: no date, no reasons, no
columns to read.
"""

import datetime as dt
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from carbon_portal.kernel.services.paths import BASE_DIR
from methodologies import engine
from tests.bench.harness import Bench, Row, rate

ROWS = 1_000_000
CHUNK = 16_384  # of the hand-written side: small enough for the second-level cache
SEED = 20260301
BELOW_MIN, ABOVE_MAX, NOT_IN_FORCE = 1, 2, 3


def program(limits: str = "limits: []") -> engine.Program:
    """The metro method with other limits than its own."""
    source = (BASE_DIR / "methodologies/library/gd-metro-trip.yaml").read_text(encoding="utf-8")
    lines = source.split("\n")
    start = lines.index("limits:")
    end = next(at for at in range(start + 1, len(lines)) if not lines[at].startswith(" "))
    document = "\n".join([*lines[:start], limits, *lines[end:]])
    library = (BASE_DIR / "methodologies/library/factors.yaml").read_text(encoding="utf-8")
    return engine.compile(
        engine.load_document(document, name="gd-metro-trip.yaml"), engine.load_factors(library, name="factors.yaml")
    )


def columns() -> engine.Columns:
    """One row in a hundred is too short, one too long, one before the method was in force."""
    random = np.random.default_rng(SEED)
    distance = random.integers(100, 120_001, ROWS)  # thousandths of a kilometre
    distance[::100] = 99
    distance[1::100] = 120_001
    days = np.datetime64("2025-01-01") + random.integers(0, 600, ROWS).astype("timedelta64[D]")
    days[2::100] = np.datetime64("2024-12-31")
    return engine.Columns(
        record=np.arange(ROWS, 2 * ROWS),  # of one length, so that their order as text is their order as numbers
        participant=random.integers(0, ROWS // 20, ROWS),
        occurred_on=days.astype("datetime64[D]"),
        region=np.full(ROWS, 440106),
        evidence=random.integers(0, 3, ROWS).astype(np.int8),
        inputs={"distance": distance},
    )


def by_hand(batch: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a careful programmer would write for this one method: 46.7 g a kilometre, half when self-declared."""
    computed = np.zeros(ROWS, dtype=np.int64)
    credited = np.zeros(ROWS, dtype=np.int64)
    reason = np.zeros(ROWS, dtype=np.int8)
    first = np.datetime64(dt.date(2025, 1, 1))
    halves = np.array([2, 2, 1])  # feed, proof, self_declared
    for start in range(0, ROWS, CHUNK):
        rows = slice(start, start + CHUNK)
        distance = batch.inputs["distance"][rows]
        why = reason[rows]
        why[distance > 120_000] = ABOVE_MAX
        why[distance < 100] = BELOW_MIN
        why[(batch.occurred_on[rows] < first) | (batch.region[rows] // 10_000 != 44)] = NOT_IN_FORCE
        fine = why == 0
        exact = distance * 467
        computed[rows] = np.where(fine, exact // 10_000, 0)
        credited[rows] = np.where(fine, exact * halves[batch.evidence[rows]] // 20_000, 0)
    return computed, credited, reason


DAILY_G = 4_000
DAILY_LIMIT = f'limits:\n  - {{measure: reduction, per: day, max: "{DAILY_G}"}}'


def limited_by_hand(batch: Any, credited: np.ndarray) -> np.ndarray:
    """Grams cut to what is left of the day: sort by person, day and record, sum up, cut."""
    order = np.lexsort((batch.record, batch.occurred_on, batch.participant))
    grams = credited[order]
    people, days = batch.participant[order], batch.occurred_on[order]
    starts = np.flatnonzero(np.concatenate([[True], (people[1:] != people[:-1]) | (days[1:] != days[:-1])]))
    before = np.cumsum(grams) - grams
    before -= np.repeat(before[starts], np.diff(np.append(starts, ROWS)))
    result = np.empty_like(credited)
    result[order] = np.clip(DAILY_G - before, 0, grams)
    return result


def run(bench: Bench) -> list[Row]:
    """Evaluations per second: hand-written NumPy is what the goal is judged by; limits and peers beside it."""
    made, batch = program(), columns()
    outcome, (computed, credited, reason) = made.evaluate(batch), by_hand(batch)
    assert np.array_equal(outcome.computed_g, computed), "the two sides compute different grams"
    assert np.array_equal(outcome.reduction_g, credited), "the two sides credit different grams"
    names = {"below_min": BELOW_MIN, "above_max": ABOVE_MAX, "not_in_force": NOT_IN_FORCE}
    assert [names.get(code, 0) for code in outcome.reason[:1000]] == reason[:1000].tolist()
    limited = program(DAILY_LIMIT)
    assert np.array_equal(limited.evaluate(batch).reduction_g, limited_by_hand(batch, credited)), "limits differ"
    ours = ("engine", lambda: rate(ROWS, lambda: made.evaluate(batch)))
    rows = [
        bench.compare(
            "P4",
            ours,
            ("hand-written NumPy", lambda: rate(ROWS, lambda: by_hand(batch))),
            target=0.8,
            unit="rows/s",
        ),
        bench.compare(
            "P4",
            ("engine with a daily limit", lambda: rate(ROWS, lambda: limited.evaluate(batch))),
            ("NumPy with lexsort and cumsum", lambda: rate(ROWS, lambda: limited_by_hand(batch, by_hand(batch)[1]))),
            target=0.5,
            unit="rows/s",
        ),
    ]
    with _peers(bench.peers) as ask:
        for name, peer, count, target in PEERS:
            if ask is None:
                missing = {"name": name, "unit": "rows/s", "median": None, "min": None, "max": None}
                rows.append(Row("P4", rows[0].ours, missing, None, target))
            else:
                ask(peer, count)
                rows.append(bench.compare("P4", ours, (name, partial(ask, peer, count)), target=target, unit="rows/s"))
    return rows


# Name, peer, rows a measurement, how many times faster the engine is to be.
PEERS = (
    ("OpenFisca-Core, parameter indexed by an enum", "openfisca", 200_000, 4.0),
    ("OpenFisca-Core, plain arithmetic", "openfisca-arithmetic", ROWS, 4.0),
    ("Decimal, a record at a time", "decimal", 100_000, 50.0),
    ("cel-python", "cel", 2_000, 5_000.0),
)


@contextmanager
def _peers(interpreter: Path | None) -> Iterator[Callable[[str, int], float] | None]:
    """Ask a peer for its rows per second; None where .venv-bench is not made (bin/setup --bench)."""
    if interpreter is None:
        yield None
        return
    command = [str(interpreter), str(Path(__file__).with_name("peers") / "engine.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        orders, answers = _pipes(process)

        def ask(peer: str, count: int) -> float:
            orders.write(json.dumps({"peer": peer, "rows": count}) + "\n")
            orders.flush()
            return float(json.loads(answers.readline())[0])

        try:
            yield ask
        finally:
            orders.close()


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout

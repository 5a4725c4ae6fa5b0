"""P4, first cut: the formula engine against hand-written NumPy that makes the same checks and outputs.

The document is the library's metro method without its limits (they are a goal of their own); columns are typed and the
evidence is mixed. Before anything is timed both must agree on every row.
"""

import datetime as dt

import numpy as np
import yaml

from carbon_portal.kernel.services.paths import BASE_DIR
from methodologies import engine
from tests.bench.harness import Bench, Row, rate

ROWS = 1_000_000
CHUNK = 16_384  # of the hand-written side: small enough for the second-level cache
SEED = 20260301
BELOW_MIN, ABOVE_MAX, NOT_IN_FORCE = 1, 2, 3


def program() -> engine.Program:
    source = (BASE_DIR / "methodologies/library/gd-metro-trip.yaml").read_text(encoding="utf-8")
    lines = source.split("\n")
    start = lines.index("limits:")
    end = next(at for at in range(start + 1, len(lines)) if not lines[at].startswith(" "))
    document = "\n".join([*lines[:start], "limits: []", *lines[end:]])
    library = (BASE_DIR / "methodologies/library/factors.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(document)["limits"] == []
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
        record=np.arange(ROWS),
        participant=random.integers(0, ROWS // 20, ROWS),
        occurred_on=days.astype("datetime64[D]"),
        region=np.full(ROWS, 440106),
        evidence=random.integers(0, 3, ROWS).astype(np.int8),
        inputs={"distance": distance},
    )


def by_hand(batch: engine.Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def run(bench: Bench) -> list[Row]:
    """One row: evaluations per second, engine against hand-written NumPy."""
    made, batch = program(), columns()
    outcome, (computed, credited, reason) = made.evaluate(batch), by_hand(batch)
    assert np.array_equal(outcome.computed_g, computed), "the two sides compute different grams"
    assert np.array_equal(outcome.reduction_g, credited), "the two sides credit different grams"
    names = {"below_min": BELOW_MIN, "above_max": ABOVE_MAX, "not_in_force": NOT_IN_FORCE}
    assert [names.get(code, 0) for code in outcome.reason[:1000]] == reason[:1000].tolist()
    return [
        bench.compare(
            "P4",
            ("engine", lambda: rate(ROWS, lambda: made.evaluate(batch))),
            ("hand-written NumPy", lambda: rate(ROWS, lambda: by_hand(batch))),
            target=0.8,
            unit="rows/s",
        )
    ]

"""What the benchmarks share: rows of results, rounds, and a durable cluster of their own.

Absolute rates on shared machines move by a factor of two, so each goal is a ratio of two things measured in the same
run, round by round in turn; a row keeps the median, the smallest and the largest.
"""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests import database

Measurement = Callable[[], float]


@dataclass
class Row:
    """One comparison of one goal. The first row of a goal is the one that it is judged by.

    ``ours`` and ``against`` say what was measured (name, unit, median, min, max); ``ratio`` is ours / against.
    """

    goal: str
    ours: dict[str, Any]
    against: dict[str, Any]
    ratio: float | None
    target: float | None
    better: Literal["higher", "lower"] = "higher"
    rounds: list[Any] = field(default_factory=list)

    @property
    def met(self) -> bool | None:
        """None where there is no target or the peer was not found."""
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target if self.better == "higher" else self.ratio <= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "goal": self.goal,
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "target": self.target,
            "better": self.better,
            "met": self.met,
            "ours": self.ours,
            "against": self.against,
            "rounds": self.rounds,
        }


@dataclass
class Bench:
    """What a benchmark's ``run(bench)`` is given.

    ``fresh_database`` needs the durable cluster (fsync on), which is started at its first use only.
    """

    rounds: int
    var: Path
    peers: Path | None
    start_services: Callable[[], str]
    made: list[str] = field(default_factory=list)

    def fresh_database(self) -> str:
        """A copy of the migrated template; Django's default connection speaks to it as portal_worker."""
        name = database.make_copy(self.start_services(), "own")
        self.made.append(name)
        database.point_django_at(name, "worker")
        return name

    def empty_database(self) -> str:
        """A database of the durable cluster without the product's tables, for a peer's own; portal_owner's."""
        self.start_services()
        name = database.make_copy("template0", "own")
        self.made.append(name)
        return name

    def checkpoint(self) -> None:
        """Before each round: full-page writes after a checkpoint favour whoever runs second."""
        connection = database.connect("superuser", "postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")
        connection.close()

    def compare(
        self,
        goal: str,
        ours: tuple[str, Measurement],
        against: tuple[str, Measurement],
        *,
        target: float | None,
        unit: str = "1/s",
        better: Literal["higher", "lower"] = "higher",
    ) -> Row:
        """Measure both in turn, round by round; the ratio is the median of the rounds' ratios."""
        pairs = []
        for number in range(self.rounds):
            first, second = (ours, against) if number % 2 == 0 else (against, ours)
            values = {name: _undisturbed(measure) for name, measure in (first, second)}
            pairs.append((values[ours[0]], values[against[0]]))
        return Row(
            goal=goal,
            ours=summary(ours[0], unit, [mine for mine, _ in pairs]),
            against=summary(against[0], unit, [theirs for _, theirs in pairs]),
            ratio=statistics.median(mine / theirs for mine, theirs in pairs),
            target=target,
            better=better,
            rounds=[list(pair) for pair in pairs],
        )

    def measure(self, sides: dict[str, Measurement]) -> dict[str, list[float]]:
        """Measure each side once a round, every other round from the last to the first; for goals with several rows."""
        found: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(self.rounds):
            for name, measurement in list(sides.items())[:: 1 if number % 2 == 0 else -1]:
                found[name].append(_undisturbed(measurement))
        return found


def row_of(
    goal: str, measured: dict[str, list[float]], ours: str, against: str, *, target: float | None, unit: str
) -> Row:
    """One comparison of two sides that were measured together; the ratio is the median of the rounds' ratios."""
    pairs = list(zip(measured[ours], measured[against], strict=True))
    return Row(
        goal=goal,
        ours=summary(ours, unit, measured[ours]),
        against=summary(against, unit, measured[against]),
        ratio=statistics.median(mine / theirs for mine, theirs in pairs),
        target=target,
        rounds=[list(pair) for pair in pairs],
    )


def interleaved(bench: Bench, sides: dict[str, Measurement]) -> list[dict[str, float]]:
    """Measure all sides in turn, round by round, after a discarded one; each starts after a checkpoint, in an order
    that moves on by one a round, so that none always follows the same other."""
    names, rounds = list(sides), []
    for number in range(bench.rounds + 1):
        start = number % len(names)
        values = {}
        for name in names[start:] + names[:start]:
            bench.checkpoint()
            values[name] = _undisturbed(sides[name])
        rounds.append(values)
    return rounds[1:]


def comparison(
    goal: str,
    rounds: list[dict[str, float]],
    ours: str,
    against: str,
    *,
    target: float | None,
    unit: str = "1/s",
    better: Literal["higher", "lower"] = "higher",
) -> Row:
    """One row of interleaved rounds; without the peer's values it says that the peer was not found."""
    mine = [values[ours] for values in rounds]
    if against not in rounds[0]:
        missing = {"name": against, "unit": unit, "median": None, "min": None, "max": None}
        return Row(goal, summary(ours, unit, mine), missing, None, target, better)
    theirs = [values[against] for values in rounds]
    return Row(
        goal=goal,
        ours=summary(ours, unit, mine),
        against=summary(against, unit, theirs),
        ratio=statistics.median(one / other for one, other in zip(mine, theirs, strict=True)),
        target=target,
        better=better,
        rounds=[list(pair) for pair in zip(mine, theirs, strict=True)],
    )


def rate(count: int, work: Callable[[], object]) -> float:
    """Things per second of one run of the work."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def _undisturbed(measure: Measurement) -> float:
    gc.collect()
    gc.disable()
    try:
        return measure()
    finally:
        gc.enable()


def summary(name: str, unit: str, values: list[float]) -> dict[str, Any]:
    """What a row says of one side."""
    return {
        "name": name,
        "unit": unit,
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }

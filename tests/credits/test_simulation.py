"""A document over stored records: the same grams as the real thing, and nothing written."""

import datetime as dt
import random
from collections import defaultdict

import pytest

from behaviors.models import BehaviorRecord
from credits import services
from credits.models import Reduction
from credits.simulation.report import Asked, simulate
from methodologies.models import MethodologyVersion

from .cases import AT, prepare, records, resident

pytestmark = pytest.mark.django_db

FIRST, LAST = dt.date(2026, 10, 1), dt.date(2026, 11, 19)
TODAY = AT.date()
METRO = "GD-METRO-TRIP"


def source_of(code: str = METRO) -> str:
    return MethodologyVersion.objects.get(methodology_id=code).source


def asked(source: str | None = None, **changes) -> Asked:
    given = {"source": source or source_of(), "region": "440000", "first": FIRST, "last": LAST, "today": TODAY}
    return Asked(**{**given, **changes})


def trips(people, count: int, *, seed: int = 1, regions=("440605", "441302", "442000")) -> list[int]:
    """Trips of these people in an order that is not that of their days, some of them refused."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        inputs = {"distance": draw.choice(["3", "12.5", "40", "7.25", "119", "0.5", "130", "", "1e3", "８"])}
        rows.append(
            {
                "participant": draw.choice(people),
                "on": LAST - dt.timedelta(days=draw.randrange(8)),
                "region": draw.choice(regions),
                "evidence": draw.choice(["feed", "proof", "self_declared"]),
                "inputs": inputs,
            }
        )
    return records(*rows)


def stored() -> dict[int, int]:
    return dict(Reduction.objects.values_list("record_id", "reduction_g"))


def test_the_version_in_force_gives_the_grams_that_are_booked() -> None:
    prepare()
    people = [resident() for _ in range(12)]
    for seed in range(4):  # four arrivals, each with days all over the period
        trips(people, 60, seed=seed)
        services.quantify_pending(at=AT + dt.timedelta(minutes=seed), until_empty=True)

    report = simulate(asked())

    assert report["records"] == BehaviorRecord.objects.count() == 240
    assert report["draft"] == report["base"]
    assert report["draft"]["grams"] == sum(stored().values()) == report["booked_g"] > 0
    refused = BehaviorRecord.objects.filter(state="rejected").values_list("reason", flat=True)
    counted = defaultdict(int)
    for reason in [*refused, *Reduction.objects.values_list("reason", flat=True)]:
        counted[reason] += 1
    assert report["draft"]["reasons"] == dict(sorted(counted.items()))
    assert {"not_a_number", "missing_input", "above_max", "over_limit"} <= set(counted)
    assert report["people"] == {"same": 12, "gainers": 0, "gainers_g": 0, "losers": 0, "losers_g": 0}
    assert sum(row["draft_g"] for row in report["cities"]) == report["draft"]["grams"]
    assert sum(row["draft_g"] for row in report["months"]) == report["draft"]["grams"]
    assert sum(row["draft_g"] for row in report["households"]) == report["draft"]["grams"]
    points = sum(sum(g) // 100 for g in by_person().values())
    assert report["draft"]["points"] == points


def by_person() -> dict[object, list[int]]:
    found = defaultdict(list)
    for person, grams in Reduction.objects.values_list("participant_id", "reduction_g"):
        found[person].append(grams)
    return found

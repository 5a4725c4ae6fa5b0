"""The simulator over a year like the demo's: the books, the cities, a pocket calculator, and nothing written."""

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import pytest

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock, regions
from carbon_portal.workflows.demo.feeds import seed_feeds
from carbon_portal.workflows.demo.people import seed_people
from credits import services
from credits.models import Reduction, Simulation
from methodologies.models import MethodologyVersion
from methodologies.services import sync_library

pytestmark = pytest.mark.slow
#: A small demo, drawn, imported and quantified month by month as `seed_demo` does it.
PEOPLE, RECORDS = 120, 2_000
SAMPLE = 50


@dataclass(frozen=True)
class Year:
    """A quantified year up to yesterday."""

    first: dt.date
    last: dt.date

    def simulated(self, version: MethodologyVersion, region: str) -> dict:
        """The finished report of a version over an area."""
        made = services.start_simulation(
            source=version.source, version=version, region=region, first=self.first, last=self.last, by=None,
            at=clock.now(), announce=False,
        )  # fmt: skip
        assert services.run_simulation(pk=made.pk)
        made.refresh_from_db()
        assert made.state == "done", made.why
        assert made.report is not None
        return made.report


def a_year() -> Year:
    now = clock.now()
    sync_library(at=now)
    cast = seed_people(at=now - dt.timedelta(days=400), passwords={}, population=PEOPLE)
    services.set_points_rule(num=1, den=100, effective_from=dt.date(2015, 7, 1), source="演示规则", at=now)
    services.fund_pool(region=regions.PROVINCE, sponsor=None, points=5_000_000, actor=None, at=now, key="year")

    def quantify(at: dt.datetime) -> None:
        services.quantify_pending(at=at, until_empty=True)
        services.close_windows(at=at)

    assert seed_feeds(cast, now=now, records=RECORDS, quantify=quantify) == RECORDS
    last = clock.today() - dt.timedelta(days=1)
    return Year(last - dt.timedelta(days=366), last)


def books() -> list[tuple[int, str, str, int]]:
    """(record, code, city, grams) of every record with a result."""
    rows = Reduction.objects.values_list("record_id", "code", "region", "reduction_g")
    return [(pk, code, f"{region[:4]}00", grams) for pk, code, region, grams in rows]


def contents(as_role: Callable) -> dict[str, str]:
    """A hash of all rows of every table, as somebody sees them who sees everything."""
    with as_role("superuser") as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        found = {}
        for (name,) in cursor.fetchall():
            cursor.execute(
                f"SELECT count(*) || '/' || coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') FROM \"{name}\" t"
            )
            found[name] = cursor.fetchone()[0]
    return found


# -- by hand -----------------------------------------------------------------------------------------------------------

Given = Mapping[str, str]
#: Grams of a record whose limits leave it alone, from the words of each document; no line of the engine.
BY_HAND: dict[str, Callable[[Given, dt.date], Fraction]] = {
    "GD-METRO-TRIP": lambda given, on: number(given, "distance") * Fraction("46.7"),
    "SZ-METRO-TRIP": lambda given, on: number(given, "distance") * Fraction("46.7"),
    "GZ-METRO-RIDE": lambda given, on: Fraction("515.5"),
    "GD-EBUS-TRIP": lambda given, on: number(given, "distance") * Fraction("26.9"),
    "SZ-EBUS-TRIP": lambda given, on: number(given, "distance") * Fraction("26.9"),
    "GD-SHARED-BIKE": lambda given, on: number(given, "distance") * Fraction("33.88"),
    "GD-SHARED-EBIKE": lambda given, on: number(given, "distance") * Fraction("35.01"),
    "GD-DISTRIBUTED-PV": lambda given, on: number(given, "generation") * Fraction("0.656525") * 1000,
    "GD-FOREST-INCREMENT": lambda given, on: (
        number(given, "area") * max(number(given, "increment") - Fraction("3.32"), 0) * number(given, "years") * 10**6
    ),
    "GD-EV-TRIP": lambda given, on: ev(given, on) * 1000,
}
DAYS_MATTER = {"GD-METRO-TRIP", "SZ-METRO-TRIP", "GZ-METRO-RIDE", "GD-EBUS-TRIP", "SZ-EBUS-TRIP", "GD-SHARED-BIKE",
               "GD-SHARED-EBIKE", "GD-EV-TRIP"}  # fmt: skip


def number(given: Given, name: str) -> Fraction:
    return Fraction(given[name])


def ev(given: Given, on: dt.date) -> Fraction:
    petrol, power = {"compact": ("0.060", "0.13"), "midsize": ("0.075", "0.16"), "large": ("0.090", "0.20")}[
        given["vehicle"]
    ]
    grid = "0.4419" if on >= dt.date(2025, 12, 31) else "0.4403"
    saved = Fraction(petrol) * Fraction("2.37") - Fraction(power) * Fraction(grid)
    return max(number(given, "distance") * saved, Fraction(0))


def by_hand(code: str, given: Given, on: dt.date, evidence: str) -> int:
    """Whole grams, rounded down; half of them, rounded down, where nobody but the person says so."""
    grams = int(BY_HAND[code](given, on))
    return int(Fraction(grams, 2)) if evidence == "self_declared" else grams


def sample(codes: Mapping[int, str]) -> list[BehaviorRecord]:
    """Records of every method that has some, drawn always the same; of trips those that are alone on their day."""
    rows = list(BehaviorRecord.objects.filter(pk__in=codes).order_by("pk"))
    a_day = Counter((codes[one.pk], one.participant_id, one.occurred_on) for one in rows)
    by_code: dict[str, list[BehaviorRecord]] = defaultdict(list)
    for one in rows:
        code = codes[one.pk]
        alone = a_day[code, one.participant_id, one.occurred_on] == 1
        if code in BY_HAND and (alone or code not in DAYS_MATTER):
            by_code[code].append(one)
    draw = random.Random(7)
    for found in by_code.values():
        draw.shuffle(found)
    drawn: list[BehaviorRecord] = []
    while len(drawn) < SAMPLE:
        drawn += [found.pop() for found in by_code.values() if found]
    return drawn


def test_a_year_like_the_demo_s(own_database, as_role) -> None:
    year = a_year()
    kept = books()
    assert len(kept) > RECORDS * 9 // 10
    versions = list(MethodologyVersion.objects.filter(state="published").select_related("methodology").order_by("pk"))
    before = contents(as_role)
    _the_books_and_the_cities_are_met(year, kept, versions)
    _each_city_by_itself_gives_its_share(
        year, kept, next(one for one in versions if one.methodology_id == "GD-EBUS-TRIP")
    )
    after = contents(as_role)
    assert {name for name in after if after[name] != before[name]} == {"credits_simulation"}
    assert Simulation.objects.filter(state="done").count() > len(versions)
    _a_pocket_calculator_agrees(kept)


def _the_books_and_the_cities_are_met(year: Year, kept: list, versions: list[MethodologyVersion]) -> None:
    """Each version in force over its own area: every record is one version's, so together they give all of the books."""
    together = 0
    for version in versions:
        booked = sum(grams for _pk, code, _city, grams in kept if code == version.methodology_id)
        report = year.simulated(version, version.methodology.region)
        if report["few"] or not report["records"]:
            assert report["few"] or not booked
            together += booked
            continue
        assert report["draft"] == report["base"], version
        assert report["draft"]["grams"] == report["booked_g"] == booked, version
        for name in ("cities", "months", "households"):
            assert sum(row["draft_g"] for row in report[name]) == booked
            assert sum(row["records"] for row in report[name]) == report["records"]
        together += report["draft"]["grams"]
    assert together == sum(grams for *_rest, grams in kept) > 0


def _each_city_by_itself_gives_its_share(year: Year, kept: list, version: MethodologyVersion) -> None:
    """The cities run one by one are the province run at once; those with too few people are told by the books alone."""
    code, total, told = version.methodology_id, 0, 0
    for city in regions.cities():
        booked = sum(grams for _pk, of, where, grams in kept if (of, where) == (code, city.six))
        report = year.simulated(version, city.six)
        if report["records"] and not report["few"]:
            assert report["draft"]["grams"] == booked, city
            told += 1
        total += booked
    assert told >= 3
    assert total == year.simulated(version, regions.PROVINCE)["draft"]["grams"]


def _a_pocket_calculator_agrees(kept: list) -> None:
    codes = {pk: code for pk, code, _city, _grams in kept}
    grams = {pk: found for pk, _code, _city, found in kept}
    drawn = sample(codes)
    assert len(drawn) >= SAMPLE
    assert len({codes[one.pk] for one in drawn}) >= 8
    for one in drawn:
        code = codes[one.pk]
        assert by_hand(code, one.inputs, one.occurred_on, one.evidence) == grams[one.pk], (code, one.inputs)

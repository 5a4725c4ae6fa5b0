"""The library through the engine: every document is clean, its examples come out, and published worked examples agree.

Ids T.. name the worked examples of the domain research; each row carries the source it was read in. Where the figures
are not the library's (another city, a rule with invented figures), the document is varied by the one number that
differs, so that the rule under test is still the document's own.
"""

import datetime
import random
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import pytest
import yaml

from methodologies import engine
from tests.golden.test_by_hand import BY_HAND

LIBRARY = Path(__file__).parents[2] / "methodologies" / "library"
TODAY = datetime.date(2026, 11, 22)
DOCUMENTS = sorted(p.name for p in LIBRARY.glob("*.yaml") if p.name != "factors.yaml")


@pytest.fixture(scope="module")
def factors() -> engine.FactorLibrary:
    return engine.load_factors((LIBRARY / "factors.yaml").read_bytes(), name="factors.yaml")


def text(name: str, *changes: tuple[str, str]) -> str:
    """A document's source, with each change made exactly once."""
    source = (LIBRARY / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert source.count(old) == 1, f"{name}: {old!r} stands there {source.count(old)} times"
        source = source.replace(old, new)
    return source


def run(source: str, factors: engine.FactorLibrary, rows: list[dict[str, Any]]) -> engine.Outcome:
    """Evaluate rows (on, region, given, evidence) of one participant."""
    document = engine.load_document(source, name="golden.yaml")
    columns = engine.Columns(
        record=[f"r{number:04}" for number in range(len(rows))],
        participant=["陈女士"] * len(rows),
        occurred_on=[row.get("on", "2026-03-01") for row in rows],
        region=[row.get("region", "440000") for row in rows],
        evidence=[row.get("evidence", "feed") for row in rows],
        inputs={name: [row["given"].get(name) for row in rows] for name in document.inputs},
    )
    return engine.compile(document, factors).evaluate(columns)


def grams(source: str, factors: engine.FactorLibrary, **row: Any) -> int:
    outcome = run(source, factors, [row])
    assert outcome.reason[0] in ("", "no_saving"), outcome.reason[0]
    return int(outcome.computed_g[0])


# Documents and their examples.


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_document_checks_clean(name, factors):
    """Units proved, names known, chapters complete, examples reproduced, nothing past its best-before."""
    problems = engine.check_document((LIBRARY / name).read_bytes(), name=name, factors=factors, today=TODAY)
    assert [str(problem) for problem in problems] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_batch_of_all_examples_gives_what_each_says(name, factors):
    """Together or alone: a row's result does not depend on its neighbours. Each example is another participant's."""
    document = engine.load_document((LIBRARY / name).read_bytes(), name=name)
    columns = engine.Columns(
        record=[str(index) for index in range(len(document.examples))],
        participant=[str(index) for index in range(len(document.examples))],
        occurred_on=[example.on for example in document.examples],
        region=[example.region for example in document.examples],
        evidence=["feed"] * len(document.examples),
        inputs={key: [example.given.get(key) for example in document.examples] for key in document.inputs},
    )
    outcome = engine.compile(document, factors).evaluate(columns)
    for row, example in enumerate(document.examples):
        if example.refuse is not None:
            assert outcome.reason[row] == example.refuse
        else:
            assert outcome.computed_g[row] == example.expect


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_self_declared_deed_counts_half_rounded_down(name, factors):
    document = engine.load_document((LIBRARY / name).read_bytes(), name=name)
    example = next(e for e in document.examples if e.expect)
    row = {"on": example.on, "region": example.region, "given": example.given, "evidence": "self_declared"}
    outcome = run((LIBRARY / name).read_text(encoding="utf-8"), factors, [row])
    assert (outcome.computed_g[0], outcome.reduction_g[0]) == (example.expect, example.expect // 2)
    assert outcome.reason[0] == "self_declared"


# The worked examples of the research that fit the library.

SAVED_POWER = """
format: 1
code: SAVED-POWER
version: "1"
title: {zh: 节电量}
sector: electricity
activity: saved_power
level: provincial
region: "440000"
effective_from: 2020-01-01
participants: [resident]
certifiable: false
use: consumption
additionality: waived
gases: [CO2]
source: {issuer: 测试, document: 测试, number: 无, published: 2020-01-01}
inputs: {saved: {type: decimal, unit: kWh, places: 0, min: "0", max: "100000", label: {zh: 节电量}}}
parameters: {factor_used: {factor: FACTOR, vintage: YEAR}}
steps: {reduction: saved * factor_used}
output: {step: reduction, unit: kg_co2e, round: floor}
evidence: {feed: "1", proof: "1", self_declared: "0.5"}
examples: [{on: 2026-01-01, region: "440000", given: {saved: "0"}, expect: 0}]
"""

WORKED = yaml.load(Path(__file__).with_name("worked_examples.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in WORKED])
def test_worked_example(case, factors):
    source = text(f"{case['document']}.yaml", *case.get("change", {}).items())
    row = {key: case[key] for key in ("on", "region", "given") if key in case}
    assert grams(source, factors, **row) == int(case["grams"])


@pytest.mark.parametrize(
    ("factor", "year", "expected"),
    [
        pytest.param("grid.average.guangdong", 2021, 471_500, id="T23 2021"),
        pytest.param("grid.average.guangdong", 2022, 440_300, id="T23 2022"),
        pytest.param("grid.average.guangdong", 2023, 441_900, id="T23 2023"),
        pytest.param("grid.average.south", 2023, 404_200, id="T24 south"),
        pytest.param("grid.average.national", 2023, 530_600, id="T24 national"),
    ],
)
def test_a_thousand_kilowatt_hours_saved(factor, year, expected, factors):
    source = SAVED_POWER.replace("FACTOR", factor).replace("YEAR", str(year))
    assert grams(source, factors, given={"saved": "1000"}) == expected


# Shenzhen's rule with the table's figures: baseline 3.0 kg, one kilogram per kWh, an own mean of 4.0 kg.

SHENZHEN_RULE = text(
    "sz-household-electricity.yaml", ('value: "2.5"', 'value: "3.0"'), ('value: "0.3125"', 'value: "1"')
)


@pytest.mark.parametrize(
    ("actual", "expected", "reason"),
    [
        pytest.param("2.2", 800, "", id="T29 below the city mean"),
        pytest.param("3.6", 400, "", id="T30 above it, below one's own"),
        pytest.param("4.2", 0, "no_saving", id="T31 above both"),
    ],
)
def test_the_two_branches_of_shenzhens_rule(actual, expected, reason, factors):
    week = [{"on": f"2026-03-0{day}", "region": "440300", "given": {"daily_use": "4"}} for day in range(1, 8)]
    today = {"on": "2026-03-08", "region": "440300", "given": {"daily_use": actual}}
    outcome = run(SHENZHEN_RULE, factors, [*week, today])
    assert (outcome.computed_g[7], outcome.reason[7]) == (expected, reason)


def test_two_days_of_history_are_not_enough(factors):
    days = [{"on": f"2026-03-0{day}", "region": "440300", "given": {"daily_use": "4"}} for day in (5, 6)]
    outcome = run(
        SHENZHEN_RULE, factors, [*days, {"on": "2026-03-08", "region": "440300", "given": {"daily_use": "3.6"}}]
    )
    assert list(outcome.reason) == ["not_enough_history"] * 3


# Guards of the factor families and dates.


def test_consumption_may_not_take_a_displacement_factor(factors):
    """T-G1, one way."""
    source = text("gd-heat-pump-water-heater.yaml", ("factor: grid.average.guangdong", "factor: grid.cm.south"))
    with pytest.raises(engine.DocumentError, match="basis CM"):
        engine.compile(engine.load_document(source, name="wrong.yaml"), factors)


def test_displacement_may_not_take_an_average_factor(factors):
    """T-G1, the other way."""
    source = text("gd-distributed-pv.yaml", ("factor: grid.cm.south, vintage: 2019", "factor: grid.average.south"))
    with pytest.raises(engine.DocumentError, match="basis average"):
        engine.compile(engine.load_document(source, name="wrong.yaml"), factors)


def test_a_deed_keeps_the_factor_of_its_own_day(factors):
    """T-G5: the notice of 2025-12-31 does not reach back to the day before."""
    source = text("gd-heat-pump-water-heater.yaml")
    rows = [{"on": on, "given": {"hot_water": "1"}} for on in ("2025-12-30", "2025-12-31")]
    assert list(run(source, factors, rows).computed_g) == [16_731, 16_792]


def test_the_seventh_ride_of_a_day_counts_nothing(factors):
    rows = [{"region": "440106", "given": {"distance": "5"}} for _ in range(7)]
    outcome = run(text("gz-metro-trip.yaml"), factors, rows)
    assert list(outcome.reduction_g) == [515] * 6 + [0]
    assert outcome.reason[6] == "over_limit"


def test_the_factor_library_checks_clean():
    problems = engine.check_factors((LIBRARY / "factors.yaml").read_bytes(), name="factors.yaml", today=TODAY)
    assert [str(problem) for problem in problems] == []


# The engine against the sums by hand, over the whole declared range and the last two years.

FIRST_BRANCH = {"daily_use": "8"}  # above the city mean the household's own history decides, which BY_HAND leaves out


def a_row(document: engine.Document, chance: random.Random) -> dict[str, Any]:
    given = {}
    for name, declared in document.inputs.items():
        if declared.options is not None:
            given[name] = chance.choice(sorted(declared.options))
            continue
        scale = 10**declared.places
        high = Fraction(FIRST_BRANCH[name]) if name in FIRST_BRANCH else declared.max.fraction
        value = chance.randint(int(declared.min.fraction * scale), int(high * scale))
        whole, rest = divmod(value, scale)
        given[name] = f"{whole}.{rest:0{declared.places}}" if declared.places else str(whole)
    on = datetime.date(2025, 1, 1) + datetime.timedelta(days=chance.randint(0, 690))
    return {"on": on.isoformat(), "given": given}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_any_row_agrees_with_the_sum_by_hand(name, factors):
    document = engine.load_document((LIBRARY / name).read_bytes(), name=name)
    chance = random.Random(name)
    rows = [a_row(document, chance) for _ in range(300)]
    columns = engine.Columns(
        record=[str(number) for number in range(300)],
        participant=[str(number) for number in range(300)],
        occurred_on=[row["on"] for row in rows],
        region=[document.region] * 300,
        evidence=["feed"] * 300,
        inputs={key: [row["given"][key] for row in rows] for key in document.inputs},
    )
    outcome = engine.compile(document, factors).evaluate(columns)
    by_hand = [floor(BY_HAND[document.code](row["given"], row["on"])) for row in rows]
    assert list(outcome.computed_g) == by_hand

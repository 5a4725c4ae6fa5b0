"""Sections 5, 7 and 8: reasons in their order, parameters, history and limits; every number here was worked out by hand."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from methodologies import engine

from .documents import base, columns, load, program, pure, refusals, results, run, value

DAY = datetime.date(2026, 3, 2)


def one(data: dict[str, Any], **row: Any) -> tuple[int, int, str]:
    return run(data, [{"distance": "10", "vehicle": "electric", **row}])[0]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, (720, 720, "")),
        ({"region": "440106"}, (648, 648, "")),
        ({"region": "441900"}, (720, 720, "")),
        ({"region": "442000"}, (720, 720, "")),
        ({"evidence": "proof"}, (720, 720, "")),
        ({"evidence": "self_declared", "distance": "0.1"}, (7, 3, "self_declared")),
        ({"distance": ""}, (0, 0, "missing_input")),
        ({"distance": None}, (0, 0, "missing_input")),
        ({"vehicle": ""}, (0, 0, "missing_input")),
        ({"on": ""}, (0, 0, "missing_input")),
        ({"region": ""}, (0, 0, "missing_input")),
        ({"participant": ""}, (0, 0, "missing_input")),
        ({"record": ""}, (0, 0, "missing_input")),
        ({"distance": "x", "vehicle": ""}, (0, 0, "missing_input")),
        ({"distance": " 5"}, (0, 0, "not_a_number")),
        ({"distance": "5 "}, (0, 0, "not_a_number")),
        ({"distance": "5\n"}, (0, 0, "not_a_number")),
        ({"distance": "5\x00"}, (0, 0, "not_a_number")),
        ({"distance": "1e1"}, (0, 0, "not_a_number")),
        ({"distance": "１２"}, (0, 0, "not_a_number")),
        ({"distance": "١٢"}, (0, 0, "not_a_number")),
        ({"distance": "1_0"}, (0, 0, "not_a_number")),
        ({"distance": "+5"}, (0, 0, "not_a_number")),
        ({"distance": "5."}, (0, 0, "not_a_number")),
        ({"distance": ".5"}, (0, 0, "not_a_number")),
        ({"distance": "-"}, (0, 0, "not_a_number")),
        ({"distance": "--5"}, (0, 0, "not_a_number")),
        ({"distance": "5-"}, (0, 0, "not_a_number")),
        ({"distance": "1.2.3"}, (0, 0, "not_a_number")),
        ({"distance": "1234567890123"}, (0, 0, "not_a_number")),
        ({"distance": "9" * 5000}, (0, 0, "not_a_number")),
        ({"distance": "NaN", "vehicle": "steam"}, (0, 0, "not_a_number")),
        ({"on": "2026-1-1"}, (0, 0, "not_a_number")),
        ({"on": "20260101"}, (0, 0, "not_a_number")),
        ({"on": "2026-02-29"}, (0, 0, "not_a_number")),
        ({"on": "2026-03-01T00:00"}, (0, 0, "not_a_number")),
        ({"on": "0000-01-01"}, (0, 0, "not_a_number")),
        ({"on": "２０２６-03-01"}, (0, 0, "not_a_number")),
        ({"on": "2026-03-01\x00"}, (0, 0, "not_a_number")),
        ({"vehicle": "steam"}, (0, 0, "unknown_option")),
        ({"vehicle": "Electric"}, (0, 0, "unknown_option")),
        ({"evidence": "photo"}, (0, 0, "unknown_option")),
        ({"region": "44010"}, (0, 0, "unknown_option")),
        ({"region": "4401060"}, (0, 0, "unknown_option")),
        ({"region": "广州"}, (0, 0, "unknown_option")),
        ({"vehicle": "steam", "distance": "1.2345"}, (0, 0, "unknown_option")),
        ({"distance": "1.2345"}, (0, 0, "too_many_places")),
        ({"distance": "1.0000"}, (0, 0, "too_many_places")),
        ({"distance": "999.0000"}, (0, 0, "too_many_places")),
        ({"distance": "0.099"}, (0, 0, "below_min")),
        ({"distance": "-0"}, (0, 0, "below_min")),
        ({"distance": "0.100"}, (7, 7, "")),
        ({"distance": "200"}, (14400, 14400, "")),
        ({"distance": "200.001"}, (0, 0, "above_max")),
        ({"distance": "201", "on": "2025-12-31"}, (0, 0, "above_max")),
        ({"on": "2025-12-31"}, (0, 0, "not_in_force")),
        ({"on": "2026-01-01"}, (720, 720, "")),
        ({"on": "9999-12-31"}, (720, 720, "")),
        ({"region": "110000"}, (0, 0, "not_in_force")),
        ({"region": "000000"}, (0, 0, "not_in_force")),
    ],
)
def test_the_first_reason_that_applies(row: dict[str, Any], expected: tuple[int, int, str]) -> None:
    assert one(base(), **row) == expected


def test_issuing_regions_cover_by_their_first_digits_and_the_nation_covers_all() -> None:
    city = base(region="440100", level="city")
    assert one(city, region="440106")[2] == ""
    assert one(city, region="440300")[2] == "not_in_force"
    assert one(city, region="440000")[2] == "not_in_force"
    nation = base(region="000000", level="national")
    assert one(nation, region="440106")[2] == ""
    assert one(nation, region="110101")[2] == "no_parameter_for_region"
    assert one(nation, region="000000")[2] == "no_parameter_for_region"


def test_parameters_follow_the_activity_date_and_a_new_start_replaces_the_whole_table() -> None:
    data = base()
    data["parameters"]["baseline"]["values"] = {"2026-05-01": value("204"), "2026-02-01": value("104")}
    data["parameters"]["local_share"]["values"] = {
        "2026-01-01": {"440000": value("1"), "440300": value("0.5")},
        "2026-07-01": {"440100": value("0.25"), "440305": value("0.75")},
    }
    assert one(data, on="2026-01-31") == (0, 0, "no_parameter_at_date")
    assert one(data, on="2026-02-01", region="440305") == (360, 360, "")
    assert one(data, on="2026-04-30", region="440106") == (720, 720, "")
    assert one(data, on="2026-05-01", region="440106") == (1720, 1720, "")
    assert one(data, on="2026-07-01", region="440106") == (430, 430, "")
    assert one(data, on="2026-07-01", region="440305") == (1290, 1290, "")
    assert one(data, on="2026-07-01", region="440300") == (0, 0, "no_parameter_for_region")
    assert one(data, on="2026-01-31", region="440300") == (0, 0, "no_parameter_at_date")


FACTORS = """
grid.average.guangdong:
  title: {zh: 广东}
  unit: kg_co2e/kWh
  basis: average
  values:
    2024-04-12: {value: "0.4715", data_year: 2021, source: s, confidence: official, best_before: 2027-12-31}
    2024-12-23: {value: "0.4403", data_year: 2022, source: s, confidence: official, best_before: 2027-12-31}
grid.om.south:
  title: {zh: 南方}
  unit: kg_co2e/kWh
  basis: OM
  values:
    2021-01-01: {value: "0.8042", data_year: 2019, source: s, confidence: official, best_before: 2027-12-31}
"""


def test_factors_by_notice_date_pinned_vintage_unit_and_basis() -> None:
    factors = engine.load_factors(FACTORS, name="factors.yaml")
    inputs = {"power": {"type": "integer", "unit": "kWh", "min": "0", "max": "5000", "label": {"zh": "电"}}}

    def data(**grid: Any) -> dict[str, Any]:
        return base(
            inputs=inputs,
            effective_from="2020-01-01",
            parameters={"grid": {"factor": "grid.average.guangdong", **grid}},
            steps={"reduction": "power * grid"},
            output={"step": "reduction", "unit": "kg_co2e", "round": "floor"},
        )

    def grams(on: str, **grid: Any) -> tuple[int, int, str]:
        made = engine.compile(load(data(**grid)), factors)
        return results(made.evaluate(columns([{"on": on, "power": "1000"}], ["power"])))[0]

    assert grams("2024-04-11") == (0, 0, "no_parameter_at_date")
    assert grams("2024-12-22")[0] == 471_500
    assert grams("2024-12-23", unit="kg_co2e/kWh", basis="average")[0] == 440_300
    assert grams("2020-01-01", vintage=2021)[0] == 471_500
    assert grams("2026-01-01", vintage=2021)[0] == 471_500

    def said(changed: dict[str, Any]) -> str:
        with pytest.raises(engine.DocumentError) as caught:
            engine.compile(load(changed), factors)
        return caught.value.problems[0].message_en

    assert "is not the factor's" in said(data(unit="kg_co2e/MWh"))
    assert "no value of data year 2030" in said(data(vintage=2030))
    assert "has no 'grid.nowhere'" in said(data(factor="grid.nowhere"))
    assert "may not take a factor of basis OM" in said(data(factor="grid.om.south"))
    assert "may not take a factor of basis average" in said(data() | {"use": "displacement"})
    engine.compile(load(data(factor="grid.om.south") | {"use": "displacement"}), factors)


def test_an_inline_basis_is_guarded_too_and_fossil_is_of_neither_use() -> None:
    for use, basis, refused in [
        ("consumption", "average_ex_market", False), ("consumption", "CM", True), ("consumption", "fossil", True),
        ("displacement", "BM", False), ("displacement", "average", True), ("displacement", "fossil", True),
    ]:  # fmt: skip
        data = base(use=use)
        data["parameters"]["baseline"]["basis"] = basis
        assert bool(refusals(data)) is refused


# Limits. One kilometre is 72 g (electric), 46.7 g (diesel).

DISTANCE = {"measure": "distance", "per": "day", "max": "120"}
RECORDS = {"measure": "records", "per": "day", "max": "2"}
REDUCTION = {"measure": "reduction", "per": "day", "max": "3000"}


def trips(*distances: str, **more: Any) -> list[dict[str, Any]]:
    return [{"distance": distance, "vehicle": "electric", **more} for distance in distances]


def test_a_limited_input_is_cut_to_what_is_left_even_below_its_min() -> None:
    assert run(base(limits=[DISTANCE]), trips("100", "19.95", "5", "5")) == [
        (7200, 7200, ""),
        (1436, 1436, ""),
        (3, 3, "limited"),  # 0.05 km is left: below min, used as it is
        (0, 0, "over_limit"),
    ]


def test_a_limit_with_more_places_than_its_input() -> None:
    inputs = {"rides": {"type": "integer", "unit": "ride", "min": "1", "max": "9", "label": {"zh": "次"}}}
    data = base(
        inputs=inputs,
        parameters={"each": {"unit": "g_co2e/ride", "values": {"2026-01-01": value("100")}}},
        steps={"reduction": "rides * each"},
        limits=[{"measure": "rides", "per": "week", "max": "4.25"}],
    )
    assert run(data, [{"rides": "3"}, {"rides": "3"}, {"rides": "1"}]) == [
        (300, 300, ""), (125, 125, "limited"), (0, 0, "over_limit"),
    ]  # fmt: skip


def test_the_records_limit_counts_only_records_credited_more_than_nothing() -> None:
    data = base(limits=[RECORDS])
    data["parameters"]["project"]["values"]["2026-01-01"]["diesel"] = value("200")
    rows = [*trips("1"), *trips("1", vehicle="diesel"), *trips("1", "1")]
    assert run(data, rows) == [(72, 72, ""), (0, 0, "no_saving"), (72, 72, ""), (72, 0, "over_limit")]
    past = [*trips("1", "1"), *trips("1", vehicle="diesel")]
    assert run(data, past)[-1] == (0, 0, "over_limit"), "past the limit comes before no saving (section 8)"


def test_the_reduction_limit_cuts_grams_after_the_share() -> None:
    rows = [*trips("50", evidence="self_declared"), *trips("20", "1")]
    assert run(base(limits=[REDUCTION]), rows) == [
        (3600, 1800, "self_declared"), (1440, 1200, "limited"), (72, 0, "over_limit"),
    ]  # fmt: skip


def test_reduced_inputs_are_used_up_also_when_a_later_limit_leaves_nothing() -> None:
    data = base(limits=[DISTANCE, {**REDUCTION, "max": "720"}])
    made = program(data)
    outcome = made.evaluate(columns(trips("10", "100", "20"), ["distance", "vehicle"]))
    assert results(outcome) == [(720, 720, ""), (7200, 0, "over_limit"), (720, 0, "over_limit")]
    assert outcome.usage == {("p", "distance/day", DAY): 120 * 10**12, ("p", "reduction/day", DAY): 720}
    assert outcome.usage_of(2) == {("p", "distance/day", DAY): 10 * 10**12}
    assert outcome.accepted_inputs(2) == {"distance": "10", "vehicle": "electric"}


def test_a_refused_row_uses_nothing_up() -> None:
    data = base(limits=[DISTANCE, RECORDS])
    data["steps"]["saving"] = "distance * (baseline - project) * local_share / where(vehicle == diesel, 0, 1)"
    rows = [*trips("100", vehicle="diesel"), *trips("300", "100")]
    assert [reason for _, _, reason in run(data, rows)] == ["division_by_zero", "above_max", ""]


def test_the_order_is_date_then_record_as_bytes_whatever_the_order_of_the_rows() -> None:
    rows = [
        {**trips("100")[0], "record": "b", "on": "2026-03-03"},
        {**trips("100")[0], "record": "中", "on": "2026-03-02"},
        {**trips("100")[0], "record": "a", "on": "2026-03-02"},
        {**trips("100")[0], "record": "B", "on": "2026-03-02"},
        {**trips("100")[0], "record": "10", "on": "2026-03-03"},
        {**trips("100")[0], "record": "9", "on": "2026-03-03"},
    ]
    reasons = [reason for _, _, reason in run(base(limits=[DISTANCE]), rows)]
    assert reasons == ["over_limit", "over_limit", "limited", "", "", "limited"]


def test_integer_records_are_ordered_as_the_bytes_of_their_digits() -> None:
    made = program(base(limits=[DISTANCE]))
    rows = [
        {**row, "record": record}
        for row, record in zip(trips("100", "100", "100", "100"), (9, 10, 100, 1), strict=True)
    ]
    text = columns([{**row, "record": str(row["record"])} for row in rows], ["distance", "vehicle"])
    typed = engine.Columns(
        np.array([9, 10, 100, 1]), np.array([7] * 4), np.array(["2026-03-02"] * 4, dtype="datetime64[D]"),
        np.array([440300] * 4), np.zeros(4, dtype=np.int8),
        {"distance": np.array([100_000] * 4), "vehicle": np.zeros(4, dtype=np.int8)},
    )  # fmt: skip
    assert results(made.evaluate(text)) == results(made.evaluate(typed))
    assert [r for _, _, r in results(made.evaluate(typed))] == ["over_limit", "limited", "over_limit", ""]
    assert made.evaluate(typed).usage == {(7, "distance/day", DAY): 120 * 10**12}


@pytest.mark.parametrize(
    ("per", "inside", "outside", "start"),
    [
        ("day", "2026-03-02", "2026-03-03", datetime.date(2026, 3, 2)),
        ("week", "2026-03-08", "2026-03-09", datetime.date(2026, 3, 2)),  # 2 March 2026 is a Monday
        ("month", "2026-03-31", "2026-04-01", datetime.date(2026, 3, 1)),
        ("year", "2026-12-31", "2027-01-01", datetime.date(2026, 1, 1)),
    ],
)
def test_periods(per: str, inside: str, outside: str, start: datetime.date) -> None:
    data = base(limits=[{**DISTANCE, "per": per}])
    rows = [{**row, "on": on} for row, on in zip(trips("120", "1", "1"), ("2026-03-02", inside, outside), strict=True)]
    assert [reason for _, _, reason in run(data, rows)] == ["", "over_limit", ""]
    made = program(data)
    keys = made.period_keys(columns(rows[:2], ["distance", "vehicle"]))
    assert keys == {("p", f"distance/{per}", start)}


def test_participants_do_not_share_limits_and_rows_do_not_depend_on_others() -> None:
    rows = [*trips("100", "100"), *trips("100", participant="q")]
    assert [reason for _, _, reason in run(base(limits=[DISTANCE]), rows)] == ["", "limited", ""]


def test_a_batch_in_parts_gives_the_same_as_the_whole_when_usage_is_carried_over() -> None:
    data = base(
        limits=[
            DISTANCE,
            {**DISTANCE, "per": "month", "max": "150.5"},
            RECORDS,
            {**REDUCTION, "per": "year", "max": "5000"},
        ]
    )
    rows = [
        {**row, "on": f"2026-03-{2 + number // 3:02}", "record": f"r{number}"}
        for number, row in enumerate(trips("50", "0.1", "30", "60.5", "80", "10", "10", "20", "5"))
    ]
    whole = run(data, rows)
    made, used, parts = program(data), {}, []
    for row in rows:
        outcome = made.evaluate(columns([row], ["distance", "vehicle"]), prior=engine.Prior(used=used))
        parts += results(outcome)
        for key, amount in outcome.usage.items():
            used[key] = used.get(key, 0) + amount
    assert parts == whole
    assert {reason for _, _, reason in whole} == {"", "limited", "over_limit"}


def test_a_record_that_arrives_late_takes_what_is_left() -> None:
    made = program(base(limits=[DISTANCE]))
    used = {("p", "distance/day", DAY): 110 * 10**12}
    late = made.evaluate(columns(trips("50", "5"), ["distance", "vehicle"]), prior=engine.Prior(used=used))
    assert results(late) == [(720, 720, "limited"), (0, 0, "over_limit")]
    assert late.dependencies(0)["limits"][0]["left_before"] == "10"
    assert late.dependencies(1)["limits"][0]["left_before"] == "0"


def test_nothing_left_does_not_reach_the_formula_but_parameters_come_first() -> None:
    data = base(limits=[DISTANCE])
    data["parameters"]["local_share"]["values"]["2026-01-01"] = {"440300": value("1")}
    data["steps"]["saving"] = "(baseline - project) * distance * distance / distance * local_share"
    rows = [*trips("120", "5"), *trips("5", region="440106")]
    assert [reason for _, _, reason in run(data, rows)] == ["", "over_limit", "no_parameter_for_region"]


# History.

HISTORY = {"of": "distance", "window": 7, "unit": "day", "statistic": "mean", "minimum": 2, "otherwise": "refuse"}
DATES = ("2026-03-01", "2026-03-02", "2026-03-08", "2026-03-09", "2026-03-10")


def against_own(statistic: str = "mean", steps: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return base(
        history={"own": {**HISTORY, "statistic": statistic, **more}},
        steps=steps or {"reduction": "max(own - distance, 0) * baseline"},
    )


def test_the_window_is_the_days_before_and_not_the_day_itself() -> None:
    rows = [{**row, "on": on} for row, on in zip(trips("10", "20", "33", "1", "1"), DATES, strict=False)]
    # 8th: window 1st..7th has 10, 20 (mean 15); 9th: 2nd..8th has 20, 33 (26.5); 10th: 3rd..9th has 33, 1 (17).
    assert run(against_own(), rows) == [
        (0, 0, "not_enough_history"), (0, 0, "not_enough_history"), (0, 0, "no_saving"),
        (2652, 2652, ""), (1664, 1664, ""),
    ]  # fmt: skip


def test_a_mean_is_an_exact_fraction() -> None:
    rows = [{**row, "on": on} for row, on in zip(trips("1", "1", "2", "0.1"), DATES, strict=False)]
    data = against_own(steps={"reduction": "own * baseline"}, window=30, minimum=3)
    assert run(data, rows)[3] == (138, 138, "")  # 4/3 x 104 = 138.67


@pytest.mark.parametrize(
    ("statistic", "grams"), [("sum", 64 * 104), ("min", 1 * 104), ("max", 33 * 104), ("mean", 16 * 104)]
)
def test_statistics(statistic: str, grams: int) -> None:
    rows = [{**row, "on": on} for row, on in zip(trips("10", "20", "33", "1", "1"), DATES, strict=False)]
    assert run(against_own(statistic, {"reduction": "own * baseline"}, window=40, minimum=4), rows)[4][0] == grams


def test_count_is_a_pure_number() -> None:
    rows = [{**row, "on": on} for row, on in zip(trips("10", "20", "33"), DATES, strict=False)]
    found = run(against_own("count", {"reduction": "own * distance * baseline"}, minimum=0), rows)
    assert found == [(0, 0, "no_saving"), (2080, 2080, ""), (6864, 6864, "")]
    assert (
        "different units" in refusals(against_own("count", {"reduction": "(own + distance) * baseline"}))[0].message_en
    )


def test_otherwise_may_be_a_parameter_of_the_same_unit() -> None:
    data = against_own(otherwise="usual")
    data["parameters"]["usual"] = {"unit": "km", "values": {"2026-01-01": value("30")}}
    rows = [{**row, "on": on} for row, on in zip(trips("10", "20", "5"), DATES, strict=False)]
    assert run(data, rows) == [(2080, 2080, ""), (1040, 1040, ""), (1040, 1040, "")]
    data["parameters"]["usual"]["unit"] = "m"
    assert "different units: km and m" in refusals(data)[0].message_en
    assert "neither refuse nor a parameter" in refusals(against_own(otherwise="distance"))[0].message_en


def test_what_counts_as_history() -> None:
    """Not: rows refused by inputs or date. But: 0 g, limits, a lacking history, a missing parameter."""
    data = against_own(steps={"reduction": "own * baseline * local_share"}, minimum=1, statistic="count", window=30)
    data["steps"] = {"reduction": "own * distance * baseline * local_share"}
    data["parameters"]["local_share"]["values"]["2026-01-01"] = {"440300": value("1")}
    data["limits"] = [{"measure": "distance", "per": "year", "max": "2"}]
    rows = [
        {**trips("1")[0], "on": "2025-12-31"},  # not in force: does not count
        {**trips("201")[0], "on": "2026-03-02"},  # refused: does not count
        {**trips("1")[0], "on": "2026-03-03"},  # not enough history: counts
        {**trips("1")[0], "on": "2026-03-04", "region": "440106"},  # no parameter: counts
        {**trips("2")[0], "on": "2026-03-05"},  # two before
        {**trips("2")[0], "on": "2026-03-06"},  # over the limit: counts
        {**trips("2")[0], "on": "2026-03-07", "participant": "q"},
    ]
    found = run(data, rows)
    assert [reason for _, _, reason in found] == [
        "not_in_force", "above_max", "not_enough_history", "no_parameter_for_region", "", "over_limit", "not_enough_history",
    ]  # fmt: skip
    assert found[4][0] == 2 * 2 * 104


def test_earlier_batches_are_history_too_and_may_lie_outside_todays_bounds() -> None:
    made = program(against_own(steps={"reduction": "own * baseline"}))
    past = [
        (datetime.date(2026, 2, 25), "x", {"distance": "1000.5"}),
        (datetime.date(2026, 3, 1), "y", {"distance": "0.5"}),
        (datetime.date(2026, 3, 1), "r0000", {"distance": "7"}),  # the row itself, stored before: not counted again
        (datetime.date(2026, 2, 22), "z", {"distance": "9"}),
    ]
    outcome = made.evaluate(columns(trips("1"), ["distance", "vehicle"]), prior=engine.Prior(history={"p": past}))
    assert results(outcome) == [(52052, 52052, "")]  # 500.5 x 104
    stored = outcome.dependencies(0)
    assert stored["history"]["own"] == {
        "numerator": 1_001_000, "denominator": 2, "places": 3, "count": 2, "enough": True,
    }  # fmt: skip
    again = made.rebuild(columns(trips("1"), ["distance", "vehicle"]), [stored])
    assert results(again) == results(outcome)


def test_history_counts_only_where_it_reaches_the_output() -> None:
    data = against_own(steps={"reduction": "where(vehicle == electric, distance, own) * baseline"})
    assert run(data, [*trips("1"), *trips("1", vehicle="diesel")]) == [(104, 104, ""), (0, 0, "not_enough_history")]


# Trace and rebuild.


def test_the_trace_says_every_step_with_numbers() -> None:
    made = program(base(limits=[REDUCTION]))
    table = columns([*trips("10.5", region="440106", evidence="self_declared")], ["distance", "vehicle"])
    trace = made.explain(table, 0)
    assert [(s["formula_with_numbers"], s["value"], s["unit"]) for s in trace["steps"]] == [
        ("10.5 * (104 - 32) * 0.9", "680.4", "g_co2e"),
        ("max(680.4, 0)", "680.4", "g_co2e"),
    ]
    assert trace["parameters"]["local_share"]["key"] == "440100"
    assert (trace["computed_g"], trace["reduction_g"], trace["reason"]) == (680, 340, "self_declared")
    assert trace["evidence"] == {"grade": "self_declared", "share": "0.5"}
    assert trace["limits"][0]["left_before"] == "3000"


def test_the_trace_of_a_refused_row_shows_where_it_broke() -> None:
    made = program(pure({"x": "a / b", "y": "where(b == 0, 1 / 3, x)"}))
    trace = made.explain(columns([{"a": "1", "b": "0", "c": "0"}], "abc"), 0)
    assert [(step["value"], step["formula_with_numbers"]) for step in trace["steps"][:2]] == [
        ("[division_by_zero]", "1 / 0"), ("1/3", "where(0 == 0, 1 / 3, [division_by_zero])"),
    ]  # fmt: skip
    refused = made.explain(columns([{"a": "x", "b": "0", "c": "0"}], "abc"), 0)
    assert refused["steps"] == []
    assert refused["reason"] == "not_a_number"


def test_a_rebuild_uses_what_was_stored_and_not_todays_values() -> None:
    made = program(base(limits=[DISTANCE, REDUCTION]))
    table = columns(trips("100", "30", "10"), ["distance", "vehicle"])
    stored = [made.evaluate(table).dependencies(row) for row in range(3)]
    changed = base(limits=[{**DISTANCE, "max": "1"}, REDUCTION])
    changed["parameters"]["baseline"]["values"]["2026-01-01"] = value("999.999")
    assert results(program(changed).rebuild(table, stored)) == results(made.evaluate(table))
    with pytest.raises(ValueError, match="dependencies"):
        made.rebuild(table, stored[:2])


def test_typed_columns_give_what_text_columns_give() -> None:
    made = program(base(limits=[REDUCTION]))
    text = columns(
        [
            *trips("10", "0.05", "200.5"),
            *trips("10", on="2025-01-01"),
            *trips("10", region="110000"),
            *trips("7", vehicle="x"),
        ],
        ["distance", "vehicle"],
    )
    typed = engine.Columns(
        text.record, text.participant, np.array(text.occurred_on, dtype="datetime64[D]"),
        np.array([int(code) for code in text.region]), np.zeros(6, dtype=np.int8),
        {"distance": np.array([10_000, 50, 200_500, 10_000, 10_000, 7_000]), "vehicle": np.array([0, 0, 0, 0, 0, -1])},
    )  # fmt: skip
    assert results(made.evaluate(typed)) == results(made.evaluate(text))
    missing = np.array([engine.MISSING] * 6)
    typed = engine.Columns(*(getattr(typed, n) for n in ("record", "participant", "occurred_on", "region", "evidence")),
                           {"distance": missing, "vehicle": np.zeros(6, dtype=np.int64)})  # fmt: skip
    assert {reason for _, _, reason in results(made.evaluate(typed))} == {"missing_input"}


def test_an_empty_batch_and_columns_of_different_lengths() -> None:
    made = program(base(limits=[DISTANCE], history={"own": HISTORY}))
    assert len(made.evaluate(columns([], ["distance", "vehicle"]))) == 0
    with pytest.raises(ValueError, match="rows"):
        made.evaluate(engine.Columns(["a"], ["p"], [], ["440300"], [""], {}))


def test_chunks_do_not_show() -> None:
    made = program(base(limits=[{**DISTANCE, "per": "week"}]))
    rows = [{"record": f"{n:06}", "participant": f"p{n % 50}", "on": f"2026-03-{1 + n % 28:02}", "vehicle": "electric",
             "distance": ("x", "0.5", "199.999", "3")[n % 4]} for n in range(140_000)]  # fmt: skip
    outcome = results(made.evaluate(columns(rows, ["distance", "vehicle"])))
    few = [n for n in range(len(rows)) if n % 50 == 7]
    alone = made.evaluate(columns([rows[n] for n in few], ["distance", "vehicle"]))
    assert [outcome[n] for n in few] == results(alone)


def test_a_limit_beyond_int64_is_no_limit_at_all() -> None:
    inputs = {"rides": {"type": "integer", "unit": "ride", "min": "1", "max": "9", "label": {"zh": "次"}}}
    data = base(
        inputs=inputs,
        parameters={"each": {"unit": "g_co2e/ride", "values": {"2026-01-01": value("100")}}},
        steps={"reduction": "rides * each"},
        limits=[{"measure": "rides", "per": "day", "max": "99999999999.999999999999"}, {**RECORDS, "max": "1"}],
    )
    assert run(data, [{"rides": "3"}, {"rides": "3"}]) == [(300, 300, ""), (300, 0, "over_limit")]


def test_the_trace_of_a_row_for_which_nothing_was_left_says_so() -> None:
    made = program(base(limits=[DISTANCE]))
    trace = made.explain(columns(trips("120", "5"), ["distance", "vehicle"]), 1)
    assert (trace["steps"], trace["reason"]) == ([], "over_limit")
    assert trace["inputs"][0] == {"name": "distance", "given": "5", "used": "0", "unit": "km"}
    assert trace["limits"][0]["left_before"] == "0"


def test_an_input_may_be_called_reduction_without_meeting_the_limit_on_grams() -> None:
    number = {"type": "integer", "unit": "1", "min": 0, "max": 9000, "label": {"zh": "数"}}
    data = pure(
        {"out": "reduction * 2"}, {"reduction": number}, limits=[{"measure": "reduction", "per": "day", "max": 500}]
    )
    rows = [{"reduction": text} for text in ("200", "200", "200")]
    assert run(data, rows) == [(400, 400, ""), (400, 100, "limited"), (400, 0, "over_limit")]


def test_an_activity_is_any_short_code() -> None:
    assert load(base(activity="Metro-trip.2")).activity == "Metro-trip.2"
    assert refusals(base(activity="metro trip"))

"""Traces, estimates, account summaries, totals and the reconciliation."""

import datetime as dt

import pytest

from behaviors.models import BehaviorRecord
from credits import selectors, services
from credits.models import Reduction
from credits.selectors.trace import trace_of

from .cases import AT, ON, prepare, records, resident

pytestmark = pytest.mark.django_db


def trace(pk):
    return trace_of(BehaviorRecord.objects.get(pk=pk))


def test_the_trace_shows_the_formula_with_numbers_and_where_they_come_from():
    prepare()
    (pk,) = records({"participant": resident()})
    services.quantify_pending(at=AT)
    found = trace(pk)
    assert (found["computed_g"], found["reduction_g"], found["reason"]) == (467, 233, "self_declared")
    assert found["steps"] == [
        {
            "name": "reduction",
            "formula": "distance * saving_per_km",
            "formula_with_numbers": "10.000 * 46.7",
            "value": "467.0000",
            "unit": found["steps"][0]["unit"],
            "exact": True,
        }
    ] or found["steps"][0]["value"].startswith("467")
    parameter = found["parameters"]["saving_per_km"]
    assert (parameter["value"], parameter["confidence"], parameter["start"]) == ("46.7", "sample", "2025-01-01")
    assert found["evidence"]["share"] == "0.5"
    assert len(found["methodology"]["sha256"]) == 64


def test_the_trace_of_a_limited_record_uses_what_was_left():
    prepare()
    alice = resident()
    ids = records(*[{"participant": alice, "inputs": {"distance": "50"}, "evidence": "feed"} for _ in range(3)])
    services.quantify_pending(at=AT)
    found = trace(ids[2])
    assert (found["computed_g"], found["reduction_g"], found["reason"]) == (934, 934, "limited")
    assert found["inputs"][0]["limited"]
    limit = next(line for line in found["limits"] if line["measure"] == "distance")
    assert (limit["max"], limit["left_before"], limit["per"]) == ("120", "20", "day")


def test_every_trace_gives_the_stored_grams():
    """Replayed from what was stored: metro under limits, electricity over a history of its own."""
    prepare()
    home, alice = resident(region="440304", kind="household"), resident()
    for day in range(1, 12):
        on = ON - dt.timedelta(days=20 - day)
        records(
            {
                "participant": home, "activity": "household_electricity", "region": "440304", "evidence": "feed",
                "on": on, "inputs": _electricity(day),
            },
            {"participant": alice, "inputs": {"distance": str(day * 10)}, "on": ON},
        )  # fmt: skip
        services.quantify_pending(at=AT)
    reductions = list(Reduction.objects.all())
    assert len(reductions) == 22, list(BehaviorRecord.objects.values_list("activity", "state", "reason"))
    assert {"over_limit", "limited", "self_declared"} <= {row.reason for row in reductions}
    assert any(row.dependencies.get("history") for row in reductions)
    for row in reductions:
        found = trace(row.record_id)
        assert (found["computed_g"], found["reduction_g"], found["reason"]) == (
            row.computed_g,
            row.reduction_g,
            row.reason,
        ), row.dependencies


def _electricity(day):
    from methodologies.selectors import inputs_for_form

    _, inputs = inputs_for_form(activity="household_electricity", region="440304", on=ON)
    given = {}
    for name, declared in inputs.items():
        if declared.options:
            given[name] = next(iter(declared.options))
        else:
            given[name] = str(7 + day % 3) if declared.unit == "kWh" or "kWh" in declared.unit else "1"
    return given


def test_an_estimate_is_what_the_record_then_gets():
    prepare()
    alice = resident()
    deed = {"activity": "metro_trip", "inputs": {"distance": "10"}, "occurred_on": ON, "region": "440605"}
    first = selectors.estimate(participant=alice, at=AT, **deed)
    assert (first.computed_g, first.reduction_g, first.points, first.reason) == (467, 233, 2, "self_declared")
    records({"participant": alice}, {"participant": alice})
    services.quantify_pending(at=AT)
    assert selectors.estimate(participant=alice, at=AT, **deed).points == 2  # 466 + 233 = 699 g: the sixth point
    bad = selectors.estimate(participant=alice, at=AT, **{**deed, "inputs": {"distance": "-3"}})
    assert (bad.reason, bad.refused, bad.points) == ("below_min", True, None)
    assert bad.zh.endswith("。")
    assert bad.en.endswith(".")
    nowhere = selectors.estimate(participant=alice, at=AT, **{**deed, "activity": "juggling"})
    assert nowhere.reason == "not_in_force"
    home = resident(kind="household")
    assert selectors.estimate(participant=home, at=AT, **deed).reason == "participant_not_eligible"


def test_the_summary_of_an_account():
    prepare()
    alice = resident()
    records({"participant": alice}, {"participant": alice, "window_ends_at": AT + dt.timedelta(hours=1)})
    services.quantify_pending(at=AT)
    records({"participant": alice})
    summary = selectors.account_summary(alice, on=AT.date())
    assert (summary.final_g, summary.provisional_g, summary.records, summary.pending_records) == (233, 233, 1, 1)
    assert (summary.spendable_points, summary.queued_g, summary.debt_points) == (2, 0, 0)
    assert [part.year for part in summary.points] == [2026]


def test_totals_by_any_key_and_area():
    prepare()
    records(
        {"participant": resident()},
        {"participant": resident(), "region": "440304", "evidence": "feed"},
        {"participant": resident(), "on": ON - dt.timedelta(days=40)},
    )
    services.quantify_pending(at=AT)
    (whole,) = selectors.totals()
    assert whole.records == 3
    assert whole.reduction_g == 233 + 233 + 467
    assert {row.key: row.records for row in selectors.totals(by=["city"])} == {("440300",): 1, ("440600",): 2}
    assert {row.key[0] for row in selectors.totals(by=["month"])} == {"2026-10", "2026-11"}
    assert selectors.totals(region="440300", by=["evidence"])[0].key == ("feed",)
    assert selectors.totals(first=ON, evidence="self_declared")[0].records == 1
    with pytest.raises(ValueError, match="no filter"):
        selectors.totals(drop_table="x")


def test_the_reconciliation_has_no_difference_before_and_after_a_reversal():
    prepare()
    ids = records(
        {"participant": resident()},
        {"participant": resident(), "evidence": "feed", "region": "440304"},
        {"participant": resident(), "evidence": "feed"},
    )
    services.quantify_pending(at=AT)
    before = selectors.reconciliation()
    assert before.difference_g == 0
    assert before.final_g == before.kept_g + before.uncertifiable_g > 0
    BehaviorRecord.objects.filter(pk=ids[2]).update(state="reversed", closed_at=AT)
    services.undo_reversed(at=AT)
    after = selectors.reconciliation()
    assert (after.difference_g, after.corrected_g) == (0, after.final_g - before.final_g)


def test_every_way_to_the_same_sum_agrees_to_the_gram():
    """Months, days around them, cities or everything: the tables differ, the sums do not."""
    prepare()
    people = [resident(), resident(region="440304"), resident(region="442000")]
    days = [ON - dt.timedelta(days=number * 9) for number in range(12)]
    records(*[{"participant": who, "on": day, "region": who.region} for who in people for day in days])
    services.quantify_pending(at=AT, until_empty=True)
    by_day = {(row.key[0], row.key[1]): row for row in selectors.totals(by=("day", "city"))}
    assert len(by_day) == len(people) * len(days)
    spans = [
        (None, None), (None, days[3]), (days[-2], None), (days[-1], days[0]), (days[5], days[5]),
        (days[6].replace(day=1), days[2]), (dt.date.min, dt.date.max), (dt.date(1, 1, 1), dt.date(1, 1, 2)),
        (dt.date(2026, 9, 1), dt.date(2026, 9, 30)), (dt.date(2026, 9, 2), dt.date(2026, 9, 30)),
    ]  # fmt: skip
    for first, last in spans:
        within = [
            row for (day, _city), row in by_day.items()
            if (first or dt.date.min).isoformat() <= day <= (last or dt.date.max).isoformat()
        ]  # fmt: skip
        expected = sum(row.reduction_g for row in within), sum(row.records for row in within)
        for by in ((), ("city",), ("month", "sector"), ("activity",), ("region", "evidence"), ("day",)):
            rows = selectors.totals(first=first, last=last, by=by)
            assert (sum(row.reduction_g for row in rows), sum(row.records for row in rows)) == expected, (first, by)
    whole = selectors.totals(region="442000", exact=True)[0]
    assert whole == selectors.totals(region="442000")[0]
    assert whole.records == len(days)

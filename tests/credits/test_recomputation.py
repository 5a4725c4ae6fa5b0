"""Recomputing: three rules, limits, claims, points, refusals; old results stay, differences add up, the audit is silent."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from behaviors.models import BehaviorRecord
from carbon_portal.workflows.verify import run
from credits import selectors, services
from credits.errors import NothingToRecompute, RecomputationNotReady, WrongRecomputation
from credits.models import (
    AccrualItem,
    Claim,
    LimitUsage,
    PointsAccrual,
    QueuedAward,
    RecomputationLine,
    Reduction,
)

from .cases import AT, ON, prepare, records, resident
from .revisions import advance, approved, factor, officer, previewed, publish, recomputed

pytestmark = pytest.mark.django_db


def violations() -> dict[str, list]:
    with connection.cursor() as cursor:
        return {finding.id: finding.offenders for finding in run.ask(cursor) if finding.count}


def deeds(*kilometres: str, who=None, **more) -> list[int]:
    who = who or resident()
    ids = records(
        *[{"participant": who, "inputs": {"distance": one}, "evidence": "feed", **more} for one in kilometres]
    )
    services.quantify_pending(at=AT)
    BehaviorRecord.objects.filter(pk__in=ids).update(received_at=AT)
    return ids


def grams(ids: list[int]) -> list[list[int]]:
    """All results of each record, the first first."""
    return [
        list(Reduction.objects.filter(record_id=pk).order_by("revision").values_list("reduction_g", flat=True))
        for pk in ids
    ]


def totals() -> list[int]:
    """The province's final grams by day, by month, and by city, as the three tables have them."""
    sums = []
    for table in ("credits_dailytotal", "credits_monthlytotal", "credits_citytotal"):
        with connection.cursor() as cursor:
            where = "WHERE state = 'final'" + (" AND span = 'day'" if "city" in table else "")
            cursor.execute(f"SELECT coalesce(sum(reduction_g), 0)::bigint FROM {table} {where}")
            sums.append(cursor.fetchone()[0])
    return sums


def test_what_rises_is_topped_up_and_what_falls_is_kept():
    prepare()
    alice = resident()
    ids = deeds("10", "20", who=alice)
    before = selectors.reconciliation()
    job = recomputed(publish("1.1", factor("50")), "top_up")
    assert grams(ids) == [[467, 500], [934, 1000]]
    assert PointsAccrual.objects.get(participant=alice).credited_g == 1500
    assert PointsAccrual.objects.get(participant=alice).awarded_points == 15
    assert job.numbers["change_g"] == 99
    after = selectors.reconciliation()
    assert after.final_g - before.final_g == after.corrected_g == 99
    assert totals() == [1500, 1500, 1500]
    assert violations() == {}
    later = recomputed(publish("1.2", factor("40")), "top_up")
    assert grams(ids) == [[467, 500], [934, 1000]]
    assert later.numbers["kept_by_rule"] == 2
    assert later.numbers["under_g"] == 1200
    assert later.numbers["after_g"] == later.numbers["before_g"] == 1500
    assert violations() == {}


def test_keeping_writes_no_result_and_shows_the_new_one_beside():
    prepare()
    ids = deeds("10")
    job = recomputed(publish("1.1", factor("50")), "keep")
    assert grams(ids) == [[467]]
    line = RecomputationLine.objects.get(recomputation=job)
    assert (line.before_g, line.new_g, line.stands, line.because) == (467, 500, True, "rule")
    assert job.numbers["change_g"] == 0
    assert job.numbers["under_g"] == 500
    assert violations() == {}


def test_clawing_back_lowers_grams_and_leaves_points():
    prepare()
    alice = resident()
    ids = deeds("10", "20", who=alice)
    recomputed(publish("1.1", factor("30")), "claw_back")
    assert grams(ids) == [[467, 300], [934, 600]]
    accrual = PointsAccrual.objects.get(participant=alice)
    assert (accrual.credited_g, accrual.awarded_points) == (1401, 14)
    assert selectors.account_summary(alice).final_g == 900
    assert selectors.account_summary(alice).spendable_points == 14
    assert selectors.account_summary(alice).debt_points == 0
    assert selectors.reconciliation().difference_g == 0
    assert violations() == {}
    # What comes up again earns only what it never earned before.
    recomputed(publish("1.2", factor("50")), "claw_back")
    assert grams(ids) == [[467, 300, 500], [934, 600, 1000]]
    accrual.refresh_from_db()
    assert (accrual.credited_g, accrual.awarded_points) == (1500, 15)
    assert violations() == {}


def test_a_claimed_record_is_never_lowered_and_may_rise():
    prepare()
    ids = deeds("10", "20")
    first = Reduction.objects.get(record_id=ids[0])
    Claim.objects.create(reduction=first, grams=200, kind="pooled", source="test:1", created_at=AT)
    recomputed(publish("1.1", factor("30")), "claw_back")
    assert grams(ids) == [[467], [934, 600]]
    assert RecomputationLine.objects.get(record_id=ids[0]).because == "claimed"
    assert selectors.reconciliation().difference_g == 0
    assert violations() == {}
    recomputed(publish("1.2", factor("50")), "claw_back")
    assert grams(ids) == [[467, 500], [934, 600, 1000]]
    found = selectors.reconciliation()
    assert (found.difference_g, found.pooled_g, found.final_g) == (0, 200, 1500)
    assert violations() == {}
    with pytest.raises(IntegrityError, match="a later one replaces"), transaction.atomic():
        Claim.objects.create(reduction=first, grams=1, kind="pooled", source="test:2", created_at=AT)
    newest = Reduction.objects.get(record_id=ids[0], revision=2)
    with pytest.raises(IntegrityError, match="claims_within_reduction"), transaction.atomic():
        Claim.objects.create(reduction=newest, grams=301, kind="pooled", source="test:3", created_at=AT)
    Claim.objects.create(reduction=newest, grams=300, kind="pooled", source="test:4", created_at=AT)
    assert selectors.reconciliation().difference_g == 0
    assert violations() == {}


def test_a_limit_counts_what_was_settled_under_a_version_that_has_it():
    """A new limit of 1 000 g a day: of three records that together would be more, what rises stops there."""
    prepare()
    alice = resident()
    ids = deeds("2", "8", "11", who=alice)  # 93, 373, 513 g; 120, 480, 660 under the new factor
    limit = ("limits:\n", 'limits:\n  - {measure: reduction, per: day, max: "1000"}\n')
    recomputed(publish("1.1", factor("60"), limit), "top_up")
    found = grams(ids)
    assert all(one[-1] >= one[0] for one in found)
    under_it = sum(one[-1] for one in found if len(one) > 1)
    assert 0 < under_it <= 1000
    assert LimitUsage.objects.get(participant=alice, limit_key="reduction/day").used == under_it
    assert LimitUsage.objects.get(participant=alice, limit_key="distance/day").used == 21 * 10**12
    assert violations() == {}
    recomputed(publish("1.2", factor("60"), limit), "claw_back")
    assert sum(one[-1] for one in grams(ids)) == 1000  # of 1 260; who comes first is settled by day and number
    assert LimitUsage.objects.get(participant=alice, limit_key="reduction/day").used == 1000
    assert violations() == {}


def test_records_outside_the_choice_keep_what_they_used():
    prepare()
    alice = resident()
    old = deeds("60", who=alice, on=ON)
    other = deeds("60", who=alice, on=ON, region="441900")
    later = deeds("50", who=alice, on=ON)  # nothing is left of 120 km
    assert grams([*old, *other, *later]) == [[2802], [2802], [0]]
    version = publish("1.1", ('{measure: distance, per: day, max: "120"}', '{measure: distance, per: day, max: "150"}'))
    recomputed(version, "top_up", areas=["440600"])
    assert grams([*old, *other, *later]) == [[2802, 2802], [2802], [0, 30 * 467 // 10]]
    assert LimitUsage.objects.get(limit_key="distance/day").used == 150 * 10**12
    assert violations() == {}


def test_a_version_that_gives_no_result_leaves_what_stands():
    prepare()
    ids = deeds("10", "100")
    version = publish("1.1", factor("20"), ('max: "120", label', 'max: "50", label'))
    job = recomputed(version, "claw_back")
    assert grams(ids) == [[467, 200], [4670]]
    assert job.numbers["refused"] == 1
    assert job.numbers["refusals"] == {"above_max": 1}
    assert violations() == {}


def test_an_empty_pool_queues_what_is_due_in_record_order():
    prepare(points=4)
    alice = resident()
    ids = deeds("10", who=alice)
    assert AccrualItem.objects.count() == 1
    recomputed(publish("1.1", factor("70")), "top_up")
    assert grams(ids) == [[467, 700]]
    assert QueuedAward.objects.get().credited_g == 233
    assert selectors.earned_of(selectors.reduction_of(BehaviorRecord.objects.get(pk=ids[0]))).state == "queued"
    assert violations() == {}
    services.fund_pool(region="440000", sponsor=None, points=100, actor=None, at=AT, key="more")
    services.award_queued(at=AT)
    assert PointsAccrual.objects.get(participant=alice).awarded_points == 7
    assert violations() == {}


def test_a_recomputed_record_that_is_undone_gives_everything_back():
    prepare()
    alice = resident()
    ids = deeds("10", who=alice)
    recomputed(publish("1.1", factor("50")), "top_up")
    recomputed(publish("1.2", factor("30")), "claw_back")
    BehaviorRecord.objects.filter(pk=ids[0]).update(state="reversed", closed_at=AT)
    services.undo_reversed(at=AT)
    assert grams(ids) == [[467, 500, 300, 0]]
    accrual = PointsAccrual.objects.get(participant=alice)
    assert (accrual.credited_g, accrual.awarded_points) == (0, 0)
    assert LimitUsage.objects.get(participant=alice, limit_key="distance/day").used == 0
    assert totals() == [0, 0, 0]
    assert violations() == {}


def test_whoever_changed_since_the_preview_is_left_out_whole():
    prepare()
    alice, bob = resident(), resident()
    hers, his = deeds("10", "20", who=alice), deeds("10", who=bob)
    job = approved(previewed(publish("1.1", factor("50")), "top_up"))
    BehaviorRecord.objects.filter(pk=hers[0]).update(state="reversed", closed_at=AT)
    services.undo_reversed(at=AT)
    advance()
    assert grams([*hers, *his]) == [[467, 0], [934], [467, 500]]
    assert dict(job.parts.values_list("participant_id", "outcome")) == {alice.pk: "changed", bob.pk: "applied"}
    assert LimitUsage.objects.get(participant=alice, limit_key="distance/day").used == 20 * 10**12
    assert violations() == {}


def test_a_new_record_of_the_same_day_that_takes_from_the_limit_leaves_its_owner_out():
    prepare()
    alice = resident()
    ids = deeds("60", who=alice)
    version = publish(
        "1.1", factor("50"), ('{measure: distance, per: day, max: "120"}', '{measure: distance, per: day, max: "61"}')
    )
    job = approved(previewed(version, "claw_back"))
    deeds("30", who=alice)
    advance()
    assert grams(ids) == [[2802]]
    assert job.parts.get().outcome == "changed"
    assert violations() == {}


def test_the_same_again_changes_nothing():
    prepare()
    ids = deeds("10")
    version = publish("1.1", factor("50"))
    recomputed(version, "top_up")
    again = recomputed(version, "claw_back")
    assert again.numbers["same"] == 1
    assert grams(ids) == [[467, 500]]


def test_a_preview_writes_nothing_but_its_own_table():
    prepare()
    deeds("10", "120", "3")
    tables = [
        "credits_reduction", "credits_basis", "credits_limitusage", "credits_accrualitem", "credits_pointsaccrual",
        "credits_queuedaward", "credits_dailytotal", "credits_monthlytotal", "credits_citytotal", "credits_claim",
        "ledger_ledgerentry", "ledger_ledgerline", "ledger_ledgeraccount", "behaviors_behaviorrecord",
    ]  # fmt: skip

    def books() -> list[tuple]:
        found = []
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t")
                found.append(cursor.fetchone())
        return found

    version = publish("1.1", factor("50"))
    before = books()
    job = previewed(version, "claw_back")
    assert job.numbers["records"] == 3
    assert books() == before
    services.discard_recomputation(job=job, actor=job.initiator, at=AT)
    advance()
    assert books() == before
    with pytest.raises(RecomputationNotReady):
        services.request_decision(job=job, actor=job.initiator, at=AT)


def test_the_report_adds_up_by_record_city_and_total():
    prepare()
    ids = [
        pk
        for region, distance in (("440605", "10"), ("440605", "33.3"), ("441900", "7"), ("442000", "120"))
        for pk in deeds(distance, region=region)
    ]
    before = sum(Reduction.objects.values_list("reduction_g", flat=True))
    job = recomputed(publish("1.1", factor("48.1")), "claw_back")
    numbers = job.numbers
    after = sum(one[-1] for one in grams(ids))
    lines = RecomputationLine.objects.filter(recomputation=job).aggregate(b=Sum("before_g"), n=Sum("new_g"))
    assert lines["n"] - lines["b"] == numbers["change_g"] == after - before
    assert sum(city["change_g"] for city in numbers["cities"]) == numbers["change_g"]
    assert sum(city["after_g"] for city in numbers["cities"]) == numbers["after_g"] == after
    assert numbers["rising_g"] - numbers["falling_g"] == numbers["change_g"]
    assert selectors.reconciliation().corrected_g == numbers["change_g"]
    assert {city["city"] for city in numbers["cities"]} == {"440600", "441900", "442000"}


def test_the_stored_past_stands_although_an_earlier_bill_was_taken_back_since():
    """The own mean of seven days: 12 of (10, 12, 14) when it was computed; without the 10 it would be 13 today."""
    prepare()
    home = resident(kind="household")
    common = {"participant": home, "activity": "household_electricity", "evidence": "feed", "region": "440605"}
    days = [ON - dt.timedelta(days=n) for n in (3, 2, 1, 0)]
    used = ("10", "12", "14", "11")
    ids = []
    for on, kwh in zip(days, used, strict=True):
        ids += records({**common, "on": on, "inputs": {"daily_use": kwh}})
        services.quantify_pending(at=AT)
    BehaviorRecord.objects.filter(pk__in=ids).update(received_at=AT)
    last = Reduction.objects.get(record_id=ids[-1])
    stored = last.dependencies["history"]["own_mean"]
    assert (stored["numerator"], stored["denominator"]) == (3600, 3)
    BehaviorRecord.objects.filter(pk=ids[0]).update(state="reversed", closed_at=AT)
    services.undo_reversed(at=AT)
    file = "GD-HOUSEHOLD-ELECTRICITY"
    doubled = ("reduction: saved * grid_factor", "reduction: (saved + saved) * grid_factor")
    recomputed(publish("1.1", doubled, file=file), "claw_back")
    newest = Reduction.objects.get(record_id=ids[-1], revision=2)
    assert newest.dependencies["history"]["own_mean"] == stored
    assert newest.computed_g in (2 * last.computed_g, 2 * last.computed_g + 1)
    assert violations() == {}
    # Declared otherwise it is another value: made from the records as they are, of which two are too few.
    other = ("window: 7", "window: 6")
    job = recomputed(publish("1.2", doubled, other, file=file), "claw_back")
    assert job.numbers["refusals"] == {"not_enough_history": 3}
    assert Reduction.objects.filter(record_id=ids[-1]).count() == 2
    assert violations() == {}


def test_a_past_that_is_computed_again_beside_its_successors_counts_once():
    """Two bills before are two, not four, although their own results are made again in the same run."""
    prepare()
    home = resident(kind="household")
    common = {"participant": home, "activity": "household_electricity", "evidence": "feed", "region": "440605"}
    days = [ON - dt.timedelta(days=n) for n in (3, 2, 1, 0)]
    ids = records(
        *[
            {**common, "on": on, "inputs": {"daily_use": kwh}}
            for on, kwh in zip(days, ("5", "6", "14", "13"), strict=True)
        ]
    )
    services.quantify_pending(at=AT)
    version = publish("1.1", ("window: 7", "window: 6"), file="GD-HOUSEHOLD-ELECTRICITY")
    job = recomputed(version, "claw_back")
    assert job.numbers["refusals"] == {"not_enough_history": 1}  # 14 kWh after two days
    assert Reduction.objects.filter(record_id=ids[2]).count() == 1


def test_the_explanation_shows_each_result_as_it_was_made():
    prepare()
    (pk,) = deeds("10")
    recomputed(publish("1.1", factor("50")), "top_up")
    record = BehaviorRecord.objects.get(pk=pk)
    new = selectors.trace_of(record)
    old = selectors.trace_of(record, revision=1)
    assert new is not None
    assert old is not None
    assert (old["methodology"]["version"], old["reduction_g"]) == ("1.0", 467)
    assert old["parameters"]["saving_per_km"]["value"] == "46.7"
    assert (new["methodology"]["version"], new["reduction_g"], new["reason"]) == ("1.1", 500, "")
    assert new["parameters"]["saving_per_km"]["value"] == "50"
    assert [row["version"] for row in new["revisions"]] == ["1.0", "1.1"]
    assert selectors.trace_of(record, revision=3) is None
    assert selectors.results_of([record])[pk].points == 5


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"first": dt.date(2026, 12, 1), "last": dt.date(2026, 1, 1)}, WrongRecomputation),
        ({"areas": []}, WrongRecomputation),
        ({"rule": "generous"}, WrongRecomputation),
        ({"reason": " "}, WrongRecomputation),
        ({"areas": ["440300"]}, NothingToRecompute),
        ({"first": dt.date(2020, 1, 1), "last": dt.date(2020, 1, 2)}, NothingToRecompute),
    ],
)
def test_a_wrong_choice_is_refused_in_words(change, error):
    prepare()
    deeds("10")
    version = publish("1.1", factor("50"))
    choice = {
        "first": ON, "last": ON, "areas": ["440000"], "rule": "keep", "reason": "参数更正", "actor": officer(), "at": AT,
    }  # fmt: skip
    with pytest.raises(error) as refusal:
        services.start_recomputation(version=version, **{**choice, **change})
    assert str(refusal.value)


def test_a_draft_computes_nobody_again():
    prepare()
    deeds("10")
    draft = publish("1.2", factor("60"))
    draft.pk, draft.version, draft.state = None, "1.3", "draft"
    draft.save()
    with pytest.raises(WrongRecomputation):
        previewed(draft, "keep")

"""From a received record to grams and points."""

import datetime as dt

import pytest

from behaviors.models import BehaviorRecord
from credits import services
from credits.ledger import selectors as ledger
from credits.ledger.models import LedgerAccount
from credits.models import AccrualItem, DailyTotal, LimitUsage, PointsAccrual, QueuedAward, Reduction

from .cases import AT, ON, prepare, records, resident
from .revisions import publish

pytestmark = pytest.mark.django_db


def test_metro_trip_of_ten_kilometres_self_declared_earns_half():
    """46.7 g/km x 10 km = 467 g, half of it for a trip that nobody but the traveller reported: floor(233.5) = 233 g."""
    prepare()
    alice = resident()
    (pk,) = records({"participant": alice})

    sweep = services.quantify_pending(at=AT)

    assert sweep.counts == {"final": 1}
    record = BehaviorRecord.objects.get(pk=pk)
    assert (record.state, record.reason) == ("final", "")
    assert record.claimed_at == record.provisional_at == record.final_at == AT
    reduction = Reduction.objects.get(record_id=pk)
    assert (reduction.computed_g, reduction.reduction_g, reduction.reason) == (467, 233, "self_declared")
    assert (reduction.revision, reduction.record_on, reduction.certifiable) == (1, ON, False)
    assert str(reduction.methodology_version) == "GD-METRO-TRIP@1.0"
    total = DailyTotal.objects.get()
    assert (total.state, total.records, total.zero_records, total.reduction_g) == ("final", 1, 0, 233)
    accrual = PointsAccrual.objects.get()
    assert (accrual.year, accrual.credited_g, accrual.awarded_points) == (2026, 233, 2)
    item = AccrualItem.objects.get()
    assert ledger.entry_by_uid(item.entry).source == f"records:{pk}-{pk}"
    assert ledger.spendable_points(alice.pk, on=AT.date()) == 2


def test_small_deeds_lose_nothing_to_rounding():
    prepare()
    alice = resident()
    for _ in range(3):  # 233 + 233 + 233 = 699 g: six points, not 3 x 2
        records({"participant": alice})
        services.quantify_pending(at=AT)
    records({"participant": alice, "on": ON - dt.timedelta(days=1)})
    services.quantify_pending(at=AT)
    assert ledger.spendable_points(alice.pk, on=AT.date()) == 9  # 932 g


def test_a_chunk_takes_the_same_number_of_queries_however_many_records(django_assert_max_num_queries):
    prepare()
    for count in (2, 40):
        records(*[{"participant": resident(), "evidence": "feed"} for _ in range(count)])
        with django_assert_max_num_queries(26):
            services.quantify_pending(at=AT)


def test_a_second_sweep_changes_nothing():
    prepare()
    records({"participant": resident()})
    services.quantify_pending(at=AT)
    assert services.quantify_pending(at=AT, until_empty=True).records == 0
    assert Reduction.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "state", "reason"),
    [
        ({"inputs": {}}, "rejected", "missing_input"),
        ({"inputs": {"distance": "１０"}}, "rejected", "not_a_number"),
        ({"inputs": {"distance": 10}}, "final", "self_declared"),
        ({"inputs": {"distance": "-1"}}, "rejected", "below_min"),
        ({"inputs": {"distance": "121"}}, "rejected", "above_max"),
        ({"inputs": {"distance": "1.2345"}}, "rejected", "too_many_places"),
        ({"on": dt.date(2024, 12, 31)}, "rejected", "not_in_force"),
        ({"region": "110101"}, "rejected", "not_in_force"),
        ({"activity": "juggling"}, "rejected", "not_in_force"),
    ],
)
def test_rejections_have_a_reason_and_no_reduction(row, state, reason):
    prepare()
    (pk,) = records({"participant": resident(), **row})
    services.quantify_pending(at=AT)
    record = BehaviorRecord.objects.get(pk=pk)
    assert record.state == state
    if state == "rejected":
        assert (record.reason, record.closed_at, record.final_at) == (reason, AT, None)
        assert not Reduction.objects.exists()
        assert not DailyTotal.objects.exists()
    else:
        assert Reduction.objects.get().reason == reason


@pytest.mark.parametrize(("kind", "active"), [("household", True), ("resident", False)])
def test_participants_that_the_methodology_does_not_take(kind, active):
    prepare()
    (pk,) = records({"participant": resident(kind=kind, active=active)})
    services.quantify_pending(at=AT)
    record = BehaviorRecord.objects.get(pk=pk)
    assert (record.state, record.reason) == ("rejected", "participant_not_eligible")


def test_limits_hold_within_a_chunk_and_between_chunks():
    prepare()
    alice = resident()
    ids = records(*[{"participant": alice, "inputs": {"distance": "50"}, "evidence": "feed"} for _ in range(3)])
    services.quantify_pending(at=AT, limit=2)
    services.quantify_pending(at=AT, limit=2)
    found = [Reduction.objects.get(record_id=pk) for pk in ids]
    assert [row.reduction_g for row in found] == [2335, 2335, 934]  # 120 km a day: the third has 20 km left
    assert found[2].reason == "limited"
    records({"participant": alice, "evidence": "feed"})
    services.quantify_pending(at=AT)
    last = Reduction.objects.latest("id")
    assert (last.reduction_g, last.reason) == (0, "over_limit")
    used = LimitUsage.objects.get(limit_key="distance/day")
    assert used.used == 120 * 10**12


def test_an_open_window_is_provisional_and_closes_later():
    prepare()
    alice = resident()
    (pk,) = records({"participant": alice, "window_ends_at": AT + dt.timedelta(hours=24)})
    services.quantify_pending(at=AT)
    assert BehaviorRecord.objects.get(pk=pk).state == "provisional"
    assert DailyTotal.objects.get().state == "provisional"
    assert not PointsAccrual.objects.exists()
    assert services.close_windows(at=AT + dt.timedelta(hours=23)).records == 0

    later = AT + dt.timedelta(hours=24)
    assert services.close_windows(at=later).records == 1
    record = BehaviorRecord.objects.get(pk=pk)
    assert (record.state, record.provisional_at, record.final_at) == ("final", AT, later)
    totals = {total.state: (total.records, total.reduction_g) for total in DailyTotal.objects.all()}
    assert totals == {"provisional": (0, 0), "final": (1, 233)}
    assert ledger.spendable_points(alice.pk, on=AT.date()) == 2
    assert services.close_windows(at=later).records == 0


def test_cancelled_before_final_gives_totals_and_limits_back():
    prepare()
    alice = resident()
    window = AT + dt.timedelta(hours=24)
    ids = records(*[{"participant": alice, "inputs": {"distance": "60"}, "window_ends_at": window} for _ in range(2)])
    services.quantify_pending(at=AT)
    BehaviorRecord.objects.filter(pk=ids[0]).update(state="reversed", closed_at=AT)

    assert services.undo_reversed(at=AT) == 1
    assert services.undo_reversed(at=AT) == 0
    total = DailyTotal.objects.get()
    assert (total.records, total.reduction_g) == (1, 1401)
    revisions = Reduction.objects.filter(record_id=ids[0]).order_by("revision")
    assert [(row.revision, row.reduction_g, row.reason) for row in revisions] == [
        (1, 1401, "self_declared"),
        (2, 0, "reversed"),
    ]
    (again,) = records({"participant": alice, "inputs": {"distance": "60"}})
    services.quantify_pending(at=AT)
    assert Reduction.objects.get(record_id=again).computed_g == 2802


def test_reversed_after_final_takes_points_back_and_leaves_the_rest_as_a_debt():
    prepare()
    alice = resident()
    ids = records(*[{"participant": alice, "inputs": {"distance": "60"}, "evidence": "feed"} for _ in range(2)])
    services.quantify_pending(at=AT)
    assert ledger.spendable_points(alice.pk, on=AT.date()) == 56  # 5604 g
    from credits.ledger import addresses
    from credits.ledger import services as post
    from credits.ledger.constants import Kind

    post.spend(
        key="spent", kind=Kind.DONATION, participant_uid=alice.pk, to=addresses.cause(alice.pk), points=40, at=AT
    )
    BehaviorRecord.objects.filter(pk=ids[0]).update(state="reversed", closed_at=AT)
    assert services.undo_reversed(at=AT) == 1

    accrual = PointsAccrual.objects.get()
    assert ledger.spendable_points(alice.pk, on=AT.date()) == 0
    assert (accrual.credited_g, accrual.awarded_points) == (2802, 40)  # entitled to 28: 12 are owed
    records({"participant": alice, "evidence": "feed", "on": ON - dt.timedelta(days=1), "inputs": {"distance": "30"}})
    services.quantify_pending(at=AT)
    assert ledger.spendable_points(alice.pk, on=AT.date()) == 2  # 4203 g: 42 less the 40 that stay awarded


def test_an_empty_pool_makes_grams_final_and_queues_points_in_record_order():
    prepare(points=None)
    alice, bob = resident(), resident()
    ids = records({"participant": alice}, {"participant": bob}, {"participant": alice})
    services.quantify_pending(at=AT)
    assert BehaviorRecord.objects.filter(state="final").count() == 3
    assert list(QueuedAward.objects.order_by("record_id").values_list("record_id", flat=True)) == ids
    assert services.award_queued(at=AT) == 0

    services.fund_pool(region="440000", sponsor=None, points=5, actor=None, at=AT, key="small")
    assert services.award_queued(at=AT) == 2  # 2 + 2 points; Alice's next is 2 more
    assert list(QueuedAward.objects.values_list("record_id", flat=True)) == ids[2:]
    (newer,) = records({"participant": bob})
    services.quantify_pending(at=AT)  # one point is left, but nobody overtakes
    assert set(QueuedAward.objects.values_list("record_id", flat=True)) == {ids[2], newer}

    services.fund_pool(region="440000", sponsor=None, points=100, actor=None, at=AT, key="more")
    assert services.award_queued(at=AT) == 2
    assert ledger.spendable_points(alice.pk, on=AT.date()) == ledger.spendable_points(bob.pk, on=AT.date()) == 4


def test_points_that_waited_for_funds_belong_to_the_year_in_which_their_record_became_final():
    prepare(points=None)
    alice = resident()
    records({"participant": alice, "evidence": "feed", "inputs": {"distance": "60"}})
    services.quantify_pending(at=AT)
    next_year = AT + dt.timedelta(days=60)
    services.set_points_rule(num=1, den=1000, effective_from=next_year.date(), source="另一规则", at=AT)
    services.fund_pool(region="440000", sponsor=None, points=100, actor=None, at=next_year, key="late")
    records({"participant": alice, "evidence": "feed", "inputs": {"distance": "60"}})
    services.quantify_pending(at=next_year)  # joins the end of the queue
    assert services.award_queued(at=next_year) == 2
    found = PointsAccrual.objects.order_by("year").values_list("year", "rule__den", "awarded_points")
    assert list(found) == [(2026, 100, 28), (2027, 1000, 2)]
    balances = LedgerAccount.objects.filter(points_year__isnull=False).order_by("points_year")
    assert list(balances.values_list("points_year", "balance")) == [(2026, 28), (2027, 2)]


def test_points_that_waited_beyond_their_year_arrive_in_the_oldest_that_can_be_spent():
    prepare(points=None)
    alice = resident()
    records({"participant": alice, "evidence": "feed", "inputs": {"distance": "60"}})
    services.quantify_pending(at=AT)
    late = AT.replace(year=AT.year + 2)
    services.fund_pool(region="440000", sponsor=None, points=100, actor=None, at=late, key="late")
    assert services.award_queued(at=late) == 1
    assert PointsAccrual.objects.get().year == AT.year + 1
    assert ledger.spendable_points(alice.pk, on=late.date()) == 28


def test_the_city_pool_pays_before_the_province():
    prepare()
    city = services.fund_pool(region="440600", sponsor=None, points=100, actor=None, at=AT, key="foshan")
    records({"participant": resident()})
    services.quantify_pending(at=AT)
    assert ledger.pool_balance(city.pk) == 98


def test_one_unreadable_record_does_not_stop_the_others(monkeypatch):
    prepare()
    ids = records(*[{"participant": resident()} for _ in range(12)])
    from credits.services import quantification

    real = quantification.columns_of

    def broken(program, claim, rows):
        if ids[5] in claim.ids[rows]:
            raise RuntimeError("broken on purpose")
        return real(program, claim, rows)

    monkeypatch.setattr(quantification, "columns_of", broken)
    services.quantify_pending(at=AT, limit=10, until_empty=True)
    states = dict(BehaviorRecord.objects.values_list("pk", "state"))
    assert states.pop(ids[5]) == "under_review"
    assert set(states.values()) == {"final"}


ELECTRICITY = "GD-HOUSEHOLD-ELECTRICITY"


def bills(home, *used):
    """A family's bills of (days before ON, kWh)."""
    return records(
        *[
            {
                "participant": home, "activity": "household_electricity", "evidence": "feed", "region": "440605",
                "on": ON - dt.timedelta(days=before), "inputs": {"daily_use": kwh},
            }
            for before, kwh in used
        ]
    )  # fmt: skip


def own_mean(record):
    stored = Reduction.objects.get(record_id=record).dependencies["history"]["own_mean"]
    return stored["numerator"], stored["denominator"], stored["count"]


def test_history_reaches_over_two_versions_in_one_chunk():
    """The bills of the three days before, by the version before: (10 + 12 + 14) / 3 = 12 kWh."""
    prepare()
    publish("1.1", file=ELECTRICITY, effective_from=ON.isoformat())
    ids = bills(resident(kind="household"), (3, "10"), (2, "12"), (1, "14"), (0, "11"))
    services.quantify_pending(at=AT)
    assert own_mean(ids[-1]) == (3600, 3, 3)
    assert Reduction.objects.get(record_id=ids[-1]).reason == ""


def test_history_counts_what_another_worker_has_in_hand(monkeypatch):
    """Earlier arrivals that have no result yet count where they pass the checks: 500 kWh a day does not."""
    prepare()
    home = resident(kind="household")
    bills(home, (4, "500"), (3, "10"), (2, "12"), (1, "14"))
    (last,) = bills(home, (0, "11"))
    from credits.services import quantification

    pending = quantification._PENDING
    monkeypatch.setattr(quantification, "_PENDING", pending.replace("WHERE", f"WHERE r.id = {last} AND"))
    services.quantify_pending(at=AT)
    assert own_mean(last) == (3600, 3, 3)
    monkeypatch.setattr(quantification, "_PENDING", pending)
    bills(home, (5, "9"))  # arrived later: no history of what has its result
    services.quantify_pending(at=AT, until_empty=True)
    assert own_mean(last) == (3600, 3, 3)


def test_history_of_finer_inputs_than_todays_is_exact():
    """An earlier version took two places, this one takes one: (10.25 + 12 + 14) / 3 = 36.25 / 3 kWh."""
    prepare()
    publish("1.1", ("places: 2", "places: 1"), file=ELECTRICITY, effective_from=ON.isoformat())
    home = resident(kind="household")
    bills(home, (3, "10.25"), (2, "12"), (1, "14"))
    services.quantify_pending(at=AT)
    (last,) = bills(home, (0, "11"))
    services.quantify_pending(at=AT)
    assert own_mean(last) == (3625, 30, 3)  # 362.5 / 3 tenths
    assert BehaviorRecord.objects.get(pk=last).state == "final"

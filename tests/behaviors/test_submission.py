"""A deed becomes a record, once (architecture, section 7)."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Meter
from behaviors.errors import BadField, DailyCapReached, DeedConflict
from behaviors.models import BehaviorRecord, DeedKey, TripInterval
from behaviors.services import submit_record
from tests.behaviors.cast import NOON, TODAY, at_local, firm, household, library, provider, resident, ride

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _library(db):
    library()


@pytest.fixture
def alice(db):
    return resident("Alice")


@pytest.fixture
def sent(monkeypatch):
    """Names of the tasks that a commit would wake."""
    names = []
    monkeypatch.setattr("behaviors.services.submission.enqueue_on_commit", lambda task, *a: names.append(task))
    return names


def old_clothes(participant, **changes):
    fields = {
        "participant": participant,
        "person": participant.person,
        "activity": "old_clothes",
        "inputs": {"weight": "3.5"},
        "occurred_on": TODAY,
        "item_serial": "BAG-0001",
        "region": "440106",
        "channel": "page",
        "source_record_id": "bag",
        "at": NOON,
    }
    return submit_record(**fields | changes)


def electricity(participant, **changes):
    fields = {
        "participant": participant,
        "person": None,
        "activity": "household_electricity",
        "inputs": {"daily_use": "5.20"},
        "meter": "0300123456",
        "period_start": dt.date(2026, 11, 20),
        "period_end": dt.date(2026, 11, 20),
        "region": "440106",
        "channel": "api",
        "evidence": "feed",
        "source_record_id": "kwh",
        "at": NOON,
    }
    return submit_record(**fields | changes)


def test_a_trip_is_received_as_it_was_told_and_wakes_the_quantification(alice, sent):
    record = ride(alice, key="one", note="上班")
    record = BehaviorRecord.objects.get(id=record.id)
    assert (record.state, record.reason, record.occurred_on) == ("received", "", TODAY)
    assert record.inputs == {"distance": "12.4"}
    assert record.received_at == record.window_ends_at == NOON
    assert (record.evidence, record.channel, record.note) == ("self_declared", "page", "上班")
    assert len(record.content_sha256) == 64
    assert DeedKey.objects.get(record_id=record.id).kind == "source"
    assert TripInterval.objects.get(record_id=record.id).person_id == alice.person_id
    assert sent == ["credits.quantify_pending"]


def test_the_same_source_key_returns_the_first_record(alice, sent):
    first = ride(alice, key="one")
    again = ride(alice, key="one", at=NOON + dt.timedelta(hours=1))
    assert again.id == first.id
    assert again.received_at == NOON
    assert BehaviorRecord.objects.count() == 1
    assert sent == ["credits.quantify_pending"]


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"distance": "12.5"}},
        {"minutes": 31},
        {"region": "440104"},
        {"note": "other"},
        {"evidence": "proof"},
    ],
)
def test_the_same_source_key_with_other_content_is_a_conflict(alice, change):
    ride(alice, key="one")
    with pytest.raises(DeedConflict) as refused:
        ride(alice, key="one", **change)
    assert refused.value.http_status == 409
    assert "2026-11-21" in refused.value.detail
    assert BehaviorRecord.objects.count() == 1


def test_source_keys_belong_to_their_sender(alice):
    bob = resident("Bob")
    metro, bus = provider("metro"), provider("bus")
    records = [
        ride(alice, key="1"),
        ride(bob, key="1"),
        ride(alice, key="1", start=9, provider=metro),
        ride(alice, key="1", start=10, provider=bus),
    ]
    assert {record.state for record in records} == {"received"}
    with pytest.raises(DeedConflict):
        ride(bob, key="1", start=11, provider=metro)


def test_overlapping_trips_count_once_whatever_channel_reports_them(alice):
    first = ride(alice, start=8, minutes=40)
    feed = ride(alice, start=8, minutes=30, provider=provider(), channel="file", evidence="feed", key="card-77")
    assert (feed.state, feed.reason) == ("duplicate", "overlapping_trip")
    assert (feed.duplicate_of, feed.duplicate_on, feed.closed_at) == (first.id, first.occurred_on, NOON)
    touching = ride(alice, start=8, minutes=15, started_at=at_local(8, 40), ended_at=at_local(8, 55))
    assert touching.state == "received"
    assert ride(resident("Bob"), start=8).state == "received"


def test_a_trip_counts_once_for_a_person_in_any_city_and_mode(alice):
    ride(alice, start=8, minutes=40)
    other = ride(alice, start=8, minutes=20, activity="shared_bike_trip", region="440304", inputs={"distance": "3"})
    assert other.reason == "overlapping_trip"


def test_a_meter_period_counts_once_across_providers_and_people():
    family, neighbours = household(resident("Chen").person), household(resident("Li").person, name="李家")
    first = electricity(family)
    again = electricity(neighbours, provider=provider("csg"), source_record_id="csg-1", meter="0300123456 ")
    assert (again.state, again.reason, again.duplicate_of) == ("duplicate", "same_deed", first.id)
    next_day = dt.date(2026, 11, 21)
    assert electricity(family, period_start=next_day, period_end=next_day, source_record_id="2").state == "received"


def test_an_item_serial_counts_once_whatever_its_case(alice):
    first = old_clothes(alice)
    again = old_clothes(resident("Bob"), item_serial="bag-0001")
    assert (again.state, again.duplicate_of) == ("duplicate", first.id)
    assert first.window_ends_at == NOON + dt.timedelta(hours=24)


def test_a_meter_bound_to_another_family_is_not_credited_here():
    family, neighbours = household(resident("Chen").person), household(resident("Li").person, name="李家")
    Meter.objects.create(
        kind="electricity", number="0300123456", household=neighbours.household, region="440106", bound_on=TODAY
    )
    assert electricity(family).reason == "meter_of_another"
    assert electricity(neighbours, source_record_id="theirs").state == "received"


def test_an_unknown_activity_is_stored_as_rejected(alice, sent):
    record = ride(alice, activity="teleport")
    assert (record.state, record.reason, record.closed_at) == ("rejected", "unknown_activity", NOON)
    assert not TripInterval.objects.exists()
    assert sent == []


def test_a_firm_rides_no_metro_and_a_resident_grows_no_forest(alice):
    assert ride(firm(alice.person), person=alice.person).reason == "participant_not_eligible"
    forest = submit_record(
        participant=alice,
        person=alice.person,
        activity="forest_increment",
        inputs={},
        meter="PLOT-1",
        period_start=dt.date(2026, 1, 1),
        period_end=TODAY,
        region="440106",
        channel="page",
        source_record_id="f",
        at=NOON,
    )
    assert forest.reason == "participant_not_eligible"


def test_a_closed_account_earns_nothing(alice):
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert ride(alice).reason == "participant_not_eligible"


def test_an_input_that_the_methodology_does_not_know_is_refused_by_name(alice):
    with pytest.raises(BadField) as refused:
        ride(alice, inputs={"distance": "12.4", "speed": "99"})
    assert refused.value.field == "speed"
    assert "distance" in refused.value.detail
    assert not BehaviorRecord.objects.exists()
    assert not DeedKey.objects.exists()


def test_values_of_inputs_are_kept_as_sent_for_the_engine_to_judge(alice):
    assert ride(alice, inputs={"distance": "1e3"}).inputs == {"distance": "1e3"}


def test_a_trip_faster_than_its_kind_is_held_for_review(alice, sent):
    record = ride(alice, minutes=3)
    assert (record.state, record.reason) == ("under_review", "too_fast")
    assert sent == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"region": "999999"}, "region"),
        ({"region": "4401"}, "region"),
        ({"region": "４４０１０６"}, "region"),
        ({"region": "000000"}, "region"),
        ({"town": "442000105"}, "town"),
        ({"region": "442000", "town": "441900003"}, "town"),
        ({"ended_at": None}, "ended_at"),
        ({"started_at": None}, "started_at"),
        ({"started_at": at_local(9), "ended_at": at_local(8)}, "ended_at"),
        ({"started_at": at_local(9), "ended_at": at_local(9)}, "ended_at"),
        ({"started_at": at_local(8) - dt.timedelta(days=2)}, "ended_at"),
        ({"started_at": at_local(11), "ended_at": at_local(13)}, "ended_at"),
        ({"started_at": dt.datetime(1, 1, 1, tzinfo=dt.UTC)}, "started_at"),
        ({"started_at": dt.datetime(9999, 12, 31, 23, tzinfo=dt.UTC)}, "started_at"),
        ({"started_at": dt.datetime(2026, 11, 21, 8)}, "started_at"),
        ({"occurred_on": TODAY - dt.timedelta(days=1)}, "occurred_on"),
        ({"activity": "x" * 41}, "activity"),
        ({"activity": "metro\x00trip"}, "activity"),
        ({"evidence": "gold"}, "evidence"),
        ({"inputs": {"distance": "9" * 65}}, "distance"),
        ({"inputs": {"distance": "1\x002"}}, "distance"),
        ({"inputs": {"distance": 12}}, "distance"),
        ({"inputs": {"DROP TABLE": "1"}}, "inputs"),
        ({"inputs": {f"i{n}": "1" for n in range(61)}}, "inputs"),
        ({"note": "x" * 201}, "note"),
        ({"note": "a\u202eb"}, "note"),
        ({"source_record_id": ""}, "source_record_id"),
        ({"source_record_id": "a\x00"}, "source_record_id"),
        ({"source_record_id": "x" * 129}, "source_record_id"),
    ],
)
def test_what_cannot_be_used_is_refused_by_field_and_nothing_is_written(alice, change, field):
    with pytest.raises(BadField) as refused:
        ride(alice, **change)
    assert refused.value.field == field
    assert refused.value.detail.endswith("。")
    assert refused.value.detail_en
    assert not BehaviorRecord.objects.exists()
    assert not DeedKey.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"meter": ""}, "meter"),
        ({"meter": "电表一"}, "meter"),
        ({"period_start": None}, "period_start"),
        ({"period_end": None}, "period_end"),
        ({"period_end": dt.date(2026, 11, 19)}, "period_end"),
        ({"period_end": dt.date(2026, 11, 22)}, "period_end"),
        ({"period_start": dt.date(2026, 11, 19)}, "period_end"),
        ({"occurred_on": dt.date(2026, 11, 18)}, "occurred_on"),
    ],
)
def test_a_period_needs_its_meter_and_its_days(change, field):
    with pytest.raises(BadField) as refused:
        electricity(household(resident("Chen").person), **change)
    assert refused.value.field == field


@pytest.mark.parametrize(("serial", "code"), [("", "missing_input"), ("袋一", "bad_number"), ("a b", "bad_number")])
def test_a_bag_needs_its_number(alice, serial, code):
    with pytest.raises(BadField) as refused:
        old_clothes(alice, item_serial=serial)
    assert (refused.value.field, refused.value.sub_code) == ("item_serial", code)


def test_a_town_stands_beside_its_city(alice):
    assert ride(alice, region="442000", town="442000001").town == "442000001"


# The local day turns at 16:00 UTC (Q9, T7).
@pytest.mark.parametrize(
    ("started", "day"),
    [
        ("2026-11-20T15:59:59+00:00", "2026-11-20"),
        ("2026-11-20T16:00:00+00:00", "2026-11-21"),
        ("2026-11-20T23:59:59+08:00", "2026-11-20"),
        ("2026-11-21T00:00:00+08:00", "2026-11-21"),
        ("2026-11-20T11:00:00-05:00", "2026-11-21"),
        ("2024-02-28T16:00:00+00:00", "2024-02-29"),
        ("2024-02-29T15:59:59+00:00", "2024-02-29"),
        ("2024-02-29T16:00:00+00:00", "2024-03-01"),
        ("2025-12-31T15:59:59+00:00", "2025-12-31"),
        ("2025-12-31T16:00:00+00:00", "2026-01-01"),
    ],
)
def test_the_day_is_the_one_in_guangdong(alice, started, day):
    start = dt.datetime.fromisoformat(started)
    record = ride(alice, started_at=start, ended_at=start + dt.timedelta(minutes=30))
    assert BehaviorRecord.objects.get(id=record.id).occurred_on.isoformat() == day


@pytest.mark.parametrize(
    ("now", "refused"), [("2026-11-20T15:59:59+00:00", True), ("2026-11-20T16:00:00+00:00", False)]
)
def test_tomorrow_begins_at_midnight_in_guangdong(alice, now, refused):
    moment = dt.datetime.fromisoformat(now)
    if refused:
        with pytest.raises(BadField, match="not come yet"):
            old_clothes(alice, at=moment)
    else:
        assert old_clothes(alice, at=moment).state == "received"


def test_self_declared_records_are_capped_per_day_and_activity(alice):
    for hour in range(2, 8):
        ride(alice, start=hour, minutes=20)
    with pytest.raises(DailyCapReached) as refused:
        ride(alice, start=9)
    assert "6" in refused.value.detail
    assert ride(alice, start=9, evidence="feed", provider=provider()).state == "received"
    assert ride(alice, start=9, day=TODAY - dt.timedelta(days=1)).state == "received"
    assert ride(resident("Bob"), start=9).state == "received"
    assert ride(alice, start=10, activity="shared_bike_trip", inputs={"distance": "3"}).state == "received"


def test_what_did_not_count_takes_no_place_of_the_day(alice):
    for hour in range(2, 8):
        ride(alice, start=hour, minutes=20, key=f"h{hour}")
    assert ride(alice, start=7, minutes=20, key="h7").state == "received"  # a replay is no seventh
    assert BehaviorRecord.objects.count() == 6


def test_a_photo_stays_self_declared(alice, settings, tmp_path):
    from tests.behaviors.cast import picture

    settings.MEDIA_ROOT = tmp_path
    record = ride(alice, photo=SimpleUploadedFile("a.jpg", picture().read()))
    assert record.evidence == "self_declared"

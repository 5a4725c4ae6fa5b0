"""Many at once: one effect. Each race has a twin without the guard, which must show the fault."""

import datetime as dt
import threading

import pytest
from django.db import connection

from behaviors import evidence
from behaviors.errors import DailyCapReached, DeedConflict, TooManyPhotos
from behaviors.models import BehaviorRecord, DeedKey, Evidence, PhotoDay, TripInterval
from behaviors.services import cancel_record, submission
from carbon_portal.kernel import scope
from tests.behaviors.cast import NOON, at_local, library, picture, provider, resident, ride
from tests.ledger.world import meeting


def all_at_once(count, deed):
    """Run deed(n) in `count` threads that start together; the results and the refusals."""
    barrier = threading.Barrier(count)
    results, refusals, others = [], [], []

    def run(number):
        try:
            connection.ensure_connection()
            barrier.wait()
            results.append(deed(number))
        except (DailyCapReached, DeedConflict, TooManyPhotos) as error:
            refusals.append(error)
        except BaseException as error:  # noqa: BLE001  (shown by the assertion below)
            others.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert others == []
    return results, refusals


@pytest.fixture
def alice(own_database):
    library("metro_trip")
    return resident("Alice")


def test_one_source_key_sent_fifty_times_at_once_is_one_record(alice):
    results, refusals = all_at_once(50, lambda n: ride(alice, key="once").id)
    assert len(results) == 50
    assert len(set(results)) == 1
    assert not refusals
    assert BehaviorRecord.objects.count() == DeedKey.objects.count() == TripInterval.objects.count() == 1


def test_one_source_key_with_fifty_contents_has_one_winner(alice):
    results, refusals = all_at_once(50, lambda n: ride(alice, key="once", note=f"note {n}").id)
    assert (len(results), len(refusals)) == (1, 49)
    assert BehaviorRecord.objects.count() == 1


def test_two_channels_with_the_same_trip_make_one_counted_record(alice):
    metro = provider()

    def send(number):
        if number % 2:
            return ride(alice, key=f"card-{number}", provider=metro, channel="file", evidence="feed").state
        return ride(alice, key=f"page-{number}", evidence="proof", start=8, minutes=20 + number).state

    results, _ = all_at_once(20, send)
    assert sorted(results) == ["duplicate"] * 19 + ["received"]
    winner = BehaviorRecord.objects.get(state="received")
    assert set(BehaviorRecord.objects.filter(state="duplicate").values_list("duplicate_of", flat=True)) == {winner.id}


def fifty_rides_of_one_day(alice, monkeypatch, cap):
    """Fifty trips that do not overlap, of which the day has room for `cap`."""
    from dataclasses import replace

    from behaviors import activities

    kinds = activities.activities() | {
        "metro_trip": replace(activities.activity("metro_trip"), self_declared_per_day=cap)
    }
    monkeypatch.setattr(activities, "activities", lambda: kinds)

    def go(number):
        start = at_local(0, number * 10)
        return ride(alice, started_at=start, ended_at=start + dt.timedelta(minutes=9), key=f"n{number}").id

    return all_at_once(50, go)


def test_fifty_at_once_under_a_cap_of_five_leave_five(alice, monkeypatch):
    results, refusals = fifty_rides_of_one_day(alice, monkeypatch, 5)
    assert (len(results), len(refusals)) == (5, 45)
    assert BehaviorRecord.objects.count() == DeedKey.objects.count() == TripInterval.objects.count() == 5


def test_without_its_lock_the_cap_would_leak(alice, monkeypatch):
    """The twin: proof that the test above can see the race."""
    monkeypatch.setattr(submission, "lock_day", lambda deed: None)
    monkeypatch.setattr(submission, "_take_day", meeting(6, submission._take_day))
    results, _ = fifty_rides_of_one_day(alice, monkeypatch, 5)
    assert len(results) > 5


@pytest.fixture
def twelve_photos(own_database, settings, tmp_path):
    """Twelve trips of different people at once, each with a photo, all entered by Alice; and what was stored."""
    settings.MEDIA_ROOT = tmp_path
    library("metro_trip")
    alice, travellers = resident("Alice").person, [resident() for _ in range(12)]
    photos = [picture("PNG") for _ in range(12)]

    def send():
        results, refusals = all_at_once(12, lambda n: ride(travellers[n], person=alice, photo=photos[n]).id)
        with scope.admitting(alice.pk):
            counted = PhotoDay.objects.get().files
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == Evidence.objects.count() == counted
        assert (len(results), len(refusals)) == (counted, 12 - counted)
        return counted

    return send


def test_twelve_photos_at_once_under_a_limit_of_three_leave_three(twelve_photos, monkeypatch):
    monkeypatch.setattr(evidence, "PHOTOS_PER_DAY", 3)
    assert twelve_photos() == 3


def test_looked_up_first_and_counted_afterwards_the_photos_would_pass_the_limit(twelve_photos, monkeypatch):
    """The twin: the limit of three is no condition of the statement that counts."""

    def has_room(person, day):
        with scope.admitting(person):
            return not PhotoDay.objects.filter(person=person, day=day, files__gte=3).exists()

    count, has_room = evidence.take_room, meeting(6, has_room)
    monkeypatch.setattr(evidence, "take_room", lambda *one: has_room(*one[:2]) and count(*one))
    assert twelve_photos() > 3


def test_a_record_cancelled_ten_times_at_once_is_cancelled_once(alice):
    record = ride(alice)
    results, _ = all_at_once(10, lambda n: cancel_record(record=record, person=alice.person, at=NOON).state)
    assert results == ["reversed"] * 10
    from carbon_portal.kernel.models import AuditEvent

    assert AuditEvent.objects.filter(verb="record.cancelled").count() == 1
    assert not TripInterval.objects.exists()

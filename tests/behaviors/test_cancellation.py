"""An own mistaken record is taken back while it is not final."""

import pytest

from accounts.models import HouseholdMember
from behaviors.errors import DeedConflict, NotYoursToCancel, TooLateToCancel
from behaviors.models import BehaviorRecord, DeedKey, TripInterval
from behaviors.services import cancel_record
from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.models import AuditEvent
from tests.behaviors.cast import NOON, TODAY, library, provider, resident, ride
from tests.behaviors.test_submission import electricity, household, old_clothes

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db):
    library()
    return resident("Alice")


@pytest.fixture
def sent(monkeypatch):
    names = []
    monkeypatch.setattr("behaviors.services.cancellation.enqueue_on_commit", lambda task, *a: names.append(task))
    return names


def test_cancelling_frees_the_time_and_wakes_the_undoing(alice, sent):
    record = ride(alice, key="one")
    cancel_record(record=record, person=alice.person, at=NOON)
    stored = BehaviorRecord.objects.get(id=record.id)
    assert (stored.state, stored.reason, stored.closed_at) == ("reversed", "cancelled_by_owner", NOON)
    assert sent == ["credits.undo_reversed"]
    assert not TripInterval.objects.exists()
    event = AuditEvent.objects.get(verb="record.cancelled")
    assert (event.actor, event.target, event.data["was"]) == (alice.person_id, f"record:{record.id}", "received")
    assert ride(alice, key="two").state == "received"


def test_the_source_key_stays_taken(alice):
    record = ride(alice, key="one")
    cancel_record(record=record, person=alice.person, at=NOON)
    assert ride(alice, key="one").id == record.id
    with pytest.raises(DeedConflict):
        ride(alice, key="one", note="again")


def test_the_deeds_own_key_is_free_again(alice):
    record = old_clothes(alice)
    cancel_record(record=record, person=alice.person, at=NOON)
    assert old_clothes(alice, source_record_id="second").state == "received"
    assert DeedKey.objects.filter(kind="identity").count() == 1


@pytest.mark.parametrize("state", ["received", "checking", "under_review", "provisional"])
def test_it_may_be_cancelled_until_it_is_final(alice, state):
    record = ride(alice)
    BehaviorRecord.objects.filter(id=record.id).update(state=state)
    assert cancel_record(record=record, person=alice.person, at=NOON).state == "reversed"


@pytest.mark.parametrize("state", ["final", "rejected", "duplicate"])
def test_afterwards_it_is_too_late(alice, state):
    record = ride(alice)
    BehaviorRecord.objects.filter(id=record.id).update(state=state)
    with pytest.raises(TooLateToCancel):
        cancel_record(record=record, person=alice.person, at=NOON)
    assert TripInterval.objects.exists()


def test_cancelling_twice_changes_nothing(alice, sent):
    record = ride(alice)
    cancel_record(record=record, person=alice.person, at=NOON)
    cancel_record(record=record, person=alice.person, at=NOON)
    assert sent == ["credits.undo_reversed"]
    assert AuditEvent.objects.filter(verb="record.cancelled").count() == 1


def test_nobody_cancels_anothers_record(alice):
    record = ride(alice)
    with pytest.raises(NotFound):
        cancel_record(record=record, person=resident("Bob").person, at=NOON)
    assert BehaviorRecord.objects.get(id=record.id).state == "received"


def test_what_a_provider_sent_its_provider_withdraws(alice):
    record = ride(alice, provider=provider(), evidence="feed")
    with pytest.raises(NotYoursToCancel, match="广州地铁"):
        cancel_record(record=record, person=alice.person, at=NOON)


def test_a_member_of_the_family_may_cancel_and_one_who_left_may_not(alice):
    chen = resident("Chen").person
    family = household(chen)
    record = electricity(family)
    HouseholdMember.objects.filter(person=chen).update(left_on=TODAY)
    with pytest.raises(NotFound):
        cancel_record(record=record, person=chen, at=NOON)
    HouseholdMember.objects.filter(person=chen).update(left_on=None)
    assert cancel_record(record=record, person=chen, at=NOON).state == "reversed"

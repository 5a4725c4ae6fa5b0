"""A person takes back an own mistaken record while it is not final."""

import datetime as dt

from django.db import transaction

from accounts.models import Person
from behaviors.constants import CANCELLABLE_STATES, WAKE_UNDO, DeedKeyKind, Reason, RecordState
from behaviors.errors import NotYoursToCancel, TooLateToCancel
from behaviors.models import BehaviorRecord, DeedKey, TripInterval
from behaviors.permissions import may_act_for
from carbon_portal.kernel.audit import record_event
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.errors import NotFound


@transaction.atomic
def cancel_record(*, record: BehaviorRecord, person: Person, at: dt.datetime) -> BehaviorRecord:
    """Set the record `reversed` and free its trip interval and its own key; the source key stays taken.

    Doing it twice changes nothing. Errors: NotFound (not this person's), NotYoursToCancel (sent by a provider),
    TooLateToCancel (final, or closed otherwise).
    """
    locked = (
        BehaviorRecord.objects.select_for_update(of=("self",))
        .select_related("participant", "provider")
        .filter(id=record.pk, occurred_on=record.occurred_on)
        .first()
    )
    if locked is None or not may_act_for(person, locked.participant):
        raise NotFound
    if locked.state == RecordState.REVERSED:
        return locked
    if locked.provider is not None:
        raise NotYoursToCancel(source=locked.provider.name)
    if locked.state not in CANCELLABLE_STATES:
        state = RecordState(locked.state)
        raise TooLateToCancel(state=state.label, state_en=state.value.replace("_", " "))
    was = locked.state
    locked.state, locked.reason, locked.closed_at = RecordState.REVERSED, Reason.CANCELLED, at
    # The table's key is (id, occurred_on): an update by both reaches one partition.
    BehaviorRecord.objects.filter(id=locked.pk, occurred_on=locked.occurred_on).update(
        state=locked.state, reason=locked.reason, closed_at=at
    )
    TripInterval.objects.filter(record_id=locked.pk).delete()
    DeedKey.objects.filter(record_id=locked.pk, kind=DeedKeyKind.IDENTITY).delete()
    record_event(
        verb="record.cancelled",
        target=f"record:{locked.pk}",
        actor=person.pk,
        region=locked.region,
        data={"was": was, "occurred_on": locked.occurred_on.isoformat()},
    )
    enqueue_on_commit(WAKE_UNDO)
    return locked

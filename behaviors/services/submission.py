"""One deed from a page or the API becomes one record, once."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import IO

from django.db import connection, transaction
from django.db.models import Q

from accounts.models import Meter, Participant, Person, Provider
from behaviors import deeds
from behaviors import evidence as pictures
from behaviors.constants import (
    CLOSED_STATES,
    DAY_GATE,
    WAKE_QUANTIFICATION,
    Channel,
    DeedKeyKind,
    EvidenceGrade,
    Reason,
    RecordState,
)
from behaviors.declared import Declared, declared, is_eligible
from behaviors.errors import BadField, DailyCapReached, DeedConflict
from behaviors.models import BehaviorRecord, DeedKey, TripInterval
from carbon_portal.kernel import clock, scope
from carbon_portal.kernel.dispatch import enqueue_on_commit


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The state a new record starts with and, if it is not counted, why and because of which earlier record."""

    state: str = RecordState.RECEIVED
    reason: str = ""
    earlier_id: int | None = None
    earlier_on: dt.date | None = None


def submit_record(
    *,
    participant: Participant,
    person: Person | None,
    activity: str,
    inputs: Mapping[str, str],
    region: str,
    channel: Channel | str,
    source_record_id: str,
    at: dt.datetime,
    occurred_on: dt.date | None = None,
    started_at: dt.datetime | None = None,
    ended_at: dt.datetime | None = None,
    meter: str = "",
    period_start: dt.date | None = None,
    period_end: dt.date | None = None,
    item_serial: str = "",
    town: str = "",
    evidence: EvidenceGrade | str = EvidenceGrade.SELF_DECLARED,
    provider: Provider | None = None,
    note: str = "",
    photo: IO[bytes] | None = None,
) -> BehaviorRecord:
    """Store one deed and wake the quantification; the same source key with the same content returns the first record.

    The source key is (provider, number), or (participant, number) where nobody stands between. A deed that was already
    counted is stored as `duplicate`, one that this participant can't earn by as `rejected`; both say why and count
    nothing. Errors: BadField, BadPicture, PictureUsed, TooManyPhotos, DailyCapReached, DeedConflict.
    """
    number = deeds.check_source_record_id(source_record_id)
    deed = deeds.check(
        participant=participant.pk,
        activity=activity,
        inputs=inputs,
        region=region,
        evidence=str(evidence),
        at=at,
        occurred_on=occurred_on,
        started_at=started_at,
        ended_at=ended_at,
        meter=meter,
        period_start=period_start,
        period_end=period_end,
        item_serial=item_serial,
        town=town,
        note=note,
    )
    picture = pictures.read(photo) if photo is not None else None
    scope = deeds.source_scope(provider_code=provider.code if provider else "", participant=participant.pk)
    source = deeds.source_digest(scope=scope, source_record_id=number)
    content = deed.content_sha256(picture.original_sha256 if picture else "")
    with transaction.atomic():
        record_id = _next_id()
        first = _claim(DeedKeyKind.SOURCE, source, record_id, deed, content)
        if first is not None:
            return _same_or_conflict(first, content, number)
        verdict = _judge(deed, participant, record_id, content, at)
        record = BehaviorRecord.objects.create(
            id=record_id,
            **asdict(deed) | {"participant": participant, "inputs": dict(deed.inputs)},
            person=person,
            state=verdict.state,
            reason=verdict.reason,
            duplicate_of=verdict.earlier_id,
            duplicate_on=verdict.earlier_on,
            channel=channel,
            provider=provider,
            source_record_id=number,
            content_sha256=content,
            received_at=at,
            closed_at=at if verdict.state in CLOSED_STATES else None,
            window_ends_at=deed.window_ends_at(at),
        )
        if picture is not None and verdict.state not in CLOSED_STATES:
            pictures.keep(picture, record=record, at=at)
        if verdict.state == RecordState.RECEIVED:
            enqueue_on_commit(WAKE_QUANTIFICATION)
    return record


def _judge(deed: deeds.Deed, participant: Participant, record_id: int, content: str, at: dt.datetime) -> _Verdict:
    """What becomes of a deed whose source key is new. Takes the deed's own key, trip interval and day."""
    kind = deed.kind
    if kind is None:
        return _Verdict(RecordState.REJECTED, Reason.UNKNOWN_ACTIVITY)
    version = declared(activity=deed.activity, region=deed.region, on=deed.occurred_on)
    if not participant.is_active or not is_eligible(participant.kind, kind, version):
        return _Verdict(RecordState.REJECTED, Reason.NOT_ELIGIBLE)
    _check_declared(deed, version)
    if deed.meter and _meter_of_another(deed, kind.sector, participant):
        return _Verdict(RecordState.REJECTED, Reason.METER_OF_ANOTHER)
    identity = deed.identity_digest()
    if identity is not None:
        key = _claim(DeedKeyKind.IDENTITY, identity, record_id, deed, content)
        if key is not None:
            return _Verdict(RecordState.DUPLICATE, Reason.SAME_DEED, key.record_id, key.record_on)
    if kind.identity == "interval":
        trip = _claim_interval(deed, participant, record_id)
        if trip is not None:
            return _Verdict(RecordState.DUPLICATE, Reason.OVERLAPPING_TRIP, trip.record_id, trip.record_on)
    if deed.evidence == EvidenceGrade.SELF_DECLARED:
        _take_day(deed)
    if deed.is_too_fast():
        return _Verdict(RecordState.UNDER_REVIEW, Reason.TOO_FAST)
    return _Verdict()


def _check_declared(deed: deeds.Deed, version: Declared | None) -> None:
    if version is not None:
        deeds.check_inputs_declared(deed.inputs, version.inputs)
        deeds.check_inputs_complete(deed.inputs, version.inputs)


def _next_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('behaviors_behaviorrecord_id_seq')")
        return int(cursor.fetchone()[0])


def _claim(kind: DeedKeyKind, digest: bytes, record_id: int, deed: deeds.Deed, content: str) -> DeedKey | None:
    """Take a key for this record (None), or give the row that has it. Waits for a twin in flight."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO behaviors_deedkey (kind, digest, record_id, record_on, content_sha256)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [kind, digest, record_id, deed.occurred_on, content],
        )
        if cursor.rowcount == 1:
            return None
    return DeedKey.objects.get(kind=kind, digest=digest)


def _claim_interval(deed: deeds.Deed, participant: Participant, record_id: int) -> TripInterval | None:
    """Take [start, end) of the person for this trip (None), or give the earliest interval in the way."""
    traveller = participant.person_id
    assert traveller is not None  # eligibility: a trip is a person's deed
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO behaviors_tripinterval (person_id, period, record_id, record_on)"
            " VALUES (%s, tstzrange(%s, %s), %s, %s) ON CONFLICT DO NOTHING",
            [traveller, deed.started_at, deed.ended_at, record_id, deed.occurred_on],
        )
        if cursor.rowcount == 1:
            return None
    return (
        TripInterval.objects.filter(person_id=traveller, period__overlap=(deed.started_at, deed.ended_at))
        .order_by("period")
        .first()
    )


def _same_or_conflict(first: DeedKey, content: str, number: str) -> BehaviorRecord:
    record = BehaviorRecord.objects.get(id=first.record_id, occurred_on=first.record_on)
    if first.content_sha256 != content:
        received = clock.local_date(record.received_at).isoformat()
        raise DeedConflict(source_record_id=number, received=received, record_id=record.pk)
    return record


def _take_day(deed: deeds.Deed) -> None:
    """Refuse a self-declared record past the day's number. The lock makes parallel requests count one another."""
    kind = deed.kind
    assert kind is not None  # judged only for known activities
    lock_day(deed)
    taken = (
        BehaviorRecord.objects.filter(
            participant=deed.participant,
            activity=deed.activity,
            occurred_on=deed.occurred_on,
            evidence=EvidenceGrade.SELF_DECLARED,
        )
        .exclude(state__in=CLOSED_STATES)
        .count()
    )
    if taken >= kind.self_declared_per_day:
        raise DailyCapReached(
            day=deed.occurred_on.isoformat(),
            activity=kind.title.zh,
            activity_en=kind.title.en,
            limit=kind.self_declared_per_day,
        )


def lock_day(deed: deeds.Deed) -> None:
    """One transaction at a time per participant, activity and day; imports with self-declared rows come alone."""
    name = f"{deed.participant}:{deed.activity}:{deed.occurred_on.isoformat()}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s), pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [DAY_GATE, name],
        )


def _meter_of_another(deed: deeds.Deed, sector: str, participant: Participant) -> bool:
    """Whether the meter is bound to another family or firm (journeys 3.1)."""
    bound = Meter.objects.filter(kind=sector, number=deed.meter.upper(), released_on__isnull=True)
    own = (
        Q(household=participant.household_id, household__isnull=False)
        | Q(organisation=participant.organisation_id, organisation__isnull=False)
        | Q(household__members__person=participant.person_id, household__members__left_on__isnull=True)
    )
    with scope.admitting(scope.meter_key(sector, deed.meter.upper())):
        return bound.exists() and not bound.filter(own).exists()


__all__ = ["BadField", "lock_day", "submit_record"]

"""Reads of records, each with the right built in: another person's record and a missing one give the same answer."""

import datetime as dt
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import get_language

from accounts import selectors as accounts
from accounts.constants import AREA_ROLES
from accounts.models import Meter, Participant
from accounts.selectors import Viewer
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import NotFound
from methodologies.engine import reasons

from . import activities
from .constants import CANCELLABLE_STATES, Channel, Reason, RecordState
from .intake.plausible import Subject
from .models import BehaviorRecord, Evidence


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a record's life: `state` as in RecordState, `at` None while it lies ahead."""

    state: str
    label: str
    at: dt.datetime | None


def own_records(user: Viewer, *, participant: Participant | None = None) -> QuerySet[BehaviorRecord]:
    """Records of everybody this login may act for (or of one of them), newest day first."""
    own = accounts.participants_of(user)
    if participant is not None:
        own = [one for one in own if one.pk == participant.pk]
    return (
        BehaviorRecord.objects.filter(participant__in=own)
        .select_related("participant", "provider")
        .order_by("-occurred_on", "-id")
    )


def record_for(user: Viewer, pk: int, *, write: bool = False) -> BehaviorRecord:
    """One own record. Errors: NotFound; with `write`, also for an account that is closed."""
    record = own_records(user).filter(id=pk).first() if 0 < pk < 2**63 else None
    if record is None or (write and not record.participant.is_active):
        raise NotFound
    return record


def is_cancellable(record: BehaviorRecord) -> bool:
    """Whether its owner may still take it back: not final, and not sent by a provider."""
    return record.provider_id is None and record.state in CANCELLABLE_STATES


def evidence_of(record: BehaviorRecord) -> QuerySet[Evidence]:
    return Evidence.objects.filter(record_id=record.pk, record_on=record.occurred_on).order_by("created_at")


def evidence_for(user: Viewer, pk: uuid.UUID) -> Evidence:
    """A picture, for its owner and for officers, approvers and auditors of its area. Errors: NotFound."""
    evidence = Evidence.objects.filter(uuid=pk).first()
    if evidence is None:
        raise NotFound
    if own_records(user).filter(id=evidence.record_id, occurred_on=evidence.record_on).exists():
        return evidence
    if accounts.in_scope(user, evidence.region, *AREA_ROLES):
        return evidence
    raise NotFound


def timeline(record: BehaviorRecord) -> list[Step]:
    """received → checking → provisional → final, each with its time, or where it ended instead."""
    times = {
        RecordState.RECEIVED: record.received_at,
        RecordState.CHECKING: record.claimed_at,
        RecordState.PROVISIONAL: record.provisional_at,
        RecordState.FINAL: record.final_at,
    }
    state = RecordState(record.state)
    if state in (RecordState.REJECTED, RecordState.DUPLICATE, RecordState.REVERSED):
        passed = [Step(one.value, one.label, at) for one, at in times.items() if at is not None]
        return [*passed, Step(state.value, state.label, record.closed_at)]
    steps = [Step(one.value, one.label, at) for one, at in times.items()]
    if state == RecordState.UNDER_REVIEW:
        steps.insert(2, Step(state.value, state.label, record.claimed_at or record.received_at))
    return steps


def why(record: BehaviorRecord) -> tuple[str, str]:
    """Why a record does not count (yet), in Chinese and English; both empty where there is nothing to explain."""
    if record.reason in (Reason.SAME_DEED, Reason.OVERLAPPING_TRIP):
        return _why_duplicate(record)
    if record.reason in _SENTENCES:
        return _SENTENCES[record.reason]
    return reasons.SENTENCES.get(record.reason, ("", "")) if record.reason else ("", "")


def why_here(record: BehaviorRecord) -> str:
    """`why` in the language of the page."""
    zh, en = why(record)
    return en if (get_language() or "").startswith("en") else zh


_SENTENCES: dict[str, tuple[str, str]] = {
    Reason.UNKNOWN_ACTIVITY: (
        "行为代码不在代码表中，没有计入。请从行为列表中选择后重新提交。",
        "The activity code is not on the list, so nothing was counted. Choose one from the list and submit again.",
    ),
    Reason.NOT_ELIGIBLE: reasons.SENTENCES["participant_not_eligible"],
    Reason.METER_OF_ANOTHER: (
        "该户号已由其他家庭或单位绑定，没有计入。若已搬家，请先在“我的”里绑定户号。",
        "This meter is bound to another family or firm, so nothing was counted. If you moved in, bind the meter first.",
    ),
    Reason.TOO_FAST: (
        "按所填里程和时间，速度超过这种出行的上限，已转人工复核；余额不受影响。",
        "By distance and time it was faster than this kind of trip can be; it is held for review; your balance stays.",
    ),
    Reason.CANCELLED: ("本人已撤销，没有计入。", "Cancelled by its owner; nothing was counted."),
}


def _why_duplicate(record: BehaviorRecord) -> tuple[str, str]:
    if record.duplicate_of is None or record.duplicate_on is None:
        return ("同一行为已有记录，没有重复计入。", "The same deed was already recorded and counts once.")
    earlier = (
        BehaviorRecord.objects.filter(id=record.duplicate_of, occurred_on=record.duplicate_on)
        .select_related("provider")
        .first()
    )
    if earlier is None:
        return ("同一行为已有记录，没有重复计入。", "The same deed was already recorded and counts once.")
    found = activities.find(earlier.activity)
    title, title_en = (found.title.zh, found.title.en) if found else (earlier.activity, earlier.activity)
    source, source_en = _source(earlier)
    received = clock.local_date(earlier.received_at)
    if record.reason == Reason.OVERLAPPING_TRIP and earlier.started_at and earlier.ended_at:
        start, end = (moment.astimezone(clock.LOCAL_ZONE) for moment in (earlier.started_at, earlier.ended_at))
        span = f"{start:%H:%M}–{end:%H:%M}"
        return (
            f"这次行程与 {earlier.occurred_on:%m月%d日} {span} 的“{title}”时间重叠。那条记录来自{source},"
            f"{received:%m月%d日}收到，先到的有效，本条没有重复计入。",
            f"This trip overlaps “{title_en}” of {earlier.occurred_on} {span}, received {received} from {source_en}. "
            "The first one stands; this one is not counted again.",
        )
    return (
        f"同一{_number(found)}已有“{title}”记录，来自{source},{received:%m月%d日}收到。先到的有效，本条没有重复计入。",
        f"“{title_en}” with the same number was received on {received} from {source_en}. "
        "The first one stands; this one is not counted again.",
    )


def _number(activity: activities.Activity | None) -> str:
    if activity is None or activity.identity_label is None:
        return "编号"
    return activity.identity_label.zh + ("和账期" if activity.identity == "meter_period" else "")


def _source(record: BehaviorRecord) -> tuple[str, str]:
    if record.provider is not None:
        return record.provider.name, record.provider.name
    names = {
        Channel.PAGE: ("网页填写", "the web page"),
        Channel.API: ("接口报送", "the API"),
        Channel.FILE: ("文件导入", "a file"),
    }
    return names[Channel(record.channel)]


def public_activities() -> list[dict[str, Any]]:
    """The list of activities as the API shows it."""
    return [
        {
            "code": one.code,
            "title": one.title.zh,
            "title_en": one.title.en,
            "hint": one.hint.zh,
            "hint_en": one.hint.en,
            "sector": one.sector,
            "identity": one.identity,
            "subject": one.subject,
            "correction_hours": one.correction_hours,
            "self_declared_per_day": one.self_declared_per_day,
        }
        for one in activities.activities().values()
    ]


def subjects_that_earn() -> list[Subject]:
    """Residents, households and firms with an open account, with their meters: for plausible records. Two queries."""
    meters: dict[uuid.UUID, dict[str, str]] = defaultdict(dict)
    for kind, number, household, organisation in Meter.objects.filter(released_on__isnull=True).values_list(
        "kind", "number", "household_id", "organisation_id"
    ):
        meters[household or organisation][kind] = number
    rows = (
        Participant.objects.filter(is_active=True, kind__in=["resident", "household", "sme"])
        .order_by("public_id")
        .values_list("public_id", "kind", "region", "household_id", "organisation_id")
    )
    return [
        Subject(public_id, kind, region, meters.get(household or organisation, {}))
        for public_id, kind, region, household, organisation in rows
    ]

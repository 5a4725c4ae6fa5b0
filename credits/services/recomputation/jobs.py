"""The deeds of people on a recomputation: chosen by one, previewed, asked for, decided by another, or given up."""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts.constants import Role
from carbon_portal.kernel import approvals, audit, regions
from carbon_portal.kernel.dispatch import enqueue_on_commit
from credits.constants import PROVINCE, RecomputationRule, RecomputationState
from credits.errors import NothingToRecompute, RecomputationNotReady, WrongRecomputation
from credits.models import Recomputation
from credits.services import bulk
from methodologies.constants import FROZEN_STATES
from methodologies.models import MethodologyVersion
from methodologies.selectors import latest_factor_row

from .books import patterns
from .numbers import content_now

KIND = "methodology.recompute"
TASK = "credits.recompute"
State = RecomputationState

_ANY = """
    SELECT 1 FROM credits_reduction x JOIN behaviors_behaviorrecord r ON r.id = x.record_id
           AND r.occurred_on = x.record_on AND r.state = 'final'
     WHERE x.code = %s AND x.record_on BETWEEN %s AND %s AND r.occurred_on BETWEEN %s AND %s AND x.region LIKE ANY(%s)
     LIMIT 1
"""


def start_recomputation(
    *,
    version: MethodologyVersion,
    first: dt.date,
    last: dt.date,
    areas: Sequence[str],
    rule: str,
    reason: str,
    reason_en: str = "",
    actor: UUID,
    at: dt.datetime,
) -> Recomputation:
    """Choose final records of the version's code to be computed again under it; a worker previews them.

    The factor library is the one of now. Errors: WrongRecomputation, NothingToRecompute, UnknownRegion.
    """
    codes = sorted({regions.region(area).six for area in areas})
    if PROVINCE in codes:
        codes = [PROVINCE]
    _refuse_wrong(version, first, last, codes, rule, reason)
    if not bulk.rows(_ANY, [version.methodology_id, first, last, first, last, patterns(codes)]):
        raise NothingToRecompute(code=version.methodology_id, first=first, last=last)
    with transaction.atomic():
        job = Recomputation.objects.create(
            code=version.methodology_id, version=version, library=latest_factor_row(), first=first, last=last,
            regions=codes, rule=rule, reason=reason.strip(), reason_en=reason_en.strip(), initiator=actor,
            created_at=at,
        )  # fmt: skip
        _audit("started", job, actor, {"version": str(version), "rule": rule})
        enqueue_on_commit(TASK)
    return job


def _refuse_wrong(
    version: MethodologyVersion, first: dt.date, last: dt.date, codes: Sequence[str], rule: str, reason: str
) -> None:
    if version.state not in FROZEN_STATES:
        raise WrongRecomputation(why="只能用已发布过的版本重算", why_en="only a version that was published can be used")
    if first > last:
        raise WrongRecomputation(why="开始日期晚于结束日期", why_en="the first day is after the last")
    if not codes:
        raise WrongRecomputation(why="没有选择地区", why_en="no area was chosen")
    if rule not in RecomputationRule.values:
        raise WrongRecomputation(why="没有选择处理规则", why_en="no rule was chosen")
    if not 4 <= len(reason.strip()) <= 300:
        raise WrongRecomputation(
            why="请用 4 至 300 字说明原因，受影响的居民会看到",
            why_en="say why in 4 to 300 characters",
        )


def request_decision(*, job: Recomputation, actor: UUID, at: dt.datetime) -> Recomputation:
    """Ask for the decision on exactly what the preview shows. Asking again changes nothing.

    Errors: RecomputationNotReady, and the refusals of kernel.approvals.
    """
    with transaction.atomic():
        mine = _locked(job)
        if mine.state not in (State.PREVIEWED, State.WAITING):
            raise RecomputationNotReady(state=mine.get_state_display())
        approvals.open_request(
            kind=KIND, subject=subject_of(mine), title=title_of(mine), title_en=title_of(mine, "en"), region=PROVINCE,
            content_sha256=mine.content_sha256, initiator=actor, initiator_role=Role.PROVINCE_OFFICER, at=at,
            barred={mine.initiator} - {actor},  # whoever chose it does not decide, whoever asks
        )  # fmt: skip
        Recomputation.objects.filter(pk=mine.pk).update(state=State.WAITING)
    return _fresh(job)


def decide_recomputation(
    *, job: Recomputation, actor: UUID, shown_sha256: str, approved: bool, note: str = "", at: dt.datetime
) -> Recomputation:
    """Another person decides about what they were shown; what was approved is written by a worker.

    Errors: RecomputationNotReady, and the refusals of kernel.approvals.
    """
    with approvals.void_on_change():
        mine = _locked(job)
        request = approvals.request_for(KIND, subject_of(mine))
        if request is None or mine.state not in (State.WAITING, State.RUNNING, State.DONE, State.DECLINED):
            raise RecomputationNotReady(state=mine.get_state_display())
        approvals.decide(request=request, actor=actor, shown_sha256=shown_sha256, approved=approved, note=note, at=at)
        Recomputation.objects.filter(pk=mine.pk, state=State.WAITING).update(
            state=State.RUNNING if approved else State.DECLINED, approver=actor, decided_at=at
        )
        if approved:
            enqueue_on_commit(TASK)
    return _fresh(job)


def discard_recomputation(*, job: Recomputation, actor: UUID, at: dt.datetime) -> Recomputation:
    """Give up what was not decided yet; an open request is withdrawn with it. Errors: RecomputationNotReady."""
    with transaction.atomic():
        mine = _locked(job)
        if mine.state == State.DISCARDED:
            return mine
        if mine.state not in (State.PREPARING, State.PREVIEWING, State.PREVIEWED, State.WAITING):
            raise RecomputationNotReady(state=mine.get_state_display())
        approvals.void_requests(kind=KIND, subject=subject_of(mine), why="重算已放弃", at=at, actor=actor)
        Recomputation.objects.filter(pk=mine.pk).update(state=State.DISCARDED, finished_at=at)
        _audit("discarded", mine, actor, {})
    return _fresh(job)


def subject_of(job: Recomputation) -> str:
    """What the approval is about."""
    return f"recomputation:{job.uuid}"


def content_of_subject(subject: str) -> str:
    """The hash of a recomputation's content as it is now."""
    uuid = subject.partition(":")[2]
    return content_now(Recomputation.objects.select_related("version", "library").get(uuid=uuid))


def title_of(job: Recomputation, language: str = "zh") -> str:
    """What a work list calls it."""
    if language == "en":
        return f"Recompute {job.version} for {job.first} to {job.last}"
    return f"按 {job.version} 重算 {job.first} 至 {job.last} 的记录"


def _locked(job: Recomputation) -> Recomputation:
    Recomputation.objects.select_for_update().get(pk=job.pk)
    return _fresh(job)


def _fresh(job: Recomputation) -> Recomputation:
    return Recomputation.objects.select_related("version__methodology", "library").get(pk=job.pk)


def _audit(verb: str, job: Recomputation, actor: UUID, data: dict[str, object]) -> None:
    audit.record_event(
        verb=f"recomputation.{verb}", target=subject_of(job), actor=actor, region=PROVINCE,
        data={"code": job.code, **data},
    )  # fmt: skip

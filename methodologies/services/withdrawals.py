"""停用: two people take a version out of force, with notice, a last day and, where there is one, a successor."""

import datetime as dt
import hashlib
import json
import uuid

from django.db import transaction

from accounts.constants import Role
from carbon_portal.kernel import approvals, clock, regions, workdays
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.errors import InvalidInput
from methodologies.constants import (
    DECISION_WORKING_DAYS,
    NOTICE_DAYS,
    NOTICES_TASK,
    WITHDRAW_KIND,
    StageState,
    VersionState,
)
from methodologies.errors import AuthorApproves, NotThisContent, SuccessorUnsuitable, SunsetTooEarly, WrongStage
from methodologies.models import Methodology, MethodologyVersion, Withdrawal
from methodologies.selectors.library import covering_regions

from ._seats import seat
from .acceptance import locked_version
from .library import _update_span
from .stages import enter, stage_of


def withdrawal_sha256(plan: Withdrawal) -> str:
    """What is decided on, as it stands: the version and its text, the last day, the successor, the reason."""
    content = {
        "version": str(plan.version), "sha256": plan.version.sha256, "sunset_on": plan.sunset_on.isoformat(),
        "successor": str(plan.successor) if plan.successor else "", "reason": plan.reason,
    }  # fmt: skip
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def content_of_withdrawal(subject: str) -> str:
    """The hash of a plan by the name that approvals know it by."""
    found = Withdrawal.objects.select_related("version", "successor").get(uid=subject.removeprefix("withdrawal:"))
    return withdrawal_sha256(found)


@transaction.atomic
def plan_withdrawal(
    *,
    version: MethodologyVersion,
    person: uuid.UUID,
    shown_sha256: str,
    sunset_on: dt.date,
    successor: MethodologyVersion | None = None,
    reason: str,
    at: dt.datetime,
) -> Withdrawal:
    """Write the plan and ask for its approval. Errors: SunsetTooEarly, SuccessorUnsuitable, WrongStage."""
    role = seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    locked = locked_version(version)
    _refuse_not_in_force(locked)
    if shown_sha256 != locked.sha256:
        raise NotThisContent(version=str(locked))
    _refuse_short_notice(sunset_on, at)
    if not reason.strip():
        raise InvalidInput(reason="请写明停用原因，原因会公开。", reason_en="Say why; the reason will be public.")
    if successor is not None and not _follows(locked, successor):
        raise SuccessorUnsuitable
    plan = Withdrawal(
        version=locked, sunset_on=sunset_on, successor=successor, reason=reason.strip(), person=person, at=at
    )
    plan.content_sha256 = withdrawal_sha256(plan)
    plan.save(force_insert=True)
    approvals.open_request(
        kind=WITHDRAW_KIND,
        subject=f"withdrawal:{plan.uid}",
        title=f"停用方法学：{locked.title_zh}",
        title_en=f"Withdraw a method: {locked.title_en or locked.title_zh}",
        region=regions.PROVINCE,
        content_sha256=plan.content_sha256,
        initiator=person,
        initiator_role=role,
        due_on=workdays.add_working_days(clock.local_date(at), DECISION_WORKING_DAYS),
        at=at,
    )
    return plan


def decide_withdrawal(
    *,
    plan: Withdrawal,
    person: uuid.UUID,
    shown_sha256: str,
    approved: bool,
    note: str = "",
    at: dt.datetime,
) -> MethodologyVersion:
    """Carry the plan out, or return it with the reason. Errors: as `approvals.decide`, WrongStage, SunsetTooEarly."""
    with approvals.void_on_change(), transaction.atomic():
        methodology = Methodology.objects.select_for_update().get(pk=plan.version.methodology_id)
        version = locked_version(plan.version)
        request = approvals.request_for(WITHDRAW_KIND, f"withdrawal:{plan.uid}")
        if request is None or person == plan.person:
            raise AuthorApproves
        decision = approvals.decide(
            request=request, actor=person, shown_sha256=shown_sha256, approved=approved, note=note, at=at
        )
        if not approved:
            return version
        _refuse_not_in_force(version)
        # The decision is the notice: what was asked for in time may have waited too long.
        _refuse_short_notice(plan.sunset_on, at)
        version.sunset_on, version.successor = plan.sunset_on, plan.successor
        version.save(update_fields=["sunset_on", "successor"])
        enter(
            version=version, state=StageState.WITHDRAWN, at=at, actor=person, role=decision.approver_role,
            note=plan.reason,
        )  # fmt: skip
        _update_span(methodology)
        enqueue_on_commit(NOTICES_TASK)
    return version


def _refuse_short_notice(sunset_on: dt.date, at: dt.datetime) -> None:
    earliest = clock.local_date(at) + dt.timedelta(days=NOTICE_DAYS)
    if sunset_on < earliest:
        raise SunsetTooEarly(days=NOTICE_DAYS, earliest=earliest.isoformat())


def _refuse_not_in_force(version: MethodologyVersion) -> None:
    if version.state != VersionState.PUBLISHED:
        raise WrongStage(version=str(version), now=StageState(stage_of(version)), wanted=StageState.WITHDRAWN)


def _follows(version: MethodologyVersion, successor: MethodologyVersion) -> bool:
    """Whether records of the old version's place and deed can go on under the successor."""
    return (
        successor.pk != version.pk
        and successor.state == VersionState.PUBLISHED
        and successor.methodology.activity == version.methodology.activity
        and successor.methodology.region in covering_regions(version.methodology.region)
    )

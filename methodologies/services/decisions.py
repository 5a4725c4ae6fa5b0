"""审定 and 发布: another person decides on exactly this text; what is published never changes."""

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import Max

from accounts.constants import Role
from carbon_portal.kernel import approvals, audit, clock, regions, workdays
from carbon_portal.kernel.dispatch import enqueue_on_commit
from methodologies.constants import (
    APPROVE_KIND,
    CITIES_TASK,
    DECISION_WORKING_DAYS,
    StageState,
    VersionState,
)
from methodologies.errors import AuthorApproves
from methodologies.models import Methodology, MethodologyVersion, Publication
from methodologies.selectors.review import authors_of, barred_from, require_gates, subject_of

from ._seats import seat
from .acceptance import current_stage, locked_version
from .library import _update_span
from .stages import enter


@transaction.atomic
def request_approval(
    *, version: MethodologyVersion, person: uuid.UUID, shown_sha256: str, at: dt.datetime
) -> approvals.ApprovalRequest:
    """Ask for the approval of the text that was shown. Errors: the gates of section 9, NotThisContent, WrongStage."""
    role = seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    locked = locked_version(version)
    current_stage(locked, StageState.PUBLIC_COMMENT, shown_sha256=shown_sha256)
    today = clock.local_date(at)
    require_gates(locked, today=today)
    return approvals.open_request(
        kind=APPROVE_KIND,
        subject=subject_of(locked),
        title=f"审定方法学：{locked.title_zh}",
        title_en=f"Approve a method: {locked.title_en or locked.title_zh}",
        region=regions.PROVINCE,
        content_sha256=locked.sha256,
        initiator=person,
        initiator_role=role,
        barred=barred_from(locked) - {person},
        due_on=workdays.add_working_days(today, DECISION_WORKING_DAYS),
        at=at,
    )


def decide_version(
    *,
    request: approvals.ApprovalRequest,
    version: MethodologyVersion,
    person: uuid.UUID,
    shown_sha256: str,
    approved: bool,
    note: str = "",
    at: dt.datetime,
) -> MethodologyVersion:
    """Approve, or return with the reason. The gates are asked again: a comment may have come after the request.

    Errors: AuthorApproves, every refusal of `approvals.decide`, the gates. A text that was swapped voids the request.
    """
    with approvals.void_on_change(), transaction.atomic():
        locked = locked_version(version)
        if person in authors_of(locked):
            raise AuthorApproves
        decision = approvals.decide(
            request=request, actor=person, shown_sha256=shown_sha256, approved=approved, note=note, at=at
        )
        current_stage(locked, StageState.PUBLIC_COMMENT)
        if approved:
            require_gates(locked, today=clock.local_date(at))
        wanted = StageState.APPROVED if approved else StageState.RETURNED
        enter(version=version, state=wanted, at=at, actor=person, role=decision.approver_role, note=note.strip())
    return version


@transaction.atomic
def publish_version(
    *, version: MethodologyVersion, person: uuid.UUID, shown_sha256: str, at: dt.datetime
) -> Publication:
    """Publish an approved text under the next number; the code's earlier version is superseded by it.

    The first day in force is the text's own; it lies the notice period ahead. Errors: the gates, NotThisContent,
    WrongStage, AnotherCodeInForce.
    """
    role = seat(person, (Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER), region=regions.PROVINCE, at=at)
    # The code first: sync and withdrawal take it in this order too, and the number below is given under it.
    methodology = Methodology.objects.select_for_update().get(pk=version.methodology_id)
    locked = locked_version(version)
    current_stage(locked, StageState.APPROVED, shown_sha256=shown_sha256)
    today = clock.local_date(at)
    require_gates(locked, today=today, publishing=True)
    request = approvals.request_for(APPROVE_KIND, subject_of(locked))
    assert request is not None  # the gates
    enter(version=locked, state=StageState.PUBLISHED, at=at, actor=person, role=role)
    locked.refresh_from_db(fields=["state", "published_at"])
    made = Publication.objects.create(
        version=locked,
        year=today.year,
        sequence=_next_number(today.year),
        published_on=today,
        effective_from=locked.effective_from,
        content_sha256=locked.sha256,
        approval=request.decisions.filter(approved=True).latest("id").uid,
        person=person,
        at=at,
    )
    for earlier in methodology.versions.filter(state=VersionState.PUBLISHED).exclude(pk=locked.pk):
        if earlier.effective_from <= locked.effective_from:
            earlier.successor = locked
            earlier.save(update_fields=["successor"])
            enter(version=earlier, state=StageState.SUPERSEDED, at=at, actor=person, role=role, note=str(locked))
    _update_span(methodology)
    audit.record_event(
        verb="methodology.numbered", target=subject_of(locked), actor=person, region=methodology.region,
        data={"sha256": locked.sha256, "number": made.number},
    )  # fmt: skip
    enqueue_on_commit(CITIES_TASK)
    version.state, version.published_at = locked.state, locked.published_at
    return made


def _next_number(year: int) -> int:
    """One more than the year's last; who publishes at the same moment waits on the unique constraint and is refused."""
    with transaction.atomic():
        _lock_numbers()
        return (Publication.objects.filter(year=year).aggregate(last=Max("sequence"))["last"] or 0) + 1


def _lock_numbers() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        # One publisher at a time in the province, until the transaction ends.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('methodologies.publication'))")

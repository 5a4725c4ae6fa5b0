"""会签: departments are asked by sector, reminded, and answer; silence stays silence."""

import datetime as dt
import uuid
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from accounts.constants import OrganisationKind, Role
from accounts.models import Membership, Organisation, Person
from carbon_portal.kernel import audit, clock, regions
from carbon_portal.kernel.errors import Forbidden, InvalidInput
from methodologies.constants import AnswerVerdict, StageState
from methodologies.errors import AlreadySaid, DepartmentsWaiting, ObjectionNeedsNote
from methodologies.models import JointAnswer, JointReminder, JointRequest, MethodologyVersion, Stage

from ._seats import seat
from .acceptance import current_stage, locked_version
from .experts import require_vote
from .stages import enter

ROUTING = Path(__file__).parents[1] / "departments.yaml"


@cache
def routing() -> dict[str, Any]:
    """Departments and which of them are asked for which sector; the file says where it comes from."""
    loaded: dict[str, Any] = yaml.safe_load(ROUTING.read_text(encoding="utf-8"))
    return loaded


def departments_for(sector: str) -> list[str]:
    """Codes of the departments that are asked about a sector."""
    return list(routing()["sectors"].get(sector, ()))


def organisation_of(department: str) -> Organisation | None:
    """The department's organisation here, found by its name; None where it has no account."""
    for word in routing()["departments"][department]["words"]:
        found = (
            Organisation.objects.filter(kind=OrganisationKind.AUTHORITY, name__contains=word, region=regions.PROVINCE)
            .order_by("created_at", "uuid")
            .first()
        )
        if found is not None:
            return found
    return None


@transaction.atomic
def ask_departments(
    *,
    version: MethodologyVersion,
    person: uuid.UUID,
    shown_sha256: str,
    departments: Iterable[str] = (),
    due_on: dt.date | None = None,
    at: dt.datetime,
) -> list[JointRequest]:
    """Close the expert review and ask the departments of the method's sector, and others on top.

    Errors: ExpertsNotEnough, ExpertsAgainst, WrongStage, NotThisContent.
    """
    role = seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    locked = locked_version(version)
    current_stage(locked, StageState.EXPERT_REVIEW, shown_sha256=shown_sha256)
    require_vote(locked)
    known = routing()["departments"]
    unknown = [code for code in departments if code not in known]
    if unknown:
        raise InvalidInput(reason="没有这个部门。", reason_en="There is no such department.")
    codes = dict.fromkeys([*departments_for(locked.methodology.sector), *departments])
    stage = enter(version=version, state=StageState.JOINT_SIGNING, at=at, actor=person, role=role, due_on=due_on)
    return [
        JointRequest.objects.create(
            stage=stage, department=code, name=known[code]["name"], organisation=organisation_of(code),
            asked_by=person, asked_at=at,
        )
        for code in codes
    ]  # fmt: skip


@transaction.atomic
def remind_department(*, request: JointRequest, person: uuid.UUID, at: dt.datetime) -> JointReminder:
    """Remind a department that has not answered. Errors: AlreadySaid, WrongStage."""
    seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    locked = locked_version(request.stage.version)
    current_stage(locked, StageState.JOINT_SIGNING)
    if JointAnswer.objects.filter(request=request).exists():
        raise AlreadySaid(what="会签意见", what_en="the department's answer")
    made = JointReminder.objects.create(request=request, person=person, at=at)
    _audit("methodology.department_reminded", locked, person, department=request.department)
    return made


@transaction.atomic
def answer_jointly(
    *,
    request: JointRequest,
    person: Person,
    shown_sha256: str,
    verdict: str,
    text: str = "",
    letter: str = "",
    at: dt.datetime,
) -> JointAnswer:
    """The department's answer: by its own clerk, or by the province from a letter with a number.

    Errors: Forbidden, AlreadySaid, WrongStage, NotThisContent, InvalidInput.
    """
    locked = locked_version(request.stage.version)
    stage = current_stage(locked, StageState.JOINT_SIGNING, shown_sha256=shown_sha256)
    if request.stage_id != stage.pk:
        raise Forbidden
    own = (
        request.organisation_id is not None
        and Membership.objects.filter(
            person=person, role=Role.JOINT_DEPARTMENT, organisation=request.organisation_id, is_active=True
        ).exists()
    )
    if not own:
        seat(person.uuid, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
        if not letter.strip():
            raise InvalidInput(
                reason="代录书面答复要写来函文号。", reason_en="Give the number of the letter that you enter."
            )
    if JointAnswer.objects.filter(request=request).exists():
        raise AlreadySaid(what="会签意见", what_en="the department's answer")
    if verdict != AnswerVerdict.AGREE and not text.strip():
        raise InvalidInput(reason="请写明意见。", reason_en="Write the department's comment.")
    made = JointAnswer.objects.create(
        request=request, verdict=AnswerVerdict(verdict), text=text.strip(), letter=letter.strip()[:80],
        person=person.uuid, at=at, content_sha256=locked.sha256,
    )  # fmt: skip
    _audit("methodology.department_answered", locked, person.uuid, department=request.department, verdict=verdict)
    return made


@transaction.atomic
def open_comments(
    *,
    version: MethodologyVersion,
    person: uuid.UUID,
    shown_sha256: str,
    note: str = "",
    due_on: dt.date | None = None,
    at: dt.datetime,
) -> Stage:
    """Go from joint signing to public comment, when all have answered or the term is over.

    Errors: DepartmentsWaiting, ObjectionNeedsNote, InvalidInput for a period under COMMENT_DAYS.
    """
    from methodologies.constants import COMMENT_DAYS

    role = seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    locked = locked_version(version)
    stage = current_stage(locked, StageState.JOINT_SIGNING, shown_sha256=shown_sha256)
    today = clock.local_date(at)
    asked = list(stage.joint_requests.select_related("answer").order_by("id"))
    silent = [one for one in asked if not hasattr(one, "answer")]
    if silent and stage.due_on is not None and today <= stage.due_on:
        raise DepartmentsWaiting(names="、".join(one.name for one in silent), due=stage.due_on.isoformat())
    against = [one for one in asked if hasattr(one, "answer") and one.answer.verdict == AnswerVerdict.OBJECT]
    if against and not note.strip():
        raise ObjectionNeedsNote(names="、".join(one.name for one in against))
    if due_on is not None and due_on < today + dt.timedelta(days=COMMENT_DAYS):
        raise InvalidInput(
            reason=f"公示不少于 {COMMENT_DAYS} 天。", reason_en=f"The comment period is {COMMENT_DAYS} days at least."
        )
    return enter(
        version=version,
        state=StageState.PUBLIC_COMMENT,
        at=at,
        actor=person,
        role=role,
        note=note.strip(),
        due_on=due_on,
    )


def _audit(verb: str, version: MethodologyVersion, actor: uuid.UUID, **data: object) -> None:
    audit.record_event(
        verb=verb, target=f"methodology:{version}", actor=actor, region=version.methodology.region,
        data={"sha256": version.sha256, **data},
    )  # fmt: skip

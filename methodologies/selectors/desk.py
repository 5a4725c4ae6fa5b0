"""Who sits before a page of the review: what they may see, and which deed the page offers them.

What a page offers is a courtesy; every service asks again.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext

from accounts import selectors as people
from accounts.constants import Role
from accounts.models import Membership, Organisation, Person
from carbon_portal.kernel import approvals, clock, regions
from carbon_portal.kernel.errors import NotFound
from methodologies.constants import APPROVE_KIND, WITHDRAW_KIND, StageState, VersionState
from methodologies.errors import AuthorApproves
from methodologies.models import JointRequest, MethodologyVersion, ReviewExpert, Stage, Withdrawal

from .review import authors_of, latest, subject_of, unanswered, versions_under_way
from .stages import stages


@dataclass
class Desk:
    """A login's person with the roles that count here, deputies' included."""

    person: Person | None
    whole_province: bool = False
    officer: bool = False
    approver: bool = False
    cities: tuple[str, ...] = ()
    expert: bool = False
    departments: list[Organisation] = field(default_factory=list)

    @cached_property
    def invited_to(self) -> frozenset[int]:
        """Versions that the person was invited to review."""
        if self.person is None or not self.expert:
            return frozenset()
        rows = ReviewExpert.objects.filter(person=self.person.uuid).values_list("stage__version_id", flat=True)
        return frozenset(rows)

    @cached_property
    def asked_about(self) -> frozenset[int]:
        """Versions that the person's department was asked about."""
        if not self.departments:
            return frozenset()
        rows = JointRequest.objects.filter(organisation__in=self.departments)
        return frozenset(rows.values_list("stage__version_id", flat=True))

    def sees(self, version: MethodologyVersion) -> bool:
        """The province sees all, a city its own, experts and departments what they were asked about."""
        region = version.methodology.region
        return (
            self.whole_province
            or any(regions.covers(city, region) for city in self.cities)
            or version.pk in self.invited_to
            or version.pk in self.asked_about
        )

    def own_requests(self, version: MethodologyVersion) -> list[JointRequest]:
        """Requests to the person's department that still wait for an answer in this round."""
        stage = latest(version, StageState.JOINT_SIGNING)
        if stage is None or not self.departments:
            return []
        return list(stage.joint_requests.filter(organisation__in=self.departments, answer__isnull=True))


def desk_of(user: Any) -> Desk:
    """The desk of a login; one that sees nothing for residents and visitors."""
    person = people.person_of(user)
    if person is None:
        return Desk(None)
    actor = people.actor_of(user, at=clock.now())
    held = {role for role, _principal, _fresh in actor.held()}
    roles = {role for role, _region in held}
    province = {Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER, Role.AUDITOR}
    return Desk(
        person=person,
        whole_province=any(role in province and region == regions.PROVINCE for role, region in held),
        officer=(Role.PROVINCE_OFFICER.value, regions.PROVINCE) in held,
        approver=(Role.PROVINCE_APPROVER.value, regions.PROVINCE) in held,
        cities=tuple(region for role, region in held if role in (Role.CITY_OFFICER, Role.CITY_APPROVER)),
        expert=Role.EXPERT in roles,
        departments=people.organisations_of(user, Role.JOINT_DEPARTMENT) if Role.JOINT_DEPARTMENT in roles else [],
    )


def deeds_for(desk: Desk, version: MethodologyVersion, *, now: dt.datetime) -> list[str]:
    """The deeds that the page offers this desk in the step where the version stands."""
    walked = stages(version)
    here = walked[-1].state if walked else version.state
    found: list[str] = []
    if here == StageState.EXPERT_REVIEW and desk.person is not None:
        found += _expert_deeds(desk.person.uuid, version)
    if here == StageState.JOINT_SIGNING and desk.own_requests(version):
        found.append("answer")
    if desk.officer:
        found += _officer_deeds(str(here), version)
    if desk.approver and here == StageState.PUBLIC_COMMENT and _open(APPROVE_KIND, subject_of(version)):
        found.append("decide")
    if desk.approver and open_withdrawal(version) is not None:
        found.append("withdraw-decide")
    return found


def _officer_deeds(here: str, version: MethodologyVersion) -> list[str]:
    asked = _open(APPROVE_KIND, subject_of(version))
    return {
        StageState.SUBMITTED.value: ["accept", "return"],
        StageState.IN_REVIEW.value: ["experts", "return"],
        StageState.EXPERT_REVIEW.value: ["departments", "experts", "return"],
        StageState.JOINT_SIGNING.value: ["consult", "remind", "letter", "return"],
        StageState.PUBLIC_COMMENT.value: [
            *(["reply"] if unanswered(version) else []), *([] if asked else ["request"]), "return",
        ],
        StageState.APPROVED.value: ["publish", "return"],
        StageState.PUBLISHED.value: [] if open_withdrawal(version) else ["withdraw"],
    }.get(here, [])  # fmt: skip


def _expert_deeds(person: uuid.UUID, version: MethodologyVersion) -> list[str]:
    stage = latest(version, StageState.EXPERT_REVIEW)
    invited = (
        ReviewExpert.objects.filter(stage=stage, person=person).select_related("declaration__opinion").first()
        if stage
        else None
    )
    if invited is None:
        return []
    if not hasattr(invited, "declaration"):
        return ["declare"]
    return [] if hasattr(invited.declaration, "opinion") else ["opinion"]


def _open(kind: str, subject: str) -> bool:
    found = approvals.request_for(kind, subject)
    return found is not None and found.is_open


def decision_refusal(desk: Desk, version: MethodologyVersion, *, now: dt.datetime) -> Any:
    """Why this person may not decide on the version, for the page to say instead of a form; None where they may."""
    request = approvals.request_for(APPROVE_KIND, subject_of(version))
    if request is None or desk.person is None:
        return None
    if desk.person.uuid in authors_of(version):
        return AuthorApproves()
    return approvals.refusal_of(request, desk.person.uuid, at=now)


def open_withdrawal(version: MethodologyVersion) -> Withdrawal | None:
    """The plan on which somebody has still to decide."""
    if version.state != VersionState.PUBLISHED:
        return None
    newest = Withdrawal.objects.filter(version=version).select_related("successor").order_by("-id").first()
    return newest if newest is not None and _open(WITHDRAW_KIND, f"withdrawal:{newest.uid}") else None


def joint_request(version: MethodologyVersion, pk: int) -> JointRequest:
    """A request to a department about this version. Errors: NotFound."""
    found = JointRequest.objects.filter(stage__version=version, pk=pk).select_related("stage__version").first()
    if found is None:
        raise NotFound
    return found


def named_version(text: str) -> MethodologyVersion | None:
    """A version by its name (CODE@1.0); None for no name. Errors: NotFound-like refusal as SuccessorUnsuitable."""
    from methodologies.errors import SuccessorUnsuitable

    if not text.strip():
        return None
    code, _, number = text.strip().rpartition("@")
    found = MethodologyVersion.objects.filter(methodology_id=code, version=number).first()
    if found is None:
        raise SuccessorUnsuitable
    return found


def waiting_for(actor: approvals.Actor) -> Iterator[tuple[MethodologyVersion, Stage, str]]:
    """(version, its present stage, what is to do) for this person's roles. Nothing is asked for a resident."""
    roles = {role for (role, _region), _principal, _fresh in actor.held()}
    if not roles & {Role.PROVINCE_OFFICER.value, Role.EXPERT.value, Role.JOINT_DEPARTMENT.value}:
        return
    departments: set[Any] = set()
    if Role.JOINT_DEPARTMENT in roles:
        held = Membership.objects.filter(person=actor.person, role=Role.JOINT_DEPARTMENT, is_active=True)
        departments = set(held.values_list("organisation", flat=True))
    for version in versions_under_way():
        stage = max(version.stages.all(), key=lambda one: one.pk, default=None)
        if stage is None:
            continue
        if Role.PROVINCE_OFFICER in roles and not (
            stage.state == StageState.PUBLIC_COMMENT and _open(APPROVE_KIND, subject_of(version))
        ):
            yield version, stage, _to_do(stage, version)
        elif stage.state == StageState.EXPERT_REVIEW and _expert_deeds(actor.person, version):
            yield version, stage, gettext("专家论证")
        elif (
            stage.state == StageState.JOINT_SIGNING
            and stage.joint_requests.filter(organisation__in=departments, answer__isnull=True).exists()
        ):
            yield version, stage, gettext("会签")


def _to_do(stage: Stage, version: MethodologyVersion) -> str:
    """The officer's next deed in a stage, in a word or two."""
    if stage.state == StageState.PUBLIC_COMMENT and unanswered(version):
        return gettext("待答复")
    return {
        StageState.SUBMITTED.value: gettext("受理"),
        StageState.IN_REVIEW.value: gettext("邀请专家"),
        StageState.EXPERT_REVIEW.value: gettext("专家论证"),
        StageState.JOINT_SIGNING.value: gettext("会签"),
        StageState.PUBLIC_COMMENT.value: gettext("公示"),
        StageState.APPROVED.value: gettext("发布"),
    }[stage.state]

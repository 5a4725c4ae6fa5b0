"""专家论证: invitations, declarations of interest, signed opinions, the vote."""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterable

from django.db import transaction

from accounts.constants import Role
from accounts.models import Membership, Person
from carbon_portal.kernel import audit, regions
from carbon_portal.kernel.errors import InvalidInput
from methodologies.constants import OpinionVerdict, StageState
from methodologies.errors import AlreadySaid, DeclarationFirst, ExpertIsAuthor, NotInvited
from methodologies.models import Declaration, MethodologyVersion, Opinion, ReviewExpert
from methodologies.selectors.review import authors_of, vote_of, vote_refusal

from ._seats import seat
from .acceptance import current_stage, locked_version
from .stages import enter


@transaction.atomic
def invite_experts(
    *,
    version: MethodologyVersion,
    person: uuid.UUID,
    shown_sha256: str,
    experts: Iterable[Person],
    due_on: dt.date | None = None,
    at: dt.datetime,
) -> list[ReviewExpert]:
    """Begin the expert review, or invite more while it runs. Who was invited before stays invited.

    Errors: ExpertIsAuthor; InvalidInput for somebody who is no expert, or for nobody.
    """
    role = seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    locked = locked_version(version)
    wanted = list(experts)
    if not wanted:
        raise InvalidInput(reason="请至少选一位专家。", reason_en="Choose at least one expert.")
    authors = authors_of(locked)
    for one in wanted:
        if one.uuid in authors:
            raise ExpertIsAuthor(name=one.name)
        if not Membership.objects.filter(person=one, role=Role.EXPERT, is_active=True).exists():
            raise InvalidInput(
                reason=f"{one.name}不是在册专家。", reason_en=f"{one.name} is not on the list of experts."
            )
    if locked.stages.order_by("-id").values_list("state", flat=True).first() == StageState.IN_REVIEW:
        stage = enter(version=version, state=StageState.EXPERT_REVIEW, at=at, actor=person, role=role, due_on=due_on)
    else:
        stage = current_stage(locked, StageState.EXPERT_REVIEW, shown_sha256=shown_sha256)
    there = set(stage.experts.values_list("person", flat=True))
    made = [
        ReviewExpert.objects.create(stage=stage, person=one.uuid, name=one.name, invited_by=person, invited_at=at)
        for one in wanted
        if one.uuid not in there
    ]
    for row in made:
        _audit("methodology.expert_invited", locked, person, expert=str(row.person))
    return made


@transaction.atomic
def declare_interest(
    *, version: MethodologyVersion, person: uuid.UUID, conflicted: bool, statement: str = "", at: dt.datetime
) -> Declaration:
    """An invited expert declares a conflict, or none. Once. Errors: NotInvited, AlreadySaid, WrongStage."""
    expert = _invited(locked_version(version), person, at)
    if Declaration.objects.filter(expert=expert).exists():
        raise AlreadySaid(what="利益冲突声明", what_en="your declaration")
    if conflicted and not statement.strip():
        raise InvalidInput(reason="请写明是什么冲突，例如“与申报单位有合作”。", reason_en="Say what the conflict is.")
    made = Declaration.objects.create(expert=expert, conflicted=conflicted, statement=statement.strip()[:300], at=at)
    _audit("methodology.interest_declared", expert.stage.version, person, conflicted=conflicted)
    return made


@transaction.atomic
def give_opinion(
    *,
    version: MethodologyVersion,
    person: uuid.UUID,
    shown_sha256: str,
    verdict: str,
    text: str,
    at: dt.datetime,
) -> Opinion:
    """Sign an opinion on the text that was shown. Errors: NotInvited, DeclarationFirst, AlreadySaid, NotThisContent."""
    locked = locked_version(version)
    expert = _invited(locked, person, at, shown_sha256)
    declaration = Declaration.objects.filter(expert=expert).first()
    if declaration is None:
        raise DeclarationFirst
    if Opinion.objects.filter(declaration=declaration).exists():
        raise AlreadySaid(what="论证意见", what_en="your opinion")
    if not text.strip():
        raise InvalidInput(reason="请写明意见和理由。", reason_en="Write your opinion and the reasons.")
    made = Opinion.objects.create(
        declaration=declaration, verdict=OpinionVerdict(verdict), text=text.strip(), at=at,
        content_sha256=locked.sha256, signature=signature(locked, person, verdict, text.strip(), at),
    )  # fmt: skip
    _audit("methodology.opinion_given", locked, person, verdict=str(verdict), signature=made.signature)
    return made


def signature(version: MethodologyVersion, person: uuid.UUID, verdict: str, text: str, at: dt.datetime) -> str:
    """SHA-256 of what an expert signs: the version, its text, the verdict, the words, the person, the moment (UTC)."""
    signed = {
        "version": str(version), "sha256": version.sha256, "verdict": str(verdict), "text": text,
        "person": str(person), "at": at.astimezone(dt.UTC).isoformat(),
    }  # fmt: skip
    canonical = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def require_vote(version: MethodologyVersion) -> None:
    """Errors: ExpertsNotEnough, ExpertsAgainst."""
    refusal = vote_refusal(vote_of(version))
    if refusal is not None:
        raise refusal


def _invited(version: MethodologyVersion, person: uuid.UUID, at: dt.datetime, shown: str = "") -> ReviewExpert:
    # The role is read again: who is an expert no more says no more.
    seat(person, (Role.EXPERT,), region=regions.PROVINCE, at=at)
    stage = current_stage(version, StageState.EXPERT_REVIEW, shown_sha256=shown)
    found = ReviewExpert.objects.filter(stage=stage, person=person).select_related("stage__version").first()
    if found is None:
        raise NotInvited
    return found


def _audit(verb: str, version: MethodologyVersion, actor: uuid.UUID, **data: object) -> None:
    audit.record_event(
        verb=verb, target=f"methodology:{version}", actor=actor, region=version.methodology.region,
        data={"sha256": version.sha256, **data},
    )  # fmt: skip

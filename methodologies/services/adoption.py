"""Adopting an idea takes two people: an officer words the answer, an approver decides on exactly these words."""

import datetime as dt
import hashlib
import json

from django.db import transaction
from django.urls import reverse

from accounts.constants import AREA_APPROVERS, AREA_OFFICERS
from accounts.models import Person
from carbon_portal.kernel import approvals, audit
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.errors import NotFound
from methodologies.constants import ProposalState
from methodologies.errors import ProposalNotStudied
from methodologies.models import Methodology, Proposal, ProposalContact

from .proposals import ADOPT, TELL_TASK, clean_text, locked_open, step_of, target_of

_BOUND = ("number", "what", "why", "proof", "who", "risk", "credit_as", "credit_name", "offered_answer")


def register_kind() -> None:
    """Announce the kind of request (`AppConfig.ready`)."""
    approvals.register(
        approvals.Kind(
            code=ADOPT,
            title_zh="采纳公众建议",
            title_en="Adopting a proposal",
            initiators=frozenset(AREA_OFFICERS),
            deciders=frozenset(AREA_APPROVERS),
            content=lambda subject: content_of(_of(subject)),
            url=lambda subject: reverse("methodologies:proposal-desk", args=[_of(subject).number]),
        )
    )


def content_of(proposal: Proposal) -> str:
    """What an approval binds: the citizen's words, how they are named, the answer, the method it leads to."""
    content = {name: getattr(proposal, name) for name in _BOUND} | {"methodology": proposal.methodology_id}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _of(subject: str) -> Proposal:
    found = Proposal.objects.filter(number=subject.removeprefix("proposal:")).first()
    if found is None:
        raise NotFound
    return found


def offer_adoption(
    *, proposal: Proposal, actor: Person, role: str, answer: str, methodology: Methodology | None, at: dt.datetime
) -> Proposal:
    """Suggest to adopt what is being studied, with the answer; `role` is the actor's that counts for the area."""
    with transaction.atomic():
        row = locked_open(proposal)
        if row.state != ProposalState.IN_STUDY:
            raise ProposalNotStudied(number=row.number)
        row.offered_answer, row.methodology = clean_text(answer, 10, 2000), methodology
        row.save(update_fields=["offered_answer", "methodology"])
        senders = ProposalContact.objects.filter(proposal=row, person__isnull=False).values_list("person", flat=True)
        approvals.open_request(
            kind=ADOPT,
            subject=target_of(row),
            title=f"采纳建议 {row.number}",
            title_en=f"Adopt proposal {row.number}",
            region=row.region,
            content_sha256=content_of(row),
            initiator=actor.pk,
            initiator_role=role,
            barred=[person for person in senders if person],
            due_on=row.answer_due_on,
            at=at,
        )
    return row


def decide_adoption(
    *, proposal: Proposal, actor: Person, shown_sha256: str, approved: bool, note: str, at: dt.datetime
) -> Proposal:
    """The second person's decision on the words that were shown; refused, it goes back to study."""
    request = approvals.request_for(ADOPT, target_of(proposal))
    if request is None:
        raise NotFound
    with approvals.void_on_change():
        row = locked_open(proposal)
        approvals.decide(
            request=request, actor=actor.pk, shown_sha256=shown_sha256, approved=approved, note=note, at=at
        )
        if request.is_approved:
            row.state, row.answer, row.answered_at = ProposalState.ADOPTED, row.offered_answer, at
            row.save(update_fields=["state", "answer", "answered_at"])
            step_of(row, by=actor.pk, note="", at=at)
            audit.record_event(
                verb="proposal.adopted", target=target_of(row), actor=actor.pk, region=row.region,
                data={"methodology": row.methodology_id or "", "sha256": shown_sha256},
            )  # fmt: skip
            enqueue_on_commit(TELL_TASK)
    return row


def link_methodology(*, proposal: Proposal, methodology: Methodology, actor: Person) -> Proposal:
    """Name the method that an adopted idea became, once there is one; its page then names the proposer."""
    with transaction.atomic():
        row = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if row.state != ProposalState.ADOPTED:
            raise ProposalNotStudied(number=row.number)
        before, row.methodology = row.methodology_id, methodology
        row.save(update_fields=["methodology"])
        audit.record_event(
            verb="proposal.linked", target=target_of(row), actor=actor.pk, region=row.region,
            data={"before": before or "", "methodology": methodology.pk},
        )  # fmt: skip
    return row

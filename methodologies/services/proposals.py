"""What happens to a citizen's idea: sent or entered, supported, merged, answered; its personal data hidden."""

import datetime as dt
import hashlib
import re
import unicodedata
from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction

from accounts.models import Person
from carbon_portal.kernel import approvals, audit, clock, regions
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.workdays import add_working_days
from methodologies.constants import (
    ACCEPT_WORKING_DAYS,
    ANSWER_WORKING_DAYS,
    OPEN_PROPOSALS,
    PROPOSALS_PER_DAY,
    SUPPORTS_PER_DAY,
    CreditAs,
    ProposalChannel,
    ProposalState,
)
from methodologies.errors import (
    MergeTargetInvalid,
    NothingToRedact,
    OwnProposal,
    ProposalClosed,
    ProposalNotShown,
    ProposalTextInvalid,
    TooManyProposals,
    TooManySupports,
)
from methodologies.models import Proposal, ProposalContact, ProposalCounter, ProposalStep, ProposalSupport

#: The kind of request by which two people adopt an idea (services.adoption).
ADOPT = "proposal.adopt"
TELL_TASK = "methodologies.tell_proposers"
HIDDEN = "■■■"
_DAY = dt.timedelta(days=1)
#: What turns the direction of writing round can make a text read other than it is.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_QUESTIONS = {"what": (2, 60), "why": (5, 1000), "proof": (5, 1000), "who": (2, 500), "risk": (0, 500)}
_STATE_EN = {
    ProposalState.RECEIVED: "received",
    ProposalState.IN_STUDY: "being studied",
    ProposalState.MERGED: "merged",
    ProposalState.ADOPTED: "adopted",
    ProposalState.DECLINED: "not adopted",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """The five plain questions: what to do, why it saves, how one proves it, who can join, what could go wrong."""

    what: str
    why: str
    proof: str
    who: str
    risk: str = ""

    def cleaned(self) -> "Answers":
        """As they are stored; `ProposalTextInvalid` for what can't be."""
        return Answers(**{name: clean_text(text, *_QUESTIONS[name]) for name, text in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Credit:
    """How the proposer wants to be named where the idea is adopted."""

    how: CreditAs = CreditAs.NOBODY
    name: str = ""

    def cleaned(self) -> "Credit":
        how = CreditAs(self.how)
        return Credit(how, "" if how == CreditAs.NOBODY else clean_text(self.name, 1, 30).replace("\n", " "))


def clean_text(text: str, least: int, most: int) -> str:
    """NFC, plain line ends, no control characters; `ProposalTextInvalid` with the count when too short or too long."""
    cleaned = unicodedata.normalize("NFC", text or "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t" for one in cleaned) or _TURNING.search(
        cleaned
    ):
        raise ProposalTextInvalid(
            reason="文字里有看不见的控制字符，没有提交。请删掉后重新输入。",
            reason_en="The text holds invisible control characters; nothing was sent. Type it again.",
        )
    if not least <= len(cleaned) <= most:
        raise ProposalTextInvalid(
            reason=f"请写 {least} 到 {most} 个字，现在是 {len(cleaned)} 个。",
            reason_en=f"Write {least} to {most} characters; there are {len(cleaned)}.",
        )
    return cleaned


# -- sent and entered --------------------------------------------------------------------------------------------------


def submit_proposal(*, person: Person, answers: Answers, credit: Credit, request_key: str, at: dt.datetime) -> Proposal:
    """A resident's own proposal, with its number at once; the same form sent twice is one proposal."""
    city = regions.city_of(person.region)
    with transaction.atomic():
        counter = _locked_counter(at)
        key = _key(person.pk, request_key)
        if twin := Proposal.objects.filter(request_key=key).first():
            return twin
        recent = ProposalContact.objects.filter(person=person.pk, proposal__created_at__gt=at - _DAY)
        if recent.count() >= PROPOSALS_PER_DAY:
            raise TooManyProposals(limit=PROPOSALS_PER_DAY)
        proposal = _create(
            counter=counter,
            answers=answers,
            credit=credit,
            channel=ProposalChannel.WEB,
            region=city.code if city else regions.PROVINCE,
            received_on=clock.local_date(at),
            key=key,
            at=at,
        )
        ProposalContact.objects.create(proposal=proposal, region=proposal.region, person=person.pk, number_told_at=at)
        step_of(proposal, by=None, note="", at=at)
        audit.record_event(
            verb="proposal.submitted", target=target_of(proposal), actor=person.pk, region=proposal.region
        )
    return proposal


def enter_proposal(
    *,
    actor: Person,
    channel: ProposalChannel,
    received_on: dt.date,
    region: str,
    answers: Answers,
    credit: Credit,
    request_key: str,
    at: dt.datetime,
    name: str = "",
    phone: str = "",
) -> Proposal:
    """One that came by newspaper, letter, WeChat or phone. The sender is told the number by text message.

    `phone` is E.164 or empty. Terms run from the day of receipt, not from the day somebody typed it in.
    """
    if channel == ProposalChannel.WEB or received_on > clock.local_date(at):
        raise ProposalTextInvalid(
            reason="请选择来信渠道，收到日期不能晚于今天。",
            reason_en="Choose how it came; the day of receipt can't lie in the future.",
        )
    with transaction.atomic():
        counter = _locked_counter(at)
        key = _key(actor.pk, request_key)
        if twin := Proposal.objects.filter(request_key=key).first():
            return twin
        proposal = _create(
            counter=counter,
            answers=answers,
            credit=credit,
            channel=channel,
            region=region,
            received_on=received_on,
            key=key,
            at=at,
        )
        ProposalContact.objects.create(
            proposal=proposal, region=region, name=clean_text(name, 0, 50), phone=phone,
            number_told_at=None if phone else at,
        )  # fmt: skip
        step_of(proposal, by=actor.pk, note="", at=at)
        audit.record_event(
            verb="proposal.entered", target=target_of(proposal), actor=actor.pk, region=region,
            data={"channel": channel, "received_on": received_on.isoformat(), "phone": bool(phone)},
        )  # fmt: skip
        if phone:
            enqueue_on_commit(TELL_TASK)
    return proposal


def _locked_counter(at: dt.datetime) -> ProposalCounter:
    """This year's counter, held until the end of the transaction: numbers have no gaps, and twins meet here."""
    year = clock.local_date(at).year
    ProposalCounter.objects.bulk_create([ProposalCounter(year=year)], ignore_conflicts=True)
    return ProposalCounter.objects.select_for_update().get(year=year)


def _create(
    *,
    counter: ProposalCounter,
    answers: Answers,
    credit: Credit,
    channel: ProposalChannel,
    region: str,
    received_on: dt.date,
    key: str,
    at: dt.datetime,
) -> Proposal:
    answers, credit = answers.cleaned(), credit.cleaned()
    counter.last += 1
    counter.save(update_fields=["last"])
    return Proposal.objects.create(
        number=f"P-{counter.year}-{counter.last:06d}",
        channel=channel,
        region=region,
        received_on=received_on,
        created_at=at,
        request_key=key,
        **asdict(answers),
        credit_as=credit.how,
        credit_name=credit.name,
        accept_due_on=add_working_days(received_on, ACCEPT_WORKING_DAYS),
        answer_due_on=add_working_days(received_on, ANSWER_WORKING_DAYS),
    )


def _key(person: UUID, key: str) -> str:
    return hashlib.sha256(f"{person}:{key}".encode()).hexdigest()


def target_of(proposal: Proposal) -> str:
    """What audit events and approvals call it."""
    return f"proposal:{proposal.number}"


def step_of(proposal: Proposal, *, by: UUID | None, note: str, at: dt.datetime) -> None:
    """Write down the state just entered."""
    ProposalStep.objects.create(proposal=proposal, state=proposal.state, by=by, note=note, at=at)


def locked_open(proposal: Proposal) -> Proposal:
    """The row as it is now, held; `ProposalClosed` once it has an outcome."""
    row = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if row.state not in OPEN_PROPOSALS:
        state = ProposalState(row.state)
        raise ProposalClosed(number=row.number, state=state.label, state_en=_STATE_EN[state])
    return row


def _void(row: Proposal, why: str, actor: Person, at: dt.datetime) -> None:
    """Whoever was asked to decide on adoption saw another content than stands there now."""
    approvals.void_requests(kind=ADOPT, subject=target_of(row), why=why, actor=actor.pk, at=at)


# -- support -----------------------------------------------------------------------------------------------------------


def support_proposal(*, proposal: Proposal, person: Person, at: dt.datetime) -> Proposal:
    """Count this person once; again changes nothing. Support for a merged one counts for the one it led to."""
    with transaction.atomic():
        row = locked_open(proposal.merged_into or proposal)
        if row.shown_at is None:
            raise ProposalNotShown(number=row.number)
        if ProposalContact.objects.filter(proposal=row, person=person.pk).exists():
            raise OwnProposal
        mine = ProposalSupport.objects.filter(person=person.pk)
        if mine.filter(proposal=row).exists():
            return row
        if mine.filter(at__gt=at - _DAY).count() >= SUPPORTS_PER_DAY:
            raise TooManySupports(limit=SUPPORTS_PER_DAY)
        ProposalSupport.objects.create(proposal=row, person=person.pk, at=at)
    return row


def withdraw_support(*, proposal: Proposal, person: Person) -> Proposal:
    """Take one's support back, whatever became of the proposal; nothing is left of it."""
    row = proposal.merged_into or proposal
    with transaction.atomic():
        ProposalSupport.objects.filter(proposal__in=[row, *row.merged_from.all()], person=person.pk).delete()
    return row


# -- the desk ----------------------------------------------------------------------------------------------------------


def accept_proposal(*, proposal: Proposal, actor: Person, note: str, at: dt.datetime) -> Proposal:
    """Take it up for study. Whoever does has read the words, so they are public from now on."""
    with transaction.atomic():
        row = locked_open(proposal)
        if row.state == ProposalState.IN_STUDY:
            return row
        row.state, row.accepted_at, row.shown_at = ProposalState.IN_STUDY, at, row.shown_at or at
        row.save(update_fields=["state", "accepted_at", "shown_at"])
        step_of(row, by=actor.pk, note=clean_text(note, 0, 500), at=at)
        audit.record_event(verb="proposal.accepted", target=target_of(row), actor=actor.pk, region=row.region)
    return row


def merge_proposal(*, proposal: Proposal, into: Proposal, actor: Person, note: str, at: dt.datetime) -> Proposal:
    """Lead a duplicate to the one that is kept; gives back the kept one.

    Supporters are joined, each once, and the proposer of the duplicate supports the kept one. The kept one's term is
    the earlier of both: merging gains nobody time.
    """
    with transaction.atomic():
        pair = {
            row.pk: row
            for row in Proposal.objects.select_for_update().filter(pk__in=[proposal.pk, into.pk]).order_by("pk")
        }
        row, kept = pair[proposal.pk], pair[into.pk]
        locked_open(row)
        if row.pk == kept.pk or kept.state not in OPEN_PROPOSALS:
            raise MergeTargetInvalid(number=into.number)
        people = set(ProposalSupport.objects.filter(proposal=row).values_list("person", flat=True))
        people |= {contact.person for contact in ProposalContact.objects.filter(proposal=row) if contact.person}
        people -= {contact.person for contact in ProposalContact.objects.filter(proposal=kept) if contact.person}
        ProposalSupport.objects.bulk_create(
            [ProposalSupport(proposal=kept, person=person, at=at) for person in sorted(people)], ignore_conflicts=True
        )
        kept.accept_due_on = min(kept.accept_due_on, row.accept_due_on)
        kept.answer_due_on = min(kept.answer_due_on, row.answer_due_on)
        kept.save(update_fields=["accept_due_on", "answer_due_on"])
        row.merged_from.update(merged_into=kept)
        row.state, row.merged_into, row.offered_answer = ProposalState.MERGED, kept, ""
        row.save(update_fields=["state", "merged_into", "offered_answer"])
        step_of(row, by=actor.pk, note=clean_text(note, 0, 500), at=at)
        _void(row, "已合并", actor, at)
        audit.record_event(
            verb="proposal.merged", target=target_of(row), actor=actor.pk, region=row.region, data={"into": kept.number}
        )
    return kept


def decline_proposal(*, proposal: Proposal, actor: Person, answer: str, at: dt.datetime) -> Proposal:
    """Close it with a written answer that says why."""
    with transaction.atomic():
        row = locked_open(proposal)
        row.state, row.answer, row.answered_at = ProposalState.DECLINED, clean_text(answer, 10, 2000), at
        row.offered_answer = ""
        row.save(update_fields=["state", "answer", "answered_at", "offered_answer"])
        step_of(row, by=actor.pk, note="", at=at)
        _void(row, "已答复不采纳", actor, at)
        audit.record_event(verb="proposal.declined", target=target_of(row), actor=actor.pk, region=row.region)
        enqueue_on_commit(TELL_TASK)
    return row


def show_words(*, proposal: Proposal, shown: bool, actor: Person, at: dt.datetime) -> Proposal:
    """Make the words public, or take them off the public page (not the number, the steps and the answer)."""
    with transaction.atomic():
        row = Proposal.objects.select_for_update().get(pk=proposal.pk)
        if (row.shown_at is not None) == shown:
            return row
        row.shown_at = at if shown else None
        row.save(update_fields=["shown_at"])
        verb = "proposal.shown" if shown else "proposal.hidden"
        audit.record_event(verb=verb, target=target_of(row), actor=actor.pk, region=row.region)
    return row


def redact_proposal(*, proposal: Proposal, passage: str, reason: str, actor: Person, at: dt.datetime) -> Proposal:
    """Hide a passage for good, wherever it stands in the answers. Staff can take words away, never put any in.

    The audit event says how often, how long and why, and never what.
    """
    passage, reason = clean_text(passage, 2, 200), clean_text(reason, 2, 200)
    with transaction.atomic():
        row = Proposal.objects.select_for_update().get(pk=proposal.pk)
        found = 0
        for name in (*_QUESTIONS, "credit_name"):
            text = getattr(row, name)
            found += text.count(passage)
            setattr(row, name, text.replace(passage, HIDDEN)[: 60 if name == "what" else None])
        if not found:
            raise NothingToRedact
        row.credit_name = row.credit_name[:30]
        row.redacted_at = at
        row.save(update_fields=[*_QUESTIONS, "credit_name", "redacted_at"])
        _void(row, "已隐去个人信息", actor, at)
        audit.record_event(
            verb="proposal.redacted", target=target_of(row), actor=actor.pk, region=row.region,
            data={"places": found, "length": len(passage), "reason": reason},
        )  # fmt: skip
    return row

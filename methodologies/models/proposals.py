"""What the public proposes (P2.4): five answers, a public number, every step with its date, and who supports it.

Whose it is stands apart in `ProposalContact`, under row policies: no public query can bring a phone along.
"""

import uuid

from django.db import models
from django.db.models import F, Q

from carbon_portal.kernel.append_only import AppendOnly
from methodologies.constants import CreditAs, ProposalChannel, ProposalState

from .library import Methodology

_STATES_WITH_ANSWER = (ProposalState.ADOPTED, ProposalState.DECLINED)


class ProposalCounter(models.Model):
    """The last number of a year. Its row is locked while a number is given, so there are no gaps and no twins."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)


class Proposal(models.Model):
    """One idea. Its words are public once somebody has read them for personal data (`shown_at`)."""

    number = models.CharField(max_length=16, unique=True, help_text="P-2026-000123")
    state = models.CharField(max_length=12, choices=ProposalState, default=ProposalState.RECEIVED)
    channel = models.CharField(max_length=12, choices=ProposalChannel, default=ProposalChannel.WEB)
    region = models.CharField(max_length=6, help_text="city whose staff look after it")
    received_on = models.DateField()
    created_at = models.DateTimeField()
    request_key = models.CharField(max_length=64, unique=True)
    # The five questions.
    what = models.CharField(max_length=60)
    why = models.TextField()
    proof = models.TextField()
    who = models.TextField()
    risk = models.TextField(blank=True)
    credit_as = models.CharField(max_length=12, choices=CreditAs, default=CreditAs.NOBODY)
    credit_name = models.CharField(max_length=30, blank=True)
    accept_due_on = models.DateField()
    answer_due_on = models.DateField()
    accepted_at = models.DateTimeField(null=True)
    shown_at = models.DateTimeField(null=True)
    redacted_at = models.DateTimeField(null=True)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged_from")
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    # What an officer suggests and another person decides; becomes `answer` with the decision.
    offered_answer = models.TextField(blank=True)
    methodology = models.ForeignKey(Methodology, on_delete=models.PROTECT, null=True, related_name="proposals")

    class Meta:
        constraints = [
            # Whoever is merged leads on, and only they do; nobody leads to themselves.
            models.CheckConstraint(
                name="proposal_merged_leads_on",
                condition=Q(state=ProposalState.MERGED, merged_into__isnull=False)
                | (~Q(state=ProposalState.MERGED) & Q(merged_into__isnull=True)),
            ),
            models.CheckConstraint(name="proposal_not_into_itself", condition=~Q(merged_into=F("id"))),
            # No outcome without a written answer and its moment.
            models.CheckConstraint(
                name="proposal_outcome_is_answered",
                condition=~Q(state__in=_STATES_WITH_ANSWER) | (~Q(answer="") & Q(answered_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="proposal_credit_has_a_name", condition=Q(credit_as=CreditAs.NOBODY) | ~Q(credit_name="")
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="proposal_by_state"),
            # The work list and the public count of what is overdue.
            models.Index(
                fields=["answer_due_on"], name="proposal_open_by_due", condition=Q(state__in=["received", "in_study"])
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ProposalContact(models.Model):
    """Whose it is and how to reach them: seen by themselves and by staff of the area alone."""

    row_level = True

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="contact", primary_key=True)
    region = models.CharField(max_length=6)
    person = models.UUIDField(null=True, help_text="who sent it by themselves; their phone is their login's")
    name = models.CharField(max_length=50, blank=True)
    phone = models.CharField(max_length=16, blank=True, help_text="E.164, of those who wrote or called")
    number_told_at = models.DateTimeField(null=True)
    answer_told_at = models.DateTimeField(null=True)


class ProposalStep(AppendOnly):
    """A step on the way, with its moment: what the public page shows."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="steps")
    state = models.CharField(max_length=12, choices=ProposalState)
    at = models.DateTimeField()
    by = models.UUIDField(null=True, help_text="person of the staff; empty for the sender")
    note = models.CharField(max_length=500, blank=True)

    class Meta(AppendOnly.Meta):
        constraints = [
            # Every state is entered once.
            models.UniqueConstraint(fields=["proposal", "state"], name="proposal_step_once"),
        ]


class ProposalSupport(models.Model):
    """A resident who supports it: one each, by the person and not by the login, family or firm."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="supports")
    person = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["proposal", "person"], name="proposal_support_once_per_person"),
        ]
        indexes = [models.Index(fields=["person", "at"], name="proposal_support_by_person")]

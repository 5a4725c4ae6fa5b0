"""A reward in points for whoever sent an idea that was adopted (P2.4-d)."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q

from accounts.models import Participant
from credits.constants import RewardState
from methodologies.models import Proposal

from .books import FundedPool


class ProposalReward(models.Model):
    """One an idea: points out of a funded pool, asked for by one person of the staff and decided by another."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="+")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    pool = models.ForeignKey(FundedPool, on_delete=models.PROTECT, related_name="+")
    points = models.PositiveIntegerField()
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=8, choices=RewardState, default=RewardState.WAITING)
    initiator = models.UUIDField(help_text="person")
    asked_at = models.DateTimeField()
    approver = models.UUIDField(null=True, help_text="person")
    paid_at = models.DateTimeField(null=True)
    entry = models.UUIDField(null=True, help_text="of the ledger")

    class Meta:
        constraints = [
            models.CheckConstraint(name="reward_of_some_points", condition=Q(points__gte=1)),
            models.CheckConstraint(
                name="reward_two_people", condition=Q(approver__isnull=True) | ~Q(approver=F("initiator"))
            ),
            # What is paid was decided by somebody and stands in the ledger; what is not paid is in no entry.
            models.CheckConstraint(
                name="reward_paid_has_an_entry",
                condition=Q(state="paid", approver__isnull=False, paid_at__isnull=False, entry__isnull=False)
                | (~Q(state="paid") & Q(paid_at__isnull=True, entry__isnull=True)),
            ),
        ]
        triggers = [
            # A paid reward stays as it was paid: the entry behind it never changes either.
            pgtrigger.Protect(
                name="paid_stays",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state="paid"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.proposal_id}: {self.points}"

"""A set of final records computed again under a chosen version: the choice, the work by participant, what came of it.

The lines are what was previewed and approved. A result that counts is a further revision of the reduction, which names
its recomputation in `dependencies`; a result that does not count stays in its line, beside the one that does.
"""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Participant
from carbon_portal.kernel.append_only import AppendOnly
from carbon_portal.kernel.fields import QuantityField
from credits.constants import PartOutcome, RecomputationRule, RecomputationState, StandsBecause
from methodologies.models import FactorLibrary, MethodologyVersion

from .books import Reduction


class Recomputation(models.Model):
    """What was chosen and by whom. The choice never changes; another choice is another recomputation."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(max_length=40)
    version = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, related_name="+")
    library = models.ForeignKey(FactorLibrary, on_delete=models.PROTECT, related_name="+")
    first = models.DateField()
    last = models.DateField()
    regions = ArrayField(models.CharField(max_length=6), help_text="areas; everything inside them is meant")
    rule = models.CharField(max_length=12, choices=RecomputationRule)
    reason = models.CharField(max_length=300, help_text="why, in words for the people affected")
    reason_en = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=12, choices=RecomputationState, default=RecomputationState.PREPARING)
    initiator = models.UUIDField(help_text="person")
    created_at = models.DateTimeField()
    numbers = models.JSONField(default=dict, help_text="what the preview found: the sums that are approved")
    content_sha256 = models.CharField(max_length=64, blank=True, help_text="of the choice and the numbers")
    previewed_at = models.DateTimeField(null=True)
    approver = models.UUIDField(null=True, help_text="person")
    decided_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="recomputation_span", condition=Q(first__lte=F("last"))),
            # R8: nobody decides about their own; what runs was decided by somebody.
            models.CheckConstraint(
                name="recomputation_two_people", condition=Q(approver__isnull=True) | ~Q(approver=F("initiator"))
            ),
            models.CheckConstraint(
                name="recomputation_runs_approved",
                condition=~Q(state__in=["running", "done"]) | Q(approver__isnull=False, decided_at__isnull=False),
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="choice_is_fixed",
                fields=[
                    "uuid", "code", "version", "library", "first", "last", "regions", "rule", "reason", "reason_en",
                    "initiator", "created_at",
                ],
            ),
            pgtrigger.Protect(name="keep", operation=pgtrigger.Delete),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.code} {self.first}–{self.last}"


class RecomputationPart(models.Model):
    """One participant's records: settled together, because they share limits and a past; one unit of the work."""

    recomputation = models.ForeignKey(Recomputation, on_delete=models.PROTECT, related_name="parts")
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    records = models.PositiveIntegerField()
    top_up_g = QuantityField(default=0, help_text="grams that are to earn points, as previewed")
    change_g = models.BigIntegerField(default=0, help_text="by which the part's grams change, as previewed")
    previewed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=PartOutcome, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recomputation", "participant"], name="recomputation_part_once"),
        ]
        indexes = [
            models.Index(
                fields=["recomputation", "participant"],
                condition=Q(previewed_at__isnull=True),
                name="recomputation_to_preview",
            ),
            models.Index(
                fields=["recomputation", "participant"], condition=Q(done_at__isnull=True), name="recomputation_to_do"
            ),
            models.Index(fields=["participant"], name="recomputation_of_participant"),
        ]


class RecomputationLine(AppendOnly):
    """One record as previewed: the result that stood, the one under the chosen version, and which of them is to count.

    `stands`: the earlier result goes on counting, `because` of the rule, a refusal, a claim, or as nothing changes.
    """

    recomputation = models.ForeignKey(Recomputation, on_delete=models.PROTECT, related_name="lines", db_index=False)
    record_id = models.BigIntegerField(db_index=True)
    record_on = models.DateField()
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    region = models.CharField(max_length=6)
    before = models.ForeignKey(
        Reduction, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    before_g = QuantityField()
    computed_g = QuantityField()
    new_g = QuantityField()
    new_reason = models.CharField(max_length=40, blank=True)
    stands = models.BooleanField()
    because = models.CharField(max_length=12, choices=StandsBecause, blank=True)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["recomputation", "record_id"], name="recomputation_line_once"),
            models.CheckConstraint(
                name="recomputation_line_not_negative",
                condition=Q(before_g__gte=0, new_g__gte=0, computed_g__gte=F("new_g")),
            ),
        ]

"""Reductions and what follows from them: limits used, daily totals, points accrued, claims.

A reduction points at its record by `record_id` and `record_on` without a database constraint, because records are
partitioned by month; `verify` checks the pairs.
"""

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q

from accounts.constants import ParticipantKind
from accounts.models import Organisation, Participant
from behaviors.constants import EvidenceGrade
from carbon_portal.kernel.append_only import NO_TRUNCATE, AppendOnly
from carbon_portal.kernel.fields import QuantityField
from credits.constants import ClaimKind, TotalState
from methodologies.models import MethodologyVersion

# The record is locked before its newest revision is looked for: a recomputation that is under way ends first. What was
# claimed of earlier revisions stays claimed, so only the rest of the newest is free.
_COUNT_CLAIMS = """
    PERFORM FROM new_claims n JOIN credits_reduction r ON r.id = n.reduction_id
       JOIN behaviors_behaviorrecord b ON b.id = r.record_id AND b.occurred_on = r.record_on
      ORDER BY b.id FOR SHARE OF b;
    IF EXISTS (SELECT FROM new_claims n JOIN credits_reduction r ON r.id = n.reduction_id
                 JOIN credits_reduction later ON later.record_id = r.record_id AND later.revision > r.revision) THEN
        RAISE EXCEPTION 'credits: a claim on a result that a later one replaces' USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO credits_claimedgrams AS c (reduction_id, limit_g, claimed_g)
    SELECT r.id, r.reduction_g - coalesce((
               SELECT sum(x.grams) FROM credits_claim x JOIN credits_reduction e ON e.id = x.reduction_id
                WHERE e.record_id = r.record_id AND e.revision < r.revision), 0), sum(n.grams)
      FROM new_claims n JOIN credits_reduction r ON r.id = n.reduction_id
     GROUP BY r.id, r.record_id, r.revision, r.reduction_g ORDER BY r.id
    ON CONFLICT (reduction_id) DO UPDATE SET claimed_g = c.claimed_g + excluded.claimed_g;
    RETURN NULL;
"""


class Basis(AppendOnly):
    """What many results follow from alike: version hash, parameter values with their pedigree, limits as declared.

    `content` is canonical JSON; its SHA-256 is its name, and a constraint (0004) holds the two together.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    content = models.TextField()
    created_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        verbose_name_plural = "bases"

    def __str__(self) -> str:
        return self.sha256


class Reduction(AppendOnly):
    """The result of one record: one row per revision, never changed (Q6, Q10).

    What it refers to is checked per statement (migration 0005) and not per row by a foreign key: none of it can be
    deleted, and ten thousand checks one by one cost more than the rows.

    `basis` and `dependencies` hold what the result followed from, so that a rebuild gives the same grams: the one what
    it shares with others, the other what is its own, `left` (what was left of each of the basis's limits before it),
    `used` (what it used of them, records and grams as they are, inputs in units of 10^-12) and `history`.
    A reversal is a further revision of 0 g with the reason `reversed`.
    """

    record_id = models.BigIntegerField()
    record_on = models.DateField()
    revision = models.PositiveSmallIntegerField()
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+", db_constraint=False)
    subject = models.CharField(max_length=12, choices=ParticipantKind)
    region = models.CharField(max_length=6)
    activity = models.CharField(max_length=40)
    sector = models.CharField(max_length=20)
    methodology_version = models.ForeignKey(
        MethodologyVersion,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        db_constraint=False,
    )
    code = models.CharField(max_length=40, help_text="methodology code, as in the daily totals")
    computed_g = QuantityField()
    reduction_g = QuantityField()
    reason = models.CharField(max_length=40, blank=True)
    evidence = models.CharField(max_length=14, choices=EvidenceGrade)
    certifiable = models.BooleanField()
    basis = models.ForeignKey(Basis, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    dependencies = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            # Q6: one result per record and revision; a second try of the same work finds it taken.
            models.UniqueConstraint(fields=["record_id", "revision"], name="reduction_once_per_revision"),
            models.CheckConstraint(name="reduction_revision_from_one", condition=Q(revision__gte=1)),
            # Q4: finite by type, never negative; what is credited is never more than what was computed.
            models.CheckConstraint(
                name="reduction_not_negative",
                condition=Q(reduction_g__gte=0, computed_g__gte=F("reduction_g")),
            ),
            # Self-declared grams are a thank-you only, never certified.
            models.CheckConstraint(
                name="reduction_self_declared_uncertifiable",
                condition=~Q(evidence=EvidenceGrade.SELF_DECLARED, certifiable=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record_id}/{self.revision}: {self.reduction_g} g"


class LimitUsage(models.Model):
    """What a participant has used of one limit of a methodology code in one period.

    `used` counts records and grams as they are and inputs in units of 10^-12, so that versions with other places share
    the row. Workers lock the rows in key order, so no two of them grant the same remainder.
    """

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    code = models.CharField(max_length=40)
    limit_key = models.CharField(max_length=60, help_text="measure/period, for example distance/day")
    period_start = models.DateField()
    used = models.DecimalField(max_digits=36, decimal_places=0, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["participant", "code", "limit_key", "period_start"], name="limit_usage_once"
            ),
        ]


class Total(models.Model):
    """What every roll-up counts: records, those of them with 0 g, and grams."""

    records = models.BigIntegerField(default=0)
    zero_records = models.BigIntegerField(default=0)
    reduction_g = QuantityField(default=0)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(class)s_not_negative",
                condition=Q(records__gte=0, zero_records__gte=0, zero_records__lte=F("records"), reduction_g__gte=0),
            ),
        ]


class FullTotal(Total):
    """A roll-up by everything a dashboard can ask for but the day."""

    region = models.CharField(max_length=6)
    activity = models.CharField(max_length=40)
    code = models.CharField(max_length=40)
    sector = models.CharField(max_length=20)
    subject = models.CharField(max_length=12)
    evidence = models.CharField(max_length=14)
    certifiable = models.BooleanField()
    state = models.CharField(max_length=12, choices=TotalState)

    class Meta(Total.Meta):
        abstract = True


class DailyTotal(FullTotal):
    """The roll-up that figures are judged by, kept in the same transaction as what it sums (D3)."""

    day = models.DateField()

    class Meta(FullTotal.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "region", "day", "activity", "code", "sector", "subject", "evidence", "certifiable", "state",
                ],
                name="daily_total_once_per_key",
            ),
            *FullTotal.Meta.constraints,
        ]  # fmt: skip
        indexes = [models.Index(fields=["day", "region"], name="daily_total_by_day")]


class MonthlyTotal(FullTotal):
    """Daily totals by month: what pages about a year read. Written with the daily totals, sum for sum."""

    month = models.DateField(help_text="first day of the month")

    class Meta(FullTotal.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "region", "month", "activity", "code", "sector", "subject", "evidence", "certifiable", "state",
                ],
                name="monthly_total_once_per_key",
            ),
            *FullTotal.Meta.constraints,
        ]  # fmt: skip
        indexes = [models.Index(fields=["month", "region"], name="monthly_total_by_month")]


class CityTotal(Total):
    """Daily totals by city and sector, per day and per month: the few rows behind a map and a curve (D1)."""

    class Span(models.TextChoices):
        DAY = "day", "日"
        MONTH = "month", "月"

    city = models.CharField(max_length=6)
    span = models.CharField(max_length=5, choices=Span)
    start = models.DateField(help_text="the day, or the first day of the month")
    sector = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=TotalState)

    class Meta(Total.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["city", "span", "start", "sector", "state"], name="city_total_once_per_key"
            ),
            *Total.Meta.constraints,
        ]
        indexes = [models.Index(fields=["span", "start", "city"], name="city_total_by_start")]


class PointsRule(AppendOnly):
    """How grams become points from a date on: `num` points per `den` grams. Data with a source, never code."""

    num = models.PositiveIntegerField()
    den = models.PositiveIntegerField()
    effective_from = models.DateField(unique=True)
    source = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="points_rule_positive", condition=Q(num__gte=1, den__gte=1))]

    def __str__(self) -> str:
        return f"{self.num}/{self.den} ({self.effective_from})"


class FundedPool(models.Model):
    """Where points come from: one open pool per region, paid for by a sponsor. Its balance is the ledger's."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    region = models.CharField(max_length=6)
    name = models.CharField(max_length=80)
    sponsor = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", null=True)
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            # A record's city has one pool to draw on, so that the source of each point is certain.
            models.UniqueConstraint(fields=["region"], condition=Q(is_open=True), name="pool_one_open_per_region"),
        ]

    def __str__(self) -> str:
        return self.name


class PointsAccrual(models.Model):
    """Grams credited and points awarded to a participant under one rule in one year.

    An award is `credited_g * num // den - awarded_points`: small deeds lose nothing to rounding. `awarded_points` above
    the entitlement is a debt, repaid by the next awards.
    """

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+", db_index=False)
    rule = models.ForeignKey(PointsRule, on_delete=models.PROTECT, related_name="+", db_index=False)
    year = models.PositiveSmallIntegerField()
    credited_g = QuantityField(default=0)
    awarded_points = QuantityField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["participant", "rule", "year"], name="accrual_once_per_year"),
            models.CheckConstraint(name="accrual_not_negative", condition=Q(credited_g__gte=0, awarded_points__gte=0)),
        ]
        triggers = [pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]


class AccrualItem(AppendOnly):
    """One reduction's share in an accrual, written with the posting: each reduction earns once (L7).

    `entry` is the ledger entry that paid; null where the grams did not complete a point yet.
    """

    reduction = models.OneToOneField(
        Reduction, on_delete=models.PROTECT, related_name="accrual_item", primary_key=True, db_constraint=False
    )
    accrual = models.ForeignKey(PointsAccrual, on_delete=models.PROTECT, related_name="items", db_constraint=False)
    entry = models.UUIDField(null=True)
    credited_g = QuantityField()

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="accrual_item_positive", condition=Q(credited_g__gt=0))]


class QueuedAward(models.Model):
    """A final reduction whose points wait for a funded pool, in record order. The row goes when the item comes."""

    reduction = models.OneToOneField(Reduction, on_delete=models.PROTECT, related_name="+", primary_key=True)
    record_id = models.BigIntegerField()
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+", db_index=False)
    region = models.CharField(max_length=6)
    credited_g = QuantityField()
    queued_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["region", "record_id"], name="queued_award_in_order")]
        constraints = [models.CheckConstraint(name="queued_award_positive", condition=Q(credited_g__gt=0))]


class Claim(AppendOnly):
    """A use of grams of one reduction. A trigger counts; the counter's constraint refuses the gram too many (R4)."""

    reduction = models.ForeignKey(Reduction, on_delete=models.PROTECT, related_name="claims")
    grams = QuantityField()
    kind = models.CharField(max_length=20, choices=ClaimKind)
    source = models.CharField(max_length=120, help_text="kind:id of the deed that claims")
    created_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="claim_positive", condition=Q(grams__gt=0)),
            models.UniqueConstraint(fields=["reduction", "source"], name="claim_once_per_source"),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="count_claims",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="new_claims"),
                func=_COUNT_CLAIMS,
            ),
        ]


class ClaimedGrams(models.Model):
    """The conditional counter of claims: written by the trigger alone, never by the application."""

    append_only = True  # for the grants: SELECT only; the trigger function runs as its owner
    column_insert_grants = ("reduction_id",)

    reduction = models.OneToOneField(Reduction, on_delete=models.PROTECT, related_name="+", primary_key=True)
    limit_g = QuantityField()
    claimed_g = QuantityField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="claims_within_reduction", condition=Q(claimed_g__gte=0, claimed_g__lte=F("limit_g"))
            ),
        ]
        triggers = [NO_TRUNCATE, pgtrigger.Protect(name="keep", operation=pgtrigger.Delete)]

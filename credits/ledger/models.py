"""Accounts, entries, lines and holds. Nothing here is written through the ORM: credits.ledger.services calls the
database functions of the migrations, and their triggers refuse every other way in.

`LedgerEntry` has one more column, `txid` (xid8, the transaction that made the entry), which is no model field so that
no code can set it.
"""

import pgtrigger
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Q

from carbon_portal.kernel.append_only import NO_TRUNCATE, AppendOnly

from .constants import (
    MAX_KEY_LENGTH,
    MAX_SOURCE_LENGTH,
    Kind,
    ResolutionKind,
    Unit,
)


class LedgerAccount(models.Model):
    """One account of the chart. Its balance moves only inside the statement that writes lines (the guard of 0002), so
    the roles of the application may not update the row at all."""

    # For the grants of the kernel: SELECT, and INSERT of two columns. The triggers below are its own, since the guard
    # does update the balance.
    append_only = True
    column_insert_grants = ("address", "unit")

    id = models.BigAutoField(primary_key=True)
    address = models.CharField(max_length=120)
    unit = models.CharField(max_length=6, choices=Unit)
    # The next two follow from the address: the trigger `ledger_account_of_the_chart` sets them on insertion, whatever
    # was asked for, so nobody can open a participant's account without a floor. Not generated columns, because every
    # update of a balance would read their expressions anew, which costs more than the update itself.
    bounded = models.BooleanField(editable=False)
    # Year of the points in a participant's account, null elsewhere. Expiry walks this index; it does not contain the
    # balance, so balance updates stay in the page (HOT).
    points_year = models.SmallIntegerField(null=True, editable=False)
    # Kept for bounded accounts only; an unbounded account is summed from its checkpoint and the lines after it.
    balance = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            # Not `unique=True`, which would add a second index for LIKE.
            models.UniqueConstraint(fields=["address"], name="ledger_account_address_once"),
            # L2: no bounded account below zero, whoever writes; and no hot row: an unbounded account is never updated.
            # One CHECK, because each is read anew by every update. Units are checked on insertion, by the trigger.
            models.CheckConstraint(
                name="ledger_account_floor",
                condition=Q(balance__gte=0) & (Q(bounded=True) | Q(balance=0)),
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="keep", operation=pgtrigger.Delete),
            # What was checked and derived on insertion stays.
            pgtrigger.Trigger(
                name="fixed",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf("address", "unit", "bounded", "points_year"),
                func="RAISE EXCEPTION 'Cannot change the address or unit of an account' "
                "USING ERRCODE = 'restrict_violation';",
            ),
            NO_TRUNCATE,
        ]
        indexes = [
            models.Index(
                "points_year",
                "id",
                name="ledger_account_year",
                condition=Q(points_year__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.address


class LedgerEntry(AppendOnly):
    """One posting: a promise of `line_count` lines that must arrive in one statement of the same transaction."""

    # Neither id, txid nor posted_at: the database says when and in which transaction an entry was made.
    column_insert_grants = (
        "uid", "kind", "line_count", "idempotency_key", "payload_sha256", "effective_on", "reverses_id", "source",
    )  # fmt: skip

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(
        unique=True,
        db_default=models.Func(function="gen_random_uuid", output_field=models.UUIDField()),
    )
    kind = models.CharField(max_length=24, choices=Kind)
    line_count = models.IntegerField()
    idempotency_key = models.CharField(max_length=MAX_KEY_LENGTH)
    payload_sha256 = models.BinaryField(max_length=32)
    effective_on = models.DateField()
    posted_at = models.DateTimeField(db_default=TransactionNow())
    reverses = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="reversals",
    )
    source = models.CharField(max_length=MAX_SOURCE_LENGTH, blank=True, default="", db_default="")

    class Meta(AppendOnly.Meta):
        constraints = [
            # L6: one key, one effect. Concurrent postings of the same key wait here.
            models.UniqueConstraint(fields=["idempotency_key"], name="ledger_entry_key_once"),
            # L5: an entry is reversed once. Only the few reversals are in this index.
            models.UniqueConstraint(
                fields=["reverses"], name="ledger_entry_reversed_once", condition=Q(reverses__isnull=False)
            ),
            # At least two lines, a known kind, a key, a whole digest; a reversal names its target and nothing else
            # does. One function, because each CHECK is read anew by every posting; its error names the rule.
            models.CheckConstraint(
                name="ledger_entry_sound",
                condition=models.Func(
                    models.F("kind"),
                    models.F("line_count"),
                    models.F("idempotency_key"),
                    models.F("payload_sha256"),
                    models.F("reverses"),
                    function="ledger_sound_entry",
                    output_field=models.BooleanField(),
                ),
            ),
        ]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"


class LedgerLine(AppendOnly):
    """One leg. No foreign key in the database (a deferred one per line cost 480 %) and no CHECK: the statement-level
    guard compares entry, account, unit and the limits of the amount, and `verify` asks the same independently."""

    pk = models.CompositePrimaryKey("entry_id", "line_no")
    entry = models.ForeignKey(
        LedgerEntry,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="lines",
    )
    line_no = models.IntegerField()
    account = models.ForeignKey(
        LedgerAccount,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="lines",
    )
    unit = models.CharField(max_length=6, choices=Unit)
    amount = models.BigIntegerField()

    class Meta(AppendOnly.Meta):
        indexes = [
            # Statements (newest entry first) and sums since a checkpoint, without touching the table.
            models.Index(
                fields=["account", "entry"],
                include=["amount"],
                name="ledger_line_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.line_no}"


class Hold(AppendOnly):
    """Points promised to a voucher: the entry took them from the participant's years, oldest first. The entry's lines
    remember the years, so that a release returns to the same ones."""

    column_insert_grants = ("entry_id", "account_id", "amount")

    id = models.BigAutoField(primary_key=True)
    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, related_name="hold")
    # The voucher's account; one hold per voucher.
    account = models.OneToOneField(LedgerAccount, on_delete=models.PROTECT, related_name="hold")
    amount = models.BigIntegerField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="ledger_hold_positive", condition=Q(amount__gt=0)),
            # Target of the composite foreign key that ties a resolution's held_points to this amount.
            models.UniqueConstraint(fields=["id", "amount"], name="ledger_hold_id_amount"),
        ]

    def __str__(self) -> str:
        return f"hold {self.pk}"


class HoldResolution(AppendOnly):
    """How a hold ended: once, for ever. Captured points went to the merchant, the rest back to the participant."""

    column_insert_grants = (
        "hold_id",
        "kind",
        "held_points",
        "captured_points",
        "entry_id",
    )

    id = models.BigAutoField(primary_key=True)
    # L8: resolved exactly once.
    hold = models.OneToOneField(Hold, on_delete=models.PROTECT, related_name="resolution")
    kind = models.CharField(max_length=8, choices=ResolutionKind)
    held_points = models.BigIntegerField()
    captured_points = models.BigIntegerField()
    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, related_name="resolution")

    class Meta(AppendOnly.Meta):
        constraints = [
            # L8: never more than was held; a release or expiry captures nothing.
            models.CheckConstraint(
                name="ledger_resolution_captured",
                condition=Q(
                    kind=ResolutionKind.CAPTURE,
                    captured_points__gt=0,
                    captured_points__lte=models.F("held_points"),
                )
                | Q(
                    kind__in=[ResolutionKind.RELEASE, ResolutionKind.EXPIRE],
                    captured_points=0,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of hold {self.hold_id}"


class AccountCheckpoint(AppendOnly):
    """A fact about an account: the sum of its lines of entries up to and including `upto_entry` is `balance`."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(
        LedgerAccount,
        on_delete=models.PROTECT,
        related_name="checkpoints",
        db_index=False,
    )
    upto_entry = models.BigIntegerField()
    balance = models.BigIntegerField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "upto_entry"], name="ledger_checkpoint_once"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} ≤ {self.upto_entry}"

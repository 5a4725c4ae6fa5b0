"""Merchants, their offers, and vouchers: points held for a person until a till captures them."""

import uuid

from django.db import models
from django.db.models import F, Q

from accounts.models import Organisation, Participant
from carbon_portal.kernel.fields import QuantityField

from .constants import MAX_PER_PERSON, OCCUPYING_STATES, VoucherState


class Merchant(models.Model):
    """A member of the alliance. Its ledger account is `merchant:<uuid>:points`."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, related_name="merchant")
    region = models.CharField(max_length=6)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.organisation.name


class Shop(models.Model):
    """A place with a till."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="shops")
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=200)
    region = models.CharField(max_length=6)

    def __str__(self) -> str:
        return self.name


class Cashier(models.Model):
    """A person who may work the till of a shop; leaving ends it at once (T16)."""

    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, related_name="cashiers")
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(is_active=True), name="cashier_one_shop_at_a_time"),
        ]


class Offer(models.Model):
    """What points buy. A voucher keeps a snapshot, so a later edit never changes what was taken (T14)."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="offers")
    title = models.CharField(max_length=80)
    title_en = models.CharField(max_length=120, blank=True)
    description = models.CharField(max_length=300, blank=True)
    description_en = models.CharField(max_length=400, blank=True)
    icon = models.CharField(max_length=30, default="gift")
    cost_points = QuantityField()
    stock = models.PositiveIntegerField()
    per_person = models.PositiveSmallIntegerField(default=1)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    voucher_days = models.PositiveSmallIntegerField(default=7)
    is_stopped = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="offer_costs_something", condition=Q(cost_points__gt=0)),
            models.CheckConstraint(name="offer_window_in_order", condition=Q(opens_at__lt=F("closes_at"))),
            models.CheckConstraint(
                name="offer_per_person_bounded", condition=Q(per_person__gte=1, per_person__lte=MAX_PER_PERSON)
            ),
            models.CheckConstraint(name="offer_voucher_life", condition=Q(voucher_days__gte=1, voucher_days__lte=366)),
        ]

    def __str__(self) -> str:
        return self.title


class OfferSlot(models.Model):
    """A share of an offer's stock: a counter that never goes below zero (L10)."""

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="slots")
    number = models.PositiveSmallIntegerField()
    remaining = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["offer", "number"], name="offer_slot_once"),
            models.CheckConstraint(name="offer_slot_not_below_zero", condition=Q(remaining__gte=0)),
        ]


class Voucher(models.Model):
    """Points on hold for one piece of one offer. Used once: state changes by compare-and-set only."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True, help_text="for people: R-20261122-7K2M9Q")
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="vouchers")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="vouchers")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="vouchers")
    person_slot = models.PositiveSmallIntegerField()
    stock_slot = models.PositiveSmallIntegerField()
    hold_id = models.BigIntegerField(unique=True, help_text="of the ledger")
    request_key = models.CharField(max_length=128, help_text="the form's or API's one-time key")
    state = models.CharField(max_length=10, choices=VoucherState, default=VoucherState.HELD)
    cost_points = QuantityField()
    snapshot = models.JSONField(help_text="title, description and merchant as they were shown")
    digits_hash = models.CharField(max_length=64, null=True)
    digits_until = models.DateTimeField(null=True)
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, null=True, related_name="+")
    cashier = models.UUIDField(null=True, help_text="person")
    refunded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-taken_at"]
        constraints = [
            # L10: the per-person limit is a number of places; each can be taken once.
            models.UniqueConstraint(
                fields=["offer", "participant", "person_slot"],
                condition=Q(state__in=[state.value for state in OCCUPYING_STATES]),
                name="voucher_place_per_person",
            ),
            # A digits code names one voucher.
            models.UniqueConstraint(
                fields=["digits_hash"], condition=Q(digits_hash__isnull=False), name="voucher_digits_once"
            ),
            # The same form sent twice takes one voucher.
            models.UniqueConstraint(fields=["participant", "request_key"], name="voucher_request_once"),
            # A captured voucher says when, where and by whom: the second till is told.
            models.CheckConstraint(
                name="voucher_capture_is_complete",
                condition=~Q(state__in=["captured", "refunded"])
                | Q(closed_at__isnull=False, shop__isnull=False, cashier__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["participant", "-taken_at"], name="voucher_by_participant"),
            models.Index(fields=["shop", "-closed_at"], name="voucher_by_shop"),
            models.Index(fields=["expires_at"], name="voucher_held", condition=Q(state="held")),
        ]

    def __str__(self) -> str:
        return self.number

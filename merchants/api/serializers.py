"""What goes in and out of `offers`, `me/vouchers` and `till/captures`."""

from typing import Any

from rest_framework import serializers

from carbon_portal.kernel import clock
from carbon_portal.kernel.endpoints import StrictSerializer
from merchants import codes, selectors
from merchants.constants import VoucherState
from merchants.models import Offer, Voucher


class OfferSerializer(serializers.ModelSerializer[Offer]):
    """An offer that can be taken now."""

    merchant = serializers.CharField(source="merchant.organisation.name")
    region = serializers.CharField(source="merchant.region")
    remaining = serializers.IntegerField()

    class Meta:
        model = Offer
        fields = (
            "uuid", "title", "title_en", "description", "description_en", "merchant", "region", "cost_points",
            "per_person", "remaining", "opens_at", "closes_at", "voucher_days",
        )  # fmt: skip


class TakeSerializer(StrictSerializer):
    """`{offer}`: the offer's uuid."""

    offer = serializers.UUIDField()


class CaptureSerializer(StrictSerializer):
    """`{code}`: the QR's text or the eight digits."""

    code = serializers.CharField(max_length=120)


class VoucherSerializer(serializers.ModelSerializer[Voucher]):
    """A voucher as its owner sees it. `qr` changes every 30 seconds; `digits` are those last made, while they live."""

    offer = serializers.UUIDField(source="offer_id")
    title = serializers.CharField(source="snapshot.title")
    merchant = serializers.CharField(source="snapshot.merchant")
    qr = serializers.SerializerMethodField()
    digits = serializers.SerializerMethodField()

    class Meta:
        model = Voucher
        fields = (
            "uuid", "number", "offer", "title", "merchant", "state", "cost_points", "taken_at", "expires_at",
            "closed_at", "refunded_at", "qr", "digits", "digits_until",
        )  # fmt: skip

    def get_qr(self, voucher: Voucher) -> str | None:
        return codes.qr_payload(voucher.uuid, clock.now()) if voucher.state == VoucherState.HELD else None

    def get_digits(self, voucher: Voucher) -> str | None:
        return selectors.live_digits(voucher, at=clock.now())


class VoucherCodesSerializer(serializers.Serializer[Any]):
    """What to show at the till now: the QR's text and the eight digits, each with its end."""

    qr = serializers.CharField()
    qr_until = serializers.DateTimeField()
    digits = serializers.CharField()
    digits_until = serializers.DateTimeField()


class CapturedSerializer(serializers.ModelSerializer[Voucher]):
    """What a till learns: enough to hand over the goods, nothing about the person."""

    title = serializers.CharField(source="snapshot.title")
    captured_at = serializers.DateTimeField(source="closed_at")
    shop = serializers.CharField(source="shop.name")

    class Meta:
        model = Voucher
        fields = ("uuid", "number", "title", "state", "cost_points", "captured_at", "refunded_at", "shop")

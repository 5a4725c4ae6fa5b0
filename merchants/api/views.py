"""Offers, vouchers and the till over HTTP."""

import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework import views
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.constants import ParticipantKind
from accounts.selectors import participants_of
from carbon_portal.kernel import clock
from carbon_portal.kernel.api import idempotent_write, refuse_body
from carbon_portal.kernel.endpoints import IDEMPOTENCY, PublicView
from carbon_portal.kernel.errors import NotFound
from merchants import codes, selectors, services
from merchants.constants import VoucherState

from . import serializers


class OfferListView(PublicView):
    """Offers that can be taken now."""

    @extend_schema(responses={200: serializers.OfferSerializer(many=True)})
    def get(self, request: Request) -> Response:
        offers = selectors.open_offers(at=clock.now())[:200]
        return Response(serializers.OfferSerializer(offers, many=True).data)


class VoucherCreateView(views.APIView):
    """Take a voucher with one's own points."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(
        request=serializers.TakeSerializer, responses={201: serializers.VoucherSerializer}, parameters=[IDEMPOTENCY]
    )
    def post(self, request: Request) -> HttpResponse:
        form = serializers.TakeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        participant = next((p for p in participants_of(request.user) if p.kind == ParticipantKind.RESIDENT), None)
        if participant is None:
            raise NotFound
        key = request.headers.get("Idempotency-Key", "")

        def deed() -> tuple[int, Any]:
            voucher = services.take_voucher(
                offer=selectors.offer_by_uuid(form.validated_data["offer"]),
                participant=participant,
                request_key=f"api:{key}"[:128],
                at=clock.now(),
            )
            if voucher.state == VoucherState.HELD:
                services.show_digits(voucher=voucher, at=clock.now())
            return 201, dict(serializers.VoucherSerializer(voucher).data)

        return idempotent_write(request, client=f"person:{participant.person_id}", deed=deed)


class VoucherView(views.APIView):
    """One's own voucher, with the code of this half minute."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(responses={200: serializers.VoucherSerializer})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response(serializers.VoucherSerializer(selectors.voucher_for(request.user, pk)).data)


class VoucherCodesView(views.APIView):
    """Fresh eight digits (120 s) beside the QR. A POST, because the digits' hash is written; repeat it at will."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    @extend_schema(request=None, responses={200: serializers.VoucherCodesSerializer})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        refuse_body(request)
        voucher = selectors.voucher_for(request.user, pk)
        now = clock.now()
        digits, until = services.show_digits(voucher=voucher, at=now)
        answer = {
            "qr": codes.qr_payload(voucher.uuid, now),
            "qr_until": codes.qr_valid_until(now),
            "digits": digits,
            "digits_until": until,
        }
        return Response(serializers.VoucherCodesSerializer(answer).data)


class CaptureView(views.APIView):
    """Redeem: exactly one success; the loser learns when, where and by whom."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("till",)

    @extend_schema(
        request=serializers.CaptureSerializer, responses={200: serializers.CapturedSerializer}, parameters=[IDEMPOTENCY]
    )
    def post(self, request: Request) -> HttpResponse:
        form = serializers.CaptureSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        _shop, person = selectors.till_of(request.user)

        def deed() -> tuple[int, Any]:
            voucher = services.capture(code=form.validated_data["code"], person=person, at=clock.now())
            return 200, dict(serializers.CapturedSerializer(voucher).data)

        return idempotent_write(request, client=f"till:{person.uuid}", deed=deed)


class RefundView(views.APIView):
    """Undo a capture of today."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("till",)

    @extend_schema(request=None, responses={200: serializers.CapturedSerializer}, parameters=[IDEMPOTENCY])
    def post(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        refuse_body(request)
        shop, person = selectors.till_of(request.user)

        def deed() -> tuple[int, Any]:
            voucher = services.refund(voucher=selectors.captured_voucher(shop, pk), person=person, at=clock.now())
            return 200, dict(serializers.CapturedSerializer(voucher).data)

        return idempotent_write(request, client=f"till:{person.uuid}", deed=deed)

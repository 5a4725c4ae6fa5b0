"""Pages of the exchange (resident) and of the till (cashier)."""

import uuid
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Participant, Person
from accounts.selectors import participants_of
from carbon_portal.kernel import clock, idempotency
from carbon_portal.kernel.errors import DomainError
from credits.ledger.selectors import spendable_points

from . import codes, selectors, services
from .constants import DIGITS_SECONDS, QR_SECONDS, VoucherState
from .forms import CodeForm, TakeForm
from .models import Shop, Voucher

STATE_PILLS = {
    VoucherState.HELD: "wait",
    VoucherState.CAPTURED: "ok",
    VoucherState.REFUNDED: "info",
    VoucherState.RELEASED: "info",
    VoucherState.EXPIRED: "no",
}


def _own(request: HttpRequest) -> list[Participant]:
    return participants_of(request.user) if request.user.is_authenticated else []


@require_GET
def offer_list(request: HttpRequest) -> HttpResponse:
    """What can be redeemed now, with the person's balance above."""
    participants = _own(request)
    balance = spendable_points(participants[0].uuid) if participants else None
    offers = selectors.open_offers(at=clock.now())
    return render(request, "merchants/offer_list.html", {"offers": offers, "balance": balance})


@require_http_methods(["GET", "POST"])
def offer_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One offer; POST takes a voucher."""
    offer = selectors.offer_by_uuid(pk)
    participants = _own(request)
    context: dict[str, Any] = {"offer": offer}
    if participants:
        names = {participant.uuid: selectors.account_label(participant) for participant in participants}
        form = TakeForm(
            request.POST if request.method == "POST" else None,
            participants=participants,
            names=names,
            initial={"request_key": uuid.uuid4().hex},
        )
        if request.method == "POST" and form.is_valid():
            chosen = next(p for p in participants if str(p.uuid) == form.cleaned_data["participant"])
            try:
                voucher = services.take_voucher(
                    offer=offer, participant=chosen, request_key=form.cleaned_data["request_key"], at=clock.now()
                )
                return redirect("merchants:voucher-detail", voucher.pk)
            except DomainError as error:
                form.add_error(None, error.sentence(get_language()))
                context["status"] = error.http_status
        balance = spendable_points(participants[0].uuid)
        context |= {"form": form, "balance": balance, "missing": max(0, offer.cost_points - balance)}
    elif request.method == "POST":
        return redirect("account_login")
    return render(request, "merchants/offer_detail.html", context, status=context.get("status", 200))


@login_required
@require_GET
def voucher_list(request: HttpRequest) -> HttpResponse:
    """The person's vouchers: to be shown first, then the used ones."""
    rows = [
        (voucher, STATE_PILLS[VoucherState(voucher.state)])
        for participant in _own(request)
        for voucher in selectors.vouchers_of(participant)[:100]
    ]
    rows.sort(key=lambda row: (row[0].state != VoucherState.HELD, -row[0].taken_at.timestamp()))
    return render(request, "merchants/voucher_list.html", {"rows": rows})


@login_required
@require_GET
def voucher_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The ticket: QR and digits while it is held, the receipt afterwards."""
    voucher = selectors.voucher_for(request.user, pk)
    return render(
        request,
        "merchants/voucher_detail.html",
        {"voucher": voucher, "pill": STATE_PILLS[VoucherState(voucher.state)], **_qr(voucher)},
    )


@login_required
@require_GET
def voucher_qr(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The QR of this half minute (htmx fragment); tells the page when the till has captured it."""
    voucher = selectors.voucher_for(request.user, pk)
    response = render(request, "merchants/_qr.html", {"voucher": voucher, **_qr(voucher)})
    if voucher.state != VoucherState.HELD:
        response["HX-Refresh"] = "true"
    return response


@login_required
@require_POST
def voucher_digits(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Fresh digits; a fragment for htmx, the whole page without it."""
    voucher = selectors.voucher_for(request.user, pk)
    digits, _until = services.show_digits(voucher=voucher, at=clock.now())
    context = {"voucher": voucher, "digits": digits, "digits_seconds": DIGITS_SECONDS}
    if request.headers.get("HX-Request"):
        return render(request, "merchants/_digits.html", context)
    return render(request, "merchants/voucher_detail.html", {**context, "pill": "wait", **_qr(voucher)})


@login_required
@require_POST
def voucher_release(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Give an unused voucher back."""
    voucher = selectors.voucher_for(request.user, pk)
    services.release_voucher(voucher=voucher, at=clock.now())
    messages.success(request, gettext("已退回，碳币已回到您的账户。"))
    return redirect("merchants:voucher-list")


def _qr(voucher: Voucher) -> dict[str, Any]:
    if voucher.state != VoucherState.HELD:
        return {}
    now = clock.now()
    svg = segno.make(codes.qr_payload(voucher.uuid, now), error="m", micro=False).svg_inline(omitsize=True, border=2)
    left = max(1, int((codes.qr_valid_until(now) - now).total_seconds()))
    return {"svg": mark_safe(svg), "qr_left": left, "qr_of": QR_SECONDS}  # noqa: S308  (made by segno from our own text)


# -- the till ---------------------------------------------------------------------------------------------------------


@login_required
@require_GET
def till(request: HttpRequest) -> HttpResponse:
    """Scan or type; today's redemptions below."""
    shop, person = selectors.till_of(request.user)
    return _till_page(request, shop, person, CodeForm(initial={"request_key": uuid.uuid4().hex}))


@login_required
@require_POST
def till_capture(request: HttpRequest) -> HttpResponse:
    """Yes or no, in words and colour. The same form sent twice shows the same answer."""
    shop, person = selectors.till_of(request.user)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _till_page(request, shop, person, form, status=400)
    verdict = _capture_once(form.cleaned_data["request_key"], form.cleaned_data["code"], person)
    fresh = CodeForm(initial={"request_key": uuid.uuid4().hex})
    return _till_page(request, shop, person, fresh, verdict=verdict, status=verdict["status"])


def _capture_once(request_key: str, code: str, person: Person) -> dict[str, Any]:
    """Run the capture under the form's key: a double tap gets the first answer, marked as such."""
    found: dict[str, Any] = {}

    def deed() -> tuple[int, str]:
        voucher = services.capture(code=code, person=person, at=clock.now())
        return 200, str(voucher.pk)

    try:
        answer = idempotency.once(client=f"till:{person.uuid}", key=request_key, body=code.encode(), deed=deed)
    except DomainError as error:
        return {
            "kind": "no",
            "status": error.http_status,
            "title": error.title_en if (get_language() or "").startswith("en") else error.title,
            "text": error.sentence(get_language()),
        }
    voucher = Voucher.objects.select_related("participant__person").get(pk=answer.body)
    found = {"kind": "ok", "status": 200, "voucher": voucher, "replayed": answer.replayed}
    return found


@login_required
@require_POST
def till_refund(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Undo a redemption of today."""
    shop, person = selectors.till_of(request.user)
    voucher = selectors.captured_voucher(shop, pk)
    services.refund(voucher=voucher, person=person, at=clock.now())
    messages.success(request, gettext("已撤销，碳币已退回顾客。"))
    return redirect("merchants:till")


def _till_page(
    request: HttpRequest,
    shop: Shop,
    person: Person,
    form: CodeForm,
    *,
    verdict: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "shop": shop,
        "form": form,
        "verdict": verdict,
        "captures": selectors.captures_today(shop, at=clock.now())[:50],
        "cashier": person,
    }
    return render(request, "merchants/till.html", context, status=status)

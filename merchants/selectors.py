"""Reads of offers and vouchers, each with the right of the reader."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import get_language

from accounts.models import Participant, Person
from accounts.selectors import participants_of, person_of
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import NotFound
from credits.ledger.constants import Kind
from credits.ledger.selectors import StatementLine, holds_of_entries
from credits.selectors.origins import Origin

from . import codes
from .constants import VoucherState
from .errors import NoTill
from .models import Cashier, Offer, Shop, Voucher

_REDEEMING = frozenset(kind for kind in Kind if kind.value.startswith("redeem_"))


def open_offers(*, at: dt.datetime, region: str = "") -> QuerySet[Offer]:
    """Offers that can be taken now, with `remaining`; those of the person's own city first is the page's matter."""
    offers = (
        Offer.objects.filter(is_stopped=False, merchant__is_active=True, opens_at__lte=at, closes_at__gt=at)
        .select_related("merchant__organisation")
        .annotate(remaining=Coalesce(Sum("slots__remaining"), 0))
        .order_by("cost_points", "title")
    )
    return offers.filter(merchant__region=region) if region else offers


def offer_by_uuid(pk: uuid.UUID) -> Offer:
    """An offer, open or not; missing is 404."""
    offer = (
        Offer.objects.select_related("merchant__organisation")
        .annotate(remaining=Coalesce(Sum("slots__remaining"), 0))
        .filter(pk=pk)
        .first()
    )
    if offer is None:
        raise NotFound
    return offer


def vouchers_of(participant: Participant) -> QuerySet[Voucher]:
    """A participant's vouchers, newest first."""
    return Voucher.objects.filter(participant=participant).select_related("merchant__organisation", "shop")


def voucher_for(user: Any, pk: uuid.UUID) -> Voucher:
    """A voucher of one of the user's own participants; anybody else's is 404."""
    own = [participant.pk for participant in participants_of(user)]
    voucher = (
        Voucher.objects.select_related("merchant__organisation", "shop", "offer")
        .filter(pk=pk, participant__in=own)
        .first()
    )
    if voucher is None:
        raise NotFound
    return voucher


def live_digits(voucher: Voucher, *, at: dt.datetime) -> str | None:
    """The digits that were last shown for a voucher, while they still count."""
    if voucher.state != VoucherState.HELD or voucher.digits_until is None or voucher.digits_until <= at:
        return None
    return codes.digits_of(voucher.uuid, voucher.digits_until)


def shop_of_cashier(person: Person | None) -> Shop:
    """The shop whose till this person works now."""
    cashier = (
        Cashier.objects.select_related("shop__merchant__organisation")
        .filter(person=person, is_active=True, shop__merchant__is_active=True)
        .first()
        if person
        else None
    )
    if cashier is None:
        raise NoTill
    return cashier.shop


def works_a_till(person: Person) -> bool:
    """Whether this person stands at some till now."""
    return Cashier.objects.filter(person=person, is_active=True, shop__merchant__is_active=True).exists()


def till_of(user: Any) -> tuple[Shop, Person]:
    """The till that a login works, and who stands at it."""
    person = person_of(user)
    shop = shop_of_cashier(person)
    assert person is not None  # shop_of_cashier refuses nobody
    return shop, person


def captures_today(shop: Shop, *, at: dt.datetime) -> QuerySet[Voucher]:
    """What this shop's till took today, newest first, undone ones included."""
    return (
        Voucher.objects.filter(shop=shop, closed_at__gte=clock.local_midnight(clock.local_date(at)))
        .filter(state__in=[VoucherState.CAPTURED, VoucherState.REFUNDED])
        .select_related("participant__person")
        .order_by("-closed_at")
    )


def captured_voucher(shop: Shop, pk: uuid.UUID) -> Voucher:
    """A voucher that the shop's merchant captured, for its reversal."""
    voucher = Voucher.objects.filter(pk=pk, merchant=shop.merchant, shop__isnull=False).first()
    if voucher is None:
        raise NotFound
    return voucher


def person_name(person: uuid.UUID | None) -> str:
    """How a cashier is named to another cashier."""
    found = Person.objects.filter(pk=person).values_list("name", flat=True).first() if person else None
    return found or "店员"


def account_label(participant: Participant) -> str:
    """Whose points these are, for a choice between one's own, the family's and the firm's."""
    if participant.organisation is not None:
        return participant.organisation.name
    if participant.household is not None:
        return participant.household.name
    return participant.person.name if participant.person and participant.person.name else participant.public_id


def voucher_origins(participant: Participant, lines: Sequence[StatementLine]) -> dict[int, Origin]:
    """What was redeemed, for those lines of a statement that holds, releases and refunds made."""
    holds = holds_of_entries([line.entry_id for line in lines if line.kind in _REDEEMING])
    if not holds:
        return {}
    english = (get_language() or "").startswith("en")
    found = {}
    for pk, hold, snapshot in Voucher.objects.filter(
        participant=participant, hold_id__in=set(holds.values())
    ).values_list("uuid", "hold_id", "snapshot"):
        title = (snapshot["title_en"] if english else "") or snapshot["title"]
        found[hold] = Origin(title, reverse("merchants:voucher-detail", args=[pk]))
    return {entry: found[hold] for entry, hold in holds.items() if hold in found}

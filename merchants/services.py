"""Deeds around offers and vouchers. Each is one transaction; points move through the ledger only.

Lock order (docs/locking.md): key, offer slot, voucher, ledger accounts.
"""

import datetime as dt
import secrets
import uuid

from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet

from accounts.constants import OrganisationKind, Role
from accounts.models import Organisation, Participant, Person
from accounts.services import grant_role
from carbon_portal.kernel import audit, clock
from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.faults import crash_point, switched_off
from credits.ledger import services as ledger

from . import codes, errors, selectors
from .constants import (
    DIGITS_SECONDS,
    MAX_STOCK_SLOTS,
    OCCUPYING_STATES,
    WRONG_CODES_PER_MINUTE,
    VoucherState,
)
from .models import Cashier, Merchant, Offer, OfferSlot, Shop, Voucher

_NUMBER_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that is misread aloud
_SWEEP = 500


@transaction.atomic
def open_merchant(*, organisation: Organisation, region: str, at: dt.datetime) -> Merchant:
    """Make a firm a member of the alliance."""
    if organisation.kind != OrganisationKind.MERCHANT:
        raise NotFound
    merchant, made = Merchant.objects.get_or_create(
        organisation=organisation, defaults={"region": region, "created_at": at}
    )
    if made:
        audit.record_event(verb="merchant.opened", target=f"merchant:{merchant.uuid}", region=region)
    return merchant


@transaction.atomic
def open_shop(*, merchant: Merchant, name: str, address: str, region: str) -> Shop:
    """Add a place with a till."""
    return Shop.objects.create(merchant=merchant, name=name, address=address, region=region)


@transaction.atomic
def add_cashier(*, shop: Shop, person: Person, at: dt.datetime) -> Cashier:
    """Let a person work the till; a person works one till at a time."""
    Cashier.objects.filter(person=person, is_active=True).exclude(shop=shop).update(is_active=False)
    cashier, _ = Cashier.objects.get_or_create(shop=shop, person=person, is_active=True)
    grant_role(person=person, role=Role.CASHIER, organisation=shop.merchant.organisation, at=at)
    return cashier


@transaction.atomic
def publish_offer(
    *,
    merchant: Merchant,
    title: str,
    cost_points: int,
    stock: int,
    per_person: int,
    opens_at: dt.datetime,
    closes_at: dt.datetime,
    at: dt.datetime,
    title_en: str = "",
    description: str = "",
    description_en: str = "",
    icon: str = "gift",
    voucher_days: int = 7,
) -> Offer:
    """Publish an offer and spread its stock over slots."""
    offer = Offer.objects.create(
        merchant=merchant,
        title=title,
        title_en=title_en,
        description=description,
        description_en=description_en,
        icon=icon,
        cost_points=cost_points,
        stock=stock,
        per_person=per_person,
        opens_at=opens_at,
        closes_at=closes_at,
        voucher_days=voucher_days,
        created_at=at,
    )
    slots = min(MAX_STOCK_SLOTS, max(1, stock // 10))
    share, rest = divmod(stock, slots)
    OfferSlot.objects.bulk_create(
        OfferSlot(offer=offer, number=number, remaining=share + (number < rest)) for number in range(slots)
    )
    audit.record_event(verb="offer.published", target=f"offer:{offer.uuid}", region=merchant.region)
    return offer


def take_voucher(*, offer: Offer, participant: Participant, request_key: str, at: dt.datetime) -> Voucher:
    """Hold the points and a piece of stock for a person. The same request key returns the first voucher."""
    with transaction.atomic():
        # One person's requests for one offer come one after the other; everybody else's run beside them.
        if not switched_off("vouchers:one-at-a-time"):
            _advisory_lock(f"voucher:{offer.pk}:{participant.pk}")
        first = Voucher.objects.filter(participant=participant, request_key=request_key).first()
        if first is not None and not switched_off("idempotency:key"):
            return first
        _refuse_closed(offer, at)
        place = _free_place(offer, participant)
        stock_slot = _take_stock(offer, participant.uuid)
        pk = uuid.uuid4()
        hold = ledger.hold(
            key=f"redeem:{pk}:hold",
            participant_uid=participant.uuid,
            voucher_uid=pk,
            points=offer.cost_points,
            at=at,
            source=f"offer:{offer.uuid}",
        )
        crash_point("vouchers:held")
        return Voucher.objects.create(
            uuid=pk,
            hold_id=hold.hold_id,
            number=_number(at),
            offer=offer,
            merchant=offer.merchant,
            participant=participant,
            person_slot=place,
            stock_slot=stock_slot,
            request_key=request_key,
            cost_points=offer.cost_points,
            snapshot=_snapshot(offer),
            taken_at=at,
            expires_at=_expiry(offer, at),
        )


@transaction.atomic
def show_digits(*, voucher: Voucher, at: dt.datetime) -> tuple[str, dt.datetime]:
    """Fresh eight digits for a held voucher and until when they count."""
    if voucher.state != VoucherState.HELD or voucher.expires_at <= at:
        raise _closed(voucher)
    for attempt in range(5):
        until = at + dt.timedelta(seconds=DIGITS_SECONDS, microseconds=-attempt)
        digits = codes.digits_of(voucher.uuid, until)
        hashed = codes.digits_hash(digits)
        Voucher.objects.filter(digits_hash=hashed, digits_until__lt=at).update(digits_hash=None, digits_until=None)
        try:
            with transaction.atomic():
                Voucher.objects.filter(pk=voucher.pk, state=VoucherState.HELD).update(
                    digits_hash=hashed, digits_until=until
                )
            voucher.digits_until = until
            return digits, until
        except IntegrityError:
            continue  # these digits are live for somebody else: one chance in 10^8 per live voucher
    raise errors.CodeUnknown


def capture(*, code: str, person: Person, at: dt.datetime) -> Voucher:
    """Redeem at a till: exactly one call succeeds, every other one is told when, where and by whom.

    `code` is the QR's text or the eight digits. The capture settles to the merchant in the same transaction.
    """
    shop = selectors.shop_of_cashier(person)
    _refuse_locked_till(shop)
    try:
        voucher = _find(code, at)
    except errors.CodeUnknown:
        _count_wrong_code(shop)
        raise
    with transaction.atomic():
        usable = Voucher.objects.filter(pk=voucher.pk, merchant=shop.merchant)
        if not (switched_off("vouchers:compare-and-set") and voucher.state == VoucherState.HELD):
            usable = usable.filter(state=VoucherState.HELD, expires_at__gt=at)
        won = usable.update(state=VoucherState.CAPTURED, closed_at=at, shop=shop, cashier=person.uuid)
        voucher.refresh_from_db()
        if not won:
            raise _refusal(voucher, shop)
        crash_point("vouchers:captured")
        ledger.capture(
            key=f"redeem:{voucher.uuid}:capture",
            hold_id=voucher.hold_id,
            points=voucher.cost_points,
            merchant_uid=shop.merchant_id,
            at=at,
            source=f"shop:{shop.pk}",
        )
    return voucher


def refund(*, voucher: Voucher, person: Person, at: dt.datetime) -> Voucher:
    """Undo a capture on the same day, once; the points return to the years they came from."""
    shop = selectors.shop_of_cashier(person)
    if voucher.merchant_id != shop.merchant_id:
        raise NotFound
    with transaction.atomic():
        won = Voucher.objects.filter(
            pk=voucher.pk,
            state=VoucherState.CAPTURED,
            closed_at__gte=clock.local_midnight(clock.local_date(at)),
        ).update(state=VoucherState.REFUNDED, refunded_at=at)
        voucher.refresh_from_db()
        if not won:
            raise _refund_refusal(voucher)
        _give_back_stock(voucher)
        ledger.refund(hold_id=voucher.hold_id, at=at, source=f"shop:{shop.pk}")
        audit.record_event(verb="voucher.refunded", target=f"voucher:{voucher.uuid}", actor=person.uuid)
    return voucher


def release_voucher(*, voucher: Voucher, at: dt.datetime) -> Voucher:
    """Give an unused voucher back; points and stock return at once."""
    with transaction.atomic():
        won = Voucher.objects.filter(pk=voucher.pk, state=VoucherState.HELD).update(
            state=VoucherState.RELEASED, closed_at=at
        )
        voucher.refresh_from_db()
        if not won:
            raise _closed(voucher)
        _give_back_stock(voucher)
        ledger.release(key=f"redeem:{voucher.uuid}:release", hold_id=voucher.hold_id, at=at, source="resident")
    return voucher


def expire_vouchers(*, at: dt.datetime) -> int:
    """Close held vouchers whose time is over; how many were closed. Safe to run twice and beside a capture."""
    closed = 0
    due = Voucher.objects.filter(state=VoucherState.HELD, expires_at__lte=at).order_by("expires_at")[:_SWEEP]
    for voucher in due:
        with transaction.atomic():
            won = Voucher.objects.filter(pk=voucher.pk, state=VoucherState.HELD).update(
                state=VoucherState.EXPIRED, closed_at=at
            )
            if not won:
                continue  # captured or released a moment ago
            _give_back_stock(voucher)
            ledger.expire_hold(key=f"redeem:{voucher.uuid}:expire", hold_id=voucher.hold_id, at=at, source="expiry")
            closed += 1
    return closed


@transaction.atomic
def stop_offer(*, offer: Offer, person: Person) -> None:
    """No new vouchers; those already taken are honoured (C1.4-b)."""
    Offer.objects.filter(pk=offer.pk).update(is_stopped=True)
    audit.record_event(verb="offer.stopped", target=f"offer:{offer.uuid}", actor=person.uuid)


# -- parts ------------------------------------------------------------------------------------------------------------


def _advisory_lock(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _refuse_closed(offer: Offer, at: dt.datetime) -> None:
    offer.refresh_from_db()
    for closed, why, why_en in (
        (offer.is_stopped or not offer.merchant.is_active, "商家已停止该兑换", "the merchant has stopped it"),
        (at < offer.opens_at, "还没有开始", "it has not started yet"),
        (at >= offer.closes_at, "兑换期已结束", "its period is over"),
    ):
        if closed:
            raise errors.OfferClosed(title=offer.title, name_en=offer.title_en or offer.title, why=why, why_en=why_en)


def _free_place(offer: Offer, participant: Participant) -> int:
    taken = set(
        Voucher.objects.filter(offer=offer, participant=participant, state__in=OCCUPYING_STATES).values_list(
            "person_slot", flat=True
        )
    )
    for place in range(1, offer.per_person + 1):
        if place not in taken:
            return place
    raise errors.LimitReached(title=offer.title, name_en=offer.title_en or offer.title, limit=offer.per_person)


def _take_stock(offer: Offer, salt: uuid.UUID) -> int:
    """Take one piece from the first slot that has any, starting where this person's hash points."""
    numbers = list(offer.slots.order_by("number").values_list("number", flat=True))
    start = salt.int % len(numbers) if numbers else 0
    for number in numbers[start:] + numbers[:start]:
        if _take_one(OfferSlot.objects.filter(offer=offer, number=number)):
            return int(number)
    raise errors.SoldOut(title=offer.title, name_en=offer.title_en or offer.title)


def _take_one(slot: QuerySet[OfferSlot]) -> bool:
    """Conditional and relative: two buyers of the last piece have one winner, and no decrement is lost."""
    if switched_off("stock:conditional"):
        left = slot.values_list("remaining", flat=True).get()
        return left > 0 and bool(slot.update(remaining=left - 1))
    return bool(slot.filter(remaining__gt=0).update(remaining=F("remaining") - 1))


def _give_back_stock(voucher: Voucher) -> None:
    OfferSlot.objects.filter(offer_id=voucher.offer_id, number=voucher.stock_slot).update(remaining=F("remaining") + 1)


def _expiry(offer: Offer, at: dt.datetime) -> dt.datetime:
    """The end of the last day on which the voucher may be used, in Asia/Shanghai."""
    return clock.local_midnight(clock.local_date(at) + dt.timedelta(days=offer.voucher_days + 1))


def _snapshot(offer: Offer) -> dict[str, object]:
    return {
        "title": offer.title,
        "title_en": offer.title_en,
        "description": offer.description,
        "description_en": offer.description_en,
        "merchant": offer.merchant.organisation.name,
        "cost_points": offer.cost_points,
        "icon": offer.icon,
    }


def _number(at: dt.datetime) -> str:
    tail = "".join(secrets.choice(_NUMBER_ALPHABET) for _ in range(8))
    return f"R-{clock.local_date(at):%Y%m%d}-{tail}"


def _find(code: str, at: dt.datetime) -> Voucher:
    """The voucher behind a scanned or typed code."""
    vouchers = Voucher.objects.select_related("merchant__organisation", "shop")
    if digits := codes.as_digits(code):
        voucher = vouchers.filter(digits_hash=codes.digits_hash(digits)).first()
        if voucher is None:
            raise errors.CodeUnknown
        if voucher.state == VoucherState.HELD and (voucher.digits_until is None or voucher.digits_until < at):
            raise errors.CodeExpired
        return voucher
    scanned = codes.read_qr(code, at)
    voucher = vouchers.filter(pk=scanned.voucher).first() if scanned else None
    if scanned is None or voucher is None:
        raise errors.CodeUnknown
    if not scanned.fresh and voucher.state == VoucherState.HELD:
        raise errors.CodeExpired
    return voucher


def _refusal(voucher: Voucher, shop: Shop) -> Exception:
    """Why a capture lost, said so that the cashier knows what to do."""
    if voucher.merchant_id != shop.merchant_id:
        return errors.WrongMerchant(merchant=voucher.merchant.organisation.name)
    if voucher.state == VoucherState.CAPTURED:
        return errors.AlreadyCaptured(
            at=_clock_text(voucher.closed_at),
            shop=voucher.shop.name if voucher.shop else "",
            cashier=selectors.person_name(voucher.cashier),
        )
    state = VoucherState.EXPIRED if voucher.state == VoucherState.HELD else VoucherState(voucher.state)
    return errors.VoucherNotUsable(state=_STATE_WORDS[state][0], state_en=_STATE_WORDS[state][1])


def _refund_refusal(voucher: Voucher) -> Exception:
    if voucher.state == VoucherState.REFUNDED:
        return errors.AlreadyRefunded(at=_clock_text(voucher.refunded_at))
    if voucher.state == VoucherState.CAPTURED and voucher.closed_at:
        return errors.RefundTooLate(day=clock.local_date(voucher.closed_at).isoformat())
    return _closed(voucher)


_STATE_WORDS = {
    VoucherState.HELD: ("待核销", "waiting"),
    VoucherState.CAPTURED: ("已核销", "already used"),
    VoucherState.REFUNDED: ("已撤销", "undone"),
    VoucherState.RELEASED: ("已退回", "returned"),
    VoucherState.EXPIRED: ("已过期", "expired"),
}


def _closed(voucher: Voucher) -> Exception:
    words = _STATE_WORDS[VoucherState(voucher.state)]
    return errors.VoucherClosed(state=words[0], state_en=words[1])


def _clock_text(at: dt.datetime | None) -> str:
    return at.astimezone(clock.LOCAL_ZONE).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _wrong_codes_key(shop: Shop) -> str:
    return f"till:{shop.merchant_id}:wrong-codes"


def _refuse_locked_till(shop: Shop) -> None:
    if (cache.get(_wrong_codes_key(shop)) or 0) >= WRONG_CODES_PER_MINUTE:
        raise errors.TooManyWrongCodes(limit=WRONG_CODES_PER_MINUTE)


def _count_wrong_code(shop: Shop) -> None:
    """T15: guessing is slow. The counter lives a minute from its first wrong code."""
    key = _wrong_codes_key(shop)
    cache.add(key, 0, timeout=60)
    try:
        cache.incr(key)
    except ValueError:  # its minute ended between the two
        cache.set(key, 1, timeout=60)

"""The deeds of the exchange, one at a time."""

import datetime as dt
import uuid

import pytest
from django.core.cache import cache

from credits.ledger import addresses
from credits.ledger.errors import InsufficientPoints
from credits.ledger.selectors import balance, balances_by_year, spendable_points
from merchants import codes, errors, services
from merchants.constants import VoucherState
from merchants.models import Voucher
from tests.merchants.world import AT, Exchange, build_exchange, give_points, in_stock
from tests.people import Cast, build_cast, person_of

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def cast() -> Cast:
    return build_cast()


@pytest.fixture
def shop(cast: Cast) -> Exchange:
    return build_exchange(cast)


def take(shop: Exchange, cast: Cast, *, key: str = "a", at: dt.datetime = AT) -> Voucher:
    return services.take_voucher(offer=shop.offer, participant=cast.alice_account, request_key=key, at=at)


def qr(voucher: Voucher, at: dt.datetime = AT) -> str:
    return codes.qr_payload(voucher.uuid, at)


def test_a_voucher_holds_points_and_stock_and_a_capture_settles_to_the_merchant(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 20)
    voucher = take(shop, cast)
    assert spendable_points(cast.alice_account.uuid, on=AT.date()) == 13
    assert balance(addresses.voucher(voucher.uuid)) == 7
    assert in_stock(shop.offer) == 99

    done = services.capture(code=qr(voucher), person=person_of(shop.tills[0]), at=AT)

    assert done.state == VoucherState.CAPTURED
    assert done.shop == shop.shops[0]
    assert balance(addresses.merchant(shop.merchant.uuid)) == 7
    assert balance(addresses.voucher(voucher.uuid)) == 0


def test_points_of_the_older_year_are_spent_first_and_return_to_it(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 5, year=2025)
    give_points(cast.alice_account, 5, year=2026)
    voucher = take(shop, cast)
    left = {part.year: part.points for part in balances_by_year(cast.alice_account.uuid)}
    assert (left.get(2025, 0), left[2026]) == (0, 3)
    services.release_voucher(voucher=voucher, at=AT)
    back = {part.year: part.points for part in balances_by_year(cast.alice_account.uuid)}
    assert (back[2025], back[2026]) == (5, 5)


def test_too_few_points_leave_no_trace(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 6)
    with pytest.raises(InsufficientPoints):
        take(shop, cast)
    assert not Voucher.objects.exists()
    assert in_stock(shop.offer) == 100
    assert spendable_points(cast.alice_account.uuid, on=AT.date()) == 6


def test_the_same_request_takes_one_voucher(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    assert take(shop, cast, key="same").pk == take(shop, cast, key="same").pk
    assert in_stock(shop.offer) == 99


def test_a_person_takes_no_more_than_the_limit(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    for number in range(5):
        take(shop, cast, key=str(number))
    with pytest.raises(errors.LimitReached):
        take(shop, cast, key="six")
    assert spendable_points(cast.alice_account.uuid, on=AT.date()) == 65


def test_a_released_voucher_frees_its_place(cast: Cast) -> None:
    shop = build_exchange(cast, per_person=1, stock=1)
    give_points(cast.alice_account, 100)
    services.release_voucher(voucher=take(shop, cast, key="1"), at=AT)
    assert take(shop, cast, key="2").state == VoucherState.HELD


def test_nothing_is_taken_when_the_stock_is_gone(cast: Cast) -> None:
    shop = build_exchange(cast, stock=1)
    give_points(cast.alice_account, 100)
    take(shop, cast, key="1")
    with pytest.raises(errors.SoldOut):
        take(shop, cast, key="2")
    assert in_stock(shop.offer) == 0


@pytest.mark.parametrize("days", [-2, 61])
def test_an_offer_is_closed_outside_its_days(shop: Exchange, cast: Cast, days: int) -> None:
    give_points(cast.alice_account, 100)
    with pytest.raises(errors.OfferClosed):
        take(shop, cast, at=AT + dt.timedelta(days=days))


def test_a_stopped_offer_gives_no_voucher_and_honours_those_taken(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    services.stop_offer(offer=shop.offer, person=person_of(cast.merchant_owner))
    with pytest.raises(errors.OfferClosed):
        take(shop, cast, key="b")
    assert services.capture(code=qr(voucher), person=person_of(shop.tills[0]), at=AT).state == VoucherState.CAPTURED


def test_the_second_till_is_told_when_and_where(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    services.capture(code=qr(voucher), person=person_of(shop.tills[0]), at=AT)
    with pytest.raises(errors.AlreadyCaptured) as refusal:
        services.capture(code=qr(voucher), person=person_of(shop.tills[1]), at=AT)
    assert "2026-11-20 10:31:00" in refusal.value.detail
    assert "北京路店" in refusal.value.detail
    assert "店员1号" in refusal.value.detail
    assert balance(addresses.merchant(shop.merchant.uuid)) == 7


def test_a_screenshot_expires_after_the_next_window(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    old = qr(voucher)
    late = AT + dt.timedelta(seconds=60)
    with pytest.raises(errors.CodeExpired):
        services.capture(code=old, person=person_of(shop.tills[0]), at=late)
    assert services.capture(code=qr(voucher, late), person=person_of(shop.tills[0]), at=late)


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        lambda text: text.replace(text.split(".")[1], uuid.uuid4().hex.upper()),
        lambda text: ".".join([*text.split(".")[:2], "99999999999999", text.split(".")[3]]),
        lambda text: "V.1.2",
        lambda text: "１２３４５６７８",
        lambda text: "",
    ],
)
def test_a_forged_code_is_unknown(shop: Exchange, cast: Cast, forge: object) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    with pytest.raises(errors.CodeUnknown):
        services.capture(code=forge(qr(voucher)), person=person_of(shop.tills[0]), at=AT)  # type: ignore[operator]
    voucher.refresh_from_db()
    assert voucher.state == VoucherState.HELD


def test_eight_digits_open_the_voucher_for_two_minutes(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    digits, until = services.show_digits(voucher=voucher, at=AT)
    assert len(digits) == 8
    assert until == AT + 2 * MINUTE
    stored = Voucher.objects.get(pk=voucher.pk).digits_hash
    assert stored is not None
    assert digits not in stored
    with pytest.raises(errors.CodeExpired):
        services.capture(code=digits, person=person_of(shop.tills[0]), at=AT + 3 * MINUTE)
    spaced = f"{digits[:4]} {digits[4:]}"
    assert services.capture(code=spaced, person=person_of(shop.tills[0]), at=AT + MINUTE).pk == voucher.pk


def test_new_digits_replace_the_old_ones(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    first, _ = services.show_digits(voucher=voucher, at=AT)
    second, _ = services.show_digits(voucher=voucher, at=AT + MINUTE)
    if first != second:
        with pytest.raises(errors.CodeUnknown):
            services.capture(code=first, person=person_of(shop.tills[0]), at=AT + MINUTE)
    assert services.capture(code=second, person=person_of(shop.tills[0]), at=AT + MINUTE)


def test_another_merchants_till_is_refused(shop: Exchange, cast: Cast) -> None:
    from accounts.constants import OrganisationKind
    from accounts.services import register_organisation, register_staff
    from tests.people import GUANGZHOU, make_credit_code

    other = register_organisation(
        kind=OrganisationKind.MERCHANT, name="隔壁面包店", credit_code=make_credit_code(77), region=GUANGZHOU, at=AT
    )
    merchant = services.open_merchant(organisation=other, region=GUANGZHOU, at=AT)
    bakery = services.open_shop(merchant=merchant, name="面包店", address="示例路", region="440104")
    baker = register_staff(username="baker", password=None, name="面包师", region=GUANGZHOU, at=AT)
    services.add_cashier(shop=bakery, person=person_of(baker), at=AT)
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    with pytest.raises(errors.WrongMerchant):
        services.capture(code=qr(voucher), person=person_of(baker), at=AT)
    voucher.refresh_from_db()
    assert voucher.state == VoucherState.HELD


def test_who_works_no_till_redeems_nothing(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    with pytest.raises(errors.NoTill):
        services.capture(code=qr(take(shop, cast)), person=person_of(cast.bob), at=AT)


def test_a_refund_returns_the_points_once_and_on_the_same_day_only(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 5, year=2025)
    give_points(cast.alice_account, 5, year=2026)
    voucher = take(shop, cast)
    cashier = person_of(shop.tills[0])
    services.capture(code=qr(voucher), person=cashier, at=AT)
    with pytest.raises(errors.RefundTooLate):
        services.refund(voucher=voucher, person=cashier, at=AT + dt.timedelta(days=1))
    services.refund(voucher=voucher, person=cashier, at=AT + MINUTE)
    with pytest.raises(errors.AlreadyRefunded):
        services.refund(voucher=voucher, person=cashier, at=AT + 2 * MINUTE)
    back = {part.year: part.points for part in balances_by_year(cast.alice_account.uuid)}
    assert (back[2025], back[2026]) == (5, 5)
    assert balance(addresses.merchant(shop.merchant.uuid)) == 0
    assert in_stock(shop.offer) == 100


def test_the_day_of_a_refund_ends_at_midnight_in_guangzhou(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    evening = dt.datetime(2026, 11, 20, 15, 59, 50, tzinfo=dt.UTC)
    services.capture(code=qr(voucher, evening), person=person_of(shop.tills[0]), at=evening)
    with pytest.raises(errors.RefundTooLate):
        services.refund(voucher=voucher, person=person_of(shop.tills[0]), at=evening + dt.timedelta(seconds=10))
    assert services.refund(
        voucher=voucher, person=person_of(shop.tills[0]), at=evening + dt.timedelta(seconds=9)
    ).refunded_at


def test_unused_vouchers_expire_and_return_everything(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    assert services.expire_vouchers(at=voucher.expires_at - MINUTE) == 0
    assert services.expire_vouchers(at=voucher.expires_at) == 1
    assert services.expire_vouchers(at=voucher.expires_at) == 0
    voucher.refresh_from_db()
    assert voucher.state == VoucherState.EXPIRED
    assert spendable_points(cast.alice_account.uuid, on=AT.date()) == 100
    with pytest.raises(errors.VoucherNotUsable):
        services.capture(code=qr(voucher), person=person_of(shop.tills[0]), at=AT)


def test_guessing_codes_locks_the_till_for_a_minute(shop: Exchange, cast: Cast) -> None:
    give_points(cast.alice_account, 100)
    voucher = take(shop, cast)
    cashier = person_of(shop.tills[0])
    for number in range(5):
        with pytest.raises(errors.CodeUnknown):
            services.capture(code=f"0000000{number}", person=cashier, at=AT)
    with pytest.raises(errors.TooManyWrongCodes):
        services.capture(code=qr(voucher), person=cashier, at=AT)


def test_a_wrong_code_at_the_end_of_the_minute_is_a_wrong_code(shop: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter may end between the look at it and the count; that was an error 500 at the till."""
    cashier, real = person_of(shop.tills[0]), cache.add

    def just_in_time(key: str, *rest: object, **more: object) -> None:
        real(key, *rest, **more)
        cache.delete(key)

    monkeypatch.setattr(cache, "add", just_in_time)
    for number in range(5):
        with pytest.raises(errors.CodeUnknown):
            services.capture(code=f"0000000{number}", person=cashier, at=AT)

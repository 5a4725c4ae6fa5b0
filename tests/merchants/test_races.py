"""Races over one voucher, one stock, one limit, one balance (battery B3, B4): each has exactly so many winners."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection

from accounts.models import Participant
from accounts.services import register_resident
from carbon_portal.kernel.errors import DomainError
from credits.ledger import addresses
from credits.ledger.selectors import balance, spendable_points
from merchants import codes, services
from merchants.models import Voucher
from tests.ledger.world import meeting
from tests.merchants.world import AT, build_exchange, give_points, in_stock
from tests.people import GUANGZHOU, build_cast, person_of

pytestmark = pytest.mark.usefixtures("own_database")


def together(deeds: list[Callable[[], Any]], *, workers: int = 12) -> tuple[int, list[DomainError]]:
    """Run all deeds from many threads; how many succeeded, and the refusals of the others."""

    def run(deed: Callable[[], Any]) -> DomainError | None:
        try:
            deed()
        except DomainError as error:
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(run, deeds))
    refusals = [result for result in results if result is not None]
    return len(results) - len(refusals), refusals


def residents(number: int, points: int) -> list[Participant]:
    found = []
    for index in range(number):
        user = register_resident(phone=f"1390007{index:04d}", region=GUANGZHOU, at=AT)
        found.append(person_of(user).participant)
        give_points(found[-1], points)
    return found


def test_one_code_at_two_tills_is_redeemed_once() -> None:
    cast = build_cast()
    shop = build_exchange(cast)
    give_points(cast.alice_account, 100)
    voucher = services.take_voucher(offer=shop.offer, participant=cast.alice_account, request_key="r", at=AT)
    code = codes.qr_payload(voucher.uuid, AT)
    tills = [person_of(till) for till in shop.tills]

    won, refusals = together(
        [lambda person=tills[n % 2]: services.capture(code=code, person=person, at=AT) for n in range(100)]  # type: ignore[misc]
    )

    assert won == 1
    assert {refusal.code for refusal in refusals} == {"already_captured"}
    assert balance(addresses.merchant(shop.merchant.uuid)) == 7


def test_ten_pieces_go_to_ten_of_sixty_buyers() -> None:
    shop = build_exchange(build_cast(), stock=10, per_person=1)
    buyers = residents(60, 7)

    won, refusals = together(
        [
            lambda buyer=buyer: services.take_voucher(  # type: ignore[misc]
                offer=shop.offer, participant=buyer, request_key="r", at=AT
            )
            for buyer in buyers
        ]
    )

    assert won == 10
    assert {refusal.code for refusal in refusals} == {"sold_out"}
    assert in_stock(shop.offer) == 0
    assert sum(spendable_points(buyer.uuid) for buyer in buyers) == 50 * 7


def test_fifty_parallel_requests_of_one_person_stop_at_the_limit() -> None:
    cast = build_cast()
    shop = build_exchange(cast, per_person=5)
    give_points(cast.alice_account, 1000)

    won, refusals = together(
        [
            lambda key=str(n): services.take_voucher(  # type: ignore[misc]
                offer=shop.offer, participant=cast.alice_account, request_key=key, at=AT
            )
            for n in range(50)
        ]
    )

    assert won == 5
    assert {refusal.code for refusal in refusals} == {"per_person_limit"}
    assert spendable_points(cast.alice_account.uuid) == 1000 - 35


def test_the_limit_breaks_without_the_lock_and_the_database_still_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: with the lock off, requests collide on the unique place, which the race above would not show."""
    monkeypatch.setattr(services, "_advisory_lock", lambda name: None)
    monkeypatch.setattr(services, "_free_place", meeting(2, services._free_place))
    cast = build_cast()
    shop = build_exchange(cast, per_person=5)
    give_points(cast.alice_account, 1000)

    def take(key: str) -> Callable[[], Voucher]:
        return lambda: services.take_voucher(offer=shop.offer, participant=cast.alice_account, request_key=key, at=AT)

    with pytest.raises(IntegrityError):
        together([take(f"{n}") for n in range(12)])
    assert Voucher.objects.filter(state="held").count() <= 5


def test_capture_release_and_expiry_of_one_hold_have_one_winner() -> None:
    cast = build_cast()
    shop = build_exchange(cast, per_person=40)
    give_points(cast.alice_account, 1000)
    cashier = person_of(shop.tills[0])
    for number in range(12):
        voucher = services.take_voucher(
            offer=shop.offer, participant=cast.alice_account, request_key=str(number), at=AT
        )
        code, late = codes.qr_payload(voucher.uuid, AT), voucher.expires_at
        together(
            [
                lambda code=code: services.capture(code=code, person=cashier, at=AT),  # type: ignore[misc]
                lambda voucher=voucher: services.release_voucher(voucher=voucher, at=AT),  # type: ignore[misc]
                lambda late=late: services.expire_vouchers(at=late),  # type: ignore[misc]
            ],
            workers=3,
        )
    captured = Voucher.objects.filter(state="captured").count()
    assert Voucher.objects.filter(state="held").count() == 0
    assert balance(addresses.merchant(shop.merchant.uuid)) == 7 * captured
    assert spendable_points(cast.alice_account.uuid) == 1000 - 7 * captured

"""B1 to B3: races over HTTP against four workers of the real server, each with a twin without its guard.

A race ends with as many winners as there may be, no server error, and nothing for `verify` to find. Its twin runs the
same requests with one named switch off (tests/concurrency/switches.py) and must accept more than it should.
"""

import datetime as dt
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accounts.models import User
from carbon_portal.kernel import clock
from credits.ledger import addresses
from credits.ledger.selectors import balance, spendable_points
from merchants import codes
from merchants.models import Voucher
from merchants.services import publish_offer, take_voucher
from tests import portal
from tests.concurrency import switches
from tests.concurrency.crowd import (
    CAPTURES,
    VOUCHERS,
    Answer,
    Client,
    at_once,
    clients,
    count,
    shut_until_two_wait,
    violations,
)
from tests.ledger.world import scalar
from tests.merchants.world import Exchange, build_exchange, give_bonus, in_stock
from tests.people import build_cast, personal_account, resident

pytestmark = pytest.mark.slow

WORKERS = 4
#: What a racer changes after it has looked. References to the row are let through: nobody waits before that look.
VOUCHER = "SELECT FROM merchants_voucher WHERE uuid = %s FOR NO KEY UPDATE"
STOCK_OF = "SELECT FROM merchants_offerslot WHERE offer_id = %s FOR NO KEY UPDATE"
ACCOUNT = "SELECT FROM ledger_ledgeraccount WHERE address = %s FOR NO KEY UPDATE"
Servers = Callable[[str], portal.Portal]
Start = Callable[..., portal.Portal]


@pytest.fixture(scope="module")
def servers(services: Path, one_database_name: str, tmp_path_factory) -> Iterator[Servers]:
    """At most two for all races: one as it is, and one that looks before each guard whether it is off."""
    started: dict[str, portal.Portal] = {}
    file = tmp_path_factory.mktemp("switches") / "off"

    def serve(off: str) -> portal.Portal:
        file.write_text(off)
        kind = "twin" if off else "whole"
        if kind not in started:
            server = started[kind] = portal.Portal(database=one_database_name, var=services)
            server.start_web(workers=WORKERS, **({"SWITCHED_OFF": str(file)} if off else {}))
        return started[kind]

    yield serve
    for server in started.values():
        server.stop()


@pytest.fixture
def start(servers: Servers, renewed_database: str, as_role) -> Start:
    """The server on a fresh database, whole or without one guard."""

    def begin(switch: switches.Switch | None = None) -> portal.Portal:
        if switch is not None:
            switches.apply(switch, as_role)
        return servers(switch.name if switch is not None else "")

    return begin


def long_ago() -> dt.datetime:
    return clock.now() - dt.timedelta(days=2)


def exchange(**terms: int) -> Exchange:
    return build_exchange(build_cast(), at=long_ago(), **terms)


def rich(user: User, points: int) -> User:
    year = clock.today().year
    give_bonus(personal_account(user), points, at=clock.now(), year=year)
    return user


def residents(number: int, points: int) -> list[User]:
    return [rich(resident(f"+861390007{index:04d}"), points) for index in range(number)]


def take(client: Client, offer: object, key: str = "") -> Callable[[], Answer]:
    return lambda: client.post(VOUCHERS, {"offer": str(offer)}, key)


# -- B1: a hot balance -------------------------------------------------------------------------------------------------


def forty_devices_on_one_balance(server: portal.Portal, *, each: int) -> tuple[Counter, User]:
    """Forty devices of one person ask `each` times for 7 of 1 000 points, every device for an offer of its own."""
    shop = exchange()
    alice = rich(resident("+8613900080000"), 1_000)
    opened = long_ago()
    terms = {"title": "中杯咖啡", "cost_points": 7, "stock": 100, "per_person": 100, "at": opened}
    window = {"opens_at": opened, "closes_at": opened + dt.timedelta(days=60)}
    offers = [publish_offer(merchant=shop.merchant, **terms, **window) for _ in range(40)]
    devices = clients(server.port, alice, 40)
    points = addresses.participant_points(personal_account(alice).uuid, clock.today().year)
    with shut_until_two_wait(ACCOUNT, points):
        answers = at_once([[take(device, offer.uuid)] * each for device, offer in zip(devices, offers, strict=True)])
    return count(answers), alice


def test_a_hot_balance_pays_for_exactly_142_of_1000_redemptions(start: Start) -> None:
    counted, alice = forty_devices_on_one_balance(start(), each=25)

    assert counted == {(201, ""): 142, (409, "insufficient_points"): 858}
    account = personal_account(alice).uuid
    assert spendable_points(account) == 6
    entries = scalar(
        "SELECT sum(l.amount) FROM ledger_ledgerline l JOIN ledger_ledgeraccount a ON a.id = l.account_id"
        " WHERE a.address LIKE %s",
        [f"participant:{account}:points:%"],
    )
    assert entries == 6
    assert Voucher.objects.filter(participant=account).count() == 142
    assert violations() == {}


def test_a_balance_that_is_read_and_then_written_pays_for_more(start: Start) -> None:
    counted, _ = forty_devices_on_one_balance(start(switches.HOT_BALANCE), each=10)

    assert counted[201, ""] > 142
    assert "V3" in violations()


# -- B2: one key, many times -------------------------------------------------------------------------------------------


def every_key_fifty_times(server: portal.Portal, *, keys: int) -> list[list[Answer]]:
    """Ten people, each with a tenth of the keys, from fifty devices; every device sends every key. Answers by key."""
    shop = exchange(stock=10_000, per_person=100)
    people = residents(10, 10_000)
    tokens = [clients(server.port, person, 5) for person in people]  # five tokens a person, ten connections each
    names = [(number % 10, f"key-{number}") for number in range(keys)]
    queues = []
    for device in range(50):
        own = {person: Client(server.port, bearer(tokens[person][device % 5])) for person, _ in names}
        queues.append([take(own[person], shop.offer.uuid, name) for person, name in names])
    answers = at_once(queues)
    return [[queue[number] for queue in answers] for number in range(keys)]


def bearer(client: Client) -> str:
    return client.headers["Authorization"].removeprefix("Bearer ")


def test_one_key_sent_fifty_times_has_one_effect_and_one_answer(start: Start) -> None:
    by_key = every_key_fifty_times(start(), keys=100)

    for answers in by_key:
        final = {answer.body for answer in answers if answer.word != "idempotency_in_progress"}
        assert len(final) == 1
        assert {answer.status for answer in answers} <= {201, 409}
    assert Voucher.objects.count() == 100
    assert violations() == {}


def test_without_the_key_one_request_has_many_effects(start: Start) -> None:
    by_key = every_key_fifty_times(start(switches.ONE_KEY), keys=4)

    assert Voucher.objects.count() > 4
    assert len({answer.body for answer in by_key[0]}) > 1
    assert "V6b" in violations()


# -- B3: one code, one stock, one limit --------------------------------------------------------------------------------


def one_code_at_two_tills(server: portal.Portal) -> tuple[Counter, Exchange]:
    shop = exchange()
    alice = rich(resident("+8613900080000"), 1_000)
    voucher = take_voucher(offer=shop.offer, participant=personal_account(alice), request_key="r", at=clock.now())
    tills = [clients(server.port, till, 25) for till in shop.tills]

    def show_to(till: Client) -> Answer:
        """The code of this moment: it lives half a minute, and a slow machine may take longer for all of them."""
        return till.post(CAPTURES, {"code": codes.qr_payload(voucher.uuid, clock.now())})

    ask = [functools.partial(show_to, till) for both in zip(*tills, strict=True) for till in both]
    with shut_until_two_wait(VOUCHER, voucher.uuid):
        return count(at_once([[one, one] for one in ask])), shop


def test_one_code_shown_a_hundred_times_at_two_tills_is_redeemed_once(start: Start) -> None:
    counted, shop = one_code_at_two_tills(start())

    assert counted == {(200, ""): 1, (409, "already_captured"): 99}
    assert balance(addresses.merchant(shop.merchant.uuid)) == 7
    assert violations() == {}


def test_a_code_that_is_looked_at_and_then_used_is_redeemed_more_often(start: Start) -> None:
    """The ledger still pays once (its own guard stands), but both tills hand over a coffee."""
    counted, shop = one_code_at_two_tills(start(switches.ONE_CODE))

    assert counted[200, ""] > 1
    assert balance(addresses.merchant(shop.merchant.uuid)) == 7
    assert "V10e" in violations()


def two_hundred_buyers_of_ten(server: portal.Portal) -> tuple[Counter, Exchange]:
    shop = exchange(stock=10, per_person=1)
    devices = [clients(server.port, buyer)[0] for buyer in residents(200, 7)]
    queues = [[take(device, shop.offer.uuid) for device in devices[start::50]] for start in range(50)]
    with shut_until_two_wait(STOCK_OF, shop.offer.pk):
        return count(at_once(queues)), shop


def test_ten_pieces_go_to_ten_of_two_hundred_buyers(start: Start) -> None:
    counted, shop = two_hundred_buyers_of_ten(start())

    assert counted == {(201, ""): 10, (409, "sold_out"): 190}
    assert in_stock(shop.offer) == 0
    assert violations() == {}


def test_stock_that_is_read_and_then_written_is_sold_more_often(start: Start) -> None:
    counted, _ = two_hundred_buyers_of_ten(start(switches.STOCK))

    assert counted[201, ""] > 10
    assert "V10" in violations()


def fifty_requests_of_one_person(server: portal.Portal) -> Counter:
    shop = exchange(stock=100, per_person=5)
    alice = rich(resident("+8613900080000"), 1_000)
    devices = clients(server.port, alice, 50)
    with shut_until_two_wait(STOCK_OF, shop.offer.pk):
        return count(at_once([[take(device, shop.offer.uuid)] for device in devices]))


def test_fifty_requests_of_one_person_stop_at_the_limit_of_five(start: Start) -> None:
    counted = fifty_requests_of_one_person(start())

    assert counted == {(201, ""): 5, (409, "per_person_limit"): 45}
    assert violations() == {}


def test_without_one_at_a_time_the_limit_leaks(start: Start) -> None:
    counted = fifty_requests_of_one_person(start(switches.PER_PERSON))

    assert counted[201, ""] > 5
    assert "V10b" in violations()


def test_every_switch_still_fits_the_guards(own_database, as_role) -> None:
    """A guard that was rewritten is named here, before its twin runs without having switched anything off."""
    for switch in switches.ALL:
        switches.apply(switch, as_role)

"""Offers, tills and points for the tests of the exchange."""

import datetime as dt
import uuid
from dataclasses import dataclass

from accounts.models import Participant, User
from accounts.services import register_staff
from credits.ledger import addresses
from credits.ledger import services as ledger
from credits.ledger.constants import Kind
from merchants import services
from merchants.models import Merchant, Offer, Shop
from tests.people import GUANGZHOU, Cast, person_of

#: 10:31 in Guangzhou.
AT = dt.datetime(2026, 11, 20, 2, 31, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Exchange:
    """One merchant with two shops, a cashier at each, and one offer."""

    merchant: Merchant
    shops: tuple[Shop, Shop]
    tills: tuple[User, User]
    offer: Offer


def give_points(participant: Participant, points: int, *, at: dt.datetime = AT, year: int = 2026) -> None:
    """Points out of a pool, as an award gives them."""
    pool = addresses.pool(uuid.uuid4())
    key = f"test:{uuid.uuid4()}"
    ledger.post(
        key=f"{key}:fund",
        kind=Kind.ISSUE,
        lines=[(addresses.ISSUANCE, "points", -points), (pool, "points", points)],
        at=at,
    )
    lines = [(pool, "points", -points), (addresses.participant_points(participant.uuid, year), "points", points)]
    ledger.post(key=f"{key}:award", kind=Kind.AWARD, lines=lines, at=at)


def give_bonus(participant: Participant, points: int, *, at: dt.datetime, year: int) -> None:
    """Points that no grams and no pool stand behind, where all of `verify` is asked afterwards."""
    account = addresses.participant_points(participant.uuid, year)
    lines = [(addresses.ISSUANCE, "points", -points), (account, "points", points)]
    ledger.post(key=f"test:{uuid.uuid4()}", kind=Kind.BONUS, lines=lines, at=at)


def build_exchange(
    cast: Cast, *, cost: int = 7, stock: int = 100, per_person: int = 5, at: dt.datetime = AT
) -> Exchange:
    merchant = services.open_merchant(organisation=cast.merchant, region=GUANGZHOU, at=at)
    shops, tills = [], []
    for number, name in enumerate(("北京路店", "东山口店"), start=1):
        shop = services.open_shop(merchant=merchant, name=name, address="示例路 1 号", region="440104")
        till = register_staff(username=f"till-{number}", password=None, name=f"店员{number}号", region=GUANGZHOU, at=at)
        services.add_cashier(shop=shop, person=person_of(till), at=at)
        shops.append(shop)
        tills.append(till)
    offer = services.publish_offer(
        merchant=merchant,
        title="中杯咖啡",
        title_en="Medium coffee",
        cost_points=cost,
        stock=stock,
        per_person=per_person,
        opens_at=at - dt.timedelta(days=1),
        closes_at=at + dt.timedelta(days=60),
        at=at,
    )
    return Exchange(merchant, (shops[0], shops[1]), (tills[0], tills[1]), offer)


def in_stock(offer: Offer) -> int:
    return sum(offer.slots.values_list("remaining", flat=True))

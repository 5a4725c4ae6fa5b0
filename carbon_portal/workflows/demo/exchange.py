"""The demo's merchant: a shop with two tills, a few offers, and some redemptions that really happened."""

import datetime as dt

from accounts.models import Person
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError
from merchants import services
from merchants.codes import qr_payload
from merchants.models import Merchant, Offer, Shop

from .people import Cast

OFFERS = (
    ("中杯港式奶茶一杯", "A medium Hong Kong milk tea", "到店出示兑换码即可。", "gift", 30, 2000, 5),
    ("早餐套餐减 5 元", "5 yuan off a breakfast set", "每单限用一张，不与其他优惠同享。", "ticket", 20, 2000, 10),
    ("可重复使用购物袋", "A reusable shopping bag", "帆布材质，颜色随机。", "package", 45, 500, 2),
)

SHOPS = (
    ("示例茶餐厅（北京路店）", "广州市越秀区示例路 1 号"),
    ("示例茶餐厅（东山口店）", "广州市越秀区示例路 2 号"),
)


def seed_exchange(cast: Cast, *, now: dt.datetime) -> int:
    """Open the merchant with two shops and its offers once, then redeem a few vouchers; how many were captured."""
    assert cast.merchant is not None
    merchant = services.open_merchant(organisation=cast.merchant, region=cast.merchant.region, at=now)
    shops = list(Shop.objects.filter(merchant=merchant).order_by("pk")) or [
        services.open_shop(merchant=merchant, name=name, address=address, region="440104") for name, address in SHOPS
    ]
    cashiers = [cast.users["tea-cashier-1"].person, cast.users["tea-cashier-2"].person]
    for shop, cashier in zip(shops, cashiers, strict=True):
        assert cashier is not None
        services.add_cashier(shop=shop, person=cashier, at=now)
    if Offer.objects.filter(merchant=merchant).exists():
        return 0
    offers = _publish(merchant, now)
    assert cashiers[0] is not None
    return _redeem(cast, offers[0], cashiers[0], now)


def _publish(merchant: Merchant, now: dt.datetime) -> list[Offer]:
    start = clock.local_midnight(clock.local_date(now) - dt.timedelta(days=30))
    return [
        services.publish_offer(
            merchant=merchant,
            title=title,
            title_en=title_en,
            description=description,
            icon=icon,
            cost_points=cost,
            stock=stock,
            per_person=per_person,
            opens_at=start,
            closes_at=start + dt.timedelta(days=365),
            voucher_days=14,
            at=now,
        )
        for title, title_en, description, icon, cost, stock, per_person in OFFERS
    ]


def _redeem(cast: Cast, offer: Offer, cashier: Person, now: dt.datetime) -> int:
    """A dozen residents who have enough points take a cup of tea; most of them drink it."""
    captured = 0
    for number, participant in enumerate(cast.residents[:12]):
        try:
            voucher = services.take_voucher(
                offer=offer, participant=participant, request_key=f"demo:{participant.uuid}", at=now
            )
        except DomainError:
            continue  # not enough points yet: no voucher, as for anybody
        if number % 3:
            services.capture(code=qr_payload(voucher.uuid, now), person=cashier, at=now)
            captured += 1
    return captured

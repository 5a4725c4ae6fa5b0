"""Two methods that go out of force with notice, so that who used them has messages. Not real: the reasons say so."""

import datetime as dt
from dataclasses import dataclass

from accounts import services as accounts
from accounts.models import Notification
from carbon_portal.kernel import clock
from credits import services as credits
from methodologies import services
from methodologies.models import MethodologyVersion, Withdrawal

from . import walk
from .people import Cast


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends, in how many days from now; when it was planned and decided, in days before now."""

    code: str
    sunset_in: int
    planned: int
    decided: int
    reason: str


ENDINGS = (
    Ending(
        "GD-OLD-CLOTHES", 60, 24, 20,
        "演示用的停用，不是真实安排：旧衣回收改由各市按本地回收点另行制定方法。",
    ),
    Ending(
        "GD-SHARED-EBIKE", 45, 8, 5,
        "演示用的停用，不是真实安排：运营企业不再报送骑行数据，无法核对。",
    ),
)  # fmt: skip


def seed_endings(cast: Cast, *, now: dt.datetime) -> int:
    """Plan and decide each that was not yet, and tell everybody; how many messages were sent.

    The first resident has read the older message and not the newer one.
    """
    told = 0
    for ending in ENDINGS:
        if not Withdrawal.objects.filter(version__methodology_id=ending.code).exists():
            told += _end(ending, now)
    first = cast.residents[0].person
    if told and first is not None:
        mine = Notification.objects.filter(person=first.pk).order_by("created_at", "pk")
        for pk in mine.values_list("pk", flat=True)[:1]:
            accounts.mark_read(person=first, pk=pk, at=now - dt.timedelta(days=1))
    return told


def _end(ending: Ending, now: dt.datetime) -> int:
    version = MethodologyVersion.objects.get(methodology_id=ending.code, version="1.0")
    plan = services.plan_withdrawal(
        version=version, person=walk.uuid_of("gd-officer"), shown_sha256=version.sha256,
        sunset_on=clock.local_date(now) + dt.timedelta(days=ending.sunset_in), reason=ending.reason,
        at=now - dt.timedelta(days=ending.planned),
    )  # fmt: skip
    decided = now - dt.timedelta(days=ending.decided)
    services.decide_withdrawal(
        plan=plan, person=walk.uuid_of("gd-approver"), shown_sha256=plan.content_sha256, approved=True, at=decided
    )
    return credits.tell_of_withdrawals(at=decided)

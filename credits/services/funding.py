"""Pools of points, paid for by a sponsor; points that run out."""

import datetime as dt
import uuid

from django.db import transaction

from accounts.models import Organisation
from carbon_portal.kernel import audit
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.regions import region as find_region
from credits.errors import BadFunding
from credits.ledger import services as ledger
from credits.ledger.constants import MAX_AMOUNT, Kind
from credits.ledger.services import Expiry
from credits.models import FundedPool, PointsRule


def fund_pool(
    *,
    region: str,
    sponsor: Organisation | None,
    points: int,
    actor: uuid.UUID | None,
    at: dt.datetime,
    key: str,
    name: str = "",
) -> FundedPool:
    """Put points into the open pool of a region (made when there is none); idempotent by `key`.

    With a sponsor the points are backed by its money (`fund`), without they are trial points (`issue`).
    Errors: BadFunding, UnknownRegion, IdempotencyConflict.
    """
    if not isinstance(points, int) or isinstance(points, bool) or not 1 <= points <= MAX_AMOUNT:
        raise BadFunding(points=points, largest=MAX_AMOUNT)
    area = find_region(region)
    with transaction.atomic():
        FundedPool.objects.bulk_create(
            [FundedPool(region=area.six, name=name or f"{area.name}碳币池", sponsor=sponsor, created_at=at)],
            ignore_conflicts=True,
        )
        pool = FundedPool.objects.get(region=area.six, is_open=True)
        posting = ledger.fund(
            key=f"fund:{key}",
            kind=Kind.FUND if sponsor else Kind.ISSUE,
            pool_uid=pool.uuid,
            points=points,
            at=at,
            source=f"pool:{pool.uuid}",
        )
        if not posting.replayed:
            audit.record_event(
                verb="pool.funded", target=f"pool:{pool.uuid}", actor=actor, region=area.six,
                data={"points": points, "entry": str(posting.uid), "sponsor": str(sponsor.uuid) if sponsor else ""},
            )  # fmt: skip
            enqueue_on_commit("credits.award_queued")
    return pool


def set_points_rule(*, num: int, den: int, effective_from: dt.date, source: str, at: dt.datetime) -> PointsRule:
    """Register how grams become points from a date on; the same rule again returns the first."""
    with transaction.atomic():
        rule, made = PointsRule.objects.get_or_create(
            effective_from=effective_from, defaults={"num": num, "den": den, "source": source, "created_at": at}
        )
        if made:
            audit.record_event(
                verb="points_rule.set", target=f"points_rule:{rule.pk}",
                data={"num": num, "den": den, "effective_from": effective_from.isoformat()},
            )  # fmt: skip
    return rule


def expire_points(*, at: dt.datetime) -> Expiry:
    """Take back the points whose year is over (the ledger's rule: the end of the next year)."""
    return ledger.expire_points(at=at)

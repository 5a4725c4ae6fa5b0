"""Grams become points: accrual per participant, paid by a funded pool, each reduction once (L7).

Locks, in the order of docs/locking.md: accruals by participant, a slot of the pool, then the ledger's accounts.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from carbon_portal.kernel import clock
from carbon_portal.kernel.faults import crash_point
from credits.constants import CHUNK_AWARDS, PROVINCE
from credits.errors import NoPointsRule
from credits.ledger import addresses
from credits.ledger import selectors as ledger_selectors
from credits.ledger import services as ledger
from credits.ledger.constants import Kind
from credits.ledger.errors import AccountShort
from credits.models import FundedPool, PointsRule

from . import bulk


class Earning(NamedTuple):
    """A final reduction of more than 0 g that has not earned its points yet."""

    record_id: int
    reduction_id: int
    participant: str  # a uuid; as text, because it is looked up and compared some ten times a record
    region: str
    grams: int


class Terms(NamedTuple):
    """By which rule grams become points, and in which year's account these stand (they expire with the year after)."""

    rule: PointsRule
    year: int


class Accrual(NamedTuple):
    id: int
    credited_g: int
    awarded_points: int


def rule_on(day: dt.date) -> PointsRule:
    """The points rule in force on an Asia/Shanghai date. Errors: NoPointsRule."""
    rule = PointsRule.objects.filter(effective_from__lte=day).order_by("-effective_from").first()
    if rule is None:
        raise NoPointsRule(on=day.isoformat())
    return rule


def terms_of(final_on: dt.date, paid_on: dt.date) -> Terms:
    """The terms of records that became final on one Asia/Shanghai date and are paid on another. Errors: NoPointsRule.

    Those of the day on which a record became final, however long its points waited for funds. What waited longer than
    its year's points can be spent counts for the oldest year that still can, so that nothing arrives expired; what
    became final before the first rule takes the rule that pays it.
    """
    try:
        rule = rule_on(final_on)
    except NoPointsRule:
        rule = rule_on(paid_on)
    return Terms(rule, max(final_on.year, paid_on.year - 1))


def pool_of(region: str, pools: dict[str, FundedPool]) -> FundedPool | None:
    """The open pool that pays for a record's region: its city's, else the province's."""
    return pools.get(f"{region[:4]}00") or pools.get(PROVINCE)


def open_pools() -> dict[str, FundedPool]:
    """The open pools by region."""
    return {pool.region: pool for pool in FundedPool.objects.filter(is_open=True)}


def award_or_queue(*, earnings: Iterable[Earning], at: dt.datetime) -> None:
    """Award the points of reductions that became final in this transaction, or queue them where no pool can pay.

    Nobody overtakes: where awards of a pool are waiting already, the new ones join the end of the queue.
    """
    pools = open_pools()
    waiting = _pools_with_queue(pools)
    by_pool: dict[UUID | None, list[Earning]] = defaultdict(list)
    for earning in sorted(earnings):
        pool = pool_of(earning.region, pools)
        by_pool[pool.uuid if pool else None].append(earning)
    today = clock.local_date(at)
    try:
        terms = terms_of(today, today)
    except NoPointsRule:
        terms = None
    accruals: dict[str, Accrual] = {}
    payable = [uid for uid in by_pool if uid is not None and uid not in waiting and terms is not None]
    if payable and terms is not None:
        accruals = _lock_accruals((earning.participant for uid in payable for earning in by_pool[uid]), terms)
    for uid in sorted(by_pool, key=str):
        if uid not in payable or terms is None or not _pay(uid, by_pool[uid], terms, accruals, at):
            _queue(by_pool[uid], at)


def award_queued(*, at: dt.datetime, limit: int = CHUNK_AWARDS) -> int:
    """Award what waits for funds, in record order, as far as each pool goes; the number of reductions paid.

    Safe to run twice and at once: pools are worked on one sweep at a time.
    """
    paid = 0
    pools = open_pools()
    regions = {row[0] for row in bulk.rows("SELECT DISTINCT region FROM credits_queuedaward")}
    by_pool: dict[UUID, list[str]] = defaultdict(list)
    for region in sorted(regions):
        pool = pool_of(region, pools)
        if pool is not None:
            by_pool[pool.uuid].append(region)
    for uid in sorted(by_pool, key=str):
        while done := _award_next(uid, by_pool[uid], at, limit):
            paid += done
    return paid


_NEXT_IN_QUEUE = """
    SELECT record_id, reduction_id, participant_id::text, region, credited_g, (queued_at AT TIME ZONE %s)::date
      FROM credits_queuedaward WHERE region = ANY(%s) ORDER BY record_id LIMIT %s
"""


def _award_next(pool: UUID, regions: Sequence[str], at: dt.datetime, limit: int) -> int:
    """One transaction: the longest run of the pool's queue on the same terms that its slots cover."""
    with transaction.atomic():
        bulk.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"queue:{pool}"])
        queue = bulk.rows(_NEXT_IN_QUEUE, [clock.LOCAL_ZONE.key, list(regions), limit])
        if not queue:
            return 0
        today = clock.local_date(at)
        terms_on = {final_on: terms_of(final_on, today) for final_on in {row[-1] for row in queue}}
        terms = terms_on[queue[0][-1]]
        earnings = [Earning(*row[:-1]) for row in takewhile(lambda row: terms_on[row[-1]] == terms, queue)]
        accruals = _lock_accruals((earning.participant for earning in earnings), terms)
        covered = _covered(earnings, accruals, terms.rule, ledger_selectors.pool_balance(pool))
        if not covered or not _pay(pool, covered, terms, accruals, at):
            return 0
        bulk.execute(
            "DELETE FROM credits_queuedaward WHERE reduction_id = ANY(%s)", [[item.reduction_id for item in covered]]
        )
        crash_point("queue:paid")
        return len(covered)


def _covered(
    earnings: Sequence[Earning], accruals: dict[str, Accrual], rule: PointsRule, balance: int
) -> list[Earning]:
    """The first earnings, in order, whose points the balance covers."""
    credited = {participant: accrual.credited_g for participant, accrual in accruals.items()}
    awarded = {participant: accrual.awarded_points for participant, accrual in accruals.items()}
    for index, earning in enumerate(earnings):
        credited[earning.participant] += earning.grams
        points = max(credited[earning.participant] * rule.num // rule.den - awarded[earning.participant], 0)
        if points > balance:
            return list(earnings[:index])
        awarded[earning.participant] += points
        balance -= points
    return list(earnings)


def _pools_with_queue(pools: dict[str, FundedPool]) -> set[UUID]:
    regions = bulk.rows("SELECT DISTINCT region FROM credits_queuedaward")
    found = (pool_of(region, pools) for (region,) in regions)
    return {pool.uuid for pool in found if pool is not None}


def _lock_accruals(participants: Iterable[str], terms: Terms) -> dict[str, Accrual]:
    """The accrual rows of this year and rule, made where missing, locked in participant order."""
    wanted = bulk.array(sorted(set(participants)))
    bulk.execute(
        "INSERT INTO credits_pointsaccrual (participant_id, rule_id, year, credited_g, awarded_points)"
        " SELECT w.participant, %s, %s, 0, 0 FROM unnest(%s::uuid[]) w (participant) ON CONFLICT DO NOTHING",
        [terms.rule.pk, terms.year, wanted],
    )
    locked = bulk.rows(
        "SELECT participant_id::text, id, credited_g, awarded_points FROM credits_pointsaccrual"
        " WHERE participant_id = ANY(%s::uuid[]) AND rule_id = %s AND year = %s ORDER BY participant_id FOR UPDATE",
        [wanted, terms.rule.pk, terms.year],
    )
    return {row[0]: Accrual(*row[1:]) for row in locked}


def _pay(pool: UUID, earnings: Sequence[Earning], terms: Terms, accruals: dict[str, Accrual], at: dt.datetime) -> bool:
    """Post one entry for all earnings and write items and accruals; False (nothing written) where the pool is short."""
    grams: dict[str, int] = defaultdict(int)
    for earning in earnings:
        grams[earning.participant] += earning.grams
    after: dict[str, Accrual] = {}
    awards: dict[str, int] = {}
    for participant, added in grams.items():
        accrual = accruals[participant]
        credited = accrual.credited_g + added
        # Below zero is a debt after a reversal: this award repays it.
        awards[participant] = max(credited * terms.rule.num // terms.rule.den - accrual.awarded_points, 0)
        after[participant] = Accrual(accrual.id, credited, accrual.awarded_points + awards[participant])
    entry = _post(pool, earnings, awards, terms.year, at)
    if entry is None and any(awards.values()):
        return False
    accruals.update(after)
    accrual_ids, credits, points = zip(*after.values(), strict=True)
    bulk.execute(
        "UPDATE credits_pointsaccrual a SET credited_g = v.credited_g, awarded_points = v.awarded_points"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) v (id, credited_g, awarded_points) WHERE a.id = v.id",
        [bulk.array(accrual_ids), bulk.array(credits), bulk.array(points)],
    )
    paid = str(entry)
    bulk.copy_columns(
        "credits_accrualitem",
        {
            "reduction_id": [item.reduction_id for item in earnings],
            "accrual_id": [after[item.participant].id for item in earnings],
            "entry": [paid if awards[item.participant] else bulk.NULL for item in earnings],
            "credited_g": [item.grams for item in earnings],
        },
    )
    return True


def _post(pool: UUID, earnings: Sequence[Earning], awards: dict[str, int], year: int, at: dt.datetime) -> UUID | None:
    """One ledger entry, the pool's slots to participants; None where nothing is due, or where the pool is short."""
    if not any(awards.values()):
        return None
    due = sorted((addresses.participant_points(participant, year), points) for participant, points in awards.items())
    ids = ",".join(str(earning.reduction_id) for earning in earnings)
    key = f"points:{hashlib.sha256(ids.encode()).hexdigest()}"
    source = f"records:{earnings[0].record_id}-{earnings[-1].record_id}"
    try:
        posting = ledger.draw(
            key=key, kind=Kind.AWARD, pool_uid=pool, awards=[item for item in due if item[1]], at=at, source=source
        )
    except AccountShort:
        return None
    return posting.uid


def _queue(earnings: Sequence[Earning], at: dt.datetime) -> None:
    records, reductions, participants, regions, grams = zip(*earnings, strict=True)
    bulk.execute(
        "INSERT INTO credits_queuedaward (record_id, reduction_id, participant_id, region, credited_g, queued_at)"
        " SELECT w.*, %s FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::text[], %s::bigint[]) w"
        " ON CONFLICT DO NOTHING",
        [
            at, bulk.array(records), bulk.array(reductions), bulk.array(participants), bulk.texts(regions),
            bulk.array(grams),
        ],
    )  # fmt: skip

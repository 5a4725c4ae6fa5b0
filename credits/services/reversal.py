"""Undoing: a reversed record's grams come back out, its limits are free again, its points are taken back.

The undoing is a further revision of 0 g with the reason `reversed`; unique per record and revision, so it happens once.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from behaviors.models import BehaviorRecord
from carbon_portal.kernel.faults import crash_point
from credits.constants import CHUNK_RECORDS, NAMED_RECORDS, REVERSED
from credits.ledger import addresses
from credits.ledger import selectors as ledger_selectors
from credits.ledger import services as ledger
from credits.ledger.constants import Kind, Unit
from credits.ledger.errors import AccountShort

from . import bulk
from .totals import Totals
from .usage import UsageRow, change_usage, used_by
from .windows import Latest, latest

_DUE = """
    SELECT r.id, r.final_at IS NOT NULL FROM behaviors_behaviorrecord r
     WHERE r.state = 'reversed' AND r.provisional_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM credits_reduction x WHERE x.record_id = r.id AND x.reason = 'reversed')
     ORDER BY r.id LIMIT %s FOR UPDATE OF r SKIP LOCKED
"""


def undo_reversed(*, at: dt.datetime, limit: int = CHUNK_RECORDS) -> int:
    """Undo the effects of records that were reversed after they had been quantified; the number undone."""
    count = 0
    while True:
        with transaction.atomic():
            due = dict(bulk.rows(_DUE, [limit]))
            if not due:
                return count
            _undo(latest(list(due)), due, at)
            crash_point("undo:written")
        count += len(due)


def reverse_record_effects(*, record: BehaviorRecord, at: dt.datetime) -> None:
    """Undo one reversed record within the caller's transaction; a second call changes nothing."""
    with transaction.atomic():
        found = latest([record.pk])
        done = bulk.rows("SELECT 1 FROM credits_reduction WHERE record_id = %s AND reason = %s", [record.pk, REVERSED])
        if found and not done:
            _undo(found, {record.pk: record.final_at is not None}, at)


def _undo(found: Sequence[Latest], was_final: dict[int, bool], at: dt.datetime) -> None:
    _give_back_limits(found)
    _write_revisions(found, at)
    final = [row for row in found if was_final[row.record_id]]
    _take_back_points(final, at)
    totals = Totals()
    for row in found:
        totals.add(row.key("final" if was_final[row.record_id] else "provisional"), row.reduction_g, records=-1)
    totals.write()


def _give_back_limits(found: Sequence[Latest]) -> None:
    """What the records used is free for records that arrive later; earlier results stand."""
    changes: Counter[UsageRow] = Counter()
    for use in used_by([row.reduction_id for row in found]):
        changes[use.participant, use.code, use.limit_key, use.start] -= use.amount
    if changes:
        bulk.values(
            "SELECT 1 FROM credits_limitusage u JOIN (VALUES %s) w (participant, code, limit_key, period_start)"
            " ON u.participant_id = w.participant AND u.code = w.code AND u.limit_key = w.limit_key"
            " AND u.period_start = w.period_start"
            " ORDER BY u.participant_id, u.code, u.limit_key, u.period_start FOR UPDATE OF u",
            sorted(changes),
            template="(%s::uuid, %s, %s, %s::date)",
        )
        change_usage(changes)


def _write_revisions(found: Sequence[Latest], at: dt.datetime) -> None:
    bulk.execute(
        "INSERT INTO credits_reduction (record_id, record_on, revision, participant_id, subject, region, activity,"
        " sector, methodology_version_id, code, computed_g, reduction_g, reason, evidence, certifiable, basis_id,"
        " dependencies, created_at)"
        " SELECT record_id, record_on, revision + 1, participant_id, subject, region, activity, sector,"
        " methodology_version_id, code, 0, 0, %s, evidence, certifiable, basis_id,"
        " jsonb_build_object('reverses', id), %s"
        " FROM credits_reduction WHERE id = ANY(%s) ORDER BY record_id",
        [REVERSED, at, [row.reduction_id for row in found]],
    )


def _take_back_points(final: Sequence[Latest], at: dt.datetime) -> None:
    """Grams leave the accrual; points leave the balance as far as it goes, the rest stays as a debt in the accrual."""
    if not final:
        return
    # A recomputation may have topped up what an earlier revision earned: all of it goes.
    record_of = dict(
        bulk.rows(
            "SELECT id, record_id FROM credits_reduction WHERE record_id = ANY(%s)", [[row.record_id for row in final]]
        )
    )
    ids = list(record_of)
    bulk.execute("DELETE FROM credits_queuedaward WHERE reduction_id = ANY(%s)", [ids])
    accruals = bulk.rows(
        "SELECT a.id, a.participant_id, a.year, a.credited_g, a.awarded_points, r.num, r.den"
        "  FROM credits_pointsaccrual a JOIN credits_pointsrule r ON r.id = a.rule_id"
        " WHERE a.id IN (SELECT accrual_id FROM credits_accrualitem WHERE reduction_id = ANY(%s))"
        " ORDER BY a.participant_id FOR UPDATE OF a",
        [ids],
    )
    items = bulk.rows(
        "SELECT i.accrual_id, i.reduction_id, i.credited_g,"
        "       (SELECT a.address FROM ledger_ledgerentry e JOIN ledger_ledgerline l ON l.entry_id = e.id"
        "          JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE e.uid = i.entry AND l.amount < 0 LIMIT 1)"
        "  FROM credits_accrualitem i WHERE i.reduction_id = ANY(%s)",
        [ids],
    )
    due: list[tuple[Any, ...]] = []
    for accrual_id, participant, year, credited, awarded, num, den in accruals:
        mine = [item for item in items if item[0] == accrual_id]
        remaining = credited - sum(item[2] for item in mine)
        excess = awarded - remaining * num // den
        paid_by = next((item[3] for item in mine if item[3]), None) or _any_pool(accrual_id) if excess > 0 else None
        pool = addresses.pool_of(paid_by) if paid_by else None
        key = f"unpoints:{accrual_id}:{min(item[1] for item in mine)}-{max(item[1] for item in mine)}"
        named = list(dict.fromkeys(record_of[item[1]] for item in mine))
        source = "records:" + ",".join(map(str, named[:NAMED_RECORDS]))
        due.append((accrual_id, participant, year, remaining, awarded, excess, pool, key, source))
    # One slot of each pool, before any participant's account and in order of the pools (docs/locking.md).
    pools = sorted({row[6] for row in due if row[6] is not None}, key=str)
    slots = {pool: ledger.lock_slot(pool_uid=pool) for pool in pools}
    for accrual_id, participant, year, remaining, awarded, excess, pool, key, source in due:
        slot = slots.get(pool)
        taken = _take(participant, year, slot, excess, key, at, source) if slot else 0
        bulk.execute(
            "UPDATE credits_pointsaccrual SET credited_g = %s, awarded_points = %s WHERE id = %s",
            [remaining, awarded - taken, accrual_id],
        )


def _any_pool(accrual_id: int) -> str | None:
    """The pool that paid last under this accrual: where points return whose own grams had completed no point."""
    found = bulk.rows(
        "SELECT a.address FROM credits_accrualitem i JOIN ledger_ledgerentry e ON e.uid = i.entry"
        " JOIN ledger_ledgerline l ON l.entry_id = e.id JOIN ledger_ledgeraccount a ON a.id = l.account_id"
        " WHERE i.accrual_id = %s AND l.amount < 0 ORDER BY e.id DESC LIMIT 1",
        [accrual_id],
    )
    return found[0][0] if found else None


def _take(participant: UUID, year: int, slot: str, points: int, key: str, at: dt.datetime, source: str) -> int:
    """Move up to `points` from the participant's year back to the pool's slot; how many it was."""
    account = addresses.participant_points(participant, year)
    for attempt in range(3):
        amount = min(points, ledger_selectors.balance(account))
        if amount == 0:
            return 0
        try:
            ledger.post(
                key=f"{key}:{attempt}",
                kind=Kind.AWARD_CORRECTION,
                lines=[(account, Unit.POINTS, -amount), (slot, Unit.POINTS, amount)],
                at=at,
                source=source,
            )
        except AccountShort:
            continue  # spent a moment ago: look again
        return amount
    return 0

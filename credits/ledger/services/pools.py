"""A pool is many slots: who draws on it takes one that nobody else has, so that no chunk waits for another.

A slot is an account of its own (`pool:<uuid>:slot:<n>`). What counts is the sum: a draw that no slot covers alone takes
from several, and is refused only when all of them together hold too little. A transaction takes its slot of a pool
before any other account, once, and pools in order of their uuid (docs/locking.md).
"""

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from carbon_portal.kernel import clock
from credits.ledger.constants import MAX_LINES, MAX_POOL_SLOTS, POOL_SLOT_LEAST_POINTS, POOL_SLOTS, Kind

from .asked import array, check_address, check_amount, check_points, check_words, invalid
from .call import call
from .results import Posting


def fund(*, key: str, kind: Kind, pool_uid: UUID, points: int, at: dt.datetime, source: str = "") -> Posting:
    """Put points into a pool, spread evenly over its slots; a small sum goes to few slots.

    Errors: InvalidPosting, IdempotencyConflict.
    """
    check_points(points)
    check_words(key=key, kind=kind, source=source)
    slots = min(POOL_SLOTS, max(1, points // POOL_SLOT_LEAST_POINTS))
    row = call(
        "SELECT * FROM ledger_fund(%s, %s, %s, %s, %s, %s, %s)",
        [key, kind, clock.local_date(at), str(pool_uid), points, slots, source],
    )
    return Posting(*row)


def draw(
    *,
    key: str,
    kind: Kind,
    pool_uid: UUID,
    awards: Iterable[tuple[str, int]],
    at: dt.datetime,
    source: str = "",
) -> Posting:
    """Pay points out of a pool to accounts (address, points), all of them or none, as one entry.

    Errors: AccountShort (the slots together hold too little), InvalidPosting, IdempotencyConflict.
    """
    check_words(key=key, kind=kind, source=source)
    checked = list(awards)
    if not 1 <= len(checked) <= MAX_LINES - MAX_POOL_SLOTS - 1:
        raise invalid(
            "一次发放的人数超出范围", "a draw pays at least one account, and not more than an entry has room for"
        )
    for address, points in checked:
        check_address(address)
        check_points(points)
    check_amount(sum(points for _, points in checked))
    row = call(
        "SELECT * FROM ledger_draw(%s, %s, %s, %s, %s::text[], %s::bigint[], %s)",
        [
            key,
            kind,
            clock.local_date(at),
            str(pool_uid),
            array([address for address, _ in checked]),
            array([str(points) for _, points in checked]),
            source,
        ],
    )
    return Posting(*row)


def lock_slot(*, pool_uid: UUID) -> str | None:
    """Take one slot of a pool for what comes back to it, a free one where there is one; its address.

    Only inside a transaction. None for a pool that never held anything.
    """
    address = call("SELECT ledger_lock_slot(%s)", [str(pool_uid)])[0]
    return None if address is None else str(address)

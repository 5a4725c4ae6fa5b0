"""What runs by itself: ended years, checkpoints of unbounded accounts."""

import datetime as dt
import time
from typing import Any

from django.db import connection

from carbon_portal.kernel import clock
from carbon_portal.kernel.faults import crash_point
from credits.ledger import addresses
from credits.ledger.constants import EXPIRY_CHUNK_ACCOUNTS, POINTS_LIFE_YEARS

from .call import call
from .results import Expiry


def expire_points(*, at: dt.datetime, chunk_accounts: int = EXPIRY_CHUNK_ACCOUNTS) -> Expiry:
    """Take back the points of every year that can't be spent any more (year Y ends with Y + 1, Asia/Shanghai).

    One entry and one transaction per chunk of accounts; a second run finds nothing. Points that come back from a hold
    after their year has ended are taken by the next run.
    """
    day = clock.local_date(at)
    entries = accounts = points = 0
    for year in _years_with_accounts(before=day.year - POINTS_LIFE_YEARS):
        after = 0
        while True:
            entry_id, last, count, expired = call(
                "SELECT * FROM ledger_expire_points(%s, %s, %s, %s, %s)",
                [year, after, chunk_accounts, day, addresses.EXPIRED],
            )
            if entry_id is None:
                break
            crash_point("expiry:chunk")
            entries, accounts, points, after = (
                entries + 1,
                accounts + count,
                points + expired,
                last,
            )
    return Expiry(entries=entries, accounts=accounts, points=points)


def fold_checkpoints(*, patience_seconds: float = 5.0) -> int | None:
    """Write a checkpoint for each unbounded account that has new lines; returns how many.

    Entry ids are not in order of commit: an entry below the newest may still be on its way. Whoever drew a lower id
    holds a lock on the table of entries since before, so we wait for those transactions (never for new ones). None when
    they outlast our patience: nothing is written and the next run does it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM ledger_ledgerentry")
        upto = cursor.fetchone()[0]
        waiting = _writers(cursor)
        deadline = time.monotonic() + patience_seconds
        while waiting:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)
            waiting &= _writers(cursor)
    return call("SELECT ledger_fold(%s)", [upto])[0]


def _writers(cursor: Any) -> set[tuple[str, int | None]]:
    """The other transactions that may have drawn an entry id and not yet ended."""
    cursor.execute(
        "SELECT virtualtransaction, pid FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND relation = 'ledger_ledgerentry'::regclass AND pid IS DISTINCT FROM pg_backend_pid()"
    )
    return set(cursor.fetchall())


def _years_with_accounts(*, before: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(points_year) FROM ledger_ledgeraccount WHERE points_year IS NOT NULL")
        first = cursor.fetchone()[0]
    return [] if first is None else list(range(first, before))

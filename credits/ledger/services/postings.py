"""Entries of any shape, and their mirrors."""

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from carbon_portal.kernel import clock
from credits.ledger.constants import POINTS_LIFE_YEARS, Kind, Unit

from .asked import array, check_address, check_amount, check_id, check_points, check_words, checked_lines, known_units
from .call import call
from .results import Line, Posting


def post(
    *,
    key: str,
    kind: Kind,
    lines: Iterable[tuple[str, str, int]],
    at: dt.datetime,
    source: str = "",
) -> Posting:
    """Post one entry of at least two lines (address, unit, amount) that sum to zero in each unit.

    `key` comes from the business fact; the same key and content return the first result. Errors: InvalidPosting,
    UnbalancedEntry, UnitMismatch, AccountShort, IdempotencyConflict.
    """
    checked = checked_lines(lines)
    check_words(key=key, kind=kind, source=source)
    row = call(
        "SELECT * FROM ledger_post(%s, %s, %s, %s::text[], %s::text[], %s::bigint[], %s)",
        [
            key,
            str(kind),  # a plain string: psycopg2 searches all of its adapters for another class
            clock.local_date(at),
            array([line.address for line in checked]),
            array([line.unit for line in checked]),
            array([str(line.amount) for line in checked]),
            source,
        ],
    )
    return Posting(*row)


def post_chunk(
    *,
    key: str,
    kind: Kind,
    lines: Iterable[tuple[str, str, int]],
    at: dt.datetime,
    source: str = "",
) -> Posting | None:
    """Post a chunk of thousands of participants as one entry, one line per account.

    Lines of one account are added up first and dropped when they cancel; None when nothing is left to post. Errors as
    `post`. Cost: one statement, some 20 µs a line.
    """
    sums: dict[tuple[str, str], int] = {}
    for address, unit, amount in known_units(lines):
        check_amount(amount, zero_allowed=True)
        sums[address, unit] = sums.get((address, unit), 0) + amount
    merged = [Line(address, Unit(unit), amount) for (address, unit), amount in sorted(sums.items()) if amount]
    if not merged:
        return None
    return post(key=key, kind=kind, lines=merged, at=at, source=source)


def spend(
    *,
    key: str,
    kind: Kind,
    participant_uid: UUID,
    to: str,
    points: int,
    at: dt.datetime,
    source: str = "",
) -> Posting:
    """Move a participant's points to an account, the oldest year that can still be spent first (a donation, a gift).

    Errors: InsufficientPoints, InvalidPosting, IdempotencyConflict.
    """
    check_points(points)
    check_words(key=key, kind=kind, source=source)
    check_address(to)
    row = call(
        "SELECT * FROM ledger_spend(%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            key,
            kind,
            str(participant_uid),
            to,
            points,
            clock.local_date(at),
            POINTS_LIFE_YEARS,
            source,
        ],
    )
    return Posting(*row)


def reverse(*, key: str, entry_id: int, at: dt.datetime, source: str = "") -> Posting:
    """Undo an entry by its exact mirror, once.

    Errors: AlreadyReversed, NotReversible, AccountShort (what was given has been spent), EntryNotFound,
    IdempotencyConflict.
    """
    check_words(key=key, source=source)
    row = call(
        "SELECT * FROM ledger_reverse(%s, %s, %s, %s)",
        [key, check_id(entry_id), clock.local_date(at), source],
    )
    return Posting(*row)

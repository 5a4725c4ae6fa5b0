"""Reads of the ledger. Balances always come from the writer: no decision is taken from a replica."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import UnknownCursor

from . import addresses
from .constants import POINTS_LIFE_YEARS, STATEMENT_PAGE_SIZE, Kind
from .errors import EntryNotFound
from .models import Hold, LedgerAccount, LedgerEntry

# The first province-wide scheme of Guangdong is of 2015; no points are older.
FIRST_POINTS_YEAR = 2015


@dataclass(frozen=True, slots=True)
class YearBalance:
    """What is left of one year's points. `expires_on` is the last day on which they can be spent."""

    year: int
    points: int
    expires_on: dt.date
    spendable: bool


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One line of a participant's statement; `balance_points` is the sum over the accounts shown, after this line."""

    entry_id: int
    entry_uid: UUID
    line_no: int
    kind: Kind
    effective_on: dt.date
    posted_at: dt.datetime
    source: str
    year: int
    expires_on: dt.date
    points: int
    balance_points: int


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Newest first. `cursor` continues, None at the end."""

    lines: list[StatementLine]
    cursor: str | None


def last_spendable_day(year: int) -> dt.date:
    """Points of a year can be spent until this day, Asia/Shanghai."""
    return dt.date(year + POINTS_LIFE_YEARS, 12, 31)


def balance(address: str) -> int:
    """Balance of any account in its unit; 0 where nothing was ever posted. One or two queries."""
    account = LedgerAccount.objects.filter(address=address).first()
    if account is None:
        return 0
    return account.balance if account.bounded else account_sum(account.pk)


def pool_balance(pool_uid: UUID) -> int:
    """What a pool holds, in all of its slots together. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(balance), 0) FROM ledger_ledgeraccount WHERE address = ANY (ledger_pool_accounts(%s))",
            [str(pool_uid)],
        )
        return int(cursor.fetchone()[0])


def account_sum(account_id: int) -> int:
    """Sum of an account's lines: its newest checkpoint plus the lines after it. One query, index only."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH folded AS (
                SELECT upto_entry, balance FROM ledger_accountcheckpoint
                 WHERE account_id = %(account)s ORDER BY upto_entry DESC LIMIT 1)
            SELECT coalesce((SELECT balance FROM folded), 0) + coalesce(sum(amount), 0)
              FROM ledger_ledgerline
             WHERE account_id = %(account)s AND entry_id > coalesce((SELECT upto_entry FROM folded), 0)
            """,
            {"account": account_id},
        )
        return int(cursor.fetchone()[0])


def balances_by_year(participant_uid: UUID, *, on: dt.date | None = None) -> list[YearBalance]:
    """A participant's points by the year they were earned in, oldest first, empty years left out. One query."""
    day = on or clock.today()
    rows = (
        LedgerAccount.objects.filter(address__in=_year_addresses(participant_uid, day), balance__gt=0)
        .order_by("points_year")
        .values_list("points_year", "balance")
    )
    return [
        YearBalance(
            year,
            points,
            last_spendable_day(year),
            spendable=day <= last_spendable_day(year),
        )
        for year, points in rows
        if year is not None  # every account above has one
    ]


def spendable_points(participant_uid: UUID, *, on: dt.date | None = None) -> int:
    """What a participant can spend on a day. One query."""
    return sum(part.points for part in balances_by_year(participant_uid, on=on) if part.spendable)


def statement(
    participant_uid: UUID,
    *,
    year: int | None = None,
    cursor: str | None = None,
    limit: int = STATEMENT_PAGE_SIZE,
) -> StatementPage:
    """A page of a participant's lines, newest first, over all years or one year of points. One query.

    Errors: UnknownCursor for a cursor that we never gave.
    """
    before_entry, before_line = _parse_cursor(cursor)
    wanted = (
        _year_addresses(participant_uid, clock.today())
        if year is None
        else [addresses.participant_points(participant_uid, year)]
    )
    with connection.cursor() as db:
        db.execute(
            """
            SELECT s.entry_id, e.uid, s.line_no, e.kind, e.effective_on, e.posted_at, e.source, s.points_year,
                   s.amount, s.balance
              FROM (
                SELECT l.entry_id, l.line_no, l.amount, a.points_year,
                       sum(l.amount) OVER (ORDER BY l.entry_id, l.line_no) AS balance
                  FROM ledger_ledgeraccount a JOIN ledger_ledgerline l ON l.account_id = a.id
                 WHERE a.address = ANY (%s)
              ) s JOIN ledger_ledgerentry e ON e.id = s.entry_id
             WHERE (s.entry_id, s.line_no) < (%s, %s)
             ORDER BY s.entry_id DESC, s.line_no DESC LIMIT %s
            """,
            [wanted, before_entry, before_line, limit + 1],
        )
        rows = db.fetchall()
    lines = [
        StatementLine(
            entry_id=entry_id,
            entry_uid=uid,
            line_no=line_no,
            kind=Kind(kind),
            effective_on=effective_on,
            posted_at=posted_at,
            source=source,
            year=points_year,
            expires_on=last_spendable_day(points_year),
            points=amount,
            balance_points=int(running),
        )
        for entry_id, uid, line_no, kind, effective_on, posted_at, source, points_year, amount, running in rows[:limit]
    ]
    more = len(rows) > limit
    return StatementPage(lines, f"{lines[-1].entry_id}-{lines[-1].line_no}" if more else None)


def holds_of_entries(entry_ids: Sequence[int]) -> dict[int, int]:
    """The hold that each of these entries made, resolved or refunded; entries of other kinds are left out."""
    if not entry_ids:
        return {}
    with connection.cursor() as db:
        db.execute(
            """
            SELECT entry_id, id FROM ledger_hold WHERE entry_id = ANY (%(ids)s)
             UNION ALL SELECT entry_id, hold_id FROM ledger_holdresolution WHERE entry_id = ANY (%(ids)s)
             UNION ALL SELECT id, substr(idempotency_key, 8)::bigint FROM ledger_ledgerentry
                        WHERE id = ANY (%(ids)s) AND kind = 'redeem_refund' AND idempotency_key ~ '^refund:[0-9]+$'
            """,
            {"ids": list(entry_ids)},
        )
        return dict(db.fetchall())


def entry_by_uid(uid: UUID) -> LedgerEntry:
    """An entry by its public id. Errors: EntryNotFound."""
    entry = LedgerEntry.objects.filter(uid=uid).first()
    if entry is None:
        raise EntryNotFound
    return entry


def hold_of_voucher(voucher_uid: UUID) -> Hold | None:
    """The hold of a voucher with its resolution, if there is one. One query."""
    return (
        Hold.objects.select_related("resolution", "entry")
        .filter(account__address=addresses.voucher(voucher_uid))
        .first()
    )


def _year_addresses(participant_uid: UUID, day: dt.date) -> list[str]:
    """Exact addresses, so that the look-up is by key under any collation."""
    return [addresses.participant_points(participant_uid, year) for year in range(FIRST_POINTS_YEAR, day.year + 2)]


def _parse_cursor(cursor: str | None) -> tuple[int, int]:
    if cursor is None:
        return 2**63 - 1, 2**31 - 1
    entry, _, line = cursor.partition("-")
    if not (
        entry.isascii() and entry.isdigit() and len(entry) < 19 and line.isascii() and line.isdigit() and len(line) < 10
    ):
        raise UnknownCursor
    return int(entry), int(line)

"""The only writers of the ledger. Each deed is one call of a database function: key, accounts, entry, lines and the
guarded balances travel in one round trip and commit together, or not at all.

Inside a caller's transaction a deed runs in a savepoint, so that a refusal can be caught and the rest go on; the locks
it takes stay until the caller commits (docs/locking.md).
"""

import datetime as dt
import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError

from . import addresses, errors
from .constants import (
    EXPIRY_CHUNK_ACCOUNTS,
    IRREVERSIBLE_KINDS,
    MAX_AMOUNT,
    MAX_KEY_LENGTH,
    MAX_LINES,
    MAX_SOURCE_LENGTH,
    POINTS_LIFE_YEARS,
    Kind,
    ResolutionKind,
    Unit,
)
from .models import HoldResolution, LedgerLine

_PRINTABLE = re.compile(r"[ -~]*")


class Line(NamedTuple):
    """One leg: `amount` is what the account gains, negative for what it gives."""

    address: str
    unit: Unit
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """The result of a deed. `replayed` says that an earlier call under the same key had done it."""

    entry_id: int
    uid: UUID
    replayed: bool


@dataclass(frozen=True, slots=True)
class HoldPosting(Posting):
    hold_id: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """What a sweep took back."""

    entries: int
    accounts: int
    points: int


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
    checked = _checked_lines(lines)
    _check_words(key=key, kind=kind, source=source)
    row = _call(
        "SELECT * FROM ledger_post(%s, %s, %s, %s::text[], %s::text[], %s::bigint[], %s)",
        [
            key,
            kind,
            clock.local_date(at),
            _array(line.address for line in checked),
            _array(line.unit for line in checked),
            _array(str(line.amount) for line in checked),
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
    for address, unit, amount in _known_units(lines):
        _check_amount(amount, zero_allowed=True)
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
    _check_points(points)
    _check_words(key=key, kind=kind, source=source)
    _check_address(to)
    row = _call(
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


def hold(
    *,
    key: str,
    participant_uid: UUID,
    voucher_uid: UUID,
    points: int,
    at: dt.datetime,
    source: str = "",
) -> HoldPosting:
    """Set points aside for a voucher, the oldest year first. A hold that can't be covered fails here, not at the till.

    Errors: InsufficientPoints, VoucherAlreadyHeld, InvalidPosting, IdempotencyConflict.
    """
    _check_points(points)
    _check_words(key=key, source=source)
    row = _call(
        "SELECT * FROM ledger_hold(%s, %s, %s, %s, %s, %s, %s)",
        [
            key,
            str(participant_uid),
            str(voucher_uid),
            points,
            clock.local_date(at),
            POINTS_LIFE_YEARS,
            source,
        ],
    )
    return HoldPosting(*row)


def capture(
    *,
    key: str,
    hold_id: int,
    points: int,
    merchant_uid: UUID,
    at: dt.datetime,
    source: str = "",
) -> Posting:
    """Give held points to the merchant; what is not captured returns to the years it came from.

    Errors: HoldResolved, CaptureExceedsHold, EntryNotFound, InvalidPosting, IdempotencyConflict.
    """
    _check_points(points)
    return _resolve(
        ResolutionKind.CAPTURE,
        key=key,
        hold_id=hold_id,
        points=points,
        to=addresses.merchant(merchant_uid),
        at=at,
        source=source,
    )


def release(*, key: str, hold_id: int, at: dt.datetime, source: str = "") -> Posting:
    """Return held points to the years they came from. Errors: HoldResolved, EntryNotFound, IdempotencyConflict."""
    return _resolve(ResolutionKind.RELEASE, key=key, hold_id=hold_id, points=0, to=None, at=at, source=source)


def expire_hold(*, key: str, hold_id: int, at: dt.datetime, source: str = "") -> Posting:
    """As `release`, because the voucher ran out. The caller decides that it did."""
    return _resolve(ResolutionKind.EXPIRE, key=key, hold_id=hold_id, points=0, to=None, at=at, source=source)


def refund(*, hold_id: int, at: dt.datetime, source: str = "") -> Posting:
    """Give captured points back by the merchant to the years they came from; once per hold, however often asked.

    A capture is undone by this posting and not by a mirror, so that the hold stays resolved (L8).
    Errors: EntryNotFound (nothing was captured).
    """
    resolution = (
        HoldResolution.objects.select_related("hold")
        .filter(hold_id=_check_id(hold_id), kind=ResolutionKind.CAPTURE)
        .first()
    )
    if resolution is None:
        raise errors.EntryNotFound
    merchant = (
        LedgerLine.objects.filter(entry_id=resolution.entry_id, amount__gt=0, account__bounded=False)
        .values_list("account__address", flat=True)
        .get()
    )
    taken = LedgerLine.objects.filter(entry_id=resolution.hold.entry_id, amount__lt=0).order_by("account__points_year")
    lines, left = [(merchant, Unit.POINTS, -resolution.captured_points)], resolution.captured_points
    for address, amount in taken.values_list("account__address", "amount"):
        share = min(-amount, left)
        if share:
            lines.append((address, Unit.POINTS, share))
        left -= share
    return post(key=f"refund:{hold_id}", kind=Kind.REDEEM_REFUND, lines=lines, at=at, source=source)


def reverse(*, key: str, entry_id: int, at: dt.datetime, source: str = "") -> Posting:
    """Undo an entry by its exact mirror, once.

    Errors: AlreadyReversed, NotReversible, AccountShort (what was given has been spent), EntryNotFound,
    IdempotencyConflict.
    """
    _check_words(key=key, source=source)
    row = _call(
        "SELECT * FROM ledger_reverse(%s, %s, %s, %s)",
        [key, _check_id(entry_id), clock.local_date(at), source],
    )
    return Posting(*row)


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
            entry_id, last, count, expired = _call(
                "SELECT * FROM ledger_expire_points(%s, %s, %s, %s, %s)",
                [year, after, chunk_accounts, day, addresses.EXPIRED],
            )
            if entry_id is None:
                break
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
    return _call("SELECT ledger_fold(%s)", [upto])[0]


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


def _resolve(
    kind: ResolutionKind, *, key: str, hold_id: int, points: int, to: str | None, at: dt.datetime, source: str
) -> Posting:
    _check_words(key=key, source=source)
    row = _call(
        "SELECT * FROM ledger_resolve(%s, %s, %s, %s, %s, %s, %s)",
        [key, _check_id(hold_id), kind, points, to, clock.local_date(at), source],
    )
    return Posting(*row)


# -- the round trip ----------------------------------------------------------------------------------------------------


def _call(sql: str, params: list[Any]) -> tuple[Any, ...]:
    """One statement. Outside a transaction it is its own; inside one it gets a savepoint."""
    with _as_domain_errors():
        if connection.in_atomic_block:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, params)
                return cursor.fetchone()
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchone()


@contextmanager
def _as_domain_errors() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


_WITH_DATA: dict[str, type[DomainError]] = {
    "LG002": errors.IdempotencyConflict,
    "LG003": errors.AlreadyReversed,
    "LG005": errors.CaptureExceedsHold,
    "LG006": errors.VoucherAlreadyHeld,
}
_WITHOUT_DATA: dict[str, type[DomainError]] = {
    "LG007": errors.EntryNotFound,
    "23L04": errors.UnbalancedEntry,
    "23L05": errors.UnitMismatch,
    "55P03": errors.LedgerBusy,  # lock_timeout
    "40P01": errors.LedgerBusy,  # deadlock: only with locks taken outside the order of docs/locking.md
}


def _refusal(error: DatabaseError) -> DomainError | None:
    """The domain error for a SQLSTATE of ours; None for what is a fault and not a refusal."""
    cause = error.__cause__
    state: str = getattr(cause, "pgcode", None) or ""
    if state in _WITHOUT_DATA:
        return _WITHOUT_DATA[state]()
    if not state.startswith("LG"):
        return None
    data = json.loads(cause.diag.message_detail)  # type: ignore[union-attr]
    if state == "LG001":
        if "address" in data:
            return errors.AccountShort(**data)
        return errors.InsufficientPoints(**data, missing=data["wanted"] - data["available"])
    if state == "LG004":
        return errors.HoldResolved(**data, kind_zh=ResolutionKind(data["kind"]).label)
    if state == "LG008":
        return errors.NotReversible(**data)
    return _WITH_DATA[state](**data)


# -- what may be asked -------------------------------------------------------------------------------------------------


def _invalid(reason: str, reason_en: str) -> errors.InvalidPosting:
    return errors.InvalidPosting(reason=reason, reason_en=reason_en)


def _check_words(*, key: str, source: str, kind: Kind | None = None) -> None:
    if not (0 < len(key) <= MAX_KEY_LENGTH and _PRINTABLE.fullmatch(key)):
        raise _invalid(
            "业务编号须为 1 到 120 个可见字符",
            "the key must have 1 to 120 printable ASCII characters",
        )
    if not (len(source) <= MAX_SOURCE_LENGTH and _PRINTABLE.fullmatch(source)):
        raise _invalid(
            "来源须为 120 个以内的可见字符",
            "the source must have at most 120 printable ASCII characters",
        )
    if kind is not None and (kind not in Kind.values or kind in IRREVERSIBLE_KINDS):
        raise _invalid(
            f"不能直接记“{kind}”类账目",
            f"an entry of kind {kind} is not posted directly",
        )


def _check_address(address: str) -> None:
    if not addresses.is_address(address):
        raise _invalid("账户地址不在科目表内", "the address is not in the chart of accounts")


def _check_amount(amount: Any, *, zero_allowed: bool = False) -> None:
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise _invalid("数量须为整数", "an amount must be a whole number")
    if abs(amount) > MAX_AMOUNT or (amount == 0 and not zero_allowed):
        raise _invalid("数量不能为零或超过上限", "an amount must not be zero or beyond the limit")


def _check_points(points: Any) -> None:
    _check_amount(points)
    if points < 0:
        raise _invalid("碳币数须大于零", "points must be above zero")


def _check_id(number: Any) -> int:
    if not isinstance(number, int) or not 0 < number < 2**63:
        raise errors.EntryNotFound
    return number


def _checked_lines(lines: Iterable[tuple[str, str, int]]) -> list[Line]:
    checked = [Line(address, Unit(unit), amount) for address, unit, amount in _known_units(lines)]
    if not 2 <= len(checked) <= MAX_LINES:
        raise _invalid(f"一笔账须有 2 到 {MAX_LINES} 行", f"an entry has 2 to {MAX_LINES} lines")
    for line in checked:
        _check_address(line.address)
        _check_amount(line.amount)
    return checked


def _known_units(lines: Iterable[tuple[str, str, int]]) -> Iterator[tuple[str, str, int]]:
    for line in lines:
        if line[1] not in Unit.values:
            raise _invalid("单位须为碳币或分", "the unit must be points or fen")
        yield line


def _array(items: Iterable[str]) -> str:
    """An array literal. Only for what was checked above: nothing in it needs quoting."""
    return "{" + ",".join(items) + "}"

"""The round trip: one statement, and the database's refusal as a domain error."""

import json
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from carbon_portal.kernel.errors import DomainError
from credits.ledger import errors
from credits.ledger.constants import ResolutionKind


def call(sql: str, params: list[Any]) -> tuple[Any, ...]:
    """One statement. Outside a transaction it is its own; inside one it gets a savepoint."""
    database = connections[DEFAULT_DB_ALIAS]
    try:
        if database.in_atomic_block:
            with transaction.atomic():
                return _row(database, sql, params)
        return _row(database, sql, params)
    except DatabaseError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def _row(database: BaseDatabaseWrapper, sql: str, params: list[Any]) -> tuple[Any, ...]:
    with database.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] = cursor.fetchone()
        return row


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

"""The guards that a twin race runs without, by name: what is switched off in the code path and in the database.

A rule in Python asks `kernel.faults.switched_off(name)`; a rule in the database is replaced in the test's own copy by
the naive one, cut out of the function as it stands there. A change of the guard that this no longer fits is an error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2.extensions


@dataclass(frozen=True)
class Switch:
    """`name` is what the server's SWITCHED_OFF says (empty where the rule is the database's alone)."""

    name: str = ""
    sql: tuple[str, ...] = ()
    functions: tuple[tuple[str, str, str], ...] = ()  # (function, what it says, what it says without the guard)


#: A balance is read, then written: no lock before the decision, no condition and nothing relative in the update.
HOT_BALANCE = Switch(
    functions=(
        ("ledger_lock_accounts", " FOR NO KEY UPDATE", ""),
        (
            "ledger_seal_lines",
            "SELECT a.id, d.amount::bigint AS amount",
            "SELECT a.id, a.balance + d.amount::bigint AS amount",
        ),
        ("ledger_seal_lines", "           FOR NO KEY UPDATE OF a\n", ""),
        ("ledger_seal_lines", "SET balance = a.balance + l.amount", "SET balance = l.amount"),
        ("ledger_seal_lines", "AND a.balance + l.amount >= 0", "AND l.amount >= 0"),
    )
)
ONE_KEY = Switch("idempotency:key", ("ALTER TABLE merchants_voucher DROP CONSTRAINT voucher_request_once",))
ONE_CODE = Switch("vouchers:compare-and-set")
STOCK = Switch("stock:conditional")
PER_PERSON = Switch("vouchers:one-at-a-time", ("DROP INDEX voucher_place_per_person",))

ALL = (HOT_BALANCE, ONE_KEY, ONE_CODE, STOCK, PER_PERSON)


def apply(switch: Switch, as_role: Callable[[str], psycopg2.extensions.connection]) -> None:
    """Take the guard out of the current test database, as the owner of its tables."""
    connection = as_role("portal_owner")
    with connection.cursor() as cursor:
        for statement in switch.sql:
            cursor.execute(statement)
        for function, guarded, naive in switch.functions:
            cursor.execute(_without(cursor, function, guarded, naive))
    connection.commit()


def _without(cursor: Any, function: str, guarded: str, naive: str) -> str:
    cursor.execute("SELECT pg_get_functiondef(to_regproc(%s))", [function])
    (definition,) = cursor.fetchone()
    assert (definition or "").count(guarded) == 1, f"{function} no longer says {guarded!r} once"
    return str(definition).replace(guarded, naive)

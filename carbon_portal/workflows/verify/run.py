"""The frame of `manage.py verify`: every check in one snapshot, read only."""

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection, transaction

from . import (
    approvals,
    documents,
    exchange,
    grams,
    ledger,
    local_values,
    methods,
    points,
    rewards,
    rollups,
    scope,
    tenancy,
    verifications,
)
from .check import Check, Scope

FIRST_OFFENDERS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check: how many rows offend, and the first of them."""

    id: str
    title_zh: str
    title_en: str
    count: int
    offenders: list[list[str]]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title_zh,
            "title_en": self.title_en,
            "violations": self.count,
            "offenders": self.offenders,
        }


def all_checks() -> list[Check]:
    """Every check that is one SQL statement, by id."""
    found = [
        *ledger.CHECKS,
        *points.CHECKS,
        *exchange.CHECKS,
        *grams.CHECKS,
        *rollups.CHECKS,
        *tenancy.CHECKS,
        *approvals.CHECKS,
        *methods.CHECKS,
        *local_values.CHECKS,
        *verifications.CHECKS,
        *rewards.CHECKS,
    ]
    ids = [check.id for check in found] + [documents.ID]
    if len(set(ids)) != len(ids):
        raise RuntimeError("two checks share an id")
    return found


def run() -> Iterator[Finding]:
    """Ask everything within one REPEATABLE READ snapshot, so that what is posted meanwhile does not matter."""
    with _snapshot() as cursor:
        yield from ask(cursor)


def ask(cursor: Any) -> Iterator[Finding]:
    """Ask everything through this cursor."""
    for check in all_checks():
        yield _asked(cursor, check, check.sql)
    yield _documents(cursor)


def run_since_checkpoint() -> Iterator[Finding]:
    """As `run`, about what changed since the ledger's newest checkpoint; everything while there is none.

    Changed are the accounts with lines after it and the records with a result, an end or an undoing since; sums are
    asked of their whole accounts, days and limits.
    """
    with _snapshot() as cursor:
        part = _since_checkpoint(cursor)
        if part is None:
            yield from ask(cursor)
            return
        for check in all_checks():
            if check.scope == "whole":
                yield _asked(cursor, check, check.sql)
            elif check.scope in part.arguments:
                with _prepared(cursor, scope.prepare("verify_part", check.scope, scope.one(check))):
                    execute = scope.execute("verify_part", check.scope)
                    yield _asked(cursor, check, execute, part.arguments[check.scope])
        yield _documents(cursor)


def fast(*, accounts: Collection[str] = (), records: Collection[int] = (), through: Any = None) -> list[Finding]:
    """The checks about what these accounts (addresses) and records touch; only those that found something.

    For use within a process, in the caller's transaction or outside of one: milliseconds for a handful in small books.
    The cost follows the lines of the entries that touch the accounts: an award of thousands is read whole. Not
    asked: triggers and grants (V4), published
    documents (V42b to V42g), and V60, which compares with the wall clock. Needs the right to read, nothing else.
    `through` is a cursor other than of Django's connection.
    """
    found: list[tuple[str, str]] = []
    with connection.cursor() if through is None else nullcontext(through) as cursor:
        known = _known.setdefault(cursor.connection, set())
        if "whole" not in known:  # no scope of its own here: the keys of all of them
            cursor.execute(scope.prepare("verify_fast_keys", "records", scope.unseen("records", scope.KEYS)))
            known.add("whole")
        part = scope.Part.of(cursor, accounts=accounts, records=records, prepared="verify_fast_keys")
        for name, arguments in part.arguments.items():
            if name not in known:
                cursor.execute(scope.prepare(f"verify_fast_{name}", name, scope.together(name, all_checks())))
                known.add(name)
            cursor.execute(scope.execute(f"verify_fast_{name}", name), arguments)
            found += cursor.fetchall()
    return _grouped(found)


# Statements stay prepared as long as their connection: planning them costs more than asking.
_known: WeakKeyDictionary[Any, set[Scope]] = WeakKeyDictionary()


def _grouped(found: list[tuple[str, str]]) -> list[Finding]:
    titles = {check.id: check for check in all_checks()}
    rows: dict[str, list[list[str]]] = {}
    for name, offender in found:
        # Pairs and not an object: two columns may be called alike.
        cells = [str(value) for _, value in json.loads(offender, object_pairs_hook=list)]
        rows.setdefault(name, []).append(cells)
    return [
        Finding(name, titles[name].title_zh, titles[name].title_en, len(cells), cells[:FIRST_OFFENDERS], 0.0)
        for name, cells in rows.items()
    ]


@contextmanager
def _snapshot() -> Iterator[Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        # Questions about whole tables: sort and hash in memory, and compile nothing for tables that have 60 partitions.
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute("SET LOCAL jit = off")
        yield cursor


_CHANGED_ACCOUNTS = """
    SELECT a.address FROM ledger_ledgeraccount a
     WHERE EXISTS (SELECT FROM ledger_ledgerline l WHERE l.account_id = a.id AND l.entry_id > %s)
"""
_CHANGED_RECORDS = """
    SELECT record_id FROM credits_reduction WHERE created_at >= %(since)s
     UNION SELECT id FROM behaviors_behaviorrecord
            WHERE received_at >= %(since)s OR final_at >= %(since)s OR closed_at >= %(since)s
"""


def _since_checkpoint(cursor: Any) -> scope.Part | None:
    cursor.execute(
        "SELECT e.id, e.posted_at FROM ledger_ledgerentry e"
        " WHERE e.id <= (SELECT max(upto_entry) FROM ledger_accountcheckpoint) ORDER BY e.id DESC LIMIT 1"
    )
    newest = cursor.fetchone()
    if newest is None:
        return None
    after, since = newest
    cursor.execute(_CHANGED_ACCOUNTS, [after])
    accounts = [row[0] for row in cursor.fetchall()]
    cursor.execute(_CHANGED_RECORDS, {"since": since})
    records = [row[0] for row in cursor.fetchall()]
    return scope.Part.of(cursor, accounts=accounts, records=records, after_entry=after)


@contextmanager
def _prepared(cursor: Any, sql: str) -> Iterator[None]:
    cursor.execute(sql)
    yield
    cursor.execute("DEALLOCATE verify_part")


def _asked(cursor: Any, check: Check, sql: str, arguments: Any = None) -> Finding:
    started = time.perf_counter()
    cursor.execute(sql, arguments)
    return _finding(check.id, check.title_zh, check.title_en, cursor.fetchall(), started)


def _documents(cursor: Any) -> Finding:
    started = time.perf_counter()
    return _finding(documents.ID, documents.TITLE_ZH, documents.TITLE_EN, documents.offenders(cursor), started)


def _finding(name: str, title_zh: str, title_en: str, rows: list[tuple[Any, ...]], started: float) -> Finding:
    shown = [[str(cell) for cell in row] for row in rows[:FIRST_OFFENDERS]]
    return Finding(name, title_zh, title_en, len(rows), shown, time.perf_counter() - started)

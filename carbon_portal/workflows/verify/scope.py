"""The same questions about a part of the books: what certain accounts and records touch.

Each scope puts common table expressions in front of a check that bear the names of the tables it reads, so the
question itself stays word for word the one of the full run. A scope holds all rows that its checks compare: a sum is
asked of a participant's whole account, never of the rows in hand alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .check import Check, Scope

# ruff: noqa: S608 - every statement is ours; nothing from outside enters it

_RECORDS = """
    behaviors_behaviorrecord AS (SELECT * FROM public.behaviors_behaviorrecord WHERE id = ANY ($1)),
    credits_reduction AS (SELECT * FROM public.credits_reduction WHERE record_id = ANY ($1)),
    credits_basis AS (SELECT * FROM public.credits_basis WHERE id IN (SELECT basis_id FROM credits_reduction)),
    behaviors_deedkey AS (SELECT * FROM public.behaviors_deedkey WHERE record_id = ANY ($1)),
    behaviors_tripinterval AS (SELECT * FROM public.behaviors_tripinterval WHERE record_id = ANY ($1)),
    behaviors_evidence AS (SELECT * FROM public.behaviors_evidence WHERE record_id = ANY ($1)),
    credits_accrualitem AS (SELECT i.* FROM public.credits_accrualitem i JOIN credits_reduction x
                                ON x.id = i.reduction_id),
    ledger_ledgeraccount AS (
        SELECT l.* FROM public.ledger_ledgeraccount l
         WHERE l.address IN (SELECT 'participant:' || a.participant_id || ':points:' || a.year
                               FROM credits_accrualitem i JOIN public.credits_pointsaccrual a ON a.id = i.accrual_id)),
    ledger_ledgerline AS (SELECT l.* FROM public.ledger_ledgerline l JOIN ledger_ledgeraccount a
                              ON a.id = l.account_id),
    credits_queuedaward AS (SELECT q.* FROM public.credits_queuedaward q JOIN credits_reduction x
                                ON x.id = q.reduction_id),
    credits_claim AS (SELECT c.* FROM public.credits_claim c JOIN credits_reduction x ON x.id = c.reduction_id),
    credits_claimedgrams AS (SELECT c.* FROM public.credits_claimedgrams c JOIN credits_reduction x
                                 ON x.id = c.reduction_id)"""
_PARTICIPANTS = """
    credits_reduction AS (SELECT * FROM public.credits_reduction WHERE participant_id = ANY ($1)),
    credits_basis AS (SELECT * FROM public.credits_basis WHERE id IN (SELECT basis_id FROM credits_reduction)),
    credits_limitusage AS (SELECT * FROM public.credits_limitusage WHERE participant_id = ANY ($1)),
    credits_pointsaccrual AS (SELECT * FROM public.credits_pointsaccrual WHERE participant_id = ANY ($1)),
    credits_accrualitem AS (SELECT i.* FROM public.credits_accrualitem i JOIN credits_pointsaccrual a
                                ON a.id = i.accrual_id),
    behaviors_tripinterval AS (SELECT t.* FROM public.behaviors_tripinterval t JOIN accounts_participant p
                                   ON p.person_id = t.person_id AND p.uuid = ANY ($1)),
    ledger_ledgeraccount AS (
        SELECT a.* FROM unnest($1) p (uuid)
         CROSS JOIN generate_series((SELECT min(points_year)::integer FROM public.ledger_ledgeraccount
                                      WHERE points_year IS NOT NULL),
                                    (SELECT max(points_year)::integer FROM public.ledger_ledgeraccount
                                      WHERE points_year IS NOT NULL)) y (year)
          JOIN public.ledger_ledgeraccount a ON a.address = 'participant:' || p.uuid || ':points:' || y.year),
    ledger_ledgerline AS (SELECT l.* FROM public.ledger_ledgerline l JOIN ledger_ledgeraccount a
                              ON a.id = l.account_id)"""
_DAYS = """
    wanted AS (SELECT * FROM unnest($1, $2) w (region, day)),
    behaviors_behaviorrecord AS (SELECT r.* FROM public.behaviors_behaviorrecord r JOIN wanted w
                                     ON r.region = w.region AND r.occurred_on = w.day),
    credits_reduction AS (SELECT x.* FROM public.credits_reduction x JOIN behaviors_behaviorrecord r
                              ON r.id = x.record_id),
    credits_dailytotal AS (SELECT t.* FROM public.credits_dailytotal t JOIN wanted w
                               ON t.region = w.region AND t.day = w.day)"""
# Entries that touch the accounts after a certain one, with those that they reverse.
_TOUCHING = """
    touching AS MATERIALIZED (
        SELECT DISTINCT l.entry_id AS id FROM public.ledger_ledgeraccount a
          JOIN public.ledger_ledgerline l ON l.account_id = a.id AND l.entry_id > $2 WHERE a.address = ANY ($1))"""
_ENTRIES = f"""{_TOUCHING},
    meant AS MATERIALIZED (
        SELECT id FROM touching
         UNION SELECT e.reverses_id FROM public.ledger_ledgerentry e JOIN touching t USING (id)
                WHERE e.reverses_id IS NOT NULL),
    ledger_ledgerentry AS (SELECT e.* FROM public.ledger_ledgerentry e JOIN meant m USING (id)),
    ledger_ledgerline AS (SELECT l.* FROM public.ledger_ledgerline l JOIN meant m ON m.id = l.entry_id)"""
_ACCOUNTS = """
    ledger_ledgeraccount AS (SELECT * FROM public.ledger_ledgeraccount WHERE address = ANY ($1)),
    ledger_ledgerline AS (SELECT l.* FROM public.ledger_ledgerline l JOIN ledger_ledgeraccount a
                              ON a.id = l.account_id),
    ledger_accountcheckpoint AS (SELECT c.* FROM public.ledger_accountcheckpoint c JOIN ledger_ledgeraccount a
                                     ON a.id = c.account_id)"""
_HOLDS = f"""{_TOUCHING},
    opened AS (SELECT h.id FROM public.ledger_hold h JOIN touching t ON t.id = h.entry_id),
    ended AS (SELECT r.hold_id AS id FROM public.ledger_holdresolution r JOIN touching t ON t.id = r.entry_id),
    concerned AS MATERIALIZED (SELECT id FROM opened UNION SELECT id FROM ended),
    ledger_hold AS (SELECT h.* FROM public.ledger_hold h JOIN concerned c ON c.id = h.id),
    ledger_holdresolution AS (SELECT r.* FROM public.ledger_holdresolution r JOIN concerned c ON c.id = r.hold_id),
    ledger_ledgerline AS (
        SELECT l.* FROM public.ledger_ledgerline l
         WHERE l.entry_id IN (SELECT entry_id FROM ledger_hold UNION SELECT entry_id FROM ledger_holdresolution))"""
_VOUCHERS = """
    merchants_offer AS (SELECT o.* FROM public.merchants_offer o
                         WHERE o.uuid IN (SELECT offer_id FROM public.merchants_voucher WHERE uuid = ANY ($1))),
    merchants_voucher AS (SELECT v.* FROM public.merchants_voucher v JOIN merchants_offer o ON o.uuid = v.offer_id)"""

TABLES: dict[Scope, str] = {
    "records": _RECORDS, "participants": _PARTICIPANTS, "days": _DAYS, "entries": _ENTRIES, "accounts": _ACCOUNTS,
    "holds": _HOLDS, "vouchers": _VOUCHERS,
}  # fmt: skip
_TYPES: dict[Scope, tuple[str, ...]] = {
    "records": ("bigint[]",), "participants": ("uuid[]",), "days": ("text[]", "date[]"),
    "entries": ("text[]", "bigint"), "accounts": ("text[]",), "holds": ("text[]", "bigint"), "vouchers": ("uuid[]",),
}  # fmt: skip

#: What else a record ($1: their ids) brings with it: planning this over all partitions takes longer than asking.
KEYS = "SELECT participant_id, region, occurred_on FROM behaviors_behaviorrecord WHERE id = ANY ($1)"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the books, as the arguments of each scope; a scope without any is not asked."""

    arguments: dict[Scope, tuple[Any, ...]]

    @classmethod
    def of(
        cls,
        cursor: Any,
        *,
        accounts: Iterable[str],
        records: Collection[int],
        after_entry: int = 0,
        prepared: str = "",
    ) -> Part:
        """What these accounts (addresses) and records touch: their participants, days, entries, holds, vouchers.

        `prepared` is the name under which the cursor's connection knows `KEYS`.
        """
        addresses = sorted({*accounts})
        owners: dict[str, list[UUID]] = {"participant": [], "voucher": []}
        for address in addresses:
            kind, _, rest = address.partition(":")
            if kind in owners:
                owners[kind].append(UUID(rest.partition(":")[0]))
        found = []
        if records:
            cursor.execute(execute(prepared, "records") if prepared else KEYS.replace("$1", "%s"), [sorted(records)])
            found = cursor.fetchall()
        people = sorted({*owners["participant"], *(row[0] for row in found)})
        days = sorted({row[1:] for row in found})
        arguments: dict[Scope, tuple[Any, ...]] = {}
        if records:
            arguments["records"] = (sorted(records),)
        if people:
            arguments["participants"] = (people,)
        if days:
            arguments["days"] = ([region for region, _ in days], [day for _, day in days])
        if addresses:
            arguments["entries"] = arguments["holds"] = (addresses, after_entry)
            arguments["accounts"] = (addresses,)
        if owners["voucher"]:
            arguments["vouchers"] = (owners["voucher"],)
        return cls(arguments)


def one(check: Check) -> str:
    """A check about a part, as a statement with $1, $2 for the arguments of its scope."""
    return f"WITH {TABLES[check.scope]} SELECT * FROM ({check.sql}) offenders"


def together(scope: Scope, checks: Iterable[Check]) -> str:
    """All checks of a scope as one statement; a row is the check's id and the offender as a JSON object."""
    asked = " UNION ALL ".join(
        f"SELECT '{check.id}' AS id, row_to_json(t)::text FROM ({check.sql}) t"
        for check in checks
        if check.scope == scope
    )
    return f"WITH {unseen(scope, TABLES[scope])} {asked}"


def unseen(scope: Scope, sql: str) -> str:
    """The statement with its arguments out of the planner's sight, so that PostgreSQL keeps one plan for all of them.

    With the arguments in sight it plans again whenever it thinks that worth while, which for a handful of rows takes
    longer than the answer.
    """
    for number, kind in enumerate(_TYPES[scope], start=1):
        sql = sql.replace(f"${number}", f"(SELECT ${number})::{kind}")
    return sql


def prepare(name: str, scope: Scope, sql: str) -> str:
    """PREPARE of a statement with the types of a scope's arguments."""
    return f"PREPARE {name} ({', '.join(_TYPES[scope])}) AS {sql}"


def execute(name: str, scope: Scope) -> str:
    """EXECUTE of a prepared statement, with placeholders for the arguments."""
    return f"EXECUTE {name} ({', '.join(f'%s::{kind}' for kind in _TYPES[scope])})"

"""What participants have used of their limits: rows locked in key order, read and added to by columns."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from . import bulk

# (participant, methodology code, limit key, first day of the period)
UsageRow = tuple[str, str, str, dt.date]
# Participants (their numbers), and the first days of the periods as days since 1970-01-01, of one code and limit.
Touched = tuple[str, str, np.ndarray, np.ndarray]
Reader = Callable[[list[str], list[str], list[str], list[int]], list[tuple[int, str]]]

_LATEST_DAY = 1 << 22  # later than any date of the calendar


class Usage:
    """The limits that a chunk touches, locked until the commit; `lock=False` only reads them, for who writes nothing.

    A row's key is packed into one integer whose order is that of (participant, code, limit, period): `people` is
    sorted, and so are the codes and limit keys that are numbered here.
    """

    def __init__(self, people: Sequence[str], touched: Sequence[Touched], *, lock: bool = True) -> None:
        self._rules = {name: number for number, name in enumerate(sorted({item[:2] for item in touched}))}
        packed = [self._packed(code, limit, persons, starts) for code, limit, persons, starts in touched]
        self._keys = np.unique(np.concatenate(packed)) if packed else np.empty(0, dtype=np.int64)
        self._used = np.empty(0, dtype=object)
        self._added = np.zeros(len(self._keys), dtype=object)
        self._ids: list[int] = []
        if len(self._keys):
            self._read(people, locked if lock else standing)

    def _packed(self, code: str, limit: str, persons: np.ndarray, starts: np.ndarray) -> np.ndarray:
        return (persons * len(self._rules) + self._rules[code, limit]) * _LATEST_DAY + starts

    def _read(self, people: Sequence[str], read: "Reader") -> None:
        rules, days = self._keys // _LATEST_DAY, self._keys % _LATEST_DAY
        names = list(self._rules)
        numbers = (rules % len(names)).tolist()
        found = read(
            [people[number] for number in (rules // len(names)).tolist()],
            [names[number][0] for number in numbers],
            [names[number][1] for number in numbers],
            days.tolist(),
        )
        self._ids = [row[0] for row in found]
        self._used = np.array([int(row[1]) for row in found], dtype=object)

    def of_code(self, code: str) -> "CodeUsage":
        """The limits of one methodology code, as the engine reads them."""
        return CodeUsage(self, code)

    def used(self, code: str, limit: str, people: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """What each row has used, with what was added here."""
        at = np.searchsorted(self._keys, self._packed(code, limit, people, starts))
        return np.asarray(self._used[at] + self._added[at])

    def add(self, code: str, limit: str, people: np.ndarray, starts: np.ndarray, amounts: list[int]) -> None:
        """Add to rows, each named once."""
        at = np.searchsorted(self._keys, self._packed(code, limit, people, starts))
        self._added[at] += np.array(amounts, dtype=object)

    def write_of(self, people: set[int]) -> None:
        """Store what was added for these people (their numbers); the others' rows stay as they were."""
        others = ~np.isin(self._keys // _LATEST_DAY // max(len(self._rules), 1), sorted(people))
        self._added[others] = 0
        self.write()

    def write(self) -> None:
        """Store what was added."""
        changed = [(pk, amount) for pk, amount in zip(self._ids, self._added.tolist(), strict=True) if amount]
        if changed:
            bulk.execute(
                "UPDATE credits_limitusage u SET used = u.used + w.amount"
                " FROM unnest(%s::bigint[], %s::numeric[]) w (id, amount) WHERE u.id = w.id",
                [bulk.array(pk for pk, _ in changed), bulk.array(amount for _, amount in changed)],
            )


class CodeUsage:
    """The engine's view (`methodologies.engine.limits.UsageColumns`)."""

    def __init__(self, usage: Usage, code: str) -> None:
        self._usage, self._code = usage, code

    def column(self, limit_key: str, people: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """What each (participant, first day) has used of a limit."""
        return self._usage.used(self._code, limit_key, people, starts)


# The rows arrive in key order; one that stands is locked by the update that changes nothing.
_LOCK = """
    INSERT INTO credits_limitusage AS u (participant_id, code, limit_key, period_start, used)
    SELECT w.person, w.code, w.limit_key, date '1970-01-01' + w.day, 0
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[]) w (person, code, limit_key, day)
        ON CONFLICT (participant_id, code, limit_key, period_start) DO UPDATE SET used = u.used
    RETURNING u.id, u.used::text
"""


def locked(people: list[str], codes: list[str], limits: list[str], days: list[int]) -> list[tuple[int, str]]:
    """The rows of these keys, which are in order: made where missing, locked, (id, used) in the same order."""
    return bulk.rows(_LOCK, [bulk.array(people), bulk.texts(codes), bulk.texts(limits), bulk.array(days)])


_STANDING = """
    SELECT 0, coalesce(u.used, 0)::text
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[]) WITH ORDINALITY w (person, code, limit_key, day, place)
      LEFT JOIN credits_limitusage u ON u.participant_id = w.person AND u.code = w.code
            AND u.limit_key = w.limit_key AND u.period_start = date '1970-01-01' + w.day
     ORDER BY w.place
"""


def standing(people: list[str], codes: list[str], limits: list[str], days: list[int]) -> list[tuple[int, str]]:
    """As `locked`, without a lock and without making a row: what is not there has used nothing."""
    return bulk.rows(_STANDING, [bulk.array(people), bulk.texts(codes), bulk.texts(limits), bulk.array(days)])


class Use(NamedTuple):
    """What one reduction used of one limit."""

    reduction_id: int
    participant: str
    code: str
    limit_key: str
    start: dt.date
    amount: int


_USED = """
    SELECT x.id, x.participant_id::text, x.code, (l.item->>'measure') || '/' || (l.item->>'per'),
           date_trunc(l.item->>'per', x.record_on)::date, x.dependencies->'used'->>(l.place - 1)::int
      FROM credits_reduction x JOIN credits_basis b ON b.id = x.basis_id
     CROSS JOIN LATERAL jsonb_array_elements(b.content::jsonb->'limits') WITH ORDINALITY l (item, place)
     WHERE x.id = ANY(%s) AND x.dependencies->'used'->>(l.place - 1)::int <> '0'
"""


def used_by(reductions: list[int]) -> list[Use]:
    """What reductions used of their limits, as they stored it; amounts of 0 left out."""
    rows = bulk.rows(_USED, [reductions])
    return [Use(pk, who, code, limit, start, int(amount)) for pk, who, code, limit, start, amount in rows]


def change_usage(changes: Mapping[UsageRow, int]) -> None:
    """Add to (or give back) what limits have been used by, in key order."""
    bulk.values(
        "UPDATE credits_limitusage u SET used = u.used + w.amount"
        " FROM (VALUES %s) w (participant, code, limit_key, period_start, amount)"
        " WHERE u.participant_id = w.participant"
        " AND u.code = w.code AND u.limit_key = w.limit_key AND u.period_start = w.period_start",
        [(*key, str(amount)) for key, amount in sorted(changes.items())],
        template="(%s::uuid, %s, %s, %s::date, %s::numeric)",
    )

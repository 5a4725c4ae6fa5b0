"""Totals: relative changes, sorted by key, in the transaction of what they sum.

The daily totals are what figures are judged by; the totals by month and by city are the same sums in fewer rows, so
that a page about a year of the province reads hundreds of rows and not a hundred thousand.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from . import bulk

# What a row is counted by: records, records of 0 g, grams.
Sums = list[int]
Key = tuple[Any, ...]


class TotalKey(NamedTuple):
    """The key of a daily total; fields in the order of the unique constraint, which is the order of locking."""

    region: str
    day: dt.date
    activity: str
    code: str
    sector: str
    subject: str
    evidence: str
    certifiable: bool
    state: str


class Totals:
    """Collects changes and writes each table of totals in one statement (two where something decreases)."""

    def __init__(self) -> None:
        self._changes: dict[TotalKey, Sums] = defaultdict(lambda: [0, 0, 0])

    def add(self, key: TotalKey, reduction_g: int, *, records: int = 1) -> None:
        """Count one record (or take it out again, with `records=-1`) with its grams."""
        self.add_sums(key, records, records if reduction_g == 0 else 0, records * reduction_g)

    def add_sums(self, key: TotalKey, records: int, zero_records: int, reduction_g: int) -> None:
        """Count records that were summed already."""
        change = self._changes[key]
        change[0] += records
        change[1] += zero_records
        change[2] += reduction_g

    def change_grams(self, key: TotalKey, before_g: int, after_g: int) -> None:
        """The grams of a record that stays in its row changed."""
        self.add_sums(key, 0, (after_g == 0) - (before_g == 0), after_g - before_g)

    def write(self) -> None:
        """Tables one after the other, rows in key order: two writers never wait for each other in a circle."""
        _DAILY.write(self._changes)
        _MONTHLY.write(_grouped(self._changes, _by_month))
        _CITIES.write(_grouped(self._changes, _by_city))
        self._changes.clear()


def _by_month(key: TotalKey) -> Iterable[Key]:
    yield key._replace(day=key.day.replace(day=1))


def _by_city(key: TotalKey) -> Iterable[Key]:
    city = f"{key.region[:4]}00"
    yield city, "day", key.day, key.sector, key.state
    yield city, "month", key.day.replace(day=1), key.sector, key.state


def _grouped(changes: Mapping[TotalKey, Sums], keys: Callable[[TotalKey], Iterable[Key]]) -> dict[Key, Sums]:
    result: dict[Key, Sums] = defaultdict(lambda: [0, 0, 0])
    for key, sums in changes.items():
        for coarser in keys(key):
            row = result[coarser]
            row[0] += sums[0]
            row[1] += sums[1]
            row[2] += sums[2]
    return result


class _Table:
    """One table of totals: its key's columns, with their types, in the order of its unique constraint."""

    def __init__(self, name: str, **columns: str) -> None:
        self.types = [*columns.values(), "bigint", "bigint", "bigint"]
        key = ", ".join(columns)
        arrays = ", ".join(f"%s::{kind}[]" for kind in self.types)
        changed = f"unnest({arrays}) c ({key}, records, zeros, grams)"
        into = (
            f"INSERT INTO {name} AS t ({key}, records, zero_records, reduction_g)"  # noqa: S608
            f" SELECT {key}, records, zeros, grams FROM {changed} ON CONFLICT ({key}) DO UPDATE SET "
        )
        self.add = (
            f"{into} records = t.records + excluded.records, zero_records = t.zero_records + excluded.zero_records,"
            " reduction_g = t.reduction_g + excluded.reduction_g"
        )
        # A proposed row must pass the CHECK even where it only updates, so decreases come in two steps: the rows are
        # made or locked in key order, then changed.
        self.lock = f"{into} records = t.records"
        self.change = (
            f"UPDATE {name} t SET records = t.records + c.records, zero_records = t.zero_records + c.zeros,"  # noqa: S608
            f" reduction_g = t.reduction_g + c.grams FROM {changed} WHERE "
            + " AND ".join(f"t.{column} = c.{column}" for column in columns)
        )

    def write(self, changes: Mapping[Any, Sums]) -> None:
        items = sorted((*key, *sums) for key, sums in changes.items() if any(sums))
        if not items:
            return
        columns = zip(*items, strict=True)
        arrays = [
            bulk.texts(column) if kind == "text" else bulk.array(column)
            for kind, column in zip(self.types, columns, strict=True)
        ]
        if all(number >= 0 for item in items for number in item[-3:]):
            bulk.execute(self.add, arrays)
        else:
            nothing = bulk.array([0] * len(items))
            bulk.execute(self.lock, [*arrays[:-3], nothing, nothing, nothing])
            bulk.execute(self.change, arrays)


_FULL = {
    "activity": "text", "code": "text", "sector": "text", "subject": "text", "evidence": "text",
    "certifiable": "boolean", "state": "text",
}  # fmt: skip
_DAILY = _Table("credits_dailytotal", region="text", day="date", **_FULL)
_MONTHLY = _Table("credits_monthlytotal", region="text", month="date", **_FULL)
_CITIES = _Table("credits_citytotal", city="text", span="text", start="date", sector="text", state="text")

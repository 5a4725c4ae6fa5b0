"""Daily totals: relative changes, sorted by key, in the transaction of what they sum."""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from . import bulk


class TotalKey(NamedTuple):
    """The key of a row; fields in the order of the unique constraint, which is the order of locking."""

    region: str
    day: date
    activity: str
    code: str
    sector: str
    subject: str
    evidence: str
    certifiable: bool
    state: str


class Totals:
    """Collects changes and writes them in one statement."""

    def __init__(self) -> None:
        self._changes: dict[TotalKey, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, key: TotalKey, reduction_g: int, *, records: int = 1) -> None:
        """Count one record (or take it out again, with `records=-1`) with its grams."""
        change = self._changes[key]
        change[0] += records
        change[1] += records if reduction_g == 0 else 0
        change[2] += records * reduction_g

    def change_grams(self, key: TotalKey, before_g: int, after_g: int) -> None:
        """The grams of a record that stays in its row changed."""
        change = self._changes[key]
        change[1] += (after_g == 0) - (before_g == 0)
        change[2] += after_g - before_g

    def write(self) -> None:
        """Rows in key order, so that two writers never wait for each other in a circle."""
        items = sorted((*key, *change) for key, change in self._changes.items() if any(change))
        if all(number >= 0 for change in self._changes.values() for number in change):
            bulk.values(_ADD, items, template=_CAST)
        else:
            bulk.values(_LOCK, [(*item[:-3], 0, 0, 0) for item in items], template=_CAST)
            bulk.values(_CHANGE, items, template=_CAST)
        self._changes.clear()


_COLUMNS = ("region", "day", "activity", "code", "sector", "subject", "evidence", "certifiable", "state")
_KEY = ", ".join(_COLUMNS)
_INTO = (
    f"INSERT INTO credits_dailytotal AS t ({_KEY}, records, zero_records, reduction_g) VALUES %s"  # noqa: S608
    f" ON CONFLICT ({_KEY}) DO UPDATE SET "
)
_ADD = (
    f"{_INTO} records = t.records + excluded.records, zero_records = t.zero_records + excluded.zero_records,"
    " reduction_g = t.reduction_g + excluded.reduction_g"
)
# A proposed row must pass the CHECK even where it only updates, so decreases come in two steps: the rows are made or
# locked in key order, then changed.
_LOCK = f"{_INTO} records = t.records"
_CHANGE = (
    "UPDATE credits_dailytotal t SET records = t.records + c.records, zero_records = t.zero_records + c.zeros,"  # noqa: S608
    f" reduction_g = t.reduction_g + c.grams FROM (VALUES %s) c ({_KEY}, records, zeros, grams) WHERE "
    + " AND ".join(f"t.{name} = c.{name}" for name in _COLUMNS)
)
_CAST = "(%s, %s::date, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

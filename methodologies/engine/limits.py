"""Limits: what each record may use of its participant's day, week, month or year.

Everything is computed as if there were no limit; where one binds, that participant's records are settled again, in
order.
Where all limits share one period the order is solved by running sums; otherwise row after row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from . import document as d
from . import reasons
from .parameters import day_date

USAGE_PLACES = 12  # usage of an input is kept in units of 10**-12, whatever the version's places

UsageKey = tuple[Any, str, Any]


class UsageColumns(Protocol):
    """Prior usage by columns, for batches of thousands; the arrays belong together row by row."""

    def column(self, limit_key: str, people: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return what each (participant, first day of the period) has used, as Python integers."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit in integers: an input at its common places, whole records, or whole grams."""

    limit: d.Limit
    measure: str  # the input's name, "records" or "reduction"
    top: int
    up: int  # usage (10**-12) per scaled unit; 1 for records and grams

    @property
    def on_input(self) -> bool:
        """Whether an input is limited; one that happens to be called ``reduction`` is not the measure of grams."""
        return self.measure not in ("records", "reduction")


def build_rules(document: d.Document, input_places: Mapping[str, int]) -> tuple[Rule, ...]:
    """Return the limits in the order in which they apply; of two with one measure and period the smaller counts."""
    tightest: dict[str, d.Limit] = {}
    for limit in document.limits:
        known = tightest.get(limit.key)
        if known is None or limit.max.fraction < known.max.fraction:
            tightest[limit.key] = limit
    rules = []
    for limit in tightest.values():
        if limit.measure in ("records", "reduction"):
            rules.append(Rule(limit, limit.measure, limit.max.floor_at(0), 1))
        else:
            places = input_places[limit.measure]
            rules.append(Rule(limit, limit.measure, limit.max.floor_at(places), 10 ** (USAGE_PLACES - places)))
    order = {"records": 1, "reduction": 2}
    return tuple(sorted(rules, key=lambda rule: order.get(rule.measure, 0)))


def period_start(days: np.ndarray, per: str) -> np.ndarray:
    """Return the first day of each day's period (weeks begin on Monday), as days since 1970-01-01."""
    if per == "day":
        return days
    if per == "week":
        return days - (days + 3) % 7
    unit = "datetime64[M]" if per == "month" else "datetime64[Y]"
    return days.astype("datetime64[D]").astype(unit).astype("datetime64[D]").astype(np.int64)


class Segments:
    """The rows of one limit, in order, cut where the participant or the period changes."""

    def __init__(self, rule: Rule, people: np.ndarray, days: np.ndarray) -> None:
        self.rule = rule
        starts = period_start(days, rule.limit.per)
        cut = np.ones(len(people), dtype=bool)
        cut[1:] = (people[1:] != people[:-1]) | (starts[1:] != starts[:-1])
        self.first = np.flatnonzero(cut)
        self.number = np.cumsum(cut) - 1
        self.period = starts[self.first]
        self.people = people[self.first]
        self.used: np.ndarray | None = None

    def read_prior(self, used: Mapping[UsageKey, int] | UsageColumns, names: Callable[[int], Any]) -> None:
        if not isinstance(used, Mapping):
            found = used.column(self.rule.limit.key, self.people, self.period).tolist()
        elif not used:
            return
        else:
            found = [
                used.get((names(int(person)), self.rule.limit.key, day_date(int(start))), 0)
                for person, start in zip(self.people, self.period, strict=True)
            ]
        scaled = [-(-value // self.rule.up) for value in found]
        if any(scaled):
            small = max(map(abs, scaled)) < 2**62
            self.used = np.array(scaled, dtype=np.int64 if small else object)

    def before(self, consumed: np.ndarray) -> np.ndarray:
        """Return what each row's period had used up before it."""
        running = np.cumsum(consumed)
        exclusive = running - consumed
        offset = exclusive[self.first]
        if self.used is not None:
            offset = offset - self.used
        return np.asarray(exclusive - offset[self.number])

    def left(self, consumed: np.ndarray) -> np.ndarray:
        """Return what was left of each row's period before it; Python integers where the limit is beyond int64."""
        before = self.before(consumed)
        if abs(self.rule.top) >= 2**62:
            before = before.astype(object)
        return np.asarray(self.rule.top - before)

    def totals(self, consumed: np.ndarray) -> np.ndarray:
        return np.asarray(np.add.reduceat(consumed, self.first)) if len(consumed) else consumed


def summable(array: np.ndarray, offset: int = 0) -> np.ndarray:
    """Return the array as it is where its sums stay within int64, else as Python integers."""
    if array.dtype == object or not array.size:
        return array
    largest = max(abs(int(array.min())), abs(int(array.max())))
    return array.astype(object) if largest * array.size + offset >= 2**62 else array


@dataclass(slots=True)
class Rows:
    """The rows that a limit may touch, in order: what was asked and, unlimited, what came out."""

    asked: dict[str, np.ndarray]  # per limited input, at its common places
    computed: np.ndarray
    grams: np.ndarray  # after the evidence share
    refusal: np.ndarray  # 0, or the reason of a refusal by parameters, history or the formula
    over: np.ndarray
    limited: np.ndarray


# Evaluates rows (positions in order) with reduced inputs; returns computed_g, grams after the share, refusal.
Again = Callable[[np.ndarray, Mapping[str, np.ndarray]], tuple[np.ndarray, np.ndarray, np.ndarray]]


class Settlement:
    """Applies the rules to ordered rows, in place; afterwards ``consumed`` says what each row used of each rule."""

    def __init__(self, segments: list[Segments], rows: Rows, people: np.ndarray, again: Again) -> None:
        self.segments = segments
        self.rows = rows
        self.people = people
        self.again = again
        self.granted = dict(rows.asked)
        self.input_rules = [s for s in segments if s.rule.measure in rows.asked]

    def run(self) -> np.ndarray | None:
        """Settle the rows; return the positions that may have changed, None where no limit binds."""
        binding = self._binding()
        if not binding.any():
            return None
        cut = np.ones(len(self.people), dtype=bool)
        cut[1:] = self.people[1:] != self.people[:-1]
        first = np.flatnonzero(cut)
        flagged = np.logical_or.reduceat(binding, first)[np.cumsum(cut) - 1]
        touched = np.flatnonzero(flagged)
        if self._is_simple(flagged):
            flagged = self._by_sums(flagged)
        if flagged.any():
            self._one_by_one(np.flatnonzero(flagged))
        return touched

    def consumed(self, segment: Segments) -> np.ndarray:
        rows = self.rows
        if segment.rule.measure == "records":
            return (rows.grams > 0).astype(np.int64)
        if segment.rule.measure == "reduction":
            return summable(rows.grams)
        # A refused row uses nothing up, nor does one for which nothing was left.
        unused = (rows.refusal > 0) | self._nothing_left
        return summable(np.where(unused, 0, self.granted[segment.rule.measure]))

    _nothing_left: Any = False

    def nothing_left(self, position: int) -> bool:
        """Whether a limit on an input left nothing for the row, so that its formula was not reached."""
        return self._nothing_left is not False and bool(self._nothing_left[position])

    def _binding(self) -> np.ndarray:
        rows = self.rows
        binding = np.zeros(len(rows.grams), dtype=bool)
        for segment in self.segments:
            left = segment.left(self.consumed(segment))
            if segment.rule.measure == "records":
                binding |= (rows.refusal == 0) & (left <= 0)
            elif segment.rule.measure == "reduction":
                binding |= rows.grams > np.maximum(left, 0)
            else:
                binding |= (left <= 0) | (self.granted[segment.rule.measure] > left)
        return binding

    def _is_simple(self, flagged: np.ndarray) -> bool:
        """Whether running sums answer: one period, at most one limited input, nothing negative, no refusal."""
        if len({segment.rule.limit.per for segment in self.segments}) > 1 or len(self.input_rules) > 1:
            return False
        if self.input_rules:
            asked = self.rows.asked[self.input_rules[0].rule.measure]
            if (asked[flagged] < 0).any() or (self.rows.refusal[flagged] > 0).any():
                return False
        return True

    def _by_sums(self, flagged: np.ndarray) -> np.ndarray:
        """Settle the flagged rows by running sums; return the rows that need the slow way after all."""
        rows, failed = self.rows, np.zeros(len(flagged), dtype=bool)
        for segment in self.segments:
            rule = segment.rule
            if rule.measure == "records":
                left = segment.left(self.consumed(segment))
                rows.over |= flagged & (rows.refusal == 0) & (left <= 0)
            elif rule.measure == "reduction":
                left = np.maximum(segment.left(self.consumed(segment)), 0)
                cut = flagged & (rows.grams > left)
                rows.over |= cut & (left == 0)
                rows.limited |= cut & (left > 0)
                rows.grams = np.where(cut, left, rows.grams).astype(np.int64)
            else:
                failed = self._inputs_by_sums(segment, flagged)
                if failed.any():
                    return flagged
            rows.grams[rows.over] = 0
        return failed

    def _inputs_by_sums(self, segment: Segments, flagged: np.ndarray) -> np.ndarray:
        rows, name = self.rows, segment.rule.measure
        asked = rows.asked[name]
        left = segment.left(self.consumed(segment))
        over = flagged & (left <= 0)
        cut = flagged & (left > 0) & (asked > left)
        computed, grams = rows.computed, rows.grams
        if cut.any():
            where = np.flatnonzero(cut)
            new_computed, new_grams, refusal = self.again(where, {name: left[where]})
            if (refusal > 0).any():
                return flagged
            computed[where], grams[where] = new_computed, new_grams
        self.granted[name] = np.where(cut, left, asked)
        computed[over] = grams[over] = 0
        rows.over |= over
        rows.limited |= cut
        self._nothing_left = over
        return np.zeros(len(flagged), dtype=bool)

    def _one_by_one(self, positions: np.ndarray) -> None:
        """Row after row, in order; only a row whose input was reduced is evaluated again."""
        rows = self.rows
        nothing_left = np.zeros(len(rows.grams), dtype=bool) if self._nothing_left is False else self._nothing_left
        granted = {name: asked.copy() for name, asked in self.granted.items()}
        used: dict[tuple[int, int], int] = {}
        for position in positions.tolist():
            keys = [(index, int(segment.number[position])) for index, segment in enumerate(self.segments)]
            left = []
            for segment, key in zip(self.segments, keys, strict=True):
                if key not in used:
                    used[key] = 0 if segment.used is None else int(segment.used[key[1]])
                left.append(segment.rule.top - used[key])
            taken = self._take(position, left, nothing_left, granted)
            for key, amount in zip(keys, taken, strict=True):
                used[key] += amount
        self._nothing_left = nothing_left
        self.granted = granted

    def _take(
        self, position: int, left: list[int], nothing_left: np.ndarray, granted: dict[str, np.ndarray]
    ) -> list[int]:
        """Settle one row and return what it uses of each rule."""
        rows, nothing = self.rows, [0] * len(left)
        asked = {name: int(column[position]) for name, column in rows.asked.items()}
        reduced: dict[str, int] = {}
        for segment, rest in zip(self.segments, left, strict=True):
            name = segment.rule.measure
            if name not in asked:
                continue
            if rest <= 0:
                nothing_left[position] = True
                if (
                    not rows.refusal[position] or rows.refusal[position] >= reasons.DIVISION_BY_ZERO
                ):  # the formula is not reached
                    rows.refusal[position] = 0
                    rows.over[position] = True
                rows.computed[position] = rows.grams[position] = 0
                return nothing
            if asked[name] > rest:
                asked[name] = reduced[name] = rest
        if reduced:
            for name, value in reduced.items():
                if granted[name].dtype != object and abs(value) >= 2**63:
                    granted[name] = granted[name].astype(object)
                granted[name][position] = value
            computed, grams, refusal = self.again(
                np.array([position]),
                {name: np.array([value], dtype=granted[name].dtype) for name, value in reduced.items()},
            )
            rows.computed[position], rows.grams[position], rows.refusal[position] = computed[0], grams[0], refusal[0]
            rows.limited[position] = not refusal[0]
        if rows.refusal[position]:
            return nothing
        grams_left = int(rows.grams[position])
        for segment, rest in zip(self.segments, left, strict=True):
            if segment.rule.measure == "records" and rest <= 0:
                grams_left, rows.over[position] = 0, True
            elif segment.rule.measure == "reduction" and grams_left > max(rest, 0):
                grams_left = max(rest, 0)
                if grams_left:
                    rows.limited[position] = True
                else:
                    rows.over[position] = True
        rows.grams[position] = grams_left
        amounts = {**asked, "records": int(grams_left > 0), "reduction": grams_left}
        return [amounts[segment.rule.measure] for segment in self.segments]

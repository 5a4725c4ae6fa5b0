"""Evaluation of a batch: checks, history, formula, share and limits over columns, in chunks that stay in cache."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from . import document as d
from . import reasons
from .columns import Columns, Typed, read_columns
from .compiler import INT64_MAX, NOT_ENOUGH_HISTORY
from .history import Statistic, statistics
from .limits import Rows, Segments, Settlement
from .outcome import Outcome
from .parameters import day_number, region_range
from .program import Prior, Program
from .tape import CHUNK, rounded

Where = Any  # a slice of rows, or an array of row numbers

# Error bits (1, 2, 4, 8) to the first reason that applies.
_FIRST = np.array([0, 8, 9, 8, 10, 8, 9, 8, 11, 8, 9, 8, 10, 8, 9, 8], dtype=np.int8)


def evaluate(program: Program, columns: Columns, prior: Prior, typed: Typed | None = None) -> Outcome:
    """Return the outcome of a batch; see methodology format 1, sections 7 and 8."""
    batch = Batch(program, columns, typed or read_columns(program.document, columns))
    batch.check()
    if program.document.history:
        batch.remember(prior)
    batch.compute()
    if program.rules:
        batch.limit(prior)
    return batch.outcome(prior)


class Batch:
    """The arrays of one batch; methods are the steps of section 7."""

    def __init__(self, program: Program, columns: Columns, typed: Typed) -> None:
        self.program = program
        self.columns = columns
        self.typed = typed
        self.reason = np.zeros(typed.size, dtype=np.int8) if typed.bad is None else typed.bad.copy()
        self.bad = [typed.bad is not None] * (-(-typed.size // CHUNK))
        self.computed = np.zeros(typed.size, dtype=np.int64)
        self.grams = self.computed
        self.refusal = np.zeros(0, dtype=np.int8)
        self.statistics: dict[str, Statistic] = {}
        self.settlement: Settlement | None = None
        self.order: np.ndarray = np.empty(0, dtype=np.int64)
        self.limited: np.ndarray | None = None
        self.over: np.ndarray | None = None
        self._people: np.ndarray | None = None
        self._names: list[Any] | None = None
        self._prepare()

    def _prepare(self) -> None:
        document = self.program.document
        self.first_day = day_number(document.effective_from)
        self.bounds = {
            name: (declared.min.ceil_at(declared.places), declared.max.floor_at(declared.places))
            for name, declared in document.inputs.items()
            if declared.options is None
        }
        self.ups = {
            name: 10 ** (self.program.input_places[name] - document.inputs[name].places) for name in self.bounds
        }
        self.regions = region_range(document.region)
        common = max(share.needed_places for share in document.evidence.values())
        self.share_down = 10**common
        shares = [share.floor_at(common) for share in document.evidence.values()]
        self.shares = np.array(shares, dtype=np.int64)
        self.share_reason = np.array(
            [reasons.SELF_DECLARED if share < self.share_down else 0 for share in shares], dtype=np.int8
        )
        output = self.program.compiled.steps[document.output.step]
        self.top_g = output.top * self.program.grams_up // self.program.grams_down + 1
        self.exact = self.program.wide or not self.program.fits_int64

    # Step 1: input and date checks.

    def check(self) -> None:
        for number, low in enumerate(range(0, self.typed.size, CHUNK)):
            rows = slice(low, min(low + CHUNK, self.typed.size))
            if self._check_chunk(rows):
                self.bad[number] = True

    def _check_chunk(self, rows: slice) -> bool:
        """Note below_min, above_max and not_in_force where nothing earlier applies; say whether there was any."""
        reason, found = self.reason[rows], False
        for name, (low, high) in self.bounds.items():
            found |= _outside(reason, self.typed.values[name][rows], low, high, reasons.BELOW_MIN, reasons.ABOVE_MAX)
        late = reasons.NOT_IN_FORCE
        found |= _outside(reason, self.typed.days[rows], self.first_day, None, late, late)
        found |= _outside(reason, self.typed.region[rows], *self.regions, late, late)
        return found

    # Step 1: history.

    def remember(self, prior: Prior) -> None:
        self.statistics = statistics(
            self.program.document,
            self.people,
            self.typed.days,
            self.reason == 0,
            self.typed.values,
            prior.history,
            self._person_of(prior.history),
            set(zip(self._labels(self.columns.participant), self._labels(self.columns.record), strict=True))
            if prior.history
            else (),
        )
        if any(statistic.exact for statistic in self.statistics.values()):
            self.exact = True

    @staticmethod
    def _labels(column: Any) -> list[Any]:
        return column.tolist() if isinstance(column, np.ndarray) else list(column)

    @property
    def people(self) -> np.ndarray:
        """Participants as numbers: their own where they are integers, else in order of appearance."""
        if self._people is None:
            column = self.columns.participant
            if isinstance(column, np.ndarray) and column.dtype.kind in "iu":
                self._people = column.astype(np.int64, copy=False)
            else:
                labels = self._labels(column)
                numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
                self._names = list(numbers)
                self._people = np.fromiter(map(numbers.__getitem__, labels), dtype=np.int64, count=len(labels))
        return self._people

    def name_of(self, person: int) -> Any:
        """Return the participant as the caller named it."""
        return self._names[person] if self._names is not None else person

    def _person_of(self, names: Iterable[Any]) -> Mapping[Any, int]:
        if self._names is None:
            return {name: name for name in names}
        return {name: number for number, name in enumerate(self._names)}

    # Steps 3 and 4: formula, rounding, evidence share.

    def compute(self) -> None:
        size = self.typed.size
        whole = bool((self.shares == self.share_down).all())
        if not whole:
            self.grams = np.zeros(size, dtype=np.int64)
        for number, low in enumerate(range(0, size, CHUNK)):
            rows = slice(low, min(low + CHUNK, size))
            bad = self.reason[rows] > 0 if self.bad[number] else None
            computed, refusal = self.formula(rows, bad)
            if refusal is not None and not refusal.any():
                refusal = None
            if refusal is not None:
                standing = self.reason[rows]
                np.copyto(standing, refusal, where=(refusal > 0) & (standing == 0))
                bad = standing > 0
            self.computed[rows] = computed
            if bad is not None:
                np.putmask(self.computed[rows], bad, 0)
            if not whole:
                self.grams[rows] = self.shared(self.computed[rows], self.typed.evidence[rows])
            self._mark(rows, bad)
        if self.program.rules and whole:
            self.grams = self.computed.copy()

    def _mark(self, rows: slice, bad: np.ndarray | None) -> None:
        """Good rows are marked with what became of them; bad ones keep their refusal."""
        marks = np.take(self.share_reason, self.typed.evidence[rows])
        np.putmask(marks, self.computed[rows] == 0, np.int8(reasons.NO_SAVING))
        if bad is None:
            self.reason[rows] = marks
        else:
            np.copyto(self.reason[rows], marks, where=~bad)

    def formula(
        self, rows: Where, bad: np.ndarray | None, reduced: Mapping[str, np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return computed_g and the refusals (None: none); bad rows get harmless values that keep the proved bounds."""
        chunk = _Chunk(self, rows, bad, reduced or {})
        output = self.program.compiled.steps[self.program.document.output.step]
        results = self.program.runner.run(chunk.load, exact=self.exact)
        num, rest = results[0], results[1:]
        den = rest.pop(0) if output.den is not None else 1
        errors = rest.pop(0) if output.err is not None else None
        program = self.program
        num = num if program.grams_up == 1 else num * program.grams_up
        den = den if program.grams_down == 1 else den * program.grams_down
        grams = num if isinstance(den, int) and den == 1 else rounded(num, den, program.document.output.round)
        if not isinstance(grams, np.ndarray):
            grams = np.full(chunk.size, grams, dtype=object if self.exact else np.int64)
        refusal = None
        if errors is not None:
            refusal = _FIRST[np.asarray(errors).astype(np.uint8)]
            if refusal.ndim == 0:
                refusal = np.full(chunk.size, refusal, dtype=np.int8)
        return _in_range(grams, refusal, output.low < 0 or self.exact)

    def shared(self, computed: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        """Return floor(computed_g x share)."""
        share = np.take(self.shares, evidence)
        if self.share_down == 1:
            return np.where(share == 0, 0, computed)
        if self.top_g * self.share_down <= INT64_MAX or int(computed.max(initial=0)) * self.share_down <= INT64_MAX:
            return computed * share // self.share_down
        return (computed.astype(object) * share // self.share_down).astype(np.int64)

    # Steps 2, 5, 6, 7: limits.

    def limit(self, prior: Prior) -> None:
        good = (self.reason == 0) | (self.reason > reasons.NOT_IN_FORCE)
        self.order = self.ordered(np.flatnonzero(good))
        people, days = self.people[self.order], self.typed.days[self.order]
        segments = [Segments(rule, people, days) for rule in self.program.rules]
        for segment in segments:
            segment.read_prior(prior.used, self.name_of)
        reason = self.reason[self.order]
        count = len(self.order)
        rows = Rows(
            asked={rule.measure: self.asked(rule.measure)[self.order] for rule in self.program.rules if rule.on_input},
            computed=self.computed[self.order],
            grams=self.grams[self.order],
            refusal=np.where(reason <= reasons.OUT_OF_RANGE, reason, 0).astype(np.int8),
            over=np.zeros(count, dtype=bool),
            limited=np.zeros(count, dtype=bool),
        )
        self.settlement = Settlement(segments, rows, people, self._again)
        if count:
            changed = self.settlement.run()
            if changed is not None:
                self._write_back(rows, changed)

    def asked(self, name: str) -> np.ndarray:
        up = self.ups[name]
        values = self.typed.values[name]
        if up == 1:
            return values
        top = max(map(abs, self.bounds[name])) * up
        return (values.astype(object) if top > INT64_MAX else values) * up

    def _again(
        self, positions: np.ndarray, reduced: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self.order[positions]
        computed, refusal = self.formula(rows, None, reduced)
        if refusal is None:
            refusal = np.zeros(len(rows), dtype=np.int8)
        computed = np.where(refusal > 0, 0, computed)
        return computed, self.shared(computed, self.typed.evidence[rows]), refusal

    def _write_back(self, rows: Rows, changed: np.ndarray) -> None:
        """Take over what the limits changed (positions in order)."""
        at, computed, refusal = self.order[changed], rows.computed[changed], rows.refusal[changed]
        self.computed[at] = computed
        self.grams[at] = rows.grams[changed]
        marks = np.take(self.share_reason, self.typed.evidence[at])
        marks = np.where(rows.limited[changed], np.int8(reasons.LIMITED), marks)
        marks = np.where(computed == 0, np.int8(reasons.NO_SAVING), marks)
        marks = np.where(rows.over[changed], np.int8(reasons.OVER_LIMIT), marks)
        self.reason[at] = np.where(refusal > 0, refusal, marks)

    def ordered(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows by participant, then (occurred_on, record as bytes)."""
        if not rows.size:
            return rows
        people, days = self.people[rows], self.typed.days[rows]
        low, first = int(days.min()), int(people.min())
        span = int(days.max()) - low + 1
        if (int(people.max()) - first + 1) * span > INT64_MAX:
            people, first = np.unique(people, return_inverse=True)[1], 0
        stamp = (people - first) * span + (days - low)
        if not (stamp[1:] >= stamp[:-1]).all():
            order, stamp = _sorted(stamp)
            rows = rows[order]
        same = stamp[1:] == stamp[:-1]
        if not same.any():
            return rows
        tied = np.flatnonzero(np.concatenate([[False], same]) | np.concatenate([same, [False]]))
        rows[tied] = rows[tied][_by_record(self.columns.record, rows[tied], stamp[tied])]
        return rows

    def outcome(self, prior: Prior) -> Outcome:
        return Outcome(self, prior)


class _Chunk:
    """Gives the tape its columns for one chunk."""

    def __init__(self, batch: Batch, rows: Where, bad: np.ndarray | None, reduced: Mapping[str, np.ndarray]) -> None:
        self.batch = batch
        self.rows = rows
        self.bad = bad if bad is not None and bad.any() else None
        self.reduced = reduced
        self.size = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        self._parameters: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}

    def load(self, kind: str, name: str) -> Any:
        batch = self.batch
        if kind == "input":
            return self._input(name)
        if kind == "choice":
            return batch.typed.choices[name][self.rows]
        if kind in ("parameter", "parameter_error"):
            return self._parameter(kind, name)
        statistic = batch.statistics[name]
        if kind == "history":
            return self._typed(statistic.numerator[self.rows])
        if kind == "history_count":
            return self._typed(statistic.denominator[self.rows])
        if kind == "history_enough":
            return statistic.enough[self.rows]
        return np.where(statistic.enough[self.rows], np.uint8(0), np.uint8(NOT_ENOUGH_HISTORY))

    def _typed(self, values: np.ndarray) -> np.ndarray:
        return values.astype(object if self.batch.exact else np.int64, copy=False)

    def _input(self, name: str) -> np.ndarray:
        if name in self.reduced:
            return self._typed(self.reduced[name])
        batch = self.batch
        values = batch.typed.values[name][self.rows]
        if self.bad is not None:
            values = np.where(self.bad, batch.bounds[name][0], values)
        values = self._typed(values)
        up = batch.ups[name]
        return values if up == 1 else values * up

    def _parameter(self, kind: str, name: str) -> Any:
        if name not in self._parameters:
            table = self.batch.program.tables[name]
            if table.stored:
                number = reasons.NUMBER[table.missing] - 7 if table.missing else 0
                self._parameters[name] = (np.empty(0), np.full(self.size, number, dtype=np.uint8))
            else:
                days, keys = self._keys(table.by)
                self._parameters[name] = table.look_up(days, keys, object if self.batch.exact else np.int64)
        values, errors = self._parameters[name]
        if kind == "parameter":
            return values
        return np.zeros(self.size, dtype=np.uint8) if errors is None else errors

    def _keys(self, by: str | None) -> tuple[np.ndarray, np.ndarray | None]:
        batch = self.batch
        days = batch.typed.days[self.rows]
        keys = None
        if by == "region":
            keys = batch.typed.region[self.rows]
        elif by is not None:
            keys = batch.typed.choices[by][self.rows]
        if self.bad is not None:
            days = np.where(self.bad, batch.first_day, days)
            if by == "region":
                assert keys is not None
                keys = np.where(self.bad, int(batch.program.document.region), keys)
        return days, keys


def _outside(reason: np.ndarray, values: np.ndarray, low: Any, high: Any, below: int, above: int) -> bool:
    """Note values outside [low, high] where no smaller reason stands; say whether there was any."""
    found = False
    if values.min() < low:
        found = True
        _note(reason, values < low, below)
    if high is not None and values.max() > high:
        found = True
        _note(reason, values > high, above)
    return found


def _note(reason: np.ndarray, mask: np.ndarray, number: int) -> None:
    """Note a reason where no smaller one stands. Few rows are bad, so they are looked at one by one."""
    at = np.flatnonzero(mask)
    standing = reason[at]
    reason[at] = np.where((standing == 0) | (standing > number), number, standing)


def _in_range(grams: np.ndarray, refusal: np.ndarray | None, may_leave: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Refuse negative grams and grams beyond 2**63 - 1; return int64."""
    if not may_leave:
        return grams, refusal
    outside = grams < 0
    if grams.dtype == object:
        outside = (outside | (grams > INT64_MAX)).astype(bool)
    if outside.any():
        if refusal is None:
            refusal = np.zeros(len(grams), dtype=np.int8)
        refusal = np.where(outside & (refusal == 0), np.int8(reasons.OUT_OF_RANGE), refusal)
        grams = np.where(outside, 0, grams)
    return grams.astype(np.int64, copy=False), refusal


def _sorted(stamp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the stable order of stamps and the sorted stamps; sorting numbers is far faster than sorting indices."""
    bits = len(stamp).bit_length()
    if int(stamp.max()) >= 1 << (62 - bits):
        order = np.argsort(stamp, kind="stable")
        return order, stamp[order]
    packed = (stamp << bits) | np.arange(len(stamp), dtype=np.int64)
    packed.sort()
    return packed & ((1 << bits) - 1), packed >> bits


def _by_record(record: Any, rows: np.ndarray, stamp: np.ndarray) -> np.ndarray:
    """Return the order of tied rows by their record as bytes."""
    if isinstance(record, np.ndarray) and record.dtype.kind in "iu":
        numbers = record[rows].astype(np.int64)
        if numbers.size and numbers.min() >= 0:
            powers = 10 ** np.arange(1, 19, dtype=np.int64)
            digits = np.searchsorted(powers, numbers, side="right") + 1
            longest = int(digits.max())
            if digits.min() == longest:
                return np.lexsort((rows, numbers, stamp))
            if longest <= 18:
                return np.lexsort((rows, digits, numbers * 10 ** (longest - digits), stamp))
    labels = [str(record[row]).encode("utf-8", "surrogatepass") for row in rows.tolist()]
    stamps = stamp.tolist()
    return np.array(
        sorted(range(len(labels)), key=lambda index: (stamps[index], labels[index], rows[index])), dtype=np.int64
    )


def parse_day(text: str) -> datetime.date | None:
    from .loader import parse_date

    return parse_date(text)


__all__ = ["Batch", "d", "evaluate"]

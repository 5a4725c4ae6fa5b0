"""A batch of records as columns, and its typed form.

Text columns are what came from outside, None or the empty text meaning missing. For speed a caller may hand over
typed columns instead: ``occurred_on`` as datetime64[D], ``region`` as integers, ``evidence`` as 0, 1, 2 (feed, proof,
self_declared), a numeric input as int64 scaled to its declared places (``MISSING`` for none), a choice as the number
of its option (-1: unknown).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from . import document as d
from . import reasons

MISSING = np.iinfo(np.int64).min
_LONGEST = 64  # a text longer than this is no number, date or region
_INT_PLACES = 6  # 12 digits before and 6 after the point fit int64


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column as the number of each row's text in a list: a text is read once, however often it stands."""

    texts: Sequence[str | None]
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str | None:
        return self.texts[int(self.codes[row])]


Column = Sequence[str | None] | np.ndarray
InputColumn = Column | Coded


@dataclass(frozen=True, slots=True)
class Columns:
    """One batch; all columns have the same length. ``record`` and ``participant`` are texts or int64."""

    record: Column
    participant: Column
    occurred_on: Column
    region: Column
    evidence: Column
    inputs: Mapping[str, InputColumn]

    def __len__(self) -> int:
        return len(self.record)


@dataclass(slots=True)
class Typed:
    """Typed columns of one batch; ``bad`` holds the refusals found while reading (None: none)."""

    size: int
    days: np.ndarray
    region: np.ndarray
    evidence: np.ndarray
    values: dict[str, np.ndarray]
    choices: dict[str, np.ndarray]
    bad: np.ndarray | None
    _notes: list[tuple[np.ndarray, int]] = field(default_factory=list)

    def note(self, mask: np.ndarray, reason: int) -> None:
        if mask.any():
            self._notes.append((mask, reason))

    def settle(self) -> None:
        """Keep, per row, the first reason that applies."""
        if self._notes:
            bad = np.zeros(self.size, dtype=np.int8)
            for mask, reason in sorted(self._notes, key=lambda item: -item[1]):
                bad[mask] = reason
            self.bad = bad
            self._notes = []


def read_columns(document: d.Document, columns: Columns) -> Typed:
    """Return the typed form of a batch. Raises ValueError when columns have different lengths."""
    size = len(columns)
    named: dict[str, InputColumn] = {
        "participant": columns.participant,
        "occurred_on": columns.occurred_on,
        "region": columns.region,
        "evidence": columns.evidence,
        **{name: column for name, column in columns.inputs.items() if name in document.inputs},
    }
    for name, column in named.items():
        if len(column) != size:
            raise ValueError(f"column {name!r} has {len(column)} rows, but record has {size}")
    typed = Typed(size, np.empty(0), np.empty(0), np.empty(0), {}, {}, None)
    for column in (columns.record, columns.participant):
        if not isinstance(column, np.ndarray) or column.dtype == object:
            typed.note(_empty(_texts(column)), reasons.MISSING_INPUT)
    typed.days = _days(typed, columns.occurred_on)
    typed.region = _regions(typed, columns.region)
    typed.evidence = _evidence(typed, columns.evidence)
    for declared in document.inputs.values():
        column = columns.inputs[declared.name] if declared.name in columns.inputs else [None] * size
        found = typed.values if declared.options is None else typed.choices
        found[declared.name] = _given(typed, column, declared)
    typed.settle()
    return typed


def _given(typed: Typed, column: InputColumn, declared: d.Input) -> np.ndarray:
    """An input as numbers or as numbers of its options."""
    if isinstance(column, Coded):
        few = Typed(len(column.texts), np.empty(0), np.empty(0), np.empty(0), {}, {}, None)
        read = _given(few, column.texts, declared)
        for mask, reason in few._notes:
            typed.note(mask[column.codes], reason)
        return read[column.codes]
    if declared.options is not None:
        return _choice(typed, column, tuple(declared.options))
    return _numbers(typed, column, declared)


def _is_typed(column: Column) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind in "iuM"


def _texts(column: Column) -> list[str]:
    """Return the column as texts, the empty text for None. Raises TypeError for anything else."""
    found = column.tolist() if isinstance(column, np.ndarray) else column
    kinds = set(map(type, found))
    if kinds <= {str}:
        return found if isinstance(found, list) else list(map(str, found))
    if not kinds <= {str, type(None)}:
        raise TypeError("a text column holds str or None; hand typed columns over as integer arrays")
    return ["" if text is None else str(text) for text in found]


def _empty(texts: list[str]) -> np.ndarray:
    if "" not in texts:
        return np.zeros(len(texts), dtype=bool)
    return np.fromiter(map("".__eq__, texts), dtype=bool, count=len(texts))


def _characters(texts: list[str]) -> np.ndarray:
    """Return the texts as a matrix of ASCII codes, 0 past the end; what is not ASCII or too long becomes ``x``."""
    joined = "".join(texts)
    if not joined.isascii() or "\0" in joined or max(map(len, texts), default=0) > _LONGEST:
        texts = [text if text.isascii() and len(text) <= _LONGEST and "\0" not in text else "x" for text in texts]
    array = np.array(texts, dtype="S") if texts else np.empty(0, dtype="S1")
    return array.view(np.uint8).reshape(len(texts), array.dtype.itemsize)


def _days(typed: Typed, column: Column) -> np.ndarray:
    """Days since 1970-01-01; strictly year-month-day in ASCII digits."""
    if _is_typed(column):
        array = np.asarray(column)
        if array.dtype.kind == "M":
            array = array.astype("datetime64[D]", copy=False).view(np.int64)
        array = array.astype(np.int64, copy=False)
        if array.size and array.min() == MISSING:  # not a time
            typed.note(array == MISSING, reasons.MISSING_INPUT)
            array = np.where(array == MISSING, 0, array)
        return array
    texts = _texts(column)
    empty = _empty(texts)
    codes = _characters(texts)
    if codes.shape[1] < 10:
        codes = np.pad(codes, ((0, 0), (0, 10 - codes.shape[1])))
    digits = codes[:, [0, 1, 2, 3, 5, 6, 8, 9]].astype(np.int64) - 48
    good = ((digits >= 0) & (digits <= 9)).all(axis=1) & (codes[:, 4] == 45) & (codes[:, 7] == 45)
    if codes.shape[1] > 10:
        good &= codes[:, 10] == 0
    digits[~good] = [2, 0, 0, 0, 0, 1, 0, 1]
    year = digits[:, 0] * 1000 + digits[:, 1] * 100 + digits[:, 2] * 10 + digits[:, 3]
    month, day = digits[:, 4] * 10 + digits[:, 5], digits[:, 6] * 10 + digits[:, 7]
    good &= (year >= 1) & (month >= 1) & (month <= 12)
    month = np.where(good, month, 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    longest = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[month] + ((month == 2) & leap)
    good &= (day >= 1) & (day <= longest)
    typed.note(empty, reasons.MISSING_INPUT)
    typed.note(~good & ~empty, reasons.NOT_A_NUMBER)
    months = (year - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    return np.where(good, days, 0)


def _regions(typed: Typed, column: Column) -> np.ndarray:
    if _is_typed(column):
        array = np.asarray(column).astype(np.int64, copy=False)
        if array.size and (array.min() < 0 or array.max() > 999_999):
            outside = (array < 0) | (array > 999_999)
            typed.note(outside, reasons.UNKNOWN_OPTION)
            array = np.where(outside, 0, array)
        return array
    texts = _texts(column)
    empty = _empty(texts)
    codes = _characters(texts)
    if codes.shape[1] < 6:
        codes = np.pad(codes, ((0, 0), (0, 6 - codes.shape[1])))
    digits = codes[:, :6].astype(np.int64) - 48
    good = ((digits >= 0) & (digits <= 9)).all(axis=1)
    if codes.shape[1] > 6:
        good &= codes[:, 6] == 0
    typed.note(empty, reasons.MISSING_INPUT)
    typed.note(~good & ~empty, reasons.UNKNOWN_OPTION)
    return np.where(good, digits @ np.array([100_000, 10_000, 1_000, 100, 10, 1]), 0)


class _Codes(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return -1


def _coded(texts: list[str], table: Mapping[str, int]) -> np.ndarray:
    return np.fromiter(map(_Codes(table).__getitem__, texts), dtype=np.int64, count=len(texts))


def _evidence(typed: Typed, column: Column) -> np.ndarray:
    table = {"": 0, **{grade: number for number, grade in enumerate(d.GRADES)}}
    codes = np.asarray(column) if _is_typed(column) else _coded(_texts(column), table)
    return _within(typed, codes, len(d.GRADES))


def _choice(typed: Typed, column: Column, options: tuple[str, ...]) -> np.ndarray:
    if _is_typed(column):
        return _within(typed, np.asarray(column), len(options))
    texts = _texts(column)
    empty = _empty(texts)
    codes = _coded(texts, {option: number for number, option in enumerate(options)})
    typed.note(empty, reasons.MISSING_INPUT)
    codes[empty] = 0
    return _within(typed, codes, len(options))


def _within(typed: Typed, codes: np.ndarray, count: int) -> np.ndarray:
    if codes.size and (codes.min() < 0 or codes.max() >= count):
        outside = (codes < 0) | (codes >= count)
        typed.note(outside, reasons.UNKNOWN_OPTION)
        return np.where(outside, 0, codes)
    return codes


def _numbers(typed: Typed, column: Column, declared: d.Input) -> np.ndarray:
    """Integers scaled to the declared places (Python integers in an object array where int64 can't hold them)."""
    if _is_typed(column):
        array = np.asarray(column).astype(np.int64, copy=False)
        if array.size and array.min() == MISSING:
            missing = array == MISSING
            typed.note(missing, reasons.MISSING_INPUT)
            array = np.where(missing, 0, array)
        return array
    texts = _texts(column)
    empty = _empty(texts)
    codes = _characters(texts)
    size, width = codes.shape
    is_digit = (codes >= 48) & (codes <= 57)
    is_dot = codes == 46
    length = (codes != 0).sum(axis=1)
    negative = codes[:, 0] == 45 if width else np.zeros(size, dtype=bool)
    dots = is_dot.sum(axis=1)
    dot_at = np.where(dots > 0, is_dot.argmax(axis=1), length)
    before, after = dot_at - negative, np.where(dots > 0, length - dot_at - 1, 0)
    good = (is_digit.sum(axis=1) + dots + negative == length) & (dots <= 1)
    good &= (before >= 1) & (before <= 12) & (after <= 12) & ((dots == 0) | (after >= 1))
    typed.note(empty, reasons.MISSING_INPUT)
    typed.note(~good & ~empty, reasons.NOT_A_NUMBER)
    fits = good & (after <= declared.places)
    typed.note(good & ~fits, reasons.TOO_MANY_PLACES)
    whole, rest = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for place in range(min(width, 27)):
        digit = codes[:, place].astype(np.int64) - 48
        here = fits & is_digit[:, place]
        left = here & (place < dot_at)
        whole = np.where(left, whole * 10 + digit, whole)
        if place:
            right = here & (place > dot_at)
            rest = np.where(right, rest * 10 + digit, rest)
    places = declared.places
    up = 10 ** np.where(fits, places - after, 0).astype(np.int64)
    if places > _INT_PLACES:
        whole = whole.astype(object)
    scaled = whole * 10**places + rest * up
    return np.where(negative, -scaled, scaled)

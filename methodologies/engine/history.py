"""History: statistics over a participant's earlier records, for all rows of a batch at once.

A record counts when it passed the input and date checks; neither 0 g, limits nor a lacking history exclude it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon_portal.kernel.quantities import Quantity, QuantityError, parse_quantity

from . import document as d
from .compiler import HISTORY_COUNT
from .parameters import day_number

# One earlier record: its date, its id (as the batch names records), and its inputs as texts, Quantity or integers
# scaled to the declared places.
PriorRecord = tuple[datetime.date, Any, Mapping[str, Any]]

_SPAN = 1 << 22  # more days than the calendar has


@dataclass(slots=True)
class Statistic:
    """Per row: numerator (at the input's places), denominator, how many records, and whether they suffice.

    ``exact`` says that a value or a count lies beyond the bounds the int64 proof assumed.
    """

    numerator: np.ndarray
    denominator: np.ndarray
    count: np.ndarray
    enough: np.ndarray
    exact: bool


@dataclass(slots=True)
class _Past:
    people: np.ndarray
    days: np.ndarray
    values: np.ndarray
    up: int  # how many units of the values make one at the declared places


def statistics(
    document: d.Document,
    people: np.ndarray,
    days: np.ndarray,
    valid: np.ndarray,
    values: Mapping[str, np.ndarray],
    prior: Mapping[Any, Sequence[PriorRecord]],
    person_of: Mapping[Any, int],
    batch_records: Any,
) -> dict[str, Statistic]:
    """Return each declared history value for every row; ``valid`` marks the rows that count."""
    found = {}
    pasts: dict[str, tuple[_Past, bool]] = {}
    for history in document.history.values():
        if history.of not in pasts:
            declared = document.inputs[history.of]
            earlier, beyond, up = _earlier(declared, prior, person_of, batch_records)
            now = values[history.of][valid]
            now = now if up == 1 else now.astype(object) * up
            pasts[history.of] = _joined(people[valid], days[valid], now, earlier, up), beyond or up > 1
        past, beyond = pasts[history.of]
        found[history.name] = _statistic(history, past, people, days, beyond)
    return found


def _earlier(
    declared: d.Input, prior: Mapping[Any, Sequence[PriorRecord]], person_of: Mapping[Any, int], batch_records: Any
) -> tuple[list[tuple[int, int, int]], bool, int]:
    """Return (person, day, scaled value) of the records of earlier batches, for the people of this batch.

    Besides, whether a value lies outside today's bounds, and by how much the values are scaled up beyond the declared
    places: an earlier version may have taken more places than this one.
    """
    found: list[tuple[int, int, Quantity]] = []
    for participant, records in prior.items():
        person = person_of.get(participant)
        if person is None:
            continue
        for on, record, inputs in records:
            if declared.name not in inputs or (participant, record) in batch_records:
                continue
            found.append((person, day_number(on), _quantity(inputs[declared.name], declared.places)))
    places = max((value.needed_places for _, _, value in found), default=0)
    places = max(places, declared.places)
    up = 10 ** (places - declared.places)
    low, high = declared.min.ceil_at(declared.places) * up, declared.max.floor_at(declared.places) * up
    rows = [(person, day, value.at(places)) for person, day, value in found]
    return rows, any(not low <= value <= high for _, _, value in rows), up


def _quantity(value: Any, places: int) -> Quantity:
    """A value of an earlier record; an integer is scaled to the declared places."""
    if isinstance(value, int):
        return Quantity(value, places)
    return value if isinstance(value, Quantity) else parse_quantity(value)


def _joined(
    people: np.ndarray, days: np.ndarray, values: np.ndarray, earlier: list[tuple[int, int, int]], up: int
) -> _Past:
    if earlier:
        people = np.concatenate([people, np.array([row[0] for row in earlier], dtype=np.int64)])
        days = np.concatenate([days, np.array([row[1] for row in earlier], dtype=np.int64)])
        more = np.array([row[2] for row in earlier], dtype=object)
        values = np.concatenate([values.astype(object), more])
    order = np.lexsort((days, people))
    return _Past(people[order], days[order], values[order], up)


def _statistic(history: d.History, past: _Past, people: np.ndarray, days: np.ndarray, beyond: bool) -> Statistic:
    stamps = past.people * _SPAN + past.days
    first = np.searchsorted(stamps, people * _SPAN + days - history.window, side="left")
    last = np.searchsorted(stamps, people * _SPAN + days, side="left")
    count = last - first
    least = history.minimum if history.statistic in ("sum", "count") else max(history.minimum, 1)
    enough = count >= least
    ones = np.ones(len(people), dtype=np.int64)
    denominator = ones
    if history.statistic == "count":
        numerator = count
    elif history.statistic in ("sum", "mean"):
        numerator = _sums(past.values, first, last)
        denominator = np.maximum(count, 1) if history.statistic == "mean" else ones
    else:
        numerator = _extremes(past.values, first, last, np.minimum if history.statistic == "min" else np.maximum)
    if past.up > 1 and history.statistic == "mean":
        denominator = denominator.astype(object) * past.up
    elif past.up > 1 and history.statistic != "count":
        numerator = _at_declared(np.where(enough, numerator, 0), past.up, history)
    exact = beyond or bool(count.size and count.max() > HISTORY_COUNT)
    # Where the history does not suffice, a neutral 0 stands in; its error or the other parameter takes its place.
    numerator = np.where(enough, numerator, 0)
    denominator = np.where(enough, denominator, 1)
    return Statistic(numerator, denominator, count, enough, exact)


def _at_declared(numerator: np.ndarray, up: int, history: d.History) -> np.ndarray:
    """A sum or an extreme at the declared places. Raises QuantityError where it needs more of them."""
    if (numerator % up != 0).any():
        raise QuantityError(
            "too_many_places",
            f"历史值 {history.name} 的小数位数超过输入 {history.of} 的规定。",
            f"the history value {history.name} has more decimal places than the input {history.of} declares.",
        )
    return np.asarray(numerator // up)


def _sums(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    if values.dtype != object and values.size:
        largest = max(abs(int(values.min())), abs(int(values.max())))
        if largest * values.size >= 2**62:
            values = values.astype(object)
    running = np.concatenate([np.zeros(1, dtype=values.dtype), np.cumsum(values)])
    return running[last] - running[first]


def _extremes(values: np.ndarray, first: np.ndarray, last: np.ndarray, choose: np.ufunc) -> np.ndarray:
    if not values.size:
        return np.zeros(len(first), dtype=np.int64)
    padded = np.concatenate([values, values[-1:]])
    pairs = np.stack([first, np.maximum(last, first + 1)], axis=1).ravel()
    pairs = np.minimum(pairs, len(values))
    return np.asarray(choose.reduceat(padded, pairs)[::2])

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

# One earlier record: its date, its id, and its inputs as texts, Quantity or integers scaled to the declared places.
PriorRecord = tuple[datetime.date, str, Mapping[str, Any]]

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
            earlier, beyond = _earlier(declared, prior, person_of, batch_records)
            pasts[history.of] = _joined(people[valid], days[valid], values[history.of][valid], earlier), beyond
        past, beyond = pasts[history.of]
        found[history.name] = _statistic(history, past, people, days, beyond)
    return found


def _earlier(
    declared: d.Input, prior: Mapping[Any, Sequence[PriorRecord]], person_of: Mapping[Any, int], batch_records: Any
) -> tuple[list[tuple[int, int, int]], bool]:
    """Return (person, day, scaled value) of the records of earlier batches, for the people of this batch."""
    rows: list[tuple[int, int, int]] = []
    beyond = False
    low, high = declared.min.ceil_at(declared.places), declared.max.floor_at(declared.places)
    for participant, records in prior.items():
        person = person_of.get(participant)
        if person is None:
            continue
        for on, record, inputs in records:
            if declared.name not in inputs or (participant, record) in batch_records:
                continue
            scaled = _scaled(inputs[declared.name], declared.places)
            beyond = beyond or not low <= scaled <= high
            rows.append((person, day_number(on), scaled))
    return rows, beyond


def _scaled(value: Any, places: int) -> int:
    if isinstance(value, int):
        return value
    quantity = value if isinstance(value, Quantity) else parse_quantity(value)
    if quantity.needed_places > places:
        raise QuantityError(
            "too_many_places",
            f"历史值 {quantity} 的小数位数超过 {places} 位。",
            f"the history value {quantity} has more than {places} decimal places.",
        )
    return quantity.at(places) if quantity.places <= places else quantity.floor_at(places)


def _joined(people: np.ndarray, days: np.ndarray, values: np.ndarray, earlier: list[tuple[int, int, int]]) -> _Past:
    if earlier:
        people = np.concatenate([people, np.array([row[0] for row in earlier], dtype=np.int64)])
        days = np.concatenate([days, np.array([row[1] for row in earlier], dtype=np.int64)])
        more = np.array([row[2] for row in earlier], dtype=object)
        values = np.concatenate([values.astype(object), more])
    order = np.lexsort((days, people))
    return _Past(people[order], days[order], values[order])


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
    exact = beyond or bool(count.size and count.max() > HISTORY_COUNT)
    # Where the history does not suffice, a neutral 0 stands in; its error or the other parameter takes its place.
    numerator = np.where(enough, numerator, 0)
    denominator = np.where(enough, denominator, 1)
    return Statistic(numerator, denominator, count, enough, exact)


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

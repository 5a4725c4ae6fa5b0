"""From two sides to a report's figures: whole numbers, added up slice by slice, and nothing that tells of one person.

A group of fewer than SMALL participants is not shown by itself: it joins the row `others`, which takes in the next
smallest group too where it would otherwise give the hidden one away.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .reading import Records
from .sides import REASONS, Side

SMALL = 5
OTHERS = "others"
UNKNOWN = "unknown"
_KEYS = ("participants", "records", "draft_g", "base_g")


def summed(places: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Sums by place, exact: int64 where they fit, Python integers otherwise."""
    largest = int(values.max(initial=0))
    wide = largest * max(len(values), 1) >= 2**62
    total = np.zeros(size, dtype=object if wide else np.int64)
    np.add.at(total, places, values.astype(object) if wide else values)
    return total


def ranked(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different values of a column of small numbers, rising, and the place of each row's among them."""
    low = int(column.min())
    there = np.bincount(column - low) > 0
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[column - low]


def added(values: np.ndarray) -> int:
    """The exact sum."""
    if int(values.max(initial=0)) * max(len(values), 1) < 2**62:
        return int(values.sum())
    return sum(values.tolist())


@dataclass
class Figures:
    """What a simulation adds up. Grams by participant are kept by number only, until the distribution is drawn."""

    rate: tuple[int, int] | None  # points: numerator and denominator of the rule
    inputs: Sequence[str]
    records: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    sums: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: {"draft": Counter(), "base": Counter()})
    missing: Counter[str] = field(default_factory=Counter)
    groups: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: {"cities": {}, "months": {}, "households": {}}
    )
    values: dict[str, Counter[str]] = field(default_factory=dict)
    people: dict[str, list[np.ndarray]] = field(default_factory=lambda: {"draft": [], "base": [], "own": []})

    def take(self, records: Records, draft: Side, base: Side, rows: np.ndarray) -> None:
        """Add the rows of a slice that the report is about."""
        self.records += len(rows)
        if not len(rows):
            return
        grams = {"draft": draft.granted[rows], "base": base.granted[rows]}
        for name, side in (("draft", draft), ("base", base)):
            self.sums[f"{name}_g"] += added(grams[name])
            self.sums[f"{name}_computed_g"] += added(side.computed[rows])
            self.sums[f"{name}_credited"] += int((grams[name] > 0).sum())
            counts = np.bincount(side.reasons[rows], minlength=len(REASONS)).tolist()
            self.reasons[name].update({REASONS[number]: count for number, count in enumerate(counts) if count})
        for name in self.inputs:
            column = records.inputs[name]
            counts = np.bincount(column.codes[rows], minlength=len(column.texts))
            found = {text: int(count) for text, count in zip(column.texts, counts, strict=True) if count}
            self.missing[name] += found.pop(None, 0)
            self.values.setdefault(name, Counter()).update(found)  # type: ignore[arg-type]
        self._take_people(records, draft, rows, grams)
        self._take_groups(records, rows, grams)

    def _take_people(self, records: Records, draft: Side, rows: np.ndarray, grams: Mapping[str, np.ndarray]) -> None:
        persons = records.persons[rows]
        size = int(persons.max()) + 1
        there = np.bincount(persons, minlength=size) > 0
        by_person = {name: summed(persons, values, size)[there] for name, values in grams.items()}
        own = summed(persons, np.where(draft.own[rows], grams["draft"], 0), size)[there]
        for name, values in (*by_person.items(), ("own", own)):
            self.people[name].append(values)
        self.sums["participants"] += int(there.sum())
        years, year = ranked(records.days[rows].astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64))
        for name, values in grams.items():
            self.sums[f"{name}_participants"] += int((by_person[name] > 0).sum())
            self.sums[f"{name}_points"] += self._points(summed(persons * len(years) + year, values, size * len(years)))

    def _points(self, grams: np.ndarray) -> int:
        """Points by participant and year, rounded down as the accrual does."""
        if self.rate is None:
            return 0
        num, den = self.rate
        if int(grams.max(initial=0)) * num >= 2**62:
            grams = grams.astype(object)
        return added(grams * num // den)

    def _take_groups(self, records: Records, rows: np.ndarray, grams: Mapping[str, np.ndarray]) -> None:
        days = records.days[rows]
        keys = {
            "cities": records.regions[rows] // 100,
            "months": days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64),
            "households": np.minimum(records.sizes[rows], 6).astype(np.int64),
        }
        persons = records.persons[rows]
        width = int(persons.max()) + 1
        for name, column in keys.items():
            found, numbers = ranked(column)
            size = len(found)
            there = np.zeros(size * width, dtype=bool)
            there[numbers * width + persons] = True
            people = there.reshape(size, width).sum(axis=1)
            counts = np.bincount(numbers, minlength=size)
            draft, base = (summed(numbers, grams[side], size) for side in ("draft", "base"))
            for place, key in enumerate(found.tolist()):
                one = self.groups[name].setdefault(_label(name, key), Counter())
                for what, value in zip(_KEYS, (people[place], counts[place], draft[place], base[place]), strict=True):
                    one[what] += int(value)

    def side(self, name: str) -> dict[str, Any]:
        """One side's totals."""
        grams, people = self.sums[f"{name}_g"], self.sums[f"{name}_participants"]
        return {
            "grams": grams,
            "computed_g": self.sums[f"{name}_computed_g"],
            "records_credited": self.sums[f"{name}_credited"],
            "participants": people,
            "grams_per_participant": grams // people if people else None,
            "points": self.sums[f"{name}_points"] if self.rate else None,
            "reasons": dict(sorted(self.reasons[name].items())),
        }

    def by_person(self, name: str) -> np.ndarray:
        """Grams by participant, in no order that means anything."""
        found = self.people[name]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _label(name: str, key: int) -> str:
    if name == "cities":
        return f"{max(key, 0):04d}00"
    if name == "months":
        return str(np.datetime64(key, "M"))
    return UNKNOWN if key == 0 else "6+" if key == 6 else str(key)


def small_groups(people: Mapping[str, int]) -> set[str]:
    """The groups that do not stand by themselves, by their numbers of people (see the module)."""
    small = {key for key, count in people.items() if count < SMALL}
    rest = sorted(set(people) - small, key=lambda key: (people[key], key))
    while small and rest and (len(small) < 2 or sum(people[key] for key in small) < SMALL):
        small.add(rest.pop(0))
    return small


def shown(groups: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    """The groups in order, with small ones in one row `others`; the sum stays the sum.

    `others` stands for at least two groups and at least SMALL participants, where there are as many.
    """
    small = small_groups({key: one["participants"] for key, one in groups.items()})
    rows = [{"key": key, **{name: groups[key][name] for name in _KEYS}} for key in sorted(set(groups) - small)]
    if small:
        together = {name: sum(groups[key][name] for key in small) for name in _KEYS}
        together["participants"] = None  # type: ignore[assignment]  # somebody in two of them would count twice
        rows.append({"key": OTHERS, "groups": len(small), **together})
    return rows


def distribution(grams: np.ndarray) -> dict[str, Any] | None:
    """Who has how much: tenths of the participants, the middle one, and the first hundredth. None below 50 people."""
    count = len(grams)
    if count < 10 * SMALL:
        return None
    order = np.sort(grams)
    total = added(order)
    bounds = [count * part // 10 for part in range(11)]
    tenths = [added(order[low:high]) for low, high in itertools.pairwise(bounds)]
    top = max(-(-count // 100), SMALL)
    return {
        "tenths_g": tenths,
        "median_g": int(order[count // 2]),
        "with_none": int((order == 0).sum()),
        "top_people": top,
        "top_share": share(added(order[-top:]), total),
    }


def change(draft: np.ndarray, base: np.ndarray) -> dict[str, Any]:
    """Gainers and losers by participant; a number of people below SMALL is not said, nor what they gain or lose."""
    more, less = draft > base, draft < base
    rows: dict[str, Any] = {"same": int((draft == base).sum())}
    for name, mask, first, second in (("gainers", more, draft, base), ("losers", less, base, draft)):
        people = int(mask.sum())
        hidden = 0 < people < SMALL
        rows[name] = None if hidden else people
        rows[f"{name}_g"] = None if hidden else added(first[mask]) - added(second[mask])
    if rows["gainers"] is None or rows["losers"] is None:
        rows["same"] = None  # with the total it would tell the hidden number
    return rows


def share(part: int, of: int) -> str | None:
    """A share in percent with one place, rounded half up, as text; None of nothing."""
    if not of:
        return None
    tenths = (2000 * part + of) // (2 * of)
    return f"{tenths // 10}.{tenths % 10}"

"""What those few have in common who get a large share of the grams: features of the group, nobody's row.

Traits are kept by participant, by number only and in the order of the figures, until the group is known. Shares stand
beside those of everybody, so that what is special about the group is seen. Groups below SMALL join others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from methodologies.engine import Program
from methodologies.engine.document import GRADES
from methodologies.engine.reasons import NUMBER

from .figures import OTHERS, SMALL, UNKNOWN, Figures, added, share, small_groups
from .reading import KINDS, Records
from .sides import Side

#: Choices told apart in all, the first of the document: four bytes a participant each, some 100 MB for a million.
MOST_CHOICES = 24
_CUT_OFF = [NUMBER["limited"], NUMBER["over_limit"]]


@dataclass
class Traits:
    """Numbers of records by participant, slice by slice."""

    choices: Mapping[str, Sequence[str]]
    columns: dict[tuple[str, str], list[np.ndarray]] = field(default_factory=dict)

    @classmethod
    def of(cls, program: Program) -> "Traits":
        """The choices of a document by which its formula may branch, as many as there is room for."""
        found, room = {}, MOST_CHOICES
        for name, declared in program.inputs.items():
            if declared.options is not None and len(declared.options) <= room:
                found[name] = list(declared.options)
                room -= len(declared.options)
        return cls(found)

    def take(self, records: Records, draft: Side, rows: np.ndarray) -> None:
        """Count a slice's rows, participant by participant in the order of Figures.take."""
        if not len(rows):
            return
        persons = records.persons[rows]
        size = int(persons.max()) + 1
        there = np.bincount(persons, minlength=size) > 0

        def put(what: str, key: str, by_person: np.ndarray) -> None:
            self.columns.setdefault((what, key), []).append(by_person[there].astype(np.int32))

        def records_of(mask: np.ndarray) -> np.ndarray:
            return np.bincount(persons[mask], minlength=size)

        put("", "records", np.bincount(persons, minlength=size))
        put("", "credited", records_of(draft.granted[rows] > 0))
        put("", "cut_off", records_of(np.isin(draft.reasons[rows], _CUT_OFF)))
        kinds = np.zeros(size, dtype=np.int64)
        kinds[persons] = records.subjects[rows]
        put("", "kind", kinds)
        put("", "city", _most_frequent(persons, np.maximum(records.regions[rows], 0) // 100, size))
        for number, grade in enumerate(GRADES):
            put("evidence", grade, records_of(records.evidence[rows] == number))
        for name, options in self.choices.items():
            column = records.inputs[name]
            for option in options:
                chosen = np.array([text == option for text in column.texts], dtype=bool)
                put(name, option, records_of(chosen[column.codes[rows]]))

    def column(self, key: str, what: str = "") -> np.ndarray:
        """A number by participant."""
        return np.concatenate(self.columns[what, key])


def _most_frequent(persons: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Each person's most frequent value, the smaller of two equally frequent ones."""
    width = int(values.max()) + 1
    pairs, counts = np.unique(persons * width + values, return_counts=True)
    found = np.zeros(size, dtype=np.int64)
    order = np.lexsort((-pairs, counts))
    found[pairs[order] // width] = pairs[order] % width  # the last one written is the most frequent
    return found


def features(chosen: np.ndarray, traits: Traits, figures: Figures, program: Program) -> dict[str, Any]:
    """What the chosen participants have in common; `chosen` are their places in the figures."""
    grams, own = figures.by_person("draft"), figures.by_person("own")
    records, credited, cut_off = (traits.column(name).astype(np.int64) for name in ("records", "credited", "cut_off"))
    with_own = int((own[chosen] > 0).sum())
    cities = {f"{int(code):04d}00": count for code, count in _counted(traits.column("city")[chosen])}
    kinds = {KINDS.get(chr(letter), UNKNOWN): count for letter, count in _counted(traits.column("kind")[chosen])}
    return {
        "people": len(chosen),
        "people_share": share(len(chosen), len(grams)),
        "grams": added(grams[chosen]),
        "grams_share": share(added(grams[chosen]), added(grams)),
        "records_per_person": [_ratio(records[chosen], len(chosen)), _ratio(records, len(records))],
        "grams_per_record": [_each(grams[chosen], credited[chosen]), _each(grams, credited)],
        "cut_off_share": [share(added(cut_off[part]), added(records[part])) for part in (chosen, slice(None))],
        "own": {
            "names": sorted(program.history),
            "window_days": max((one.window for one in program.history.values()), default=None),
            "people": with_own if not 0 < with_own < SMALL else None,
            "share": [share(added(own[part]), added(grams[part])) for part in (chosen, slice(None))],
        }
        if program.history
        else None,
        "cities": _people(cities),
        "kinds": _people(kinds),
        "evidence": _shares(traits, "evidence", GRADES, chosen),
        "choices": [
            {"input": name, "rows": _shares(traits, name, options, chosen)} for name, options in traits.choices.items()
        ],
    }


def _counted(values: np.ndarray) -> list[tuple[int, int]]:
    found, counts = np.unique(values, return_counts=True)
    return list(zip(found.tolist(), counts.tolist(), strict=True))


def _ratio(values: np.ndarray, of: int) -> str:
    """A mean with one place, rounded half up, as text."""
    tenths = (20 * added(values) + of) // (2 * of)
    return f"{tenths // 10}.{tenths % 10}"


def _each(grams: np.ndarray, credited: np.ndarray) -> int | None:
    """Whole grams a credited record, rounded down."""
    number = added(credited)
    return added(grams) // number if number else None


def _people(groups: Mapping[str, int]) -> list[dict[str, Any]]:
    """Numbers of people by group, small groups in one row, the most numerous first; the sum stays the sum."""
    small = small_groups(groups)
    rows: list[dict[str, Any]] = [
        {"key": key, "people": count}
        for key, count in sorted(groups.items(), key=lambda one: (-one[1], one[0]))
        if key not in small
    ]
    if small:
        rows.append({"key": OTHERS, "groups": len(small), "people": sum(groups[key] for key in small)})
    return rows


def _shares(traits: Traits, what: str, keys: Sequence[str], chosen: np.ndarray) -> list[dict[str, Any]]:
    """Each value's share of the group's records beside its share of all; what few of the group have joins others."""
    columns = {key: traits.column(key, what).astype(np.int64) for key in keys}
    mine = {key: added(column[chosen]) for key, column in columns.items()}
    every = {key: added(column) for key, column in columns.items()}
    all_mine, all_every = sum(mine.values()), sum(every.values())
    small = small_groups({key: int((columns[key][chosen] > 0).sum()) for key in keys if mine[key]})
    rows: list[dict[str, Any]] = [
        {"key": key, "share": share(mine[key], all_mine), "all_share": share(every[key], all_every)}
        for key in keys
        if mine[key] and key not in small
    ]
    if small:
        together = {"share": share(sum(mine[key] for key in small), all_mine),
                    "all_share": share(sum(every[key] for key in small), all_every)}  # fmt: skip
        rows.append({"key": OTHERS, "groups": len(small), **together})
    return rows

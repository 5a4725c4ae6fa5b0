"""One side of a simulation: which rule takes which record, and what it gives, in the order of the real quantification.

Records of a participant who never reported late are settled in one batch: the order of arrival and the order of days
are the same there. The others are settled batch by batch as they arrived, each with what earlier ones left.
"""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from methodologies.engine import Coded, Columns, Outcome, Prior, Program
from methodologies.engine import compile as compile_document
from methodologies.engine.columns import Typed
from methodologies.engine.document import Document, FactorLibrary
from methodologies.engine.evaluate import Batch
from methodologies.engine.reasons import CODES, NOT_IN_FORCE
from methodologies.models import Methodology
from methodologies.selectors import VersionRow, VersionTable, program_for

from .reading import COUNTED, EPOCH, Records

#: Beside the engine's reasons: the participant is of a kind that the method does not take.
INELIGIBLE = len(CODES)
#: Reasons by number, as reports name them.
REASONS = (*CODES, "participant_not_eligible")
_HAS_RESULT = np.array([not 0 < number <= NOT_IN_FORCE for number in range(len(CODES))] + [False], dtype=bool)


@dataclass(frozen=True, slots=True)
class Group:
    """The records that one version takes: their rows, in rising order."""

    code: str
    effective_from: dt.date
    program: Program
    rows: np.ndarray


@dataclass(slots=True)
class Side:
    """Grams and reasons by record; `own` marks grams that a value of the participant's own past went into."""

    computed: np.ndarray
    granted: np.ndarray
    reasons: np.ndarray
    own: np.ndarray
    marks_own: bool = False

    @classmethod
    def of(cls, size: int, *, marks_own: bool) -> "Side":
        """Nothing in force."""
        zeros = np.zeros((2, size), dtype=np.int64)
        return cls(
            zeros[0], zeros[1], np.full(size, NOT_IN_FORCE, dtype=np.int8), np.zeros(size, dtype=bool), marks_own
        )


class InForce:
    """The versions that applied to an activity, day by day and region by region."""

    def __init__(self, activity: str, factors: FactorLibrary) -> None:
        self._table = VersionTable()
        self.activity = activity
        self._factors = factors
        self._issuer = dict(Methodology.objects.values_list("code", "region"))

    def programs(self) -> list[Program]:
        """Every version of the activity, compiled."""
        return [program_for(version, self._factors) for version in self._table.of_activity(self.activity)]

    def choice(self, records: Records) -> tuple[np.ndarray, list[VersionRow]]:
        """For each record the place of its version in the list, -1 for none."""
        numbers, regions = pd.factorize(records.regions)
        periods = [self._table.periods(self.activity, f"{max(region, 0):06d}") for region in regions.tolist()]
        starts = sorted({start for days, _ in periods for start in days})
        versions: list[VersionRow] = []
        places: dict[int, int] = {}
        table = np.full((len(regions), len(starts)), -1, dtype=np.int64)
        for number, (days, found) in enumerate(periods):
            for column, start in enumerate(starts):
                version = found[bisect_right(days, start) - 1]
                if version is not None:
                    place = places.setdefault(version.pk, len(versions))
                    if place == len(versions):
                        versions.append(version)
                    table[number, column] = place
        period = np.searchsorted([(start - EPOCH).days for start in starts], records.days, side="right") - 1
        return table[numbers, period], versions

    def groups(self, chosen: np.ndarray, versions: Sequence[VersionRow]) -> list[Group]:
        """The records by version."""
        return [
            Group(version.code, version.effective_from, program_for(version, self._factors), rows)
            for place, version in enumerate(versions)
            if len(rows := np.flatnonzero(chosen == place))
        ]

    def narrower(self, chosen: np.ndarray, versions: Sequence[VersionRow], region: str) -> np.ndarray:
        """Records on which a version of a narrower region than this one stands: a document of `region` leaves them."""
        narrow = [len(prefix_of(self._issuer[version.code])) > len(prefix_of(region)) for version in versions]
        return np.array([*narrow, False], dtype=bool)[chosen]


def prefix_of(region: str) -> str:
    """The digits that the codes inside a region share; nothing for the nation."""
    if region == "000000":
        return ""
    return region[:2] if region.endswith("0000") else region[:4] if region.endswith("00") else region


def as_if_in_force(document: Document, factors: FactorLibrary, first: dt.date) -> Program:
    """The program of a document as if it had been in force from `first` on.

    Its effective date and the earliest dates of its own parameters move back where they lie later; shared factors keep
    theirs. Formula, limits and identity stay.
    """
    effective = document.effective_from if document.effective_from <= first else first
    moved = {}
    for name, parameter in document.parameters.items():
        values = tuple(sorted(parameter.values, key=lambda item: item[0]))
        if values and values[0][0] > first and parameter.factor is None:
            values = ((first, values[0][1]), *values[1:])
        moved[name] = replace(parameter, values=values)
    return compile_document(replace(document, effective_from=effective, parameters=moved), factors)


def whole(program: Program, records: Records) -> list[Group]:
    """One document for all records of its region."""
    prefix = prefix_of(program.document.region)
    low = int(prefix.ljust(6, "0") or 0)
    high = int(prefix.ljust(6, "9") or 0)
    rows = np.flatnonzero((records.regions >= low) & (records.regions <= high))
    return [Group(program.document.code, program.document.effective_from, program, rows)] if len(rows) else []


def late(records: Records) -> np.ndarray:
    """Marks the records of participants of whom some record arrived after one of a later day."""
    marks = np.zeros(len(records), dtype=bool)
    if not len(records):
        return marks
    order = _by_day(records)
    persons, arrivals = records.persons[order], records.arrivals[order]
    back = (persons[1:] == persons[:-1]) & (arrivals[1:] < arrivals[:-1])
    if back.any():
        who = np.zeros(int(records.persons.max()) + 1, dtype=bool)
        who[persons[1:][back]] = True
        marks = who[records.persons]
    return marks


def _by_day(records: Records) -> np.ndarray:
    """Rows by participant, day, and record as bytes."""
    ids = records.ids
    digits = np.searchsorted(10 ** np.arange(1, 19, dtype=np.int64), ids, side="right") + 1
    longest, shortest = int(digits.max()), int(digits.min())
    if longest == shortest and (ids[1:] > ids[:-1]).all():
        first = int(records.days.min())
        stamp = records.persons * (int(records.days.max()) - first + 1) + records.days - first
        bits = len(stamp).bit_length()
        if int(stamp.max()) < 1 << (62 - bits):
            packed = (stamp << bits) | np.arange(len(stamp), dtype=np.int64)
            packed.sort()
            return packed & ((1 << bits) - 1)
    key = ids * 10 ** np.minimum(longest - digits, 18) if longest <= 18 else ids
    return np.lexsort((digits, key, records.days, records.persons))


def settle(records: Records, groups: Sequence[Group], late_rows: np.ndarray, *, marks_own: bool = False) -> Side:
    """What these versions give; a record in no group is not in force."""
    side = Side.of(len(records), marks_own=marks_own)
    by_code = groupby(sorted(groups, key=lambda group: (group.code, group.effective_from)), lambda group: group.code)
    for _, found in by_code:
        versions = list(found)
        _settle_code(records, versions, _apart(records, versions, late_rows), side)
    return side


def _apart(records: Records, versions: Sequence[Group], late_rows: np.ndarray) -> np.ndarray:
    """Records that are settled as they arrived: late ones, and those whose history crosses two versions."""
    if not any(group.program.needs_order for group in versions):
        return np.zeros(len(records), dtype=bool)
    if len(versions) == 1 or not any(group.program.history for group in versions):
        return late_rows
    seen = np.zeros((len(versions), int(records.persons.max()) + 1), dtype=bool)
    for number, group in enumerate(versions):
        seen[number, records.persons[group.rows]] = True
    return late_rows | (seen.sum(axis=0) > 1)[records.persons]


def _settle_code(records: Records, versions: Sequence[Group], apart: np.ndarray, side: Side) -> None:
    used = Used()
    for group in versions:
        rows = group.rows if not apart.any() else group.rows[~apart[group.rows]]
        outcome = _evaluate(records, group.program, rows, Prior(used=used if used else {}), side)
        if outcome is not None and len(versions) > 1:
            used.add(outcome)
    if apart.any():
        _as_they_arrived(records, versions, apart, side)


def _as_they_arrived(records: Records, versions: Sequence[Group], apart: np.ndarray, side: Side) -> None:
    used, past = Used(), _Past(records, versions)
    mine = [group.rows[apart[group.rows]] for group in versions]
    for step in _steps(records, np.sort(np.concatenate(mine))):
        now = np.zeros(len(records), dtype=bool)
        now[step] = True
        settled = []
        for group, rows in zip(versions, mine, strict=True):
            these = rows[now[rows]]
            prior = Prior(used=used, history=past.of(group.program, these))
            outcome = _evaluate(records, group.program, these, prior, side)
            if outcome is not None:
                used.add(outcome)
                settled.append(these)
        past.add(settled, side)


def _steps(records: Records, rows: np.ndarray) -> Iterator[np.ndarray]:
    """The first arrival of every participant, then the second of every one, and so on."""
    rows = rows[np.lexsort((records.arrivals[rows], records.persons[rows]))]
    persons, arrivals = records.persons[rows], records.arrivals[rows]
    fresh = np.ones(len(rows), dtype=bool)
    fresh[1:] = persons[1:] != persons[:-1]
    change = fresh.copy()
    change[1:] |= arrivals[1:] != arrivals[:-1]
    running = np.cumsum(change)
    rank = running - np.maximum.accumulate(np.where(fresh, running, 0))
    for number in range(int(rank.max(initial=-1)) + 1):
        yield np.sort(rows[rank == number])


class Used:
    """What participants used of the limits of a code, as the engine asks for it."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[tuple[int, int], int]] = {}

    def __bool__(self) -> bool:
        return bool(self._tables)

    def column(self, limit_key: str, people: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """See methodologies.engine.limits.UsageColumns."""
        table = self._tables.get(limit_key, {})
        pairs = zip(people.tolist(), starts.tolist(), strict=True)
        return np.array([table.get(pair, 0) for pair in pairs], dtype=object)

    def add(self, outcome: Outcome) -> None:
        """Count what a batch used."""
        for key, people, starts, amounts in outcome.usage_columns():
            table = self._tables.setdefault(key, {})
            for pair, amount in zip(zip(people.tolist(), starts.tolist(), strict=True), amounts, strict=True):
                table[pair] = table.get(pair, 0) + amount


class _Past:
    """Earlier arrivals of participants, for history values."""

    def __init__(self, records: Records, versions: Sequence[Group]) -> None:
        self._records = records
        self._names = sorted({history.of for group in versions for history in group.program.history.values()})
        self._of: dict[int, list[Any]] = defaultdict(list)

    def of(self, program: Program, rows: np.ndarray) -> dict[int, list[Any]]:
        if not program.history:
            return {}
        return {person: self._of[person] for person in set(self._records.persons[rows].tolist()) if person in self._of}

    def add(self, settled: Sequence[np.ndarray], side: Side) -> None:
        if not self._names:
            return
        columns = {name: self._records.inputs[name] for name in self._names}
        for rows in settled:
            for row in rows[_HAS_RESULT[side.reasons[rows]]].tolist():
                given = {name: column.texts[column.codes[row]] for name, column in columns.items()}
                values = {name: text for name, text in given.items() if text is not None}
                day = EPOCH + dt.timedelta(days=int(self._records.days[row]))
                self._of[int(self._records.persons[row])].append((day, str(self._records.ids[row]), values))


def _evaluate(records: Records, program: Program, rows: np.ndarray, prior: Prior, side: Side) -> Outcome | None:
    """Evaluate rows of one version and put what came of them where they stand."""
    taken = (records.active[rows] | (records.status[rows] == COUNTED)) & records.is_subject(
        program.document.participants
    )[rows]
    if not taken.all():
        side.reasons[rows[~taken]] = INELIGIBLE
        rows = rows[taken]
    if not len(rows):
        return None
    columns = columns_of(program, records, rows)
    typed = program.read(columns)
    outcome = program.evaluate(columns, prior=prior, typed=typed)
    side.computed[rows] = outcome.computed_g
    side.granted[rows] = outcome.reduction_g
    side.reasons[rows] = outcome.reason_numbers
    if side.marks_own and outcome.batch.statistics:
        side.own[rows] = _rests_on_the_past(program, columns, typed, outcome)
    return outcome


def _rests_on_the_past(program: Program, columns: Columns, typed: Typed, outcome: Outcome) -> np.ndarray:
    """Credited rows that the formula would answer otherwise, or not at all, if the participant had no past."""
    batch = Batch(program, columns, typed)
    batch.exact = outcome.batch.exact
    batch.check()
    batch.statistics = {
        name: replace(
            statistic,
            numerator=np.zeros_like(statistic.numerator),
            denominator=np.ones_like(statistic.denominator),
            enough=np.zeros_like(statistic.enough),
        )
        for name, statistic in outcome.batch.statistics.items()
    }
    batch.compute()
    return np.asarray((outcome.reduction_g > 0) & (batch.computed != outcome.computed_g))


def columns_of(program: Program, records: Records, rows: np.ndarray) -> Columns:
    """Records as the engine's columns."""
    all_of_them = len(rows) == len(records)

    def pick(column: np.ndarray) -> np.ndarray:
        return column if all_of_them else column[rows]

    return Columns(
        record=pick(records.ids),
        participant=pick(records.persons),
        occurred_on=pick(records.days),
        region=pick(records.regions),
        evidence=pick(records.evidence),
        inputs={name: Coded(records.inputs[name].texts, pick(records.inputs[name].codes)) for name in program.inputs},
    )

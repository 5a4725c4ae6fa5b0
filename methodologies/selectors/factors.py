"""Shared factors: what waits for approval, what a new value touches, what is past its best-before."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from carbon_portal.kernel.errors import NotFound
from methodologies.constants import FROZEN_STATES, VersionState
from methodologies.engine.document import Entry
from methodologies.engine.document import FactorLibrary as Factors
from methodologies.models import FactorVintage, MethodologyVersion

from .library import VersionTable, program_for

SUBJECT = "factor:"
#: How many records were computed by these versions (keys) for deeds of this day or later, before a moment: credits
#: answers.
RecordCounter = Callable[[Sequence[int], dt.date, dt.datetime | None], Mapping[int, int]]
_counter: list[RecordCounter] = []


def count_records_by(counter: RecordCounter) -> None:
    """The app that keeps results says here how to count them."""
    _counter[:] = [counter]


def subject_of(factor: str) -> str:
    """The subject of a request about a factor's new value."""
    return f"{SUBJECT}{factor}"


def open_vintage(factor: str) -> FactorVintage | None:
    """The value of a factor that waits for approval."""
    return FactorVintage.objects.filter(factor=factor, state=FactorVintage.State.OPEN).first()


def newest_vintage(factor: str) -> FactorVintage:
    """The newest proposal of a factor, whatever became of it. Errors: NotFound."""
    row = FactorVintage.objects.filter(factor=factor).order_by("-proposed_at").first()
    if row is None:
        raise NotFound
    return row


def vintages_by_factor() -> dict[str, dict[dt.date, FactorVintage]]:
    """Values that came by approval, by factor and first day; the others came with the library."""
    found: dict[str, dict[dt.date, FactorVintage]] = defaultdict(dict)
    for row in FactorVintage.objects.filter(state=FactorVintage.State.ADOPTED):
        found[row.factor][row.valid_from] = row
    return found


@dataclass(frozen=True, slots=True)
class Affected:
    """A version that computes with a factor. `pinned`: by the year it names, so a value of another year is not for it.
    `records`: results for deeds since the first day; they keep their value."""

    version: MethodologyVersion
    pinned: int | None
    records: int

    @property
    def in_force(self) -> bool:
        return self.version.state in FROZEN_STATES


def affected_by(factor: str, *, since: dt.date, until: dt.datetime | None = None) -> list[Affected]:
    """Versions that compute with a factor, drafts too, by code; with the number of results for deeds since a day.

    `until`: when the new value was adopted. What was computed later has it already.
    """
    rows = (
        MethodologyVersion.objects.filter(document__parameters__isnull=False)
        .select_related("methodology")
        .exclude(state=VersionState.WITHDRAWN)
        .defer("source")
        .order_by("methodology_id", "effective_from")
    )
    using: list[tuple[MethodologyVersion, int | None]] = []
    for row in rows:
        for parameter in _parameters(row):
            if parameter.get("factor") == factor:
                pinned = parameter.get("vintage")
                using.append((row, pinned if isinstance(pinned, int) else None))
                break
    counted: Mapping[int, int] = _counter[0]([row.pk for row, _ in using], since, until) if using and _counter else {}
    return [Affected(row, pinned, counted.get(row.pk, 0)) for row, pinned in using]


def _parameters(row: MethodologyVersion) -> list[dict[str, object]]:
    found = row.document.get("parameters", {})
    listed = found.values() if isinstance(found, dict) else found
    return [one for one in listed if isinstance(one, dict)]


@dataclass(frozen=True, slots=True)
class BestBefore:
    """A value with a date by which somebody must look at it again. `code` is a factor's or a document's."""

    code: str
    name: str
    kind: str  # "factor" or the name of a parameter
    start: dt.date | None
    entry: Entry

    def days_left(self, today: dt.date) -> int:
        """Days until the date; negative when it has passed."""
        return (self.entry.best_before - today).days


def best_before_report(factors: Factors, *, on: dt.date, within: int) -> list[BestBefore]:
    """Values in use on a day whose best-before lies no more than `within` days ahead, the most overdue first.

    Shared factors by the library, parameters of the versions in force by their documents.
    """
    found = [
        BestBefore(code, code, "factor", current[-1][0], current[-1][1])
        for code, factor in factors.factors.items()
        if (current := [(start, entry) for start, entry in factor.values if start <= on])
    ]
    for row in MethodologyVersion.objects.filter(pk__in=VersionTable().in_force(on)):
        for parameter in program_for(row, factors).document.parameters.values():
            if parameter.factor is None:
                found += [
                    BestBefore(str(row), parameter.name, parameter.name, start, entry)
                    for start, entry in _in_use(parameter.values, on)
                ]
    late = [one for one in found if one.days_left(on) <= within]
    return sorted(late, key=lambda one: (one.entry.best_before, one.code, one.name))


def _in_use(values: Sequence[tuple[dt.date, Entry | Mapping[str, Entry]]], on: dt.date) -> list[tuple[dt.date, Entry]]:
    """The entries of a parameter's table that hold on a day; several where it is by choice or by region."""
    current = [(start, table) for start, table in values if start <= on]
    if not current:
        return []
    start, table = current[-1]
    return [(start, table)] if isinstance(table, Entry) else [(start, one) for one in table.values()]

"""The same deed in two cities, and what a local method asks of every city when the province takes it up."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from carbon_portal.kernel import regions
from methodologies.compare import FormulaLine, compare_documents
from methodologies.engine import Columns, Program
from methodologies.engine.document import Input
from methodologies.engine.parameters import Cell, ParameterTable
from methodologies.models import MethodologyVersion

from .library import VersionRow, VersionTable, factor_library, program_for
from .public import shown_versions

Status = Literal["supplied", "shared", "missing"]


# -- the same deed, side by side ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CityResult:
    """What one deed comes to in one city; without a method there, `program` and `trace` are None."""

    region: str
    row: VersionRow | None
    program: Program | None
    trace: dict[str, Any] | None

    @property
    def reduction_g(self) -> int:
        return 0 if self.trace is None else int(self.trace["reduction_g"])

    @property
    def reason(self) -> str:
        return "not_in_force" if self.trace is None else str(self.trace["reason"])


@dataclass(frozen=True, slots=True)
class Different:
    """A parameter whose value is not the same in the two cities; a side that has none is None."""

    name: str
    left: Mapping[str, Any] | None
    right: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class SameDeed:
    """Both results, and why they differ: other documents, other parameter values, other formula lines."""

    left: CityResult
    right: CityResult
    parameters: tuple[Different, ...]
    formulas: tuple[FormulaLine, ...]

    @property
    def one_document(self) -> bool:
        return self.left.row is not None and self.right.row is not None and self.left.row.pk == self.right.row.pk


def activities_in_force(on: dt.date) -> dict[str, MethodologyVersion]:
    """Activities with a version in force somewhere in the province that day, each with its widest-reaching version."""
    found: dict[str, MethodologyVersion] = {}
    rows = shown_versions().filter(effective_from__lte=on).exclude(state__in=("public_comment", "approved"))
    for version in sorted(rows, key=lambda one: (one.methodology.region, -one.effective_from.toordinal())):
        if version.state == "withdrawn" and version.sunset_on is not None and version.sunset_on < on:
            continue
        found.setdefault(version.methodology.activity, version)
    return found


def programs_in(*, activity: str, cities: tuple[str, str], on: dt.date) -> list[tuple[VersionRow, Program] | None]:
    """The version that applies in each of two cities that day, compiled."""
    table, factors = VersionTable(), factor_library()
    rows = [table.find(activity, city, on) for city in cities]
    return [None if row is None else (row, program_for(row, factors)) for row in rows]


def inputs_of(found: list[tuple[VersionRow, Program] | None]) -> dict[str, Input]:
    """The inputs that either city's version asks for."""
    return {name: one for pair in found if pair for name, one in pair[1].inputs.items()}


def example_inputs(found: list[tuple[VersionRow, Program] | None]) -> dict[str, str]:
    """Something to begin with: each version's first golden example that is credited, the first city's above all."""
    given: dict[str, str] = {}
    for pair in reversed(found):
        examples = pair[1].document.examples if pair else ()
        for example in (one for one in examples if one.expect is not None):
            given |= {name: value for name, value in example.given.items() if value is not None}
            break
    return given


def same_deed(*, activity: str, cities: tuple[str, str], on: dt.date, given: Mapping[str, str]) -> SameDeed:
    """Compute one deed under the version that applies in each city, as a first record from a data provider."""
    found = programs_in(activity=activity, cities=cities, on=on)
    left, right = (_result(city, pair, on, given) for city, pair in zip(cities, found, strict=True))
    formulas: tuple[FormulaLine, ...] = ()
    if left.program is not None and right.program is not None and left.program.sha256 != right.program.sha256:
        compared = compare_documents(left.program.document, right.program.document, factor_library())
        formulas = tuple(line for line in compared.formulas if line.mark != "same")
    return SameDeed(left, right, _different(left.trace, right.trace), formulas)


def _result(city: str, found: tuple[VersionRow, Program] | None, on: dt.date, given: Mapping[str, str]) -> CityResult:
    if found is None:
        return CityResult(city, None, None, None)
    row, program = found
    columns = Columns(
        record=["1"],
        participant=["1"],
        occurred_on=[on.isoformat()],
        region=[city],
        evidence=["feed"],
        inputs={name: [given.get(name) or None] for name in program.inputs},
    )
    return CityResult(city, row, program, program.explain(columns, 0))


def _different(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> tuple[Different, ...]:
    if left is None or right is None:
        return ()
    before, after = left["parameters"], right["parameters"]
    found = []
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if one is None or other is None or _said(one) != _said(other):
            found.append(Different(name, one, other))
    return tuple(found)


def _said(value: Mapping[str, Any]) -> tuple[object, ...]:
    return value.get("value"), value.get("unit"), value.get("missing")


# -- a local method for the whole province -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CityValue:
    """What one city has for a parameter: a value of its own, the province's, or none."""

    region: str
    status: Status
    cell: Cell | None


@dataclass(frozen=True, slots=True)
class LocalParameter:
    """A parameter that is keyed by region: what each of the 21 cities has on a day."""

    table: ParameterTable
    cities: tuple[CityValue, ...]

    def having(self, status: Status) -> int:
        return sum(one.status == status for one in self.cities)


@dataclass(frozen=True, slots=True)
class LocalNeeds:
    """`by_region`: what every city must supply; `fixed`: inline values of a local document that hold for one place."""

    by_region: tuple[LocalParameter, ...]
    fixed: tuple[ParameterTable, ...]

    def missing_in(self, region: str) -> tuple[str, ...]:
        """The parameters that a city still has to supply."""
        return tuple(
            one.table.name
            for one in self.by_region
            for city in one.cities
            if city.region == region and city.status == "missing"
        )


def local_needs(program: Program, *, on: dt.date) -> LocalNeeds:
    """What the 21 cities must supply before a document can hold for the whole province. No query."""
    issuing = program.document.region
    local = issuing not in (regions.NATION, regions.PROVINCE)
    by_region, fixed = [], []
    for table in program.tables.values():
        if table.by == "region":
            day = max(on, table.starts[0])
            cities = tuple(_city_value(table, city.code, day) for city in regions.cities())
            by_region.append(LocalParameter(table, cities))
        elif local and table.factor is None:
            fixed.append(table)
    return LocalNeeds(tuple(by_region), tuple(fixed))


def _city_value(table: ParameterTable, city: str, on: dt.date) -> CityValue:
    """A city has supplied a value when it has one of its own, or every county of it has."""
    cell = table.find(on, city)
    if isinstance(cell, Cell) and cell.key == city:
        return CityValue(city, "supplied", cell)
    counties = [table.find(on, county.six) for county in regions.children(city)]
    own = [one for one in counties if isinstance(one, Cell) and (one.key or "").startswith(city[:4])]
    if own and len(own) == len(counties):
        return CityValue(city, "supplied", own[0])
    return CityValue(city, "missing", None) if isinstance(cell, str) else CityValue(city, "shared", cell)

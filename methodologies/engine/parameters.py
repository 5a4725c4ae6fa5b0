"""Dated parameters as integer tables: chosen by activity date, by choice or by region (county, city, province)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from carbon_portal.kernel.quantities import Quantity

from . import document as d
from .problems import Problem, error

NO_PARAMETER_AT_DATE = 1
NO_PARAMETER_FOR_REGION = 2

_EPOCH = datetime.date(1970, 1, 1)


def day_number(date: datetime.date) -> int:
    """Return days since 1970-01-01, the engine's form of a date."""
    return (date - _EPOCH).days


def day_date(number: int) -> datetime.date:
    return _EPOCH + datetime.timedelta(days=number)


def region_chain(region: str) -> tuple[str, ...]:
    """Return the codes in which a value for ``region`` is looked for: itself, its city, its province."""
    return tuple(dict.fromkeys((region, region[:4] + "00", region[:2] + "0000")))


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table: where it stands and what it says."""

    start: datetime.date
    key: str | None
    entry: d.Entry


@dataclass(slots=True)
class ParameterTable:
    """A parameter ready for look-up. ``cells`` holds every value; ``rows`` maps (start, key) to its cell."""

    name: str
    unit: str
    basis: str | None
    by: str | None
    keys: tuple[str, ...]
    starts: tuple[datetime.date, ...]
    cells: list[Cell]
    rows: list[dict[str | None, int]]
    pinned: bool = False
    factor: str | None = None
    stored: bool = False
    missing: str = ""
    places: int = 0
    values: list[int] = field(default_factory=list)
    base: int = 0  # the lowest region code under the issuing region, and how many there are
    width: int = 1_000_000
    _start_days: np.ndarray | None = None
    _spreads: dict[str, tuple[np.ndarray, np.ndarray | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.places = max((cell.entry.value.needed_places for cell in self.cells), default=0)
        self.values = [
            cell.entry.value.floor_at(self.places)
            if cell.entry.value.places > self.places
            else cell.entry.value.at(self.places)
            for cell in self.cells
        ]
        self._start_days = np.array([day_number(start) for start in self.starts], dtype=np.int64)

    @property
    def bounds(self) -> tuple[Fraction, Fraction]:
        scale = 10**self.places
        return Fraction(min(self.values), scale), Fraction(max(self.values), scale)

    def may_miss_date(self, effective_from: datetime.date) -> bool:
        return not self.pinned and self.starts[0] > effective_from

    def may_miss_region(self, issuing: str) -> bool:
        """Whether some region under the issuing one may find no value, at any date."""
        if self.by != "region":
            return False
        if issuing == "000000":
            return True
        return any(not any(code in row for code in region_chain(issuing)) for row in self.rows)

    def constant(self, effective_from: datetime.date) -> int | None:
        """Return the only value there can be for any row in force, else None."""
        if self.by is None and len(self.cells) == 1 and not self.may_miss_date(effective_from):
            return self.values[0]
        return None

    def find(self, on: datetime.date, key: str | None) -> Cell | str:
        """Return the cell for one date and option or region, else the reason why there is none."""
        index = -1 if not self.pinned else 0
        for position, start in enumerate(self.starts):
            if not self.pinned and start <= on:
                index = position
        if index < 0:
            return "no_parameter_at_date"
        row = self.rows[index]
        if self.by is None:
            return self.cells[row[None]]
        for code in region_chain(key or "") if self.by == "region" else (key,):
            if code in row:
                return self.cells[row[code]]
        return "no_parameter_for_region"

    def look_up(self, days: np.ndarray, keys: np.ndarray | None, dtype: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the value of every row and, where one may be missing, its error bits.

        ``keys`` are option numbers, or region numbers under the issuing region. A missing value is replaced by
        one of the table's own, so that the proved bounds hold for every row.
        """
        assert self._start_days is not None
        errors: np.ndarray | None = None
        period: np.ndarray | None = None
        late: np.ndarray | None
        if not self.pinned and len(self.starts) > 1:
            period = np.searchsorted(self._start_days, days, side="right") - 1
            late = period < 0
            period = np.maximum(period, 0)
        else:
            late = None if self.pinned else days < self._start_days[0]
        if late is not None and late.any():
            errors = np.where(late, np.uint8(NO_PARAMETER_AT_DATE), np.uint8(0))
        spread, gaps = self._spread(dtype)
        if self.by is None:
            found = np.take(spread[:, 0], np.zeros(len(days), dtype=np.int64) if period is None else period)
            return found, errors
        assert keys is not None
        columns = keys if self.base == 0 else keys - self.base
        found = np.take(spread[0], columns) if period is None else spread[period, columns]
        if gaps is not None:
            missing = np.take(gaps[0], columns) if period is None else gaps[period, columns]
            if missing.any():
                bits = np.where(missing, np.uint8(NO_PARAMETER_FOR_REGION), np.uint8(0))
                errors = bits if errors is None else np.where(errors > 0, errors, bits)
        return found, errors

    def _spread(self, dtype: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the values by (start, option or region), and where a region finds none (None: nowhere)."""
        kind = np.dtype(dtype).char
        if kind not in self._spreads:
            if self.by == "region":
                cells = np.stack([_region_index(row)[self.base : self.base + self.width] for row in self.rows])
            elif self.by is None:
                cells = np.array([[row[None]] for row in self.rows])
            else:
                cells = np.array([[row[key] for key in self.keys] for row in self.rows])
            gaps = cells < 0
            values = np.array(self.values, dtype=dtype)[np.maximum(cells, 0)]
            self._spreads[kind] = values, gaps if gaps.any() else None
        return self._spreads[kind]


def _region_index(row: Mapping[str | None, int]) -> np.ndarray:
    """Spread a table over all six-digit codes, so that one look-up answers the whole fallback."""
    index = np.full(1_000_000, -1, dtype=np.int64)
    entries = [(str(code), cell) for code, cell in row.items()]
    for code, cell in entries:
        if code.endswith("0000"):
            index[int(code) : int(code) + 10_000] = cell
    for code, cell in entries:
        if code.endswith("00") and not code.endswith("0000"):
            index[int(code) : int(code) + 100] = cell
    for code, cell in entries:
        if not code.endswith("00"):
            index[int(code)] = cell
    return index


def region_range(issuing: str) -> tuple[int, int]:
    """Return the lowest and highest region code under an issuing region (its first two or four digits; 000000: all)."""
    code = int(issuing)
    if code == 0:
        return 0, 999_999
    if issuing.endswith("0000"):
        return code, code + 9_999
    if issuing.endswith("00"):
        return code, code + 99
    return code, code


def build_tables(
    document: d.Document, factors: d.FactorLibrary | None
) -> tuple[dict[str, ParameterTable], list[Problem]]:
    """Return every parameter of a document as a table, factors looked up, and the problems met on the way."""
    tables: dict[str, ParameterTable] = {}
    problems: list[Problem] = []
    for parameter in document.parameters.values():
        where = document.source.where(("parameters", parameter.name))
        table = (
            _inline(document, parameter) if parameter.factor is None else _shared(parameter, factors, where, problems)
        )
        if table is None:
            continue
        allowed = d.BASES_OF_USE[document.use]
        if table.basis is not None and table.basis not in allowed:
            problems.append(
                error(
                    where,
                    f"用途 {document.use} 不能使用 {table.basis} 类因子,只能使用:{'、'.join(allowed)}。",
                    f"use: {document.use} may not take a factor of basis {table.basis}, only {', '.join(allowed)}.",
                )
            )
        if table.by == "region":
            low, high = region_range(document.region)
            table.base, table.width = low, high - low + 1
        tables[parameter.name] = table
    return tables, problems


def _inline(document: d.Document, parameter: d.Parameter) -> ParameterTable:
    cells: list[Cell] = []
    rows: list[dict[str | None, int]] = []
    for start, table in parameter.values:
        row: dict[str | None, int] = {}
        for key, entry in [(None, table)] if isinstance(table, d.Entry) else table.items():
            row[key] = len(cells)
            cells.append(Cell(start, key, entry))
        rows.append(row)
    keys: tuple[str, ...] = ()
    if parameter.by is not None and parameter.by != "region":
        keys = tuple(document.inputs[parameter.by].options or ())
    starts = tuple(start for start, _ in parameter.values)
    return ParameterTable(
        parameter.name, parameter.unit or "1", parameter.basis, parameter.by, keys, starts, cells, rows
    )


def _shared(
    parameter: d.Parameter, factors: d.FactorLibrary | None, where: str, problems: list[Problem]
) -> ParameterTable | None:
    factor = factors.factors.get(parameter.factor or "") if factors is not None else None
    if factor is None:
        problems.append(
            error(
                where,
                f"因子库中没有“{parameter.factor}”。",
                f"the factor library has no {parameter.factor!r}.",
            )
        )
        return None
    _compare(parameter, factor, where, problems)
    values = list(factor.values)
    if parameter.vintage is not None:
        values = [value for value in values if value[1].data_year == parameter.vintage][-1:]
        if not values:
            problems.append(
                error(
                    where,
                    f"因子“{factor.code}”没有数据年份 {parameter.vintage} 的值。",
                    f"the factor {factor.code!r} has no value of data year {parameter.vintage}.",
                )
            )
            return None
    return ParameterTable(
        parameter.name,
        factor.unit,
        factor.basis,
        None,
        (),
        tuple(start for start, _ in values),
        [Cell(start, None, entry) for start, entry in values],
        [{None: index} for index in range(len(values))],
        pinned=parameter.vintage is not None,
        factor=factor.code,
    )


def _compare(parameter: d.Parameter, factor: d.Factor, where: str, problems: list[Problem]) -> None:
    from .units import parse_unit

    if parameter.unit is not None and parse_unit(parameter.unit) != parse_unit(factor.unit):
        problems.append(
            error(
                where,
                f"单位 {parameter.unit} 与因子的单位 {factor.unit} 不一致。",
                f"the unit {parameter.unit} is not the factor's, {factor.unit}.",
            )
        )
    if parameter.basis is not None and parameter.basis != factor.basis:
        problems.append(
            error(
                where,
                f"类别 {parameter.basis} 与因子的类别 {factor.basis} 不一致。",
                f"the basis {parameter.basis} is not the factor's, {factor.basis}.",
            )
        )


def stored_table(table: ParameterTable, stored: Mapping[str, Any] | None) -> ParameterTable:
    """Return the table that always answers with what a reduction stored (or with the reason why there was none)."""
    from carbon_portal.kernel.quantities import parse_quantity

    missing = "" if stored is None else str(stored.get("missing", ""))
    value = parse_quantity(stored["value"]) if stored is not None and "value" in stored else Quantity(0)
    entry = d.Entry(value, "", "memory", datetime.date.max)
    start = datetime.date.min
    return ParameterTable(
        table.name, table.unit, table.basis, None, (), (start,), [Cell(start, None, entry)], [{None: 0}],
        pinned=True, factor=table.factor, stored=True, missing=missing,
    )  # fmt: skip

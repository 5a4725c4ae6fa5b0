"""The outcome of a batch: arrays of grams and reasons, what each limit was used by, what each result depended on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carbon_portal.kernel.quantities import format_scaled

from . import document as d
from . import reasons
from .limits import UsageKey
from .parameters import Cell, ParameterTable, day_date, day_number
from .program import Prior

if TYPE_CHECKING:
    from .evaluate import Batch


class Outcome:
    """``computed_g`` and ``reduction_g`` (int64), ``reason_numbers`` (int8) and ``reason`` (codes), row by row."""

    def __init__(self, batch: Batch, prior: Prior) -> None:
        self.batch = batch
        self.prior = prior
        self.computed_g = batch.computed
        self.reduction_g = batch.grams
        self.reason_numbers = batch.reason
        self._reason: np.ndarray | None = None
        self._left: list[np.ndarray] | None = None
        self._consumed: list[np.ndarray] | None = None
        self._cells: dict[tuple[str, int], dict[str, Any]] = {}
        self._position: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.computed_g)

    @property
    def reason(self) -> np.ndarray:
        """The reason codes as an object array of texts (the empty text: credited in full)."""
        if self._reason is None:
            self._reason = np.array(reasons.CODES, dtype=object)[self.reason_numbers]
        return self._reason

    @property
    def usage(self) -> dict[UsageKey, int]:
        """What the batch used up: add it to ``Prior.used`` (inputs in 10**-12 of their unit, records, grams)."""
        found: dict[UsageKey, int] = {}
        settlement = self.batch.settlement
        if settlement is None or not len(self.batch.order):
            return found
        for segment, consumed in zip(settlement.segments, self.consumed(), strict=True):
            totals = segment.totals(consumed)
            for index in np.flatnonzero(totals).tolist():
                key = (
                    self.batch.name_of(int(segment.people[index])),
                    segment.rule.limit.key,
                    day_date(int(segment.period[index])),
                )
                found[key] = int(totals[index]) * segment.rule.up
        return found

    def usage_columns(self) -> list[tuple[str, np.ndarray, np.ndarray, list[int]]]:
        """As ``usage``, per limit: its key, participants (as integers), first days, amounts; none of them 0."""
        settlement = self.batch.settlement
        if settlement is None or not len(self.batch.order):
            return []
        found = []
        for segment, consumed in zip(settlement.segments, self.consumed(), strict=True):
            totals = segment.totals(consumed)
            some = np.flatnonzero(totals)
            amounts = [int(total) * segment.rule.up for total in totals[some].tolist()]
            found.append((segment.rule.limit.key, segment.people[some], segment.period[some], amounts))
        return found

    def consumed(self) -> list[np.ndarray]:
        """Return, per limit, what each ordered row used (worked out once)."""
        settlement = self.batch.settlement
        if self._consumed is None:
            self._consumed = (
                [] if settlement is None else [settlement.consumed(segment) for segment in settlement.segments]
            )
        return self._consumed

    def usage_of(self, row: int) -> dict[UsageKey, int]:
        """What one row used up, by the keys of ``usage``; a reversal gives exactly this back."""
        position = self._place(row)
        settlement = self.batch.settlement
        if position is None or settlement is None:
            return {}
        found = {}
        for segment, consumed in zip(settlement.segments, self.consumed(), strict=True):
            amount = int(consumed[position])
            index = int(segment.number[position])
            if amount:
                person = self.batch.name_of(int(segment.people[index]))
                found[person, segment.rule.limit.key, day_date(int(segment.period[index]))] = amount * segment.rule.up
        return found

    def accepted_inputs(self, row: int) -> dict[str, str]:
        """Return the inputs that the formula used, limits applied, as texts; empty for a row refused by its inputs."""
        batch = self.batch
        if 0 < batch.reason[row] < reasons.NOT_IN_FORCE:
            return {}
        found: dict[str, str] = {}
        for name, declared in batch.program.document.inputs.items():
            if declared.options is not None:
                found[name] = tuple(declared.options)[int(batch.typed.choices[name][row])]
            else:
                places = batch.program.input_places[name]
                found[name] = format_scaled(self.granted(name, row), places, trim=True)
        return found

    def granted(self, name: str, row: int) -> int:
        """Return an input as the formula used it, scaled to its common places."""
        position = self._place(row)
        settlement = self.batch.settlement
        if settlement is not None and position is not None and name in settlement.granted:
            value = int(settlement.granted[name][position])
            if settlement.nothing_left(position):
                for segment, left in zip(settlement.segments, self._left_before(), strict=True):
                    if segment.rule.measure == name and left[position] <= 0:
                        value = 0
            return value
        return int(self.batch.typed.values[name][row]) * self.batch.ups[name]

    def dependencies(self, row: int) -> dict[str, Any]:
        """Return what the row's result depended on, as plain JSON data; ``rebuild`` gives the same grams from it."""
        batch = self.batch
        found: dict[str, Any] = {"methodology": batch.program.sha256, "parameters": {}, "history": {}, "limits": []}
        if 0 < batch.reason[row] <= reasons.NOT_IN_FORCE:
            return found
        for name in batch.program.tables:
            found["parameters"][name] = self.parameter(name, row)
        found["history"] = self.history_of(row)
        found["limits"] = self.limits(row)
        return found

    def history_of(self, row: int) -> dict[str, Any]:
        """Return the history values that the row's formula saw."""
        return {
            name: {
                "numerator": int(statistic.numerator[row]),
                "denominator": int(statistic.denominator[row]),
                "places": self._history_places(name),
                "count": int(statistic.count[row]),
                "enough": bool(statistic.enough[row]),
            }
            for name, statistic in self.batch.statistics.items()
        }

    def bases(self, rows: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
        """Return what rows share of their dependencies: the number of each row's basis, and the bases.

        A basis holds the methodology's hash, the parameters with their pedigree, and the limits as they are declared.
        """
        batch = self.batch
        codes = np.zeros(len(rows), dtype=np.int64)
        for table in batch.program.tables.values():
            for part in self._cell_columns(table, rows):
                codes = np.unique(codes * (int(part.max(initial=0)) + 1) + part, return_inverse=True)[1]
        _, first, numbers = np.unique(codes, return_index=True, return_inverse=True)
        limits = [
            {"measure": rule.measure, "per": rule.limit.per, "max": str(rule.limit.max)} for rule in batch.program.rules
        ]
        found: list[dict[str, Any]] = [
            {
                "methodology": batch.program.sha256,
                "parameters": {name: self.parameter(name, row) for name in batch.program.tables},
                "limits": limits,
            }
            for row in rows[first].tolist()
        ]
        return numbers, found

    def _cell_columns(self, table: ParameterTable, rows: np.ndarray) -> list[np.ndarray]:
        """Integers from 0 that tell the cells of a table apart: the period and the option or region of each row."""
        typed = self.batch.typed
        starts = np.array([day_number(start) for start in table.starts], dtype=np.int64)
        parts = [] if table.pinned else [np.searchsorted(starts, typed.days[rows], side="right")]
        if table.by == "region":
            parts.append(np.asarray(typed.region)[rows])
        elif table.by is not None:
            parts.append(typed.choices[table.by][rows])
        return parts

    def remainders(self, rows: np.ndarray) -> list[tuple[list[str], list[int]]]:
        """Per limit, in the order of the program's rules: what was left before each row, and what the row used.

        For rows that passed the input and date checks. The texts are those of ``limits``, the amounts of ``usage_of``.
        """
        settlement = self.batch.settlement
        if settlement is None or not len(rows):
            return []
        self._place(int(rows[0]))
        assert self._position is not None
        places_of = self.batch.program.input_places
        positions = self._position[rows]
        found = []
        for segment, left, consumed in zip(settlement.segments, self._left_before(), self.consumed(), strict=True):
            rule = segment.rule
            places = places_of[rule.measure] if rule.on_input else 0
            before = left[positions].tolist()
            texts = {value: format_scaled(value, places, trim=True) for value in set(before)}
            used = [value * rule.up for value in consumed[positions].tolist()]
            found.append(([texts[value] for value in before], used))
        return found

    def _history_places(self, name: str) -> int:
        history = self.batch.program.document.history[name]
        return 0 if history.statistic == "count" else self.batch.program.document.inputs[history.of].places

    def parameter(self, name: str, row: int) -> dict[str, Any]:
        """Return a parameter's value for the row with its pedigree, or why there is none."""
        batch = self.batch
        table = batch.program.tables[name]
        cell = self._cell(name, row)
        found: dict[str, Any] = {"unit": table.unit}
        if isinstance(cell, str):
            return {**found, "missing": cell}
        known = self._cells.get((name, id(cell)))
        if known is None:
            known = self._cells[name, id(cell)] = found | _pedigree(cell, table.factor)
        return dict(known)

    def _cell(self, name: str, row: int) -> Cell | str:
        batch = self.batch
        table = batch.program.tables[name]
        if table.stored and table.missing:
            return table.missing
        key: str | None = None
        if table.by == "region":
            key = f"{int(batch.typed.region[row]):06d}"
        elif table.by is not None:
            key = table.keys[int(batch.typed.choices[table.by][row])]
        return table.find(day_date(int(batch.typed.days[row])), key)

    def reaches_formula(self, row: int) -> bool:
        """Whether the row passed its checks and no limit on an input left nothing for it."""
        position = self._place(row)
        settlement = self.batch.settlement
        if 0 < self.batch.reason[row] <= reasons.NOT_IN_FORCE:
            return False
        return settlement is None or position is None or not settlement.nothing_left(position)

    def limits(self, row: int) -> list[dict[str, Any]]:
        """Return each limit with what was left of its period before the row."""
        position = self._place(row)
        settlement = self.batch.settlement
        if settlement is None or position is None:
            return []
        found = []
        for segment, left in zip(settlement.segments, self._left_before(), strict=True):
            rule = segment.rule
            places = self.batch.program.input_places[rule.measure] if rule.on_input else 0
            found.append(
                {
                    "measure": rule.measure,
                    "per": rule.limit.per,
                    "period_start": day_date(int(segment.period[segment.number[position]])).isoformat(),
                    "max": str(rule.limit.max),
                    "left_before": format_scaled(int(left[position]), places, trim=True),
                }
            )
        return found

    def _left_before(self) -> list[np.ndarray]:
        settlement = self.batch.settlement
        assert settlement is not None
        if self._left is None:
            self._left = [
                segment.left(consumed) for segment, consumed in zip(settlement.segments, self.consumed(), strict=True)
            ]
        return self._left

    def _place(self, row: int) -> int | None:
        """Return the row's position among the ordered rows, None for a row that met no limit."""
        if self.batch.settlement is None:
            return None
        if self._position is None:
            self._position = np.full(len(self), -1, dtype=np.int64)
            self._position[self.batch.order] = np.arange(len(self.batch.order))
        found = int(self._position[row])
        return None if found < 0 else found

    @property
    def document(self) -> d.Document:
        return self.batch.program.document


def _pedigree(cell: Cell, factor: str | None) -> dict[str, Any]:
    entry = cell.entry
    found: dict[str, Any] = {
        "value": str(entry.value),
        "start": cell.start.isoformat(),
        "key": cell.key,
        "source": entry.source,
        "confidence": entry.confidence,
        "best_before": entry.best_before.isoformat(),
    }
    return found | {"factor": factor, "data_year": entry.data_year} if factor is not None else found

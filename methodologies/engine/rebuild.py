"""Rebuild: the same grams again from what each reduction stored, whatever the library or the limits say today."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from carbon_portal.kernel.quantities import parse_quantity

from . import reasons
from .columns import Columns, read_columns
from .evaluate import Batch
from .history import Statistic
from .outcome import Outcome
from .program import Prior, Program


def rebuild(program: Program, columns: Columns, dependencies: Sequence[Mapping[str, Any]]) -> Outcome:
    """Return the outcome of rows, each settled by its own stored parameters, history values and limits left.

    The rows may come from any batches and in any order; nothing is used up and no row sees another. Raises ValueError
    when a dependency does not fit the document.
    """
    if len(dependencies) != len(columns):
        raise ValueError(f"{len(columns)} rows, but {len(dependencies)} dependencies")
    groups: dict[str, list[int]] = {}
    for row, stored in enumerate(dependencies):
        groups.setdefault(json.dumps(stored.get("parameters", {}), sort_keys=True), []).append(row)
    whole = Batch(program, columns, read_columns(program.document, columns))
    whole.grams = np.zeros(len(columns), dtype=np.int64)
    for key, rows in groups.items():
        stored = dependencies[rows[0]].get("parameters", {})
        part = _Rebuilt(program.with_stored(stored, key), _rows(columns, rows), [dependencies[row] for row in rows])
        part.run()
        whole.computed[rows] = part.computed
        whole.grams[rows] = part.grams
        whole.reason[rows] = part.reason
    return Outcome(whole, Prior())


def _rows(columns: Columns, rows: list[int]) -> Columns:
    def pick(column: Any) -> Any:
        return column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows]

    return Columns(
        pick(columns.record),
        pick(columns.participant),
        pick(columns.occurred_on),
        pick(columns.region),
        pick(columns.evidence),
        {name: pick(column) for name, column in columns.inputs.items()},
    )


class _Rebuilt(Batch):
    """One group of rows with the same stored parameters."""

    def __init__(self, program: Program, columns: Columns, stored: list[Mapping[str, Any]]) -> None:
        super().__init__(program, columns, read_columns(program.document, columns))
        self.stored = stored

    def run(self) -> None:
        self.check()
        if self.program.document.history:
            self._recall()
        self.compute()
        if self.program.rules:
            self._apply_left()

    def _recall(self) -> None:
        self.exact = True  # stored values need not lie within today's bounds
        for name in self.program.document.history:
            found = [stored.get("history", {}).get(name) or {} for stored in self.stored]
            self.statistics[name] = Statistic(
                np.array([int(one.get("numerator", 0)) for one in found], dtype=object),
                np.array([int(one.get("denominator", 1)) for one in found], dtype=object),
                np.array([int(one.get("count", 0)) for one in found], dtype=object),
                np.array([bool(one.get("enough", False)) for one in found], dtype=bool),
                True,
            )

    def _apply_left(self) -> None:
        """Steps 2, 5 and 6 with the stored amounts left, row by row independent, all rows at once."""
        good = (self.reason == 0) | (self.reason > reasons.NOT_IN_FORCE)
        rows = np.flatnonzero(good)
        if not rows.size:
            return
        left = {rule.limit.key: self._left(rule, rows) for rule in self.program.rules}
        refusal = np.where(self.reason[rows] <= reasons.OUT_OF_RANGE, self.reason[rows], 0).astype(np.int8)
        over, limited = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
        values: dict[str, np.ndarray] = {}
        for rule in self.program.rules:
            if rule.on_input:
                value = values.get(rule.measure, self.asked(rule.measure)[rows].astype(object))
                rest = left[rule.limit.key]
                over |= (rest <= 0).astype(bool)
                cut = (value > rest).astype(bool)
                limited |= cut
                values[rule.measure] = np.where(cut, rest, value)
        computed, grams = self.computed[rows], self.grams[rows]
        again = np.flatnonzero(limited & ~over)
        if again.size:
            self.order = rows
            computed[again], grams[again], refusal[again] = self._again(
                again, {name: value[again] for name, value in values.items()}
            )
        refusal[over & (refusal >= reasons.DIVISION_BY_ZERO)] = 0
        computed[over] = grams[over] = 0
        for rule in self.program.rules:
            rest = left[rule.limit.key]
            if rule.measure == "records":
                stopped = (refusal == 0) & (rest <= 0).astype(bool)
                over |= stopped
                grams[stopped] = 0
            elif rule.measure == "reduction":
                rest = np.maximum(rest, 0)
                cut = (grams > rest).astype(bool)
                over |= cut & (rest == 0).astype(bool)
                limited |= cut & (rest > 0).astype(bool)
                grams = np.where(cut, rest, grams).astype(np.int64)
        self._finish(rows, computed, grams, refusal, over, limited)

    def _finish(self, rows: Any, computed: Any, grams: Any, refusal: Any, over: Any, limited: Any) -> None:
        from .limits import Rows

        self.order = rows
        self._write_back(Rows({}, computed, grams, refusal, over, limited), np.arange(len(rows)))

    def _left(self, rule: Any, rows: np.ndarray) -> np.ndarray:
        places = self.program.input_places[rule.measure] if rule.on_input else 0
        found = []
        for row in rows.tolist():
            entries = self.stored[row].get("limits", [])
            text = next(
                (e["left_before"] for e in entries if (e["measure"], e["per"]) == (rule.measure, rule.limit.per)), None
            )
            if text is None:
                raise ValueError(f"row {row} stored nothing of the limit {rule.limit.key}")
            found.append(_quantity_at(text, places))
        return np.array(found, dtype=object)


def _quantity_at(text: str, places: int) -> int:
    """What was left may be larger than a quantity from outside may be (after negative amounts)."""
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, rest = body.partition(".")
    if not (whole + rest).isascii() or not (whole + rest).isdigit() or len(rest) > places:
        return parse_quantity(text).at(places)
    return sign * int(whole + rest.ljust(places, "0"))

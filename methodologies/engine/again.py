"""The same deeds again under another version or other factors: a recomputation, never a first result.

It differs from `evaluate` in two things. The document's first day does not refuse a row: which version a deed is
computed again under was decided by people, not by its date. And a history value that the first result stored stands,
where the document declares it in the same way: what the participant's past was is not asked again years later.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .columns import Columns, Typed, read_columns
from .evaluate import Batch
from .history import Statistic
from .outcome import Outcome
from .parameters import day_number
from .program import Prior, Program


def evaluate_again(
    program: Program,
    columns: Columns,
    *,
    prior: Prior | None = None,
    typed: Typed | None = None,
    histories: Mapping[str, Sequence[Mapping[str, Any] | None]] | None = None,
) -> Outcome:
    """Return the outcome of rows that were computed before.

    `histories` holds per history name what each row stored of it (None: nothing, the value is made from `prior`).
    """
    batch = _Again(program, columns, typed or read_columns(program.document, columns), histories or {})
    batch.check()
    if program.document.history:
        batch.remember(prior or Prior())
    batch.compute()
    if program.rules:
        batch.limit(prior or Prior())
    return batch.outcome(prior or Prior())


def same_history(before: Program, after: Program) -> tuple[str, ...]:
    """Return the history names that two documents declare alike, of an input that they declare alike."""
    return tuple(
        name
        for name, declared in after.history.items()
        if before.history.get(name) == declared
        and before.inputs[declared.of].places == after.inputs[declared.of].places
    )


class _Again(Batch):
    def __init__(
        self,
        program: Program,
        columns: Columns,
        typed: Typed,
        histories: Mapping[str, Sequence[Mapping[str, Any] | None]],
    ) -> None:
        super().__init__(program, columns, typed)
        self.histories = histories
        self.first_day = day_number(datetime.date.min)

    def remember(self, prior: Prior) -> None:
        super().remember(prior)
        for name, stored in self.histories.items():
            if any(one is not None for one in stored):
                self.statistics[name] = _overlaid(self.statistics[name], stored)
                self.exact = True  # stored values need not lie within today's bounds


def _overlaid(made: Statistic, stored: Sequence[Mapping[str, Any] | None]) -> Statistic:
    numerator, denominator, count = (
        np.asarray(column).astype(object) for column in (made.numerator, made.denominator, made.count)
    )
    enough = np.asarray(made.enough).copy()
    for row, one in enumerate(stored):
        if one is not None:
            numerator[row], denominator[row] = int(one["numerator"]), int(one["denominator"])
            count[row], enough[row] = int(one["count"]), bool(one["enough"])
    return Statistic(numerator, denominator, count, enough, True)

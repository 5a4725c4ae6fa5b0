"""A compiled methodology: the document, its parameter tables, and the tape in its two forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any

import numpy as np

from . import document as d
from .columns import Columns, Typed, read_columns
from .compiler import INT64_MAX, Compiled, Compiler
from .limits import Rule, UsageColumns, UsageKey, build_rules, period_start
from .parameters import ParameterTable, build_tables, day_date, stored_table
from .problems import DocumentError
from .tape import Runner


@dataclass(frozen=True, slots=True)
class Prior:
    """What earlier batches left: usage per (participant, limit key, first day of the period), and earlier records.

    Usage of an input is in units of 10**-12, of records in records, of reduction in grams. A history row is (date,
    record, inputs), inputs as texts (or integers scaled to the declared places). Where participants are integers,
    usage may be handed over by columns.
    """

    used: Mapping[UsageKey, int] | UsageColumns = field(default_factory=dict)
    history: Mapping[Any, Sequence[Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Program:
    """Ready to evaluate columns; made by ``compile``. ``wide`` forces Python integers (for tests)."""

    document: d.Document
    tables: Mapping[str, ParameterTable]
    compiled: Compiled
    rules: tuple[Rule, ...]
    input_places: Mapping[str, int]
    fits_int64: bool
    runner: Runner
    grams_up: int
    grams_down: int
    wide: bool = False
    _variants: dict[Any, Program] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return self.document.sha256

    @property
    def inputs(self) -> Mapping[str, d.Input]:
        return self.document.inputs

    @property
    def limits(self) -> tuple[d.Limit, ...]:
        return self.document.limits

    @property
    def history(self) -> Mapping[str, d.History]:
        return self.document.history

    @property
    def needs_order(self) -> bool:
        """Whether a participant's earlier records matter at all."""
        return bool(self.rules or self.document.history)

    def read(self, columns: Columns) -> Typed:
        """Return a batch read once, for `period_columns` and `evaluate`."""
        return read_columns(self.document, columns)

    def evaluate(self, columns: Columns, *, prior: Prior | None = None, typed: Typed | None = None) -> Any:
        """Return the Outcome of a batch; a bad row has its reason and never stops the others."""
        from .evaluate import evaluate

        return evaluate(self, columns, prior or Prior(), typed)

    def passes(self, columns: Columns, typed: Typed) -> np.ndarray:
        """Return which rows pass the input and date checks, and so are history for later ones."""
        from .evaluate import Batch

        batch = Batch(self, columns, typed)
        batch.check()
        return np.asarray(batch.reason == 0)

    def explain(self, columns: Columns, row: int, known: Any = None) -> dict[str, Any]:
        """Return the trace of one row as plain data; ``known`` is the batch's Outcome or a Prior."""
        from .trace import explain

        outcome = known if known is not None and not isinstance(known, Prior) else self.evaluate(columns, prior=known)
        return explain(self, columns, row, outcome)

    def rebuild(self, columns: Columns, dependencies: Sequence[Mapping[str, Any]]) -> Any:
        """Return the Outcome of rows from what their reductions stored (parameters, history, what was left)."""
        from .rebuild import rebuild

        return rebuild(self, columns, dependencies)

    def period_keys(self, columns: Columns) -> set[UsageKey]:
        """Return the usage keys that the readable rows of a batch touch, to lock and fetch them first."""
        typed = read_columns(self.document, columns)
        good = np.ones(typed.size, dtype=bool) if typed.bad is None else typed.bad == 0
        people = [columns.participant[index] for index in np.flatnonzero(good).tolist()]
        keys: set[UsageKey] = set()
        for rule in self.rules:
            starts = period_start(typed.days[good], rule.limit.per).tolist()
            keys |= {
                (_plain(person), rule.limit.key, day_date(start)) for person, start in zip(people, starts, strict=True)
            }
        return keys

    def period_columns(self, columns: Columns, typed: Typed) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """As `period_keys` for integer participants: per limit its key, participants and first days (not unique)."""
        good = slice(None) if typed.bad is None else typed.bad == 0
        people = np.asarray(columns.participant)[good]
        return [(rule.limit.key, people, period_start(typed.days[good], rule.limit.per)) for rule in self.rules]

    def with_stored(self, stored: Mapping[str, Any], key: Any) -> Program:
        """Return the program whose parameters answer with stored values; ``key`` identifies them."""
        if key not in self._variants:
            if len(self._variants) > 256:
                self._variants.clear()
            tables = {name: stored_table(table, stored.get(name)) for name, table in self.tables.items()}
            self._variants[key] = _assemble(self.document, tables)
        return self._variants[key]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def compile(document: d.Document, factors: d.FactorLibrary | None = None) -> Program:
    """Return the program of a document. Raises DocumentError (factors, basis, units, bounds)."""
    tables, problems = build_tables(document, factors)
    if problems:
        raise DocumentError(problems)
    return _assemble(document, tables)


def _assemble(document: d.Document, tables: Mapping[str, ParameterTable]) -> Program:
    places = {name: declared.places for name, declared in document.inputs.items()}
    for limit in document.limits:
        if limit.measure in places and limit.measure not in ("records", "reduction"):
            places[limit.measure] = max(places[limit.measure], limit.max.needed_places)
    compiler = Compiler(document, tables, places)
    compiled = compiler.run()
    if compiled is None:
        raise DocumentError(compiler.problems)
    value = compiled.steps[document.output.step]
    up, down = {"g_co2e": 1, "kg_co2e": 1_000, "t_co2e": 1_000_000}[document.output.unit], 10**value.places
    common = gcd(up, down)
    up, down = up // common, down // common
    # Rounding to the nearest needs twice the numerator and the denominator together. The bound of 10**60 is on the
    # steps: their result in grams may be larger, and such a row is out_of_range.
    largest = max(2 * value.top * up + value.bottom * down, 2 * value.bottom * down, compiled.tape.peak)
    outputs = [value.num]
    outputs += [register for register in (value.den, value.err) if register is not None]
    return Program(
        document,
        tables,
        compiled,
        build_rules(document, places),
        places,
        largest <= INT64_MAX,
        Runner(compiled.tape, outputs),
        up,
        down,
    )

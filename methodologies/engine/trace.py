"""The trace of a row: a table that anyone can check with a pocket calculator."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np

from carbon_portal.kernel.quantities import format_scaled

from . import document as d
from . import reasons
from .columns import Columns
from .evaluate import Batch, _Chunk
from .outcome import Outcome
from .program import Program
from .tape import Runner

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def explain(program: Program, columns: Columns, row: int, outcome: Outcome) -> dict[str, Any]:
    """Return the trace of one row of a batch as plain JSON data (numbers as texts, grams as integers)."""
    code = str(outcome.reason[row])
    refused_early = 0 < outcome.reason_numbers[row] <= reasons.NOT_IN_FORCE
    given = {name: _given(columns, program.document.inputs[name], row) for name in program.document.inputs}
    grade = d.GRADES[int(outcome.batch.typed.evidence[row])]
    trace: dict[str, Any] = {
        "methodology": {
            "code": program.document.code,
            "version": program.document.version,
            "sha256": program.sha256,
        },
        "record": str(columns.record[row]),
        "occurred_on": str(columns.occurred_on[row]),
        "region": str(columns.region[row]),
        "inputs": [
            {
                "name": name,
                "given": given[name],
                "used": None,
                "unit": declared.unit if declared.options is None else None,
            }
            for name, declared in program.document.inputs.items()
        ],
        "steps": [],
        "parameters": {},
        "history": {},
        "limits": [],
        "evidence": {"grade": grade, "share": str(program.document.evidence[grade])},
        "round": program.document.output.round,
        "computed_g": int(outcome.computed_g[row]),
        "reduction_g": int(outcome.reduction_g[row]),
        "reason": code,
        "reason_zh": reasons.sentence(code, "zh"),
        "reason_en": reasons.sentence(code, "en"),
    }
    if refused_early:
        return trace
    used = outcome.accepted_inputs(row)
    for line in trace["inputs"]:
        line["used"] = used.get(line["name"])
    dependencies = outcome.dependencies(row)
    trace["parameters"] = dependencies["parameters"]
    trace["limits"] = dependencies["limits"]
    trace["history"] = {
        name: {**stored, "value": _history_value(stored), "unit": _history_unit(program.document, name)}
        for name, stored in dependencies["history"].items()
    }
    if outcome.reaches_formula(row):
        trace["steps"] = _steps(program, outcome, row, used, trace)
    return trace


def _given(columns: Columns, declared: d.Input, row: int) -> str | None:
    column = columns.inputs.get(declared.name)
    if column is None:
        return None
    value = column[row]
    if isinstance(value, np.integer):
        if declared.options is not None:
            return tuple(declared.options)[int(value)]
        return format_scaled(int(value), declared.places)
    return None if value is None else str(value)


def _history_value(stored: dict[str, Any]) -> str | None:
    if not stored["enough"]:
        return None
    return show(Fraction(stored["numerator"], stored["denominator"] * 10 ** stored["places"]))


def _history_unit(document: d.Document, name: str) -> str:
    history = document.history[name]
    return "1" if history.statistic == "count" else document.inputs[history.of].unit


def _steps(
    program: Program, outcome: Outcome, row: int, used: dict[str, str], trace: dict[str, Any]
) -> list[dict[str, Any]]:
    """Evaluate every step for the row on the tape itself, and write its formula with numbers."""
    values = _values(program, outcome, row)
    numbers: dict[str, str] = dict(used)
    for name, parameter in trace["parameters"].items():
        numbers[name] = parameter.get("value", f"[{parameter.get('missing')}]")
    for name, stored in trace["history"].items():
        other = program.document.history[name].otherwise
        numbers[name] = stored["value"] or numbers.get(other, "[not_enough_history]")
    lines = []
    for step in program.document.steps.values():
        value, problem = values[step.name]
        unit = program.compiled.steps[step.name].unit
        shown = f"[{problem}]" if problem else show(value)
        lines.append(
            {
                "name": step.name,
                "formula": step.formula,
                "formula_with_numbers": _with_numbers(step.formula, numbers),
                "value": shown,
                "unit": str(unit) if unit is not None else program.document.output.unit,
                "exact": problem is not None or _is_decimal(value),
            }
        )
        numbers[step.name] = shown
    return lines


def _values(program: Program, outcome: Outcome, row: int) -> dict[str, tuple[Fraction, str | None]]:
    compiled = program.compiled
    outputs: list[int] = []
    for value in compiled.steps.values():
        outputs += [value.num, *(r for r in (value.den, value.err) if r is not None)]
    runner = Runner(compiled.tape, outputs)
    batch: Batch = outcome.batch
    exact, batch.exact = batch.exact, True
    try:
        reduced = {name: np.array([outcome.granted(name, row)], dtype=object) for name in batch.bounds}
        chunk = _Chunk(batch, np.array([row]), None, reduced)
        results = iter(runner.run(chunk.load, exact=True))
    finally:
        batch.exact = exact
    found: dict[str, tuple[Fraction, str | None]] = {}
    for name, value in compiled.steps.items():
        num = _one(next(results))
        den = _one(next(results)) if value.den is not None else 1
        bits = _one(next(results)) if value.err is not None else 0
        problem = next((code for bit, code in _BITS if bits & bit), None)
        found[name] = Fraction(num, den * 10**value.places), problem
    return found


_BITS = (
    (1, "no_parameter_at_date"),
    (2, "no_parameter_for_region"),
    (4, "not_enough_history"),
    (8, "division_by_zero"),
)


def _one(value: Any) -> int:
    return int(value[0]) if isinstance(value, np.ndarray) and value.ndim else int(value)


def _with_numbers(formula: str, numbers: dict[str, str]) -> str:
    def number(match: re.Match[str]) -> str:
        text = numbers.get(match[0], match[0])
        return f"({text})" if text.startswith("-") or "/" in text else text

    return _NAME.sub(number, formula)


def _is_decimal(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def show(value: Fraction) -> str:
    """Write an exact number: as a decimal where it is one of at most 24 places, else as a fraction."""
    if _is_decimal(value):
        places = 0
        while (value.numerator * 10**places) % value.denominator:
            places += 1
        if places <= 24:
            return format_scaled(value.numerator * 10**places // value.denominator, places)
    return f"{value.numerator}/{value.denominator}"

"""The proof of units, line by line: what a formula combines, and the unit that comes out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import document as d
from .compiler import Compiler
from .language import names
from .parameters import build_tables
from .problems import Problem
from .units import PURE

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One step: its formula, the same formula in units, its unit; `unit` is empty where the proof stops."""

    name: str
    formula: str
    in_units: str
    unit: str

    @property
    def is_proved(self) -> bool:
        return bool(self.unit)


def prove(document: d.Document, factors: d.FactorLibrary | None) -> tuple[list[Line], list[Problem]]:
    """Return the steps with their units and what stands against them (factors, basis, units, bounds)."""
    tables, problems = build_tables(document, factors)
    if problems:
        return [Line(step.name, step.formula, "", "") for step in document.steps.values()], problems
    places = {name: declared.places for name, declared in document.inputs.items()}
    for limit in document.limits:
        if limit.measure in document.inputs:
            places[limit.measure] = max(places[limit.measure], limit.max.needed_places)
    compiler = Compiler(document, tables, places)
    compiler.run()
    known = {name: str(value.unit or PURE) for name, value in compiler.known.items()}
    lines = []
    for step in document.steps.values():
        unit = known.get(step.name, "")
        used = {one.name for one in names(step.tree)}
        lines.append(Line(step.name, step.formula, _in_units(step.formula, used, known) if unit else "", unit))
    return lines, compiler.problems


def _in_units(formula: str, used: set[str], known: dict[str, str]) -> str:
    """The formula with each name replaced by its unit in brackets; options of a choice and functions stay."""

    def unit(match: re.Match[str]) -> str:
        name = match[0]
        return f"[{known[name]}]" if name in used and name in known else name

    return _NAME.sub(unit, formula)

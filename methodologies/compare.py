"""Two documents side by side: text, formula lines, numbers, inputs, limits and examples. Free of Django and database.

    found = compare_documents(old, new, factors, note="修订说明")
    found.formulas         lines of both, aligned; each with its number, and whether the revision note speaks of it
    found.parameters       values that differ, with the exact change in per cent
    found.facts            single statements that differ: date, participants, gases, rounding …
    found.inputs, found.limits, found.evidence, found.history, found.examples, found.chapters

`note` is what the authors say they changed. A formula line counts as mentioned when the note names its step, its
number (第 3 行, line 3) or a name that stands only in the changed part of the line.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any, Literal

from .engine import document as d
from .engine.parameters import Cell, ParameterTable, build_tables
from .engine.trace import show
from .engine.units import parse_unit

Mark = Literal["same", "changed", "added", "removed"]
Piece = tuple[Literal["same", "removed", "added"], str]

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+(?:\.[0-9]+)?|\s+|.", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
#: Longer texts are compared by lines alone: a comparison token by token costs the square of their length.
LONGEST_LINE = 4_000
MOST_LINES = 2_000
SHOWN_PLACES = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One line of both documents; the text of a side that lacks it is None."""

    mark: Mark
    old: str | None
    new: str | None
    old_pieces: tuple[Piece, ...] = ()
    new_pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class FormulaLine:
    """A step of both documents. `number` is the line in the new document, in the old one where it was removed."""

    name: str
    number: int
    line: Line
    mentioned: bool

    @property
    def mark(self) -> Mark:
        return self.line.mark

    @property
    def silent(self) -> bool:
        """Changed, and the revision note says nothing of it."""
        return self.mark != "same" and not self.mentioned


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter's value with its pedigree."""

    text: str
    unit: str
    start: dt.date
    source: str
    confidence: str
    best_before: dt.date


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """One value (by start date and option or region) that differs; `change` is exact, in per cent, as text."""

    name: str
    key: str
    start: dt.date
    mark: Mark
    old: Value | None
    new: Value | None
    change: Change | None


@dataclass(frozen=True, slots=True)
class Change:
    """A relative change: `text` in per cent, cut to six places; `exact` says the fraction where it was cut."""

    text: str
    exact: str
    kind: Literal["up", "down", "none", "from_zero", "units"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A single statement of a document, by its path, that differs."""

    key: str
    mark: Mark
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two documents; equal parts are left out, except formula lines."""

    old: d.Document
    new: d.Document
    note: str
    facts: tuple[Fact, ...]
    formulas: tuple[FormulaLine, ...]
    parameters: tuple[ParameterChange, ...]
    unchanged_values: int
    inputs: tuple[Fact, ...]
    history: tuple[Fact, ...]
    limits: tuple[Fact, ...]
    evidence: tuple[Fact, ...]
    examples: tuple[Fact, ...]
    chapters: tuple[tuple[str, tuple[Line, ...]], ...]

    @property
    def silent_lines(self) -> tuple[FormulaLine, ...]:
        """Formula lines that changed without a word in the revision note."""
        return tuple(line for line in self.formulas if line.silent)

    @property
    def same(self) -> bool:
        """Whether the two documents say the same in everything that is compared."""
        return self.old.sha256 == self.new.sha256


def compare_documents(
    old: d.Document, new: d.Document, factors: d.FactorLibrary | None, *, note: str = ""
) -> Comparison:
    """Compare two loaded documents; they need not compile. Shared factors are looked up in `factors`."""
    old_tables, _problems = build_tables(old, factors)
    new_tables, _problems = build_tables(new, factors)
    parameters, unchanged = _parameters(old_tables, new_tables)
    return Comparison(
        old=old,
        new=new,
        note=note,
        facts=_differing(_facts(old), _facts(new)),
        formulas=_formulas(old, new, note),
        parameters=parameters,
        unchanged_values=unchanged,
        inputs=_differing(_flat(old.data["inputs"]), _flat(new.data["inputs"])),
        history=_differing(_flat(old.data.get("history") or {}), _flat(new.data.get("history") or {})),
        limits=_differing(_limits(old), _limits(new)),
        evidence=_differing(_flat(old.data["evidence"]), _flat(new.data["evidence"])),
        examples=_differing(_examples(old), _examples(new)),
        chapters=_chapters(old, new),
    )


# -- formulas ----------------------------------------------------------------------------------------------------------


def _formulas(old: d.Document, new: d.Document, note: str) -> tuple[FormulaLine, ...]:
    """Steps aligned by name in the order of both documents, then compared formula by formula."""
    olds, news = list(old.steps.values()), list(new.steps.values())
    pairs = _align([step.name for step in olds], [step.name for step in news])
    lines = []
    for before, after in pairs:
        left = olds[before] if before is not None else None
        right = news[after] if after is not None else None
        number = (after if after is not None else before or 0) + 1
        step = right or left
        assert step is not None
        line = _line(_written(left), _written(right))
        lines.append(FormulaLine(step.name, number, line, _mentioned(note, step.name, number, line)))
    return tuple(lines)


def _written(step: d.Step | None) -> str | None:
    return None if step is None else f"{step.name} = {step.formula}"


def _align(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pairs of positions in reading order; what stands on one side only has None on the other."""
    pairs: list[tuple[int | None, int | None]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs += zip(range(i1, i2), range(j1, j2), strict=True)
            continue
        pairs += [(position, None) for position in range(i1, i2)]
        pairs += [(None, position) for position in range(j1, j2)]
    moved = {old[i]: i for i, j in pairs if i is not None and j is None}
    back = {new[j]: j for i, j in pairs if j is not None and i is None}
    both = moved.keys() & back.keys()  # a step that only moved is one line, at its new place
    return [
        (moved[new[j]] if i is None and j is not None and new[j] in both else i, j)
        for i, j in pairs
        if not (j is None and i is not None and old[i] in both)
    ]


def _mentioned(note: str, name: str, number: int, line: Line) -> bool:
    if line.mark == "same":
        return True
    said = set(_NAME.findall(note.lower()))
    if name in said or re.search(rf"(?:第\s*{number}\s*行|\bline\s+{number}\b)", note, re.IGNORECASE):
        return True
    touched = {
        word for kind, text in (*line.old_pieces, *line.new_pieces) if kind != "same" for word in _NAME.findall(text)
    }
    return bool(said & (touched - {"min", "max", "clip", "where"}))


def _line(old: str | None, new: str | None) -> Line:
    if old is None or new is None:
        return Line("added" if old is None else "removed", old, new)
    if old == new:
        return Line("same", old, new)
    return Line("changed", old, new, *_pieces(old, new))


def _pieces(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """What differs inside a line, word by word (Chinese character by character)."""
    if max(len(old), len(new)) > LONGEST_LINE:
        return (("removed", old),), (("added", new),)
    left, right = _TOKEN.findall(old), _TOKEN.findall(new)
    before: list[Piece] = []
    after: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if i2 > i1:
            before.append(("same" if tag == "equal" else "removed", "".join(left[i1:i2])))
        if j2 > j1:
            after.append(("same" if tag == "equal" else "added", "".join(right[j1:j2])))
    return tuple(before), tuple(after)


# -- parameters --------------------------------------------------------------------------------------------------------


def _parameters(
    old: Mapping[str, ParameterTable], new: Mapping[str, ParameterTable]
) -> tuple[tuple[ParameterChange, ...], int]:
    """Values by (name, start, option or region): those that differ, and how many do not."""
    found: list[ParameterChange] = []
    unchanged = 0
    for name in dict.fromkeys((*new, *old)):
        before, after = _cells(old.get(name)), _cells(new.get(name))
        for at in sorted(before.keys() | after.keys(), key=lambda one: (one[0], one[1])):
            left, right = before.get(at), after.get(at)
            if left == right:
                unchanged += 1
                continue
            found.append(_change(name, at, left, right, old.get(name)))
    return tuple(found), unchanged


def _change(
    name: str, at: tuple[dt.date, str], left: Value | None, right: Value | None, table: ParameterTable | None
) -> ParameterChange:
    start, key = at
    mark: Mark = "changed" if left and right else "removed" if left else "added"
    if left is None and table is not None:
        # A new start date follows the value that held until then.
        cell = table.find(start, key or None)
        left = _value(table, cell) if isinstance(cell, Cell) else None
    change = relative_change(left, right) if left is not None and right is not None else None
    return ParameterChange(name, key, start, mark, left, right, change)


def _cells(table: ParameterTable | None) -> dict[tuple[dt.date, str], Value]:
    return {} if table is None else {(cell.start, cell.key or ""): _value(table, cell) for cell in table.cells}


def _value(table: ParameterTable, cell: Cell) -> Value:
    entry = cell.entry
    return Value(str(entry.value), table.unit, cell.start, entry.source, entry.confidence, entry.best_before)


def relative_change(old: Value, new: Value) -> Change:
    """From one value to another, in per cent, exact; values of different units are not compared."""
    if parse_unit(old.unit) != parse_unit(new.unit):
        return Change("", "", "units")
    before, after = Fraction(old.text), Fraction(new.text)
    if before == after:
        return Change("0%", "", "none")
    if before == 0:
        return Change("", "", "from_zero")
    percent = (after - before) * 100 / abs(before)
    kind: Literal["up", "down"] = "up" if percent > 0 else "down"
    scaled, rest = divmod(abs(percent) * 10**SHOWN_PLACES, 1)
    sign = "+" if percent > 0 else "−"
    text = f"{sign}{show(Fraction(int(scaled), 10**SHOWN_PLACES))}"
    if not rest:
        return Change(f"{text}%", "", kind)
    return Change(f"{text}…%", f"{sign}{abs(percent).numerator}/{percent.denominator}%", kind)


# -- everything else ---------------------------------------------------------------------------------------------------


def _facts(document: d.Document) -> dict[str, str]:
    keys = (
        "code", "version", "title", "sector", "activity", "level", "region", "effective_from", "participants",
        "certifiable", "use", "additionality", "gases", "source", "output",
    )  # fmt: skip
    return _flat({key: document.data[key] for key in keys})


def _flat(data: Any, path: str = "") -> dict[str, str]:
    """Plain data as path → text; lists of plain texts stay one statement."""
    if isinstance(data, Mapping):
        found: dict[str, str] = {}
        for key, value in data.items():
            found |= _flat(value, f"{path}.{key}" if path else str(key))
        return found
    if isinstance(data, list):
        return {path: ", ".join(_text(one) for one in data)}
    return {path: _text(data)}


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: ""}[value]
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _limits(document: d.Document) -> dict[str, str]:
    return {f"{limit.measure}/{limit.per}": str(limit.max) for limit in document.limits}


def _examples(document: d.Document) -> dict[str, str]:
    """Golden examples by what is given; the answer is what may differ."""
    found = {}
    for example in document.examples:
        given = ", ".join(f"{name} = {value}" for name, value in example.given.items())
        answer = example.refuse or f"{example.expect} g"
        found[f"{example.on} · {example.region} · {given}"] = answer
    return found


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Fact, ...]:
    found = []
    for key in dict.fromkeys((*new, *old)):
        before, after = old.get(key), new.get(key)
        if before != after:
            mark: Mark = "added" if before is None else "removed" if after is None else "changed"
            found.append(Fact(key, mark, before, after))
    return tuple(found)


def _chapters(old: d.Document, new: d.Document) -> tuple[tuple[str, tuple[Line, ...]], ...]:
    found = []
    for name in d.CHAPTERS:
        before, after = old.chapters.get(name, ""), new.chapters.get(name, "")
        if before.strip() != after.strip():
            found.append((name, text_lines(before, after)))
    return tuple(found)


def text_lines(old: str, new: str) -> tuple[Line, ...]:
    """Two texts line by line; lines that were rewritten stand beside each other, with what differs inside them."""
    left, right = _sentences(old), _sentences(new)
    if max(len(left), len(right)) > MOST_LINES:
        return (Line("changed", old, new, (("removed", old),), (("added", new),)),)
    lines: list[Line] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [Line("same", one, one) for one in left[i1:i2]]
            continue
        both = min(i2 - i1, j2 - j1)
        lines += [_line(left[i1 + step], right[j1 + step]) for step in range(both)]
        lines += [_line(one, None) for one in left[i1 + both : i2]]
        lines += [_line(None, one) for one in right[j1 + both : j2]]
    return tuple(lines)


def _sentences(text: str) -> list[str]:
    """Lines, and long lines by their sentences."""
    parts: Iterable[str] = (
        part for line in text.splitlines() for part in re.split(r"(?<=[。！？；])", line) if part.strip()
    )
    return [part.strip() for part in parts]

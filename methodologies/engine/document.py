"""What a methodology document says, as frozen data."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from carbon_portal.kernel.quantities import Quantity

from .language import Node
from .loader import Source

SECTORS = (
    "electricity", "water", "gas", "transport", "vehicles",
    "waste", "carbon_sink", "buildings", "consumption", "industry",
)  # fmt: skip
LEVELS = ("national", "provincial", "city")
PARTICIPANTS = ("resident", "household", "sme", "group")
USES = ("consumption", "displacement")
ADDITIONALITY = ("required", "simplified", "waived")
CONFIDENCES = ("official", "press", "register", "derived", "memory", "sample")
BASES = ("average", "average_ex_market", "fossil", "OM", "BM", "CM")
BASES_OF_USE = {"consumption": ("average", "average_ex_market"), "displacement": ("OM", "BM", "CM")}
#: Chapters of the official outline, and what they are called there.
CHAPTER_TITLES = {
    "scope": "适用范围", "basis": "编制依据", "definitions": "术语和定义", "principles": "原则",
    "applicability": "适用条件", "boundary": "边界", "baseline": "基准情景", "activity_emissions": "活动排放",
    "reductions": "减碳量", "monitoring": "监测", "double_claim": "避免重复",
}  # fmt: skip
CHAPTERS = tuple(CHAPTER_TITLES)
PERIODS = ("day", "week", "month", "year")
ROUNDINGS = ("floor", "half_even", "half_up", "ceil")
STATISTICS = ("mean", "sum", "count", "min", "max")
GRADES = ("feed", "proof", "self_declared")
RESERVED = frozenset(
    ["record", "participant", "occurred_on", "region", "evidence", "records", "min", "max", "clip", "where"]
)

Texts = Mapping[str, str]
ZERO = Quantity(0)


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input; ``options`` only for a choice, ``unit`` and bounds only for numbers."""

    name: str
    type: str
    label: Texts
    unit: str = "1"
    places: int = 0
    min: Quantity = ZERO
    max: Quantity = ZERO
    options: Mapping[str, Texts] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One dated value with its pedigree."""

    value: Quantity
    source: str
    confidence: str
    best_before: datetime.date
    data_year: int | None = None


Table = Entry | Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named number: inline ``values`` (plain, by choice or by region) or a reference to a shared factor."""

    name: str
    unit: str | None
    by: str | None
    values: tuple[tuple[datetime.date, Table], ...]
    basis: str | None
    factor: str | None = None
    vintage: int | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of the shared library, each value with its data year."""

    code: str
    title: Texts
    unit: str
    basis: str | None
    values: tuple[tuple[datetime.date, Entry], ...]


@dataclass(frozen=True, slots=True)
class FactorLibrary:
    """The shared factors by code, with the identity of the file."""

    name: str
    factors: Mapping[str, Factor]
    sha256: str
    source: Source


@dataclass(frozen=True, slots=True)
class History:
    """A statistic over the participant's earlier records; ``otherwise`` is ``refuse`` or a parameter."""

    name: str
    of: str
    window: int
    statistic: str
    minimum: int
    otherwise: str


@dataclass(frozen=True, slots=True)
class Limit:
    measure: str
    per: str
    max: Quantity

    @property
    def key(self) -> str:
        """The name under which usage is kept; the same for all versions of a code."""
        return f"{self.measure}/{self.per}"


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    formula: str
    tree: Node


@dataclass(frozen=True, slots=True)
class Output:
    step: str
    unit: str
    round: str


@dataclass(frozen=True, slots=True)
class Example:
    on: str
    region: str
    given: Mapping[str, str | None]
    expect: int | None
    refuse: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded methodology document; ``data`` is the plain data that ``sha256`` identifies."""

    name: str
    code: str
    version: str
    title: Texts
    sector: str
    activity: str
    level: str
    region: str
    effective_from: datetime.date
    participants: tuple[str, ...]
    certifiable: bool
    use: str
    additionality: str
    gases: tuple[str, ...]
    published_source: Mapping[str, Any]
    chapters: Texts
    inputs: Mapping[str, Input]
    parameters: Mapping[str, Parameter]
    history: Mapping[str, History]
    steps: Mapping[str, Step]
    output: Output
    limits: tuple[Limit, ...]
    evidence: Mapping[str, Quantity]
    examples: tuple[Example, ...]
    data: Mapping[str, Any]
    sha256: str
    source: Source

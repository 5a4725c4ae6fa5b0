"""What is to be said about a text as it stands: every problem with its place, the proof of units, the examples."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from methodologies.engine import DocumentError, Problem, load_document, submission_gaps
from methodologies.engine.check import check_examples, publication_gaps, run_examples
from methodologies.engine.document import Document, FactorLibrary
from methodologies.engine.program import compile as compile_document
from methodologies.engine.proof import Line, prove
from methodologies.engine.reasons import REFUSALS

NAME = "draft"
_PLACE = re.compile(r"draft: (?P<key>.*) \(line (?P<line>[0-9]+)(?:, column (?P<column>[0-9]+))?\)", re.DOTALL)
BASICS = (
    "code", "version", "title", "sector", "activity", "level", "region", "effective_from", "participants",
    "certifiable", "use", "additionality", "gases",
)  # fmt: skip
#: Which part of the editor a top-level key belongs to; what has no form of its own stands in the text.
PART_OF = {
    **dict.fromkeys((*BASICS, "source"), "basics"),
    "inputs": "inputs",
    "parameters": "parameters",
    "steps": "formula",
    "output": "formula",
    "limits": "limits",
    "history": "limits",
    "evidence": "evidence",
    "chapters": "chapters",
    "examples": "examples",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. `kind`: `error` (the document does not hold), `gap` (blocks submission), `later` (publication)."""

    kind: str
    part: str
    key: str
    line: int
    column: int | None
    zh: str
    en: str

    @property
    def blocks(self) -> bool:
        return self.kind != "later"

    def sentence(self, *, english: bool) -> str:
        return self.en if english else self.zh


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """One golden example: what the author wrote, what the formula gives (grams, or the code of a refusal)."""

    number: int
    on: str
    region: str
    given: str
    expected_g: int | None
    expected_refusal: str
    actual_g: int | None
    actual_refusal: str
    source: str

    @property
    def holds(self) -> bool:
        return (self.expected_g, self.expected_refusal) == (self.actual_g, self.actual_refusal)


@dataclass(slots=True)
class Report:
    """The outcome of one check. `document` is there when the text could be read as a document."""

    findings: list[Finding] = field(default_factory=list)
    proof: list[Line] = field(default_factory=list)
    examples: list[ExampleResult] = field(default_factory=list)
    document: Document | None = None

    @property
    def blocking(self) -> list[Finding]:
        """What stands in the way of submission."""
        return [finding for finding in self.findings if finding.blocks]

    @property
    def units_proved(self) -> bool:
        return bool(self.proof) and all(line.is_proved for line in self.proof)

    def of_part(self, part: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.part == part]


def check(source: str, *, factors: FactorLibrary | None, today: dt.date, demo: bool = False) -> Report:
    """Everything about a text, whatever it holds; never raises for what an author can write."""
    report = Report()
    try:
        document = load_document(source, name=NAME)
    except DocumentError as refused:
        report.findings = _findings("error", refused.problems)
        return report
    report.document = document
    report.proof, against = prove(document, factors)
    report.findings += _findings("error", against)
    if not against:
        program = compile_document(document, factors)
        report.findings += _findings("error", check_examples(program))
        report.examples = _examples(document, program)
    report.findings += _findings("gap", submission_gaps(document))
    report.findings += _findings("later", publication_gaps(document, factors, today=today, demo=demo))
    return report


def _findings(kind: str, problems: Sequence[Problem]) -> list[Finding]:
    return [_finding(kind, problem) for problem in problems]


def _finding(kind: str, problem: Problem) -> Finding:
    place = _PLACE.fullmatch(problem.where)
    key, line, column = (place["key"], int(place["line"]), place["column"]) if place else ("document", 1, None)
    top = key.partition(".")[0]
    return Finding(
        kind, PART_OF.get(top, "text"), key, line, int(column) if column else None, problem.message_zh,
        problem.message_en,
    )  # fmt: skip


def _examples(document: Document, program: object) -> list[ExampleResult]:
    from methodologies.engine.program import Program

    assert isinstance(program, Program)
    if not document.examples:
        return []
    outcome = run_examples(program)
    found = []
    for index, example in enumerate(document.examples):
        code = outcome.reason[index]
        refused = code in REFUSALS
        found.append(
            ExampleResult(
                number=index + 1,
                on=example.on,
                region=example.region,
                given=", ".join(f"{name} = {value}" for name, value in example.given.items()),
                expected_g=example.expect,
                expected_refusal=example.refuse or "",
                actual_g=None if refused else int(outcome.computed_g[index]),
                actual_refusal=str(code) if refused else "",
                source=example.source or "",
            )
        )
    return found

"""Checks beyond loading: factors, units, bounds, examples; and what still blocks submission or publication."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from . import document as d
from . import reasons
from .columns import Columns
from .outcome import Outcome
from .parameters import build_tables
from .problems import DocumentError, Problem, error, warning
from .program import Program, compile
from .schema import load_document, load_factors

MIN_EXAMPLES = 3


def check_document(
    source: bytes | str, *, name: str, factors: d.FactorLibrary | None, today: datetime.date, demo: bool = False
) -> list[Problem]:
    """Return every problem of a document: errors, then warnings (which block submission or publication only)."""
    try:
        document = load_document(source, name=name)
    except DocumentError as exc:
        return exc.problems
    found: list[Problem] = []
    try:
        program = compile(document, factors)
    except DocumentError as exc:
        return exc.problems
    found += check_examples(program)
    found += submission_gaps(document)
    found += publication_gaps(document, factors, today=today, demo=demo)
    return found


def check_factors(source: bytes | str, *, name: str, today: datetime.date) -> list[Problem]:
    """Return every problem of the factor library; a value past its best-before that still holds is a warning."""
    try:
        library = load_factors(source, name=name)
    except DocumentError as exc:
        return exc.problems
    found = []
    for code, start in expired_factors(library, today=today):
        entry = dict(library.factors[code].values)[start]
        found.append(
            warning(
                library.source.where((code, "values", start.isoformat())),
                f"因子 {code}(数据年份 {entry.data_year})已过有效期 {entry.best_before}。",
                f"the factor {code} (data year {entry.data_year}) is past its best-before, {entry.best_before}.",
            )
        )
    return found


def expired_factors(library: d.FactorLibrary, *, today: datetime.date) -> list[tuple[str, datetime.date]]:
    """Return (code, start date) of every factor's value that is past its best-before and not replaced by today."""
    return [
        (code, start)
        for code, factor in library.factors.items()
        for start, entry in factor.values
        if start >= _current_start([start for start, _ in factor.values], today) and entry.best_before < today
    ]


def _current_start(starts: Sequence[datetime.date], today: datetime.date) -> datetime.date:
    """Return the start date in force today: earlier ones are history, later ones still to come."""
    return max((start for start in starts if start <= today), default=min(starts))


def example_columns(program: Program) -> Columns:
    """The golden examples as a batch: each its own participant, so that none is another's history."""
    examples = program.document.examples
    numbers = [str(number) for number in range(1, len(examples) + 1)]
    return Columns(
        record=numbers,
        participant=numbers,
        occurred_on=[example.on for example in examples],
        region=[example.region for example in examples],
        evidence=["feed"] * len(examples),
        inputs={name: [example.given.get(name) for example in examples] for name in program.document.inputs},
    )


def run_examples(program: Program) -> Outcome:
    """Evaluate the golden examples: each alone, with evidence ``feed``, without limits and with no history."""
    columns = example_columns(program)
    from .columns import read_columns
    from .evaluate import Batch
    from .program import Prior

    batch = Batch(program, columns, read_columns(program.document, columns))
    batch.check()
    if program.document.history:
        batch.remember(Prior())
    batch.compute()
    return batch.outcome(Prior())


def example_traces(program: Program) -> list[dict[str, Any]]:
    """The trace of every golden example, in their order; reasons and grams as the check sees them."""
    if not program.document.examples:
        return []
    columns, outcome = example_columns(program), run_examples(program)
    return [program.explain(columns, row, outcome) for row in range(len(program.document.examples))]


def check_examples(program: Program) -> list[Problem]:
    """Return one error per golden example that is not reproduced."""
    document = program.document
    if not document.examples:
        return []
    outcome = run_examples(program)
    found = []
    for index, example in enumerate(document.examples):
        got_g, got = int(outcome.computed_g[index]), outcome.reason[index]
        refused = got in reasons.REFUSALS
        if example.refuse == got if example.refuse else not refused and got_g == example.expect:
            continue
        shown, shown_en = _outcome(got if refused else "", got_g)
        wanted, wanted_en = _outcome(example.refuse or "", example.expect)
        found.append(
            error(
                document.source.where(("examples", index)),
                f"算例 {index + 1} 应得{wanted}，实得{shown}。",
                f"example {index + 1} should give {wanted_en}, but gives {shown_en}.",
            )
        )
    return found


def _outcome(refusal: str, grams: int | None) -> tuple[str, str]:
    """What an example gives, in Chinese and in English: a number, or a refusal with its reason and its code."""
    if not refusal:
        return f" {grams} g", f"{grams} g"
    zh, en = (reasons.sentence(refusal, language).rstrip("。.") for language in ("zh", "en"))
    return f"“不计入：{zh}”（{refusal}）", f"a refusal ({refusal}: {en})"


def submission_gaps(document: d.Document) -> list[Problem]:
    """Return what is lacking for submission, as warnings: chapters, three examples of which one is a refusal."""
    found = []
    for chapter in d.CHAPTERS:
        if not document.chapters.get(chapter, "").strip():
            found.append(
                warning(
                    document.source.where(("chapters", chapter)),
                    f"章节“{d.CHAPTER_TITLES[chapter]}”（{chapter}）尚未填写，报送前必须补齐。",
                    f"the chapter {chapter} is missing; submission needs it.",
                )
            )
    examples: Sequence[d.Example] = document.examples
    if len(examples) < MIN_EXAMPLES or not any(example.refuse for example in examples):
        found.append(
            warning(
                document.source.where(("examples",)),
                f"报送至少需要 {MIN_EXAMPLES} 个算例,其中一个是拒绝的例子。",
                f"submission needs at least {MIN_EXAMPLES} examples, one of them a refusal.",
            )
        )
    return found


def publication_gaps(
    document: d.Document, factors: d.FactorLibrary | None, *, today: datetime.date, demo: bool = False
) -> list[Problem]:
    """Return what blocks publication by content, as warnings: best-before dates, and confidence where certifiable."""
    tables, problems = build_tables(document, factors)
    found: list[Problem] = [problem for problem in problems if problem.level == "warning"]
    accepted = {"official", "sample"} if demo else {"official"}
    for table in tables.values():
        where = document.source.where(("parameters", table.name))
        current = _current_start(table.starts, today)
        expired = {
            cell.entry.best_before for cell in table.cells if cell.start >= current and cell.entry.best_before < today
        }
        if expired:
            day = min(expired).isoformat()
            found.append(
                warning(
                    where,
                    f"参数 {table.name} 已过有效期 {day},发布前必须更新。",
                    f"the parameter {table.name} is past its best-before, {day}; publication needs a new value.",
                )
            )
        weak = sorted({cell.entry.confidence for cell in table.cells} - accepted)
        if document.certifiable and weak:
            found.append(
                warning(
                    where,
                    f"可核证的方法学只能使用官方参数,而 {table.name} 的可信度是 {'、'.join(weak)},不能发布。",
                    f"certifiable: true needs official parameters, but {table.name} is {', '.join(weak)}; "
                    "it can't be published.",
                )
            )
    return found

"""The methodology engine: documents of format 1 in, grams and reasons out. Pure Python and NumPy; imports no Django.

    document = engine.load_document(source, name="metro.yaml")          raises DocumentError(problems)
    factors  = engine.load_factors(source, name="factors.yaml")
    problems = engine.check_document(source, name=…, factors=factors, today=date)
    program  = engine.compile(document, factors)                        .document .sha256 .inputs .limits .history
    columns  = engine.Columns(record, participant, occurred_on, region, evidence, inputs)
    outcome  = program.evaluate(columns, prior=engine.Prior(used, history))
    outcome.computed_g, outcome.reduction_g                             int64 arrays of grams
    outcome.reason                                                      codes, the empty text: credited in full
    outcome.usage, outcome.usage_of(row)                                {(participant, limit key, start of period): int}
    outcome.accepted_inputs(row), outcome.dependencies(row)             JSON-able
    program.explain(columns, row, outcome)                              the trace: JSON-able
    program.period_keys(columns)                                        the usage keys to lock and fetch first
    evaluate_again(program, columns, prior=…, histories=…)            another version over deeds that were computed
    program.rebuild(columns, [dependencies, …])                         the same grams from what was stored

    engine.check_files(paths, today=date)                               the command's exit code
    engine.evaluate_file(file, table, output=…, explain=…)              the command's exit code

Usage of an input is kept in 10**-12 of its unit (numeric, may exceed 64 bits), of records in records, of reduction in
grams; the limit key (``distance/day``) is the same for all versions of a code. Text columns hold what came from
outside, None or the empty text meaning missing; typed columns are described in ``columns``.
"""

from .again import evaluate_again, same_history
from .check import (
    check_document,
    check_examples,
    check_factors,
    example_traces,
    expired_factors,
    publication_gaps,
    submission_gaps,
)
from .columns import MISSING, Coded, Columns
from .document import Document, Factor, FactorLibrary
from .outcome import Outcome
from .problems import DocumentError, Problem
from .program import Prior, Program, compile
from .reasons import CODES, INPUT_AND_DATE, REFUSALS, SENTENCES, sentence
from .schema import load_document, load_factors
from .table import TableError, check_files, evaluate_file, shared_factors

__all__ = [
    "CODES",
    "INPUT_AND_DATE",
    "MISSING",
    "REFUSALS",
    "SENTENCES",
    "Coded",
    "Columns",
    "Document",
    "DocumentError",
    "Factor",
    "FactorLibrary",
    "Outcome",
    "Prior",
    "Problem",
    "Program",
    "TableError",
    "check_document",
    "check_examples",
    "check_factors",
    "check_files",
    "compile",
    "evaluate_again",
    "evaluate_file",
    "example_traces",
    "expired_factors",
    "load_document",
    "load_factors",
    "publication_gaps",
    "same_history",
    "sentence",
    "shared_factors",
    "submission_gaps",
]

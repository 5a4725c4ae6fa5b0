"""The check of a text: places, proof, examples; and what is sent to break it is refused with a sentence, in bounds."""

import datetime as dt

import pytest

from methodologies import services as library
from methodologies.drafting.report import check
from methodologies.engine import load_factors
from methodologies.engine.reader import MAX_PROBLEMS

TODAY = dt.date(2026, 11, 22)
FACTORS = load_factors((library.LIBRARY / "factors.yaml").read_bytes(), name="factors.yaml")
WHOLE = (library.LIBRARY / "gd-ev-trip.yaml").read_text(encoding="utf-8")


def report(text):
    return check(text, factors=FACTORS, today=TODAY)


def test_a_whole_document_is_proved_line_by_line_and_its_examples_hold():
    found = report(WHOLE)
    assert found.blocking == []
    assert [(line.name, line.in_units, line.unit) for line in found.proof] == [
        ("baseline", "[km] * [L/km] * [kg_co2e/L]", "kg_co2e"),
        ("project", "[km] * [kWh/km] * [kg_co2e/kWh]", "kg_co2e"),
        ("reduction", "max([kg_co2e] - [kg_co2e], 0)", "kg_co2e"),
    ]
    assert found.units_proved
    assert all(example.holds for example in found.examples)
    assert {example.actual_refusal for example in found.examples} > {""}


def test_a_wrong_unit_stops_the_proof_at_its_line_and_says_where():
    found = report(WHOLE.replace("distance * power_use * grid_factor", "distance * power_use"))
    assert [line.unit for line in found.proof] == ["kg_co2e", "kWh", ""]
    assert not found.units_proved
    (problem,) = found.blocking
    assert (problem.part, problem.key) == ("formula", "steps.reduction")
    assert WHOLE.splitlines()[problem.line - 1].strip().startswith("reduction:")
    assert "kg_co2e 与 kWh" in problem.zh
    assert "kg_co2e and kWh" in problem.en


def test_an_example_that_is_not_reproduced_shows_both_numbers():
    found = report(WHOLE.replace("expect: 2140", "expect: 2141"))
    first = found.examples[0]
    assert (first.expected_g, first.actual_g, first.holds) == (2141, 2140, False)
    assert [problem.part for problem in found.blocking] == ["examples"]


def test_what_only_publication_asks_does_not_block():
    found = check(WHOLE, factors=FACTORS, today=dt.date(2031, 1, 1))
    assert {problem.kind for problem in found.findings} == {"later"}
    assert found.blocking == []


def rows(form, count):
    return ", ".join(form % number for number in range(count))


def inserted(before, what):
    assert before in WHOLE
    return WHOLE.replace(before, before + what, 1)


TABLE = '  pp: {unit: "1", by: ch, values: {2025-01-01: {…}}}\n'
CHOICE = "  ch: {type: choice, options: {%s}, label: {zh: x}}\n"
HOSTILE = {
    "aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "tag": "a: !!python/object/apply:os.system [id]\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "deep lists": "a: " + "[" * 200_000,
    "deep mappings": "{a: " * 60_000,
    "NUL": WHOLE + "\0",
    "too large": "x" * 3_000_000,
    "unknown keys": inserted("format: 1\n", "".join(f"k{number}: 1\n" for number in range(18_000))),
    "a key of 100,000 letters": WHOLE + '? "' + "k" * 100_000 + '"\n: 1\n',
    "a table of 10,000 wrong options": inserted("inputs:\n", CHOICE % rows("a%d: {zh: x}", 6_000)).replace(
        "parameters:\n",
        "parameters:\n" + TABLE.replace("…", rows("b%d: 1", 10_000)),
        1,
    ),
    "formula of 4,000 letters": WHOLE.replace("distance * power_use * grid_factor", "distance * " * 400 + "power_use"),
    "formula of 90 names": WHOLE.replace("distance * power_use * grid_factor", "+".join(["distance"] * 90)),
    "formula 13 deep": WHOLE.replace("distance * power_use * grid_factor", "(" * 13 + "distance" + ")" * 13),
    "squares of squares": inserted(
        "steps:\n", "  s0: distance * distance\n" + "".join(f"  s{n}: s{n - 1} * s{n - 1}\n" for n in range(1, 50))
    ),
    "61 steps": inserted("steps:\n", "".join(f"  s{number}: 1\n" for number in range(60))),
    "3,000 wrong examples": WHOLE + '  - {on: 2026-03-01, region: "440300", given: {distance: "1"}, expect: 1}\n' * 3_000,
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_sent_to_break_it_is_refused_with_sentences(case):
    found = report(HOSTILE[case])
    assert found.blocking
    assert all(problem.zh and problem.en and len(problem.zh) < 1_200 for problem in found.findings)
    assert len(found.findings) <= max(MAX_PROBLEMS + 1, 3_010)


def test_too_many_problems_are_counted_and_cut():
    found = report(HOSTILE["unknown keys"])
    assert len(found.findings) == MAX_PROBLEMS + 1
    assert "问题太多" in found.findings[-1].zh

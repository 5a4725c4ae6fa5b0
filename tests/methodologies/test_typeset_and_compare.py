"""What is typeset is what runs; what differs between two documents is found, and nothing else."""

import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from methodologies import services
from methodologies.compare import Value, compare_documents, relative_change, text_lines
from methodologies.engine import load_document, load_factors
from methodologies.engine.language import Binary, Call, Compare, Literal, Name, Negative, parse
from methodologies.present_compare import silent
from methodologies.typeset import mathml

# -- formulas: read back from the MathML they are the same tree ---------------------------------------------------------

_LETTERS = st.sampled_from(["a", "b", "kilometres", "share_2"])
_LEAVES = st.one_of(_LETTERS.map(lambda name: Name(name, 0)), st.integers(0, 999).map(lambda one: Literal(one, 0)))


def _grow(inner):
    def call(function, least, most):
        return st.lists(inner, min_size=least, max_size=most).map(lambda parts: Call(function, tuple(parts), 0))

    return st.one_of(
        inner.map(lambda one: Negative(one, 0)),
        st.tuples(st.sampled_from("+-*/"), inner, inner).map(lambda one: Binary(*one, 0)),
        call("min", 2, 3),
        call("max", 2, 3),
        call("clip", 3, 3),
        st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner, inner, inner, inner).map(
            lambda one: Call("where", (Compare(one[0], one[1], one[2], 0), one[3], one[4]), 0)
        ),
    )


TREES = st.recursive(_LEAVES, _grow, max_leaves=12)
_WRITTEN = {"×": "*", "−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "=": "=="}


def _read(element):
    """A formula's text from its MathML, bracketed as the picture shows it."""
    children = list(element)
    match element.tag:
        case "mfrac":
            return f"(({_read(children[0])})/({_read(children[1])}))"
        case "mo" | "mn" | "mtext" | "mi":
            text = element.text or ""
            return _WRITTEN.get(text, text)
        case "mrow" if len(children) == 2 and children[1].tag == "mtable":
            (then, when), (other, _otherwise) = ([cell[0] for cell in row] for row in children[1])
            return f"where({''.join(_read(one) for one in list(when)[2:])},{_read(then)},{_read(other)})"
        case _:
            return "".join(_read(one) for one in children)


def _same(tree):
    """A tree without columns."""
    return re.sub(r"column=\d+", "", repr(tree))


# A loaded machine is no fault of the formula: nothing here is judged by time.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_a_formula_read_back_from_its_picture_is_the_tree_that_runs(tree):
    element = ElementTree.fromstring(str(mathml("result", tree)))
    row = list(element[0])
    assert row[0].text == "result"
    assert _same(parse(_read(row[2]))) == _same(tree)


def test_labels_are_escaped():
    assert "&lt;img" in str(mathml("x", parse("a + 1"), lambda name: "<img>"))


# -- comparison --------------------------------------------------------------------------------------------------------

TEXT = (services.LIBRARY / "gd-household-electricity.yaml").read_text(encoding="utf-8")
FACTORS = load_factors((services.LIBRARY / "factors.yaml").read_bytes(), name="factors.yaml")


def document(*changes):
    text = TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return load_document(text, name="document.yaml")


def compared(*changes, note=""):
    return compare_documents(document(), document(*changes), FACTORS, note=note)


def test_a_document_against_itself_has_no_difference():
    found = compared()
    assert found.same
    assert (found.facts, found.parameters, found.limits, found.examples, found.chapters) == ((), (), (), (), ())
    assert {line.mark for line in found.formulas} == {"same"}


THIRD = (
    "where(daily_use <= local_baseline, below_mean, below_own)",
    "where(daily_use < local_baseline, below_mean, below_own)",
)


def test_a_changed_formula_line_without_a_word_in_the_note_is_named():
    found = compared(THIRD, note="调整了正文。")
    assert [silent(line) for line in found.silent_lines] == ["公式第 3 行（saved）有改动，修订说明没有提到。"]
    line = found.formulas[2].line
    assert ("removed", "<=") in line.old_pieces or ("removed", "=") in line.old_pieces


@pytest.mark.parametrize("note", ["saved 改为严格小于", "公式第 3 行改为严格小于", "Line 3 is strict now"])
def test_a_note_that_speaks_of_the_line_is_heard(note):
    assert compared(THIRD, note=note).silent_lines == ()


def test_a_note_of_another_line_does_not_excuse_this_one():
    assert len(compared(THIRD, note="第 13 行、reduction、below_mean").silent_lines) == 1


def test_lines_added_removed_and_moved_are_aligned():
    found = compared(
        ("  below_mean: local_baseline - daily_use\n", ""),
        (
            "  saved: where(daily_use <= local_baseline, below_mean, below_own)",
            "  extra: daily_use * 1\n  saved: below_own",
        ),
    )
    assert [(line.name, line.mark) for line in found.formulas] == [
        ("below_mean", "removed"), ("below_own", "same"), ("extra", "added"), ("saved", "changed"), ("reduction", "same"),
    ]  # fmt: skip
    moved = compare_documents(
        document(),
        document(
            ("  below_mean: local_baseline - daily_use\n  below_own: max(own_mean - daily_use, 0)\n",
             "  below_own: max(own_mean - daily_use, 0)\n  below_mean: local_baseline - daily_use\n"),
        ),
        FACTORS,
    )  # fmt: skip
    assert sorted(line.mark for line in moved.formulas) == ["same"] * 4


def test_numbers_stand_with_their_exact_change():
    found = compared(('"440000": {value: "8"', '"440000": {value: "9"'))
    (change,) = found.parameters
    assert (change.name, change.key, change.old.text, change.new.text) == ("local_baseline", "440000", "8", "9")
    assert (change.change.text, change.change.exact) == ("+12.5%", "")
    assert found.unchanged_values >= 1


def test_a_new_start_date_is_held_against_the_value_until_then():
    entry = '        "440000": {value: "8", source: 示例值'
    assert entry in TEXT
    found = compared(
        (
            "    values:\n      2025-01-01:\n",
            '    values:\n      2024-01-01:\n        "440000": {value: "6", source: x, confidence: sample, best_before: 2027-12-31}\n      2025-01-01:\n',
        )
    )
    (change,) = found.parameters
    assert (change.mark, change.old, change.new.text) == ("added", None, "6")
    later = compare_documents(
        document(("effective_from: 2025-01-01", "effective_from: 2025-01-01")),
        document((TEXT[TEXT.index(entry):].split("\n")[0] + "\n", TEXT[TEXT.index(entry):].split("\n")[0] + '\n      2026-01-01:\n        "440000": {value: "10", source: x, confidence: sample, best_before: 2027-12-31}\n')),
        FACTORS,
    )  # fmt: skip
    (change,) = later.parameters
    assert (change.mark, change.old.text, change.new.text, change.change.text) == ("added", "8", "10", "+25%")


def value(text, unit="km"):
    import datetime as dt

    return Value(text, unit, dt.date(2026, 1, 1), "", "official", dt.date(2027, 1, 1))


@pytest.mark.parametrize(
    ("old", "new", "text", "exact"),
    [("8", "8.00", "0%", ""), ("3", "4", "+33.333333…%", "+100/3%"), ("4", "3", "−25%", ""), ("-2", "-1", "+50%", "")],
)
def test_a_relative_change_is_exact(old, new, text, exact):
    found = relative_change(value(old), value(new))
    assert (found.text, found.exact) == (text, exact)


@settings(deadline=None)
@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_no_digit_of_a_change_is_rounded_up(old, new):
    found = relative_change(value(str(old)), value(str(new)))
    shown = Fraction(found.text.replace("−", "-").replace("+", "").rstrip("%…"))
    true = Fraction((new - old) * 100, old)
    assert abs(shown) <= abs(true)
    assert abs(true - shown) < Fraction(1, 10**6)


def test_what_can_not_be_compared_says_why():
    assert relative_change(value("0"), value("1")).kind == "from_zero"
    assert relative_change(value("1"), value("1", "kWh")).kind == "units"


def test_rewritten_sentences_stand_beside_each_other():
    lines = text_lines("甲地适用。乙地不适用。", "甲地适用。乙地也适用。丙地另定。")
    assert [line.mark for line in lines] == ["same", "changed", "added"]
    assert ("added", "也") in lines[1].new_pieces


def test_a_very_long_text_is_compared_without_end_of_patience():
    lines = text_lines("甲" * 200_000, "乙" * 200_000)
    assert [line.mark for line in lines] == ["changed"]
    many = text_lines("一。\n" * 30_000, "二。\n" * 30_000)
    assert many

"""A comparison of two documents in the page's language; `templates/methodologies/_comparison.html` draws it."""

from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carbon_portal.kernel.templatetags.portal import local_date
from carbon_portal.kernel.units import unit_text

from .compare import Change, Comparison, Fact, FormulaLine, Line, ParameterChange, Value
from .present import chapter_label, confidence


def comparison(found: Comparison) -> dict[str, Any]:
    """The context of `_comparison.html`: only what differs, except formula lines, which all stand there."""
    return {
        "old": found.old,
        "new": found.new,
        "same": found.same,
        "note": found.note,
        "silent": [silent(line) for line in found.silent_lines],
        "formulas": [_formula(line) for line in found.formulas],
        "formulas_changed": any(line.mark != "same" for line in found.formulas),
        "parameters": [_parameter(one) for one in found.parameters],
        "unchanged_values": found.unchanged_values,
        "groups": [
            {"title": title, "rows": [_fact(one) for one in facts]}
            for title, facts in (
                (_("基本信息"), found.facts),
                (_("输入"), found.inputs),
                (_("历史数据"), found.history),
                (_("上限"), found.limits),
                (_("证据等级"), found.evidence),
                (_("算例"), found.examples),
            )
            if facts
        ],
        "chapters": [
            {"title": chapter_label(name), "lines": [_line(line) for line in lines if line.mark != "same"]}
            for name, lines in found.chapters
        ],
    }


def silent(line: FormulaLine) -> str:
    """The warning of a formula line that changed without a word in the revision note."""
    sentence = {
        "changed": _("公式第 %(n)s 行（%(name)s）有改动，修订说明没有提到。"),
        "added": _("公式第 %(n)s 行（%(name)s）是新增的，修订说明没有提到。"),
        "removed": _("公式原第 %(n)s 行（%(name)s）被删去，修订说明没有提到。"),
    }[line.mark]
    return sentence % {"n": line.number, "name": line.name}


def mark_label(mark: str) -> dict[str, str]:
    """What happened to a line, as a pill."""
    label, kind = {
        "same": (_("未变"), ""),
        "changed": (_("改动"), "wait"),
        "added": (_("新增"), "ok"),
        "removed": (_("删去"), "no"),
    }[mark]
    return {"label": label, "kind": kind}


def _formula(line: FormulaLine) -> dict[str, Any]:
    return {"number": line.number, "silent": line.silent, **_line(line.line)}


def _line(line: Line) -> dict[str, Any]:
    old = line.old_pieces or ((("same" if line.mark == "same" else "removed"), line.old or ""),)
    new = line.new_pieces or ((("same" if line.mark == "same" else "added"), line.new or ""),)
    return {
        "mark": line.mark,
        "pill": mark_label(line.mark),
        "old": old if line.old is not None else (),
        "new": new if line.new is not None else (),
    }


def _fact(one: Fact) -> dict[str, Any]:
    return {"key": one.key, "pill": mark_label(one.mark), "old": one.old, "new": one.new}


def _parameter(one: ParameterChange) -> dict[str, Any]:
    return {
        "name": one.name,
        "key": one.key,
        "start": local_date(one.start),
        "pill": mark_label(one.mark),
        "old": one.old and _value(one.old),
        "new": one.new and _value(one.new),
        "earlier": one.mark == "added" and one.old is not None,
        "change": "" if one.change is None else change(one.change),
        "exact": "" if one.change is None else one.change.exact,
        "kind": "" if one.change is None else one.change.kind,
    }


def _value(one: Value) -> dict[str, Any]:
    return {
        "text": one.text,
        "unit": unit_text(one.unit, get_language()),
        "source": one.source,
        "start": local_date(one.start),
        "best_before": local_date(one.best_before),
        "confidence": confidence(one.confidence),
    }


def change(one: Change) -> str:
    """A relative change as text; where there is none to state, why."""
    if one.kind == "units":
        return _("单位不同，不能比较")
    if one.kind == "from_zero":
        return _("原值为 0，没有百分比")
    if one.kind == "none":
        return _("数值未变")
    return one.text

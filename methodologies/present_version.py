"""The page of one version: formulas as they run, values with their sources, examples worked out, hashes, history."""

import hashlib
import re
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carbon_portal.kernel.language import pick, region_name
from carbon_portal.kernel.models import Approval
from carbon_portal.kernel.templatetags.portal import grams, local_date, local_datetime
from carbon_portal.kernel.units import unit_text

from . import present, selectors
from .engine import Program, example_traces, sentence
from .engine.document import History, Input
from .models import MethodologyVersion
from .selectors.proposals import credited
from .typeset import mathml

# What the trace writes in place of a number that is missing: its reason in brackets.
_GAP = re.compile(r"\[[a-z_]+\]")


def page(version: MethodologyVersion, program: Program) -> dict[str, Any]:
    """Everything that a version's page and its PDF say, in the page's language."""
    document = program.document
    values = [value for parameter in document.parameters.values() for value in present.values(parameter, program)]
    return {
        "version": version,
        "title": present.title(version),
        "pill": present.state_pill(version),
        "region": region_name(version.methodology.region),
        "sector": present.sector_label(document.sector),
        "inputs": [_input(one) for one in document.inputs.values()],
        "history_inputs": [_history(one, program) for one in document.history.values()],
        "steps": steps(program),
        "output": _output(program),
        "values": values,
        "sample": selectors.uses_sample(program),
        "unchecked": any(value["confidence"]["kind"] == "wait" for value in values),
        "limits": [present.limit_line(limit, document.inputs) for limit in document.limits],
        "evidence": [{"grade": grade_label(grade), "share": str(share)} for grade, share in document.evidence.items()],
        "examples": examples(program),
        "chapters": [{"title": present.chapter_label(name), "text": text} for name, text in document.chapters.items()],
        "source": document.published_source,
        "file_sha256": hashlib.sha256(version.source.encode("utf-8")).hexdigest(),
        "versions": _versions(version),
        "approvals": [_approval(one) for one in selectors.approvals_of(version)],
        "credits": credited(version),
        "way": _way(version),
        "publication": selectors.publication_of(version),
        "consulted": selectors.was_consulted(version),
        "by_region": any(table.by == "region" for table in program.tables.values())
        or document.region not in ("000000", "440000"),
    }


def steps(program: Program) -> list[dict[str, Any]]:
    """Each step as the compiled document has it: typeset, as text, with its unit."""
    inputs = program.document.inputs

    def label(name: str) -> str:
        return pick(inputs[name].label) if name in inputs else name

    return [
        {
            "name": step.name,
            "math": mathml(step.name, step.tree, label),
            "formula": step.formula,
            "unit": _unit(program, step.name),
        }
        for step in program.document.steps.values()
    ]


def _unit(program: Program, step: str) -> str:
    unit = program.compiled.steps[step].unit
    return unit_text(str(unit) if unit is not None else program.document.output.unit, get_language())


def _output(program: Program) -> str:
    """How the last step becomes whole grams, as one sentence."""
    rule = {
        "floor": _("向下取整到克"),
        "ceil": _("向上取整到克"),
        "half_up": _("四舍五入到克"),
        "half_even": _("四舍六入五成双到克"),
    }[program.document.output.round]
    return _("结果取 %(step)s，换算成克，%(rule)s。只在这里取整一次。") % {
        "step": program.document.output.step,
        "rule": rule,
    }


def _input(declared: Input) -> dict[str, str]:
    options = declared.options
    return {
        "label": pick(declared.label),
        "name": declared.name,
        "unit": unit_text(declared.unit, get_language()),
        "range": "" if options else f"{declared.min} – {declared.max}",
        "options": " / ".join(pick(texts) for texts in options.values()) if options else "",
    }


def _history(one: History, program: Program) -> dict[str, str]:
    statistic = {
        "mean": _("平均值"),
        "sum": _("合计"),
        "count": _("条数"),
        "min": _("最小值"),
        "max": _("最大值"),
    }[one.statistic]
    return {
        "name": one.name,
        "text": _("前 %(days)s 天内“%(input)s”的%(statistic)s，至少 %(minimum)s 条记录")
        % {
            "days": one.window,
            "input": pick(program.document.inputs[one.of].label),
            "statistic": statistic,
            "minimum": one.minimum,
        },
    }


def grade_label(grade: str) -> str:
    """An evidence grade in words."""
    return {"feed": _("数据直连"), "proof": _("已核凭证"), "self_declared": _("自行申报")}[grade]


def examples(program: Program) -> list[dict[str, Any]]:
    """The golden examples with the trace that the engine gives now."""
    language = get_language() or "zh"
    found = []
    for example, trace in zip(program.document.examples, example_traces(program), strict=True):
        refused = example.refuse is not None
        found.append(
            {
                "on": example.on,
                "region": region_name(example.region),
                "given": ", ".join(f"{name} = {value}" for name, value in example.given.items()),
                "result": _("不计入") if refused else grams(trace["computed_g"]),
                "why": sentence(trace["reason"], language) if refused else "",
                "source": example.source or "",
                "steps": [step_with_numbers(step) for step in trace["steps"]] if not refused else [],
            }
        )
    return found


def step_with_numbers(step: dict[str, Any]) -> dict[str, str]:
    """A step of a trace in the signs of print; what had no value is said to be missing."""
    missing = step["value"].startswith("[")
    return {
        "name": step["name"],
        "numbers": signs(_GAP.sub(_("（缺）"), step["formula_with_numbers"])),
        "value": _("（缺）") if missing else step["value"],
        "unit": "" if missing else unit_text(step["unit"], get_language()),
    }


def signs(formula: str) -> str:
    """A formula's text with the signs of print."""
    return formula.replace("*", "×").replace("/", "÷").replace("-", "−")


def _versions(version: MethodologyVersion) -> list[dict[str, Any]]:
    """All shown versions of the code, newest first; each but the oldest with the comparison to the one before."""
    found = selectors.versions_of(version.methodology_id)
    compare = reverse("methodologies:compare", args=[version.methodology_id])
    rows = []
    for index, one in enumerate(found):
        before = found[index + 1] if index + 1 < len(found) else None
        rows.append(
            {
                **present.row(one),
                "title": _("第 %(version)s 版") % {"version": one.version},
                "sub": _("%(day)s 起") % {"day": local_date(one.effective_from)},
                "here": one.pk == version.pk,
                "compare": {"href": f"{compare}?a={before.version}&b={one.version}", "with": before.version}
                if before
                else None,
            }
        )
    return rows


def _way(version: MethodologyVersion) -> list[dict[str, str]]:
    """The eight steps to the province for a timeline; empty for what came with the installation."""
    return [
        {
            "title": step.title,
            "state": {"done": "done", "under_way": "now", "waiting": "todo"}[step.state],
            "time": _days(step),
            "text": _("已超期 %(n)s 个工作日") % {"n": step.overdue} if step.overdue else "",
        }
        for step in selectors.status_line(version)
    ]


def _days(step: selectors.Step) -> str:
    """When a step began and ended, or by when it is due."""
    if step.started_on and step.finished_on and step.started_on != step.finished_on:
        return f"{local_date(step.started_on)} – {local_date(step.finished_on)}"
    begun = local_date(step.started_on) if step.started_on else ""
    due = _("期限 %(day)s") % {"day": local_date(step.due_on)} if step.due_on and step.under_way else ""
    return " · ".join(part for part in (begun, due) if part)


def _approval(one: Approval) -> dict[str, str]:
    basis = {
        Approval.Basis.FOUNDING.value: _("随系统发布的方法学库，没有经过省级审定程序"),
        Approval.Basis.FOUR_EYES.value: _("发起人和审定人是不同的人"),
    }[one.basis]
    return {"at": local_datetime(one.decided_at), "basis": basis}

"""What the pages of drafting show, in the page's language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from carbon_portal.kernel.language import is_english, region_name
from carbon_portal.kernel.templatetags.portal import grams, local_datetime
from methodologies.engine import sentence
from methodologies.models import Draft, DraftEdit, DraftState

from .fields import Address, Form, found
from .parts import SLUGS, part_title
from .report import ExampleResult, Finding, Report

SHOWN = 60


def pill(draft: Draft) -> dict[str, str]:
    """Where a draft lies."""
    if draft.is_returned:
        return {"label": _("已退回，待修改"), "kind": "no"}
    kinds = {DraftState.OPEN: "info", DraftState.FORWARDING: "wait", DraftState.SUBMITTED: "ok", DraftState.CLOSED: ""}
    state = DraftState(draft.state)
    return {"label": str(state.label), "kind": kinds[state]}


def row(draft: Draft) -> dict[str, Any]:
    """One row of the list."""
    code = "" if draft.code.startswith("DRAFT-") else draft.code
    state = pill(draft)
    return {
        "title": draft.title or _("没有名称的草案"),
        "lang": "zh-Hans" if draft.title else "",
        "href": reverse("methodologies:draft", args=[draft.uuid]),
        "sub": " · ".join(
            part
            for part in (
                region_name(draft.region),
                code,
                _("修订自 %(version)s") % {"version": draft.based_on} if draft.based_on else "",
                _("建议 %(number)s") % {"number": draft.proposal_number} if draft.proposal_number else "",
                _("%(at)s 保存") % {"at": local_datetime(draft.changed_at)},
            )
            if part
        ),
        "pill": state["label"],
        "pill_kind": state["kind"],
    }


def tabs(draft: Draft) -> list[dict[str, str]]:
    """The parts of the editor."""
    return [
        {"slug": slug, "label": part_title(slug), "href": reverse("methodologies:draft-part", args=[draft.uuid, slug])}
        for slug in SLUGS
    ]


def edits(draft: Draft, rows: Sequence[DraftEdit], names: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """The newest saves."""
    return [
        {
            "number": edit.number,
            "who": names.get(edit.person, "—"),
            "at": local_datetime(edit.at),
            "note": edit.note,
            "href": reverse("methodologies:draft-edit", args=[draft.uuid, edit.number]),
        }
        for edit in rows
    ]


def overview(draft: Draft, report: Report) -> dict[str, Any]:
    """What stands in the way, by part; the proof and the examples."""
    return {"check": panel(draft, report, ""), "ready": not report.blocking}


def panel(draft: Draft, report: Report, part: str) -> dict[str, Any]:
    """The check beside a form: this part's problems first."""
    counts = Counter(finding.part for finding in report.blocking)
    ordered = sorted(report.findings, key=lambda one: (one.part != part, not one.blocks, SLUGS.index(one.part)))
    return {
        "ready": not report.blocking,
        "blocking": len(report.blocking),
        "later": len(report.findings) - len(report.blocking),
        "findings": [_finding(draft, one) for one in ordered[:SHOWN]],
        "more": max(0, len(ordered) - SHOWN),
        "counts": [
            {"label": part_title(slug), "count": counts[slug], "href": _href(draft, slug)}
            for slug in SLUGS
            if counts[slug]
        ],
        "proof": report.proof,
        "proved": report.units_proved,
        "examples": [_example(one) for one in report.examples[:SHOWN]],
        "held": sum(1 for one in report.examples if one.holds),
        "readable": report.document is not None,
    }


def _href(draft: Draft, slug: str) -> str:
    return reverse("methodologies:draft-part", args=[draft.uuid, slug])


def _finding(draft: Draft, one: Finding) -> dict[str, Any]:
    labels = {"error": _("须改正"), "gap": _("报送前补齐"), "later": _("发布前处理")}
    return {
        "label": labels[one.kind],
        "kind": {"error": "no", "gap": "wait", "later": "info"}[one.kind],
        "text": one.sentence(english=is_english()),
        "key": one.key[:80],
        "line": one.line,
        "column": one.column,
        "part": part_title(one.part),
        "href": _href(draft, one.part),
        "slug": one.part,
    }


def _result(grams_: int | None, refusal: str) -> str:
    return grams(grams_) if grams_ is not None else _("不计入：%(why)s") % {"why": _why(refusal)}


def _why(code: str) -> str:
    return sentence(code, "en" if is_english() else "zh")


def _example(one: ExampleResult) -> dict[str, Any]:
    return {
        "number": one.number,
        "given": one.given[:200],
        "where": f"{one.on} · {one.region}"[:60],
        "expected": _result(one.expected_g, one.expected_refusal),
        "actual": _result(one.actual_g, one.actual_refusal),
        "holds": one.holds,
        "source": one.source[:200],
    }


def attach(form: Form, data: dict[str, Any], report: Report) -> None:
    """Put each problem's sentence at the field it speaks of."""
    by_key: dict[str, list[Finding]] = {}
    for one in report.findings[:400]:
        by_key.setdefault(one.key, []).append(one)
    for field in form.fields():
        for one in by_key.get(_path(data, field.address), ()):
            if one.blocks:
                field.errors.append(one.sentence(english=is_english()))


def keep(form: Form, posted: QueryDict) -> None:
    """Put what was typed into the fields of a form that was refused."""
    for field in form.fields():
        if field.name not in posted:
            continue
        texts = [text.replace("\0", "") for text in posted.getlist(field.name)]
        field.value = [text for text in texts if text] if field.kind == "checks" else texts[-1]
        if field.kind in ("choice", "flag") and field.value not in dict(field.options):
            field.options = [(field.value, field.value or "—"), *field.options]


def _path(data: dict[str, Any], address: Address) -> str:
    """An address by names, as the engine writes it."""
    names = []
    for position, step in enumerate(address):
        if step == "=":
            continue
        rows = found(data, address[:position])
        by_name = isinstance(step, int) and isinstance(rows, dict) and step < len(rows)
        names.append(list(rows)[step] if by_name else str(step))  # type: ignore[index]
    return ".".join(names)

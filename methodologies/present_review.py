"""What the pages of the review show, in the page's language."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carbon_portal.kernel import clock
from carbon_portal.kernel.language import region_name
from carbon_portal.kernel.templatetags.portal import local_date, local_datetime

from .constants import FROZEN_STATES, SHOWN_STATES, AnswerVerdict, StageState
from .engine.document import CHAPTERS
from .models import JointRequest, MethodologyVersion, PublicComment, ReviewExpert, Stage
from .present import chapter_label, title
from .selectors.review import Gate, Vote
from .selectors.stages import Step, line_of, status_line

_MARKS = {"done": "done", "under_way": "now", "waiting": "todo"}


def status_steps(version: MethodologyVersion, *, today: dt.date | None = None) -> list[dict[str, Any]]:
    """The eight steps for `methodologies/_status_line.html`; empty for what came with the installation."""
    return [_step(one) for one in status_line(version, today=today)]


def _step(one: Step) -> dict[str, Any]:
    if one.done and one.finished_on:
        span = one.started_on != one.finished_on and one.started_on
        when = f"{local_date(one.started_on)} – {local_date(one.finished_on)}" if span else local_date(one.finished_on)
    elif one.under_way and one.due_on:
        when = _("期限 %(day)s") % {"day": local_date(one.due_on)}
        when += _("（次年放假安排未公布，按周末推算）") if one.estimated else ""
    else:
        when = ""
    text = one.note
    if one.overdue:
        text = _("已超期 %(days)s 个工作日") % {"days": one.overdue}
    return {"title": one.title, "state": _MARKS[one.state], "time": when, "text": text, "overdue": one.overdue}


def overdue_notice(steps: list[Step]) -> str:
    """What the staff page says when a term has run out; empty in time."""
    late = next((one for one in steps if one.overdue), None)
    if late is None:
        return ""
    name = _("受理") if late.code == StageState.IN_REVIEW else late.title
    return _("%(step)s期限已过 %(days)s 天。公开页面同时显示超期。") % {"step": name, "days": late.overdue}


def row(version: MethodologyVersion, *, today: dt.date) -> dict[str, Any]:
    """One line of the review list, with its due day for sorting."""
    walked = sorted(version.stages.all(), key=lambda one: one.pk)
    steps = line_of(version, walked, today)
    here = next((one for one in steps if one.under_way), None)
    pill, kind = (here.title, "info") if here else (_("全省推广"), "ok")
    if walked and walked[-1].state == StageState.RETURNED:
        pill, kind = _("已退回"), "wait"
    if here and here.overdue:
        pill, kind = _("超期 %(days)s 天") % {"days": here.overdue}, "no"
    due = here.due_on if here else None
    return {
        "title": title(version),
        "href": reverse("methodologies:review", args=[version.methodology_id, version.version]),
        "sub": " · ".join(
            part
            for part in (
                str(version),
                region_name(version.methodology.region),
                here.title if here else "",
                _("期限 %(day)s") % {"day": local_date(due)} if due else "",
            )
            if part
        ),
        "pill": pill,
        "pill_kind": kind,
        "due": due or dt.date.max,
    }


def masked(name: str) -> str:
    """A name as public minutes give it: 张×."""
    return f"{name[:1]}×" if name else "×"


def experts(vote: Vote, *, public: bool) -> list[dict[str, Any]]:
    """Each expert with declaration and opinion; in public by surname."""
    return [_expert(one, public) for one in vote.experts]


def _expert(one: ReviewExpert, public: bool) -> dict[str, Any]:
    name = masked(one.name) if public else one.name
    found: dict[str, Any] = {"name": name, "pill": _("未声明"), "kind": "wait", "note": "", "text": "", "signature": ""}
    if not hasattr(one, "declaration"):
        return found
    declared = one.declaration
    found |= {"pill": _("已声明，未提交意见"), "kind": "wait"}
    if hasattr(declared, "opinion"):
        opinion = declared.opinion
        kind = "no" if opinion.verdict == "disagree" else "ok"
        found |= {"pill": opinion.get_verdict_display(), "kind": kind, "text": opinion.text}
        found |= {"signature": opinion.signature, "at": local_datetime(opinion.at)}
    if declared.conflicted:
        found["note"] = _("专家%(name)s%(statement)s，按规则不计入表决。") % {
            "name": name, "statement": declared.statement,
        }  # fmt: skip
        found |= {"pill": _("不计入表决"), "kind": "info"}
    return found


def departments(asked: list[JointRequest], *, due_on: dt.date | None, today: dt.date) -> list[dict[str, Any]]:
    """Each department with its answer, or its silence said as silence."""
    return [_department(one, due_on, today) for one in asked]


def _department(one: JointRequest, due_on: dt.date | None, today: dt.date) -> dict[str, Any]:
    reminded = len(one.reminders.all())
    if hasattr(one, "answer"):
        answer = one.answer
        kinds = {AnswerVerdict.AGREE.value: "ok", AnswerVerdict.COMMENT.value: "info", AnswerVerdict.OBJECT.value: "no"}
        letter = _("来函 %(number)s") % {"number": answer.letter} if answer.letter else ""
        return {
            "pk": one.pk, "name": one.name, "pill": answer.get_verdict_display(), "kind": kinds[answer.verdict],
            "note": " · ".join(part for part in (local_date(clock.local_date(answer.at)), letter) if part),
            "text": answer.text, "answered": True,
        }  # fmt: skip
    over = due_on is not None and today > due_on
    note = _("未答复（已催 %(n)s 次）。") % {"n": reminded}
    if over:
        note += _("记录为“未答复”，不视为同意。")
    return {
        "pk": one.pk, "name": one.name, "pill": _("未答复"), "kind": "no" if over else "wait", "note": note, "text": "",
        "answered": False, "account": one.organisation_id is not None,
    }  # fmt: skip


def comments(
    rows: list[PublicComment], version: MethodologyVersion, kept: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The response table: comment → reply → change. `kept` are the hashes of earlier texts that can be compared."""
    return [
        {
            "pk": one.pk,
            "number": one.number,
            "name": one.name or _("一位参与者"),
            "named": bool(one.name),
            "day": local_date(clock.local_date(one.at)),
            "text": one.text,
            "reply": getattr(one, "reply", None),
            "replied": hasattr(one, "reply"),
            "unchanged": one.content_sha256 == version.sha256,
            "diff": reverse("methodologies:comment-change", args=[version.methodology_id, version.version, one.pk])
            if one.content_sha256 in kept
            else "",
        }
        for one in rows
    ]


def gate_rows(gates: list[Gate]) -> list[dict[str, str]]:
    """Each condition with a tick, or the sentence that says what to do."""
    names = {
        "experts": _("专家表决过半数"),
        "comments": _("公示结束，意见都已答复"),
        "simulation": _("真实记录试算已存档"),
        "best_before": _("参数都在复核日期内"),
        "sample": _("没有示例值，或在演示环境"),
        "official": _("不能核证，或数值都是官方的"),
        "notice": _("生效日期晚于公布 30 天"),
        "approved": _("这份内容已审定"),
    }
    return [
        {
            "title": names[one.code],
            "text": one.refusal.sentence(get_language()) if one.refusal else "",
            "state": "no" if one.refusal else "done",
        }
        for one in gates
    ]


def history(walked: list[Stage]) -> list[dict[str, str]]:
    """Every step it ever entered, with its note."""
    return [
        {"title": stage.get_state_display(), "time": local_datetime(stage.at), "text": stage.note, "state": "done"}
        for stage in walked
    ]


def chapters(version: MethodologyVersion) -> list[dict[str, str]]:
    """The text for people, in the order of the official outline: the stored document has lost its own."""
    texts = version.document["chapters"]
    return [{"title": chapter_label(name), "text": texts[name]} for name in CHAPTERS if name in texts]


def is_shown_state(version: MethodologyVersion) -> bool:
    """Whether everybody may open the version's own page, with its formulas: while it is open for comment and after."""
    return version.state in SHOWN_STATES


def is_public_state(version: MethodologyVersion) -> bool:
    """Whether the version has a page of its own in the catalogue."""
    return version.state in FROZEN_STATES

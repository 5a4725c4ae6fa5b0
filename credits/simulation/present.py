"""A simulation as a page shows it: sentences, figures, charts and the same figures as tables."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from carbon_portal.kernel.language import is_english, region_name
from carbon_portal.kernel.templatetags.portal import count, grams, local_date, local_datetime, points
from credits.models import Simulation
from methodologies.engine.reasons import sentence
from methodologies.models import Draft, DraftEdit, MethodologyVersion
from methodologies.selectors import text_uses_sample

from .present_findings import findings
from .present_top import top
from .words import Report, city, household, input_label, month, per_tonne, place, signed, unit_of

_PILLS = {"queued": "wait", "running": "info", "done": "ok", "failed": "no", "cancelled": ""}


def title(simulation: Simulation) -> str:
    """The document's name."""
    named = simulation.title_en if is_english() and simulation.title_en else simulation.title_zh
    return f"{named} {simulation.version}"


def text_sha256(source: str) -> str:
    """Of a text as it was run, byte for byte: what a draft's save is known by."""
    return hashlib.sha256(source.encode("utf-8")).hexdigest()


def pill(simulation: Simulation) -> dict[str, str]:
    """The state as a coloured word."""
    return {"label": str(simulation.get_state_display()), "kind": _PILLS[simulation.state]}


def why(simulation: Simulation) -> str:
    """Why it failed."""
    return simulation.why_en if is_english() and simulation.why_en else simulation.why


def against(simulation: Simulation) -> str:
    """What it is held against."""
    return simulation.against_label or _("现行方法学")


def rests_on_sample(simulation: Simulation) -> bool:
    """Whether the text that was run, or the version it was held against, has an illustrative figure. Two queries."""
    return text_uses_sample(simulation.source) or text_uses_sample(simulation.against_source)


def sample_words() -> tuple[str, str]:
    """What the page's notice says, `methodologies/_sample.html`: a report that was downloaded says it too."""
    return _("示例数据"), _("这一页的数字用到示例数值，只用于演示和积分试运行，不能用于核证。")


def facts(simulation: Simulation) -> list[dict[str, str]]:
    """What was asked for."""
    days = _("%(first)s 至 %(last)s") % {
        "first": local_date(simulation.first, "iso"),
        "last": local_date(simulation.last, "iso"),
    }
    found = [
        {"label": _("方法学"), "value": f"{simulation.code}@{simulation.version}"},
        {"label": _("比较对象"), "value": against(simulation)},
        {"label": _("地区"), "value": region_name(simulation.region)},
        {"label": _("日期"), "value": days},
        {"label": _("文件指纹"), "value": simulation.sha256[:12]},
        {"label": _("提交时间"), "value": local_datetime(simulation.requested_at)},
    ]
    if simulation.exclude_missing:
        found.append({"label": _("口径"), "value": _("先排除缺少数据的记录")})
    return found


def waiting(simulation: Simulation, ahead: int, usual: int | None) -> str:
    """How long it may take, from what the last ones took."""
    parts = []
    if simulation.state == Simulation.State.QUEUED and ahead:
        parts.append(_("前面还有 %(count)s 个试算。") % {"count": ahead})
    if usual is not None:
        minutes = -(-usual * (ahead + 1) // 60)
        parts.append(_("约 1 分钟以内。") if minutes <= 1 else _("约 %(minutes)s 分钟。") % {"minutes": minutes})
    return "".join(parts) if not is_english() else " ".join(parts)


def draft_label(draft: Draft) -> str:
    """A draft in a list: its title, its code and where it lies."""
    return f"{draft.title or draft.code} · {draft.code} · {draft.get_state_display()}"


def facts_of_text(simulation: Simulation, edit: DraftEdit | None) -> list[dict[str, str]]:
    """Which text was run: its hash, byte for byte, and the draft's save that it is, for who may read the draft."""
    found = [{"label": _("文本 SHA-256"), "value": text_sha256(simulation.source)[:16]}]
    if edit is not None:
        found.append(
            {
                "label": _("草案"),
                "value": _("第 %(number)s 次保存") % {"number": edit.number},
                "href": reverse("methodologies:draft-edit", args=[edit.draft.uuid, edit.number]),
            }
        )
    return found


def version_state(version: MethodologyVersion) -> str:
    """Where a version stands in its life, in a word."""
    names = {
        "draft": _("草案"),
        "submitted": _("已报送"),
        "in_review": _("审查中"),
        "public_comment": _("公示中"),
        "approved": _("已审定"),
        "published": _("已发布"),
        "superseded": _("已被取代"),
        "withdrawn": _("已停用"),
    }
    return names[version.state]


def list_columns() -> list[dict[str, Any]]:
    """Headings of the list."""
    return [
        {"label": _("方法学")}, {"label": _("地区")}, {"label": _("日期")}, {"label": _("比较对象")},
        {"label": _("减碳量变化"), "num": True}, {"label": _("状态")},
    ]  # fmt: skip


def row(simulation: Simulation) -> list[Any]:
    """One row of the list."""
    report = simulation.report if simulation.state == Simulation.State.DONE else None
    state = pill(simulation)
    return [
        {"text": title(simulation), "href": reverse("credits:simulation", args=[simulation.pk])},
        region_name(simulation.region),
        f"{local_date(simulation.first, 'iso')} – {local_date(simulation.last, 'iso')}",
        against(simulation),
        _change(report) if report else "–",
        {"text": state["label"], "pill": state["kind"] or "plain"},
    ]


def _change(report: Report) -> str:
    if not report.get("draft"):
        return "–"
    return signed(report["draft"]["grams"] - report["base"]["grams"])


def is_substantial(report: Report | None) -> bool:
    """Whether there is anything to decide on."""
    return bool(report and report["records"] and not report["few"])


def report(simulation: Simulation) -> dict[str, Any]:
    """Everything that the page of a finished simulation shows."""
    found = simulation.report
    assert found is not None
    if not is_substantial(found):
        return {"report": found, "substantial": False, "left_out": left_out(found)}
    return {
        "report": found,
        "substantial": True,
        "findings": findings(found),
        "sides": sides(found),
        "change_g": signed(found["draft"]["grams"] - found["base"]["grams"]),
        "cities": groups(found["cities"], _("地区"), city),
        "months": groups(found["months"], _("月份"), month),
        "households": groups(found["households"], _("户内人数"), household),
        "people": people(found),
        "tenths": tenths(found),
        "reasons": reasons(found),
        "left_out": left_out(found),
        "splits": splits(found),
        "cliffs": cliffs(found),
        "top": top(found),
    }


def sides(found: Report) -> dict[str, Any]:
    """The two sides beside each other."""
    draft, base = found["draft"], found["base"]
    lines: list[tuple[str, Callable[[Any], str], str]] = [
        (_("减碳量"), grams, "grams"),
        (_("未扣上限和证据比例前"), grams, "computed_g"),
        (_("得到减碳量的参与者"), count, "participants"),
        (_("计入的记录"), count, "records_credited"),
        (_("人均减碳量"), lambda value: "–" if value is None else grams(value), "grams_per_participant"),
        (_("需要的碳币"), points, "points"),
    ]
    rows = [
        [label, show(draft[key]), show(base[key]), _difference(draft[key], base[key], show)]
        for label, show, key in lines
    ]
    rows.append([_("每吨成本（碳币）"), per_tonne(draft), per_tonne(base), "–"])
    return {
        "columns": [
            {"label": _("项目")}, {"label": _("草案"), "num": True}, {"label": _("对照"), "num": True},
            {"label": _("变化"), "num": True},
        ],
        "rows": rows,
    }  # fmt: skip


def _difference(draft: int | None, base: int | None, show: Any) -> str:
    if draft is None or base is None:
        return "–"
    return f"{'+' if draft > base else ''}{show(draft - base)}"


def groups(rows: Sequence[Mapping[str, Any]], heading: str, name: Any) -> dict[str, Any]:
    """Both sides by city, month or household size, as a chart and as a table."""
    per, unit = unit_of(max((max(one["draft_g"], one["base_g"]) for one in rows), default=0))
    return {
        "unit": unit,
        "data": {
            "categories": [name(one, True) for one in rows],
            "series": [
                {"name": _("草案"), "data": [one["draft_g"] // per for one in rows]},
                {"name": _("对照"), "data": [one["base_g"] // per for one in rows]},
            ],
            "unit": unit,
            "stack": False,
        },
        "columns": [
            {"label": heading}, {"label": _("参与者"), "num": True}, {"label": _("记录"), "num": True},
            {"label": _("草案"), "num": True}, {"label": _("对照"), "num": True}, {"label": _("变化"), "num": True},
        ],
        "rows": [
            [
                name(one, False), count(one["participants"]), count(one["records"]), grams(one["draft_g"]),
                grams(one["base_g"]), signed(one["draft_g"] - one["base_g"]),
            ]
            for one in rows
        ],
    }  # fmt: skip


def people(found: Report) -> list[dict[str, str]]:
    """Gainers and losers."""
    change = found["people"]
    hidden = _("少于 5 人，不显示")

    def line(name: str, sign: str) -> str:
        if change[name] is None:
            return hidden
        amount = f"{sign}{grams(change[f'{name}_g'])}" if change[name] else grams(0)
        return _("%(people)s 人，合计 %(grams)s") % {"people": count(change[name]), "grams": amount}

    same = hidden if change["same"] is None else _("%(people)s 人") % {"people": count(change["same"])}
    return [
        {"label": _("得到更多的人"), "value": line("gainers", "+")},
        {"label": _("得到更少的人"), "value": line("losers", "−")},
        {"label": _("没有变化的人"), "value": same},
    ]


def tenths(found: Report) -> dict[str, Any] | None:
    """How the grams are spread over tenths of the participants, poorest first."""
    draft, base = found["distribution"]["draft"], found["distribution"]["base"]
    if draft is None or base is None:
        return None
    names = [_("第 %(n)s 个十分位") % {"n": n} for n in range(1, 11)]
    per, unit = unit_of(max(*draft["tenths_g"], *base["tenths_g"]))
    return {
        "unit": unit,
        "data": {
            "categories": [str(n) for n in range(1, 11)],
            "series": [
                {"name": _("草案"), "data": [value // per for value in draft["tenths_g"]]},
                {"name": _("对照"), "data": [value // per for value in base["tenths_g"]]},
            ],
            "unit": unit,
            "stack": False,
        },
        "columns": [
            {"label": _("参与者从少到多")}, {"label": _("草案"), "num": True}, {"label": _("对照"), "num": True},
        ],
        "rows": [
            [name, grams(one), grams(other)]
            for name, one, other in zip(names, draft["tenths_g"], base["tenths_g"], strict=True)
        ],
        "top": _(
            "减碳量最多的 1%%（%(people)s 人）得到：草案 %(draft)s%%，对照 %(base)s%%。一半的人不超过 %(median)s。"
        )
        % {
            "people": count(draft["top_people"]),
            "draft": draft["top_share"] or "0",
            "base": base["top_share"] or "0",
            "median": grams(draft["median_g"]),
        },
    }  # fmt: skip


def reasons(found: Report) -> dict[str, Any]:
    """Records by what became of them, on both sides."""
    draft, base = found["draft"]["reasons"], found["base"]["reasons"]
    codes = sorted({*draft, *base}, key=lambda code: (-max(draft.get(code, 0), base.get(code, 0)), code))
    language = "en" if is_english() else "zh"
    return {
        "columns": [
            {"label": _("结果")}, {"label": _("草案"), "num": True}, {"label": _("对照"), "num": True},
        ],
        "rows": [
            [sentence(code, language), count(draft.get(code, 0)), count(base.get(code, 0))] for code in codes
        ],
    }  # fmt: skip


def _left_out_names() -> dict[str, str]:
    return {
        "received": _("尚未核算"),
        "checking": _("核算中"),
        "under_review": _("人工复核中"),
        "duplicate": _("重复记录"),
        "reversed": _("已撤销"),
        "other": _("因方法学以外的原因未通过"),
        "missing_input": _("缺少草案要求的数据，按您的选择排除"),
        "narrower_rule": _("适用更小地区的方法学，两边都不参加"),
        "other_area": _("不在草案的适用地区"),
    }


def left_out(found: Report) -> list[dict[str, str]]:
    """Records that took no part, by why."""
    names = _left_out_names()
    return [{"label": names[name], "value": count(number)} for name, number in found["left_out"].items()]


def splits(found: Report) -> dict[str, Any]:
    """The splitting test as a table."""
    return {
        "columns": [
            {"label": _("输入项")}, {"label": _("试过的记录"), "num": True}, {"label": _("一次上报"), "num": True},
            {"label": _("拆成两次"), "num": True},
        ],
        "rows": [
            [input_label(found, one), count(one["deeds"]), grams(one["once_g"]), grams(one["twice_g"])]
            for one in found["gaming"]["splitting"]
        ],
    }  # fmt: skip


def cliffs(found: Report) -> dict[str, Any]:
    """The thresholds as a table."""
    kinds = {"jump": _("公式中的跳变"), "min": _("下限"), "max": _("上限")}
    few = _("少于 5")
    return {
        "columns": [
            {"label": _("输入项")}, {"label": pgettext("threshold", "位置")}, {"label": _("种类")},
            {"label": _("变化"), "num": True}, {"label": _("有利一侧的记录"), "num": True},
            {"label": _("另一侧的记录"), "num": True}, {"label": _("挪过去可多得"), "num": True},
        ],
        "rows": [
            [
                input_label(found, one), place(one), kinds[one["kind"]],
                signed(one["jump_g"]) if one["jump_g"] is not None else "–",
                few if one["inside"] is None else count(one["inside"]),
                few if one["outside"] is None else count(one["outside"]),
                grams(one["nudge_g"]) if one["nudge_g"] is not None else "–",
            ]
            for one in found["gaming"]["cliffs"]
        ],
    }  # fmt: skip

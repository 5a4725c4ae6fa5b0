"""A simulation as a page shows it: sentences, figures, charts and the same figures as tables."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from carbon_portal.kernel.language import is_english, pick, region_name
from carbon_portal.kernel.templatetags.portal import count, grams, local_date, local_datetime, local_month, points
from credits.models import Simulation
from credits.present import activity_title, evidence_label
from credits.selectors.simulations import Candidate
from methodologies.engine.reasons import sentence
from methodologies.models import Draft, DraftEdit, MethodologyVersion

from .figures import OTHERS, UNKNOWN, share

Report = Mapping[str, Any]
#: Where on the page the features of the few stand who get a large share.
TOP = "top-group"
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


def signed(value_g: int) -> str:
    """A change in grams with its sign."""
    return f"{'+' if value_g > 0 else ''}{grams(value_g)}"


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
        "cities": groups(found["cities"], _("地区"), _city),
        "months": groups(found["months"], _("月份"), _month),
        "households": groups(found["households"], _("户内人数"), _household),
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


def per_tonne(side: Mapping[str, Any]) -> str:
    """Points for a tonne, rounded down."""
    if not side["grams"] or side["points"] is None:
        return "–"
    return points(side["points"] * 1_000_000 // side["grams"])


def _unit(largest_g: int) -> tuple[int, str]:
    if largest_g >= 10_000_000_000:
        return 1_000_000, _("吨")
    return (1_000, _("千克")) if largest_g >= 10_000 else (1, _("克"))


def groups(rows: Sequence[Mapping[str, Any]], heading: str, name: Any) -> dict[str, Any]:
    """Both sides by city, month or household size, as a chart and as a table."""
    per, unit = _unit(max((max(one["draft_g"], one["base_g"]) for one in rows), default=0))
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


def _city(one: Mapping[str, Any], short: bool) -> str:
    if one["key"] == OTHERS:
        return _("其他 %(count)s 个地区") % {"count": one["groups"]}
    return region_name(one["key"], short=short)


def _month(one: Mapping[str, Any], short: bool) -> str:
    if one["key"] == OTHERS:
        return _("其他 %(count)s 个月") % {"count": one["groups"]}
    return str(one["key"]) if short else local_month(f"{one['key']}-01")


def _household(one: Mapping[str, Any], short: bool) -> str:
    if one["key"] == OTHERS:
        return _("其他人数")
    if one["key"] == UNKNOWN:
        return _("不知道")
    return _("%(count)s 人") % {"count": one["key"]}


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
    per, unit = _unit(max(*draft["tenths_g"], *base["tenths_g"]))
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


def findings(found: Report) -> list[dict[str, str]]:
    """What stands out, in sentences, each with what to do; the worst first."""
    gaming = found["gaming"]
    return [
        *_missing(found),
        *_concentration(found),
        *_own_average(gaming),
        *(_split_sentence(one, found) for one in gaming["splitting"]),
        *(told for one in gaming["cliffs"] if (told := _cliff_sentence(one, found))),
        *_booked(found),
    ]


def _missing(found: Report) -> list[dict[str, str]]:
    return [
        _finding(
            "wait",
            _("%(share)s%% 的记录没有“%(label)s”，按草案将因缺少数据不予计算；也可先排除再试算。")
            % {"share": one["share"], "label": pick(one["label"]) or one["input"]},
        )
        for one in found["missing"]
    ]


def _concentration(found: Report) -> list[dict[str, str]]:
    gaming = found["gaming"]
    one = gaming["concentration"]
    if one is None:
        return []
    numbers = {"people": one["people_share"], "grams": one["grams_share"]}
    own = gaming["own_average"]
    if own is not None and _tenths(one["own_share"]) >= 500:
        numbers["days"] = own["window_days"]
        text = _("%(people)s%% 的用户得到 %(grams)s%% 的减碳量，多为“自身 %(days)s 日均值”基准。建议加上限。")
    else:
        text = _("%(people)s%% 的用户得到 %(grams)s%% 的减碳量。请看是否需要降低上限。")
    told = _finding("wait", text % numbers)
    return [told | {"href": f"#{TOP}", "link": _("看名单特征")} if found.get("top") else told]


def _own_average(gaming: Mapping[str, Any]) -> list[dict[str, str]]:
    own = gaming["own_average"]
    if own is None or _tenths(own["share"]) < 10:
        return []
    text = _(
        "%(share)s%% 的减碳量（增加部分的 %(gain)s%%）以自己前 %(days)s 日的记录为基准：先多用、后少用就能得到减碳量。"
    ) % {"share": own["share"], "gain": own["share_of_gain"] or "0", "days": own["window_days"]}
    more = _("已有减碳量上限。") if own["limited"] else _("建议加上减碳量上限，或改用固定基准。")
    return [_finding("info" if own["limited"] else "wait", f"{text}{'' if not is_english() else ' '}{more}")]


def _split_sentence(one: Mapping[str, Any], found: Report) -> dict[str, str]:
    text = _("把一次行为按“%(input)s”拆成两条上报，减碳量多 %(share)s%%。") % {
        "input": _input(found, one),
        "share": one["more_share"] or "100",
    }
    more = _("每期条数上限能部分限制。") if one["limited"] else _("建议去掉每条的固定部分，或限制每日条数。")
    return _finding("info" if one["limited"] else "wait", f"{text}{'' if not is_english() else ' '}{more}")


def _cliff_sentence(one: Mapping[str, Any], found: Report) -> dict[str, str] | None:
    names = {"input": _input(found, one), "at": _place(one)}
    if one["kind"] == "jump":
        text = _("“%(input)s”到 %(at)s 时减碳量一下子变化 %(jump)s，差一点就差很多。建议改为逐步变化。") % {
            **names,
            "jump": signed(one["jump_g"]),
        }
        if one["bunched"]:
            text += ("" if not is_english() else " ") + _(
                "记录集中在有利的一侧（%(inside)s 条），可能是为过线而报。"
            ) % {"inside": count(one["inside"])}
        return _finding("wait", text)
    if not one["bunched"]:
        return None
    edge = _("下限") if one["kind"] == "min" else _("上限")
    text = _("“%(input)s”的记录集中在%(edge)s %(at)s 附近（%(inside)s 条，相邻区间 %(outside)s 条）。请核查数据来源。")
    outside = count(one["outside"]) if one["outside"] is not None else _("少于 5")
    return _finding("info", text % {**names, "edge": edge, "inside": count(one["inside"]), "outside": outside})


def _booked(found: Report) -> list[dict[str, str]]:
    booked = found["booked_g"]
    if booked is None or booked == found["base"]["grams"]:
        return []
    text = _("按现行方法学重算与账面相差 %(grams)s：撤销过的记录当时占用的上限、后来的更正不重演。")
    return [_finding("info", text % {"grams": signed(found["base"]["grams"] - booked)})]


def _input(found: Report, one: Mapping[str, Any]) -> str:
    """An input by the document's own label."""
    return pick(found["labels"].get(one["input"])) or str(one["input"])


def _place(one: Mapping[str, Any]) -> str:
    """A value of an input with its unit."""
    return str(one["at"]) if one["unit"] == "1" else f"{one['at']} {one['unit']}"


def _finding(kind: str, text: str) -> dict[str, str]:
    return {"kind": kind, "text": text}


def _tenths(text: str | None) -> int:
    """A share in tenths of a per cent."""
    return int((text or "0.0").replace(".", ""))


def splits(found: Report) -> dict[str, Any]:
    """The splitting test as a table."""
    return {
        "columns": [
            {"label": _("输入项")}, {"label": _("试过的记录"), "num": True}, {"label": _("一次上报"), "num": True},
            {"label": _("拆成两次"), "num": True},
        ],
        "rows": [
            [_input(found, one), count(one["deeds"]), grams(one["once_g"]), grams(one["twice_g"])]
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
                _input(found, one), _place(one), kinds[one["kind"]],
                signed(one["jump_g"]) if one["jump_g"] is not None else "–",
                few if one["inside"] is None else count(one["inside"]),
                few if one["outside"] is None else count(one["outside"]),
                grams(one["nudge_g"]) if one["nudge_g"] is not None else "–",
            ]
            for one in found["gaming"]["cliffs"]
        ],
    }  # fmt: skip


# -- the few who get a large share -------------------------------------------------------------------------------------


def top(found: Report) -> dict[str, Any] | None:
    """What they have in common; None where nobody stands out, and for reports made before this was kept."""
    one = found.get("top")
    if not one:
        return None
    mine, every = _("这部分人"), _("全部参与者")
    means = [
        [_("每人记录数"), *one["records_per_person"]],
        [_("每条平均减碳量"), *("–" if value is None else grams(value) for value in one["grams_per_record"])],
        [_("被上限截住的记录"), *map(_percent, one["cut_off_share"])],
    ]
    if one["own"]:
        days = _("以自身 %(days)s 日均值为基准的减碳量") % {"days": one["own"]["window_days"]}
        means.append([days, *map(_percent, one["own"]["share"])])
    people_columns = [{"label": mine, "num": True}, {"label": _("占比"), "num": True}]
    return {
        "id": TOP,
        "text": _("%(people)s 人（%(share)s%%）得到 %(grams)s（%(part)s%%）。只列合计，不列个人。")
        % {
            "people": count(one["people"]), "share": one["people_share"], "grams": grams(one["grams"]),
            "part": one["grams_share"],
        },
        "means": {
            "title": _("与全部参与者相比"),
            "columns": [{"label": _("项目")}, {"label": mine, "num": True}, {"label": every, "num": True}],
            "rows": means,
        },
        "people": [
            {"title": title, "columns": [{"label": title}, *people_columns], "rows": _people_rows(one, rows, name)}
            for title, rows, name in ((_("地区"), one["cities"], _city), (_("参与者类型"), one["kinds"], _kind))
        ],
        "records": [
            {
                "title": title,
                "columns": [{"label": title}, {"label": mine, "num": True}, {"label": every, "num": True}],
                "rows": [[name(row), _percent(row["share"]), _percent(row["all_share"])] for row in rows],
            }
            for title, rows, name in _top_records(found, one)
            if rows
        ],
    }  # fmt: skip


def _top_records(found: Report, one: Report) -> list[tuple[str, Sequence[Report], Callable[[Report], str]]]:
    """Tables of shares of records: by evidence, then by each choice of the document."""

    def option(name: str) -> Callable[[Report], str]:
        texts = found["options"][name]
        return lambda row: _("其他") if row["key"] == OTHERS else pick(texts.get(row["key"])) or row["key"]

    return [
        (_("证据等级"), one["evidence"], lambda row: _("其他") if row["key"] == OTHERS else evidence_label(row["key"])),
        *((_input(found, choice), choice["rows"], option(choice["input"])) for choice in one["choices"]),
    ]


def _people_rows(one: Report, rows: Sequence[Report], name: Any) -> list[list[str]]:
    return [[name(row, False), count(row["people"]), _percent(share(row["people"], one["people"]))] for row in rows]


def _kind(row: Report, _short: bool) -> str:
    if row["key"] in (OTHERS, UNKNOWN):
        return _("其他")
    return {"resident": _("居民"), "household": _("家庭"), "sme": _("小微企业"), "group": _("社会团体")}[row["key"]]


def _percent(text: str | None) -> str:
    return "–" if text is None else f"{text}%"


# -- ranking -----------------------------------------------------------------------------------------------------------

Pair = tuple[Candidate, Simulation | None]


def ranking_columns() -> list[dict[str, Any]]:
    """Headings of a city's ranking."""
    return [
        {"label": _("方法学")}, {"label": _("行为")}, {"label": _("状态")}, {"label": _("减碳量"), "num": True},
        {"label": _("覆盖人数"), "num": True}, {"label": _("每吨成本（碳币）"), "num": True}, {"label": _("试算")},
    ]  # fmt: skip


def ranking_rows(pairs: Sequence[Pair]) -> list[list[Any]]:
    """Each method with its figures, or with where they stand."""
    rows = []
    for one, simulation in pairs:
        side = (simulation.report or {}).get("draft") if simulation else None
        if simulation is None:
            link: Any = _("还没有试算")
        else:
            link = {"text": pill(simulation)["label"], "href": reverse("credits:simulation", args=[simulation.pk])}
        rows.append(
            [
                _candidate(one), activity_title(one.activity),
                version_state(one.version) if one.version else str(one.draft.get_state_display()) if one.draft else "",
                grams(side["grams"]) if side else "–", count(side["participants"]) if side else "–",
                per_tonne(side) if side else "–", link,
            ]
        )  # fmt: skip
    return rows


def _named(one: Candidate) -> str:
    return one.title_en if is_english() and one.title_en else one.title_zh


def _candidate(one: Candidate) -> Any:
    """A version by its title; a draft with the way to its text."""
    text = f"{_named(one)} {one.label.rpartition('@')[2]}"
    cell = {"text": text, "mark": _("示例数据") if one.has_sample else ""}
    return cell if one.draft is None else {**cell, "href": reverse("methodologies:draft", args=[one.draft.uuid])}


def ranking_chart(pairs: Sequence[Pair]) -> dict[str, Any] | None:
    """The methods with most grams."""
    found = []
    for one, simulation in pairs:
        side = (simulation.report or {}).get("draft") if simulation else None
        if side and side["grams"]:
            found.append((f"{_named(one)} · {_('示例数据')}" if one.has_sample else _named(one), side["grams"]))
    if not found:
        return None
    per, unit = _unit(max(value for _name, value in found))
    return {"items": [{"name": name, "value": value // per} for name, value in found[:8]], "unit": unit}

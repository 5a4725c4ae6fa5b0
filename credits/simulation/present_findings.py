"""What stands out in a report, in sentences with what to do."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from carbon_portal.kernel.language import is_english, pick
from carbon_portal.kernel.templatetags.portal import count

from .words import TOP, Report, input_label, place, signed


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
        "input": input_label(found, one),
        "share": one["more_share"] or "100",
    }
    more = _("每期条数上限能部分限制。") if one["limited"] else _("建议去掉每条的固定部分，或限制每日条数。")
    return _finding("info" if one["limited"] else "wait", f"{text}{'' if not is_english() else ' '}{more}")


def _cliff_sentence(one: Mapping[str, Any], found: Report) -> dict[str, str] | None:
    names = {"input": input_label(found, one), "at": place(one)}
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


def _finding(kind: str, text: str) -> dict[str, str]:
    return {"kind": kind, "text": text}


def _tenths(text: str | None) -> int:
    """A share in tenths of a per cent."""
    return int((text or "0.0").replace(".", ""))

"""What the pages of this app show, in the page's language: labels, rows, the trace as plain sentences."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Participant
from behaviors import activities
from behaviors import selectors as behaviors
from behaviors.constants import RecordState
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from carbon_portal.kernel.clock import LOCAL_ZONE
from carbon_portal.kernel.language import pick, region_name
from carbon_portal.kernel.templatetags.portal import grams, local_date, local_datetime, points
from carbon_portal.kernel.units import unit_text
from methodologies.engine import sentence

from .constants import REVERSED
from .models import Reduction
from .selectors import Estimate, Result

_PILLS = {
    "received": "wait",
    "checking": "wait",
    "provisional": "info",
    "final": "ok",
    "rejected": "no",
    "duplicate": "no",
    "under_review": "wait",
    "reversed": "no",
}
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_ENDED = frozenset({"rejected", "duplicate", "reversed"})


def activity_title(code: str) -> str:
    """The name of an activity; its code where the list no longer has it."""
    found = activities.find(code)
    return found.title.in_language(get_language()) if found else code


def state_label(state: str) -> str:
    """The name of a state in the page's language."""
    return {
        "received": _("已收到"),
        "checking": _("核对中"),
        "provisional": _("暂算"),
        "final": _("终算"),
        "rejected": _("未通过"),
        "duplicate": _("重复"),
        "under_review": _("人工复核"),
        "reversed": _("已撤销"),
    }[state]


def pill(record: BehaviorRecord) -> dict[str, str]:
    """The state as a pill."""
    return {"label": state_label(record.state), "kind": _PILLS[record.state]}


def query(request: HttpRequest, **changes: Any) -> str:
    """The present query string with keys set, or dropped with None."""
    params = request.GET.copy()
    for key, value in changes.items():
        if value is None or value == "":
            params.pop(key, None)
        else:
            params[key] = str(value)
    return params.urlencode()


# -- the list ----------------------------------------------------------------------------------------------------------


def record_row(record: BehaviorRecord, result: Result | None) -> dict[str, Any]:
    """One row: title and day, grams once there are any, the state in words."""
    found = activities.find(record.activity)
    shown = pill(record)
    counted = result is not None and record.state not in _ENDED
    earned = ""
    if counted and result and result.points:
        earned = _(" · +%(points)s 碳币") % {"points": points(result.points)}
    return {
        "title": activity_title(record.activity),
        "icon": found.icon if found else "leaf",
        "href": reverse("credits:record-detail", args=[record.pk]),
        "sub": f"{_day(record.occurred_on)} · {region_name(record.region, short=True)}{earned}",
        "amount": grams(result.reduction_g) if counted and result else "",
        "pill": shown["label"],
        "pill_kind": shown["kind"],
        "mark": _("示例数据") if counted and result and result.sample else "",
    }


def _day(day: dt.date) -> str:
    """A day of this year without its year."""
    return local_date(day, "short" if day.year == clock.today().year else "long")


def state_filter(request: HttpRequest, chosen: str) -> list[dict[str, Any]]:
    """The switch above the list."""
    path = reverse("credits:record-list")
    options = [("", _("全部")), ("final", _("终算")), ("provisional", _("暂算")), ("rejected", _("未通过"))]
    return [
        {"label": label, "href": f"{path}?{query(request, state=state, page=None)}", "active": state == chosen}
        for state, label in options
    ]


def owners(
    request: HttpRequest, own: Sequence[Participant], chosen: Participant | None, *, all_of_them: bool = True
) -> list[dict[str, Any]]:
    """The switch between one's own account, the family's and the firm's; empty for a single account."""
    if len(own) < 2:
        return []
    options: list[dict[str, Any]] = []
    if all_of_them:
        options.append(
            {"label": _("全部账户"), "href": f"?{query(request, account=None, page=None)}", "active": not chosen}
        )
    names = {"resident": _("本人"), "household": _("家庭"), "sme": _("企业"), "group": _("团体")}
    for one in own:
        href = f"?{query(request, account=one.pk, page=None, cursor=None, year=None)}"
        options.append({"label": names[one.kind], "href": href, "active": one == chosen})
    return options


# -- one record --------------------------------------------------------------------------------------------------------


def timeline(record: BehaviorRecord) -> list[dict[str, Any]]:
    """received → checking → provisional → final with their times, or where it ended."""
    steps: list[dict[str, Any]] = []
    for step in behaviors.timeline(record):
        ended = step.state in _ENDED
        waiting = step.state == RecordState.UNDER_REVIEW
        state = "no" if ended else "done" if step.at is not None and not waiting else "todo"
        shown = local_datetime(step.at) if step.at else ""
        steps.append({"title": state_label(step.state), "state": state, "time": shown, "text": ""})
    ahead = [line for line in steps if line["state"] == "todo"]
    if ahead:
        ahead[0]["state"] = "now"
    return steps


def arrival(record: BehaviorRecord) -> str:
    """When the record will be final, while it is not."""
    if record.state in ("received", "checking"):
        if record.window_ends_at > record.received_at:
            return _("通常 1 分钟内出暂算结果；%(when)s 后转为终算并发放碳币，无需领取。") % {
                "when": local_datetime(record.window_ends_at)
            }
        return _("通常 1 分钟内出结果，碳币随后到账，无需领取。")
    if record.state == "provisional":
        return _("更正期到 %(when)s 结束，之后转为终算并发放碳币，无需领取。") % {
            "when": local_datetime(record.window_ends_at)
        }
    if record.state == "under_review":
        return _("已转人工复核，3 个工作日内答复。余额不受影响。")
    return ""


def facts(record: BehaviorRecord) -> list[dict[str, str]]:
    """What was reported."""
    rows = [
        {"label": _("发生日期"), "value": local_date(record.occurred_on)},
        {"label": _("地区"), "value": region_name(record.region, short=True)},
    ]
    if record.started_at and record.ended_at:
        span = (moment.astimezone(LOCAL_ZONE).strftime("%H:%M") for moment in (record.started_at, record.ended_at))
        rows.append({"label": _("时间"), "value": "–".join(span)})
    if record.meter:
        rows.append({"label": _("户号"), "value": record.meter})
    if record.period_start and record.period_end:
        rows.append(
            {"label": _("账期"), "value": f"{local_date(record.period_start)} – {local_date(record.period_end)}"}
        )
    if record.item_serial:
        rows.append({"label": _("编号"), "value": record.item_serial})
    rows.append({"label": _("证据"), "value": evidence_label(record.evidence)})
    if record.provider is not None:
        rows.append({"label": _("来源"), "value": record.provider.name})
    rows.append({"label": _("记录号"), "value": str(record.pk)})
    if record.note:
        rows.append({"label": _("备注"), "value": record.note})
    return rows


def evidence_label(grade: str) -> str:
    """The name of an evidence grade."""
    return {"feed": _("数据直连"), "proof": _("已核凭证"), "self_declared": _("自行申报")}[grade]


def why(record: BehaviorRecord, reduction: Reduction | None) -> str:
    """One sentence: why nothing, why less, or that it counts in full; empty while it is being worked on."""
    if record.state in _ENDED or record.state == "under_review":
        if record.reason == "calculation_failed":
            return _("这条记录在计算时出错，已转人工处理；余额不受影响。")
        return behaviors.why_here(record)
    if reduction is None:
        return ""
    if reduction.reason == REVERSED:
        return _("这条记录已撤销，减碳量和碳币已收回。")
    return sentence(reduction.reason, get_language() or "zh")


# -- how it was made ---------------------------------------------------------------------------------------------------

_CONFIDENCE_KIND = {
    "official": "ok",
    "register": "info",
    "press": "info",
    "derived": "info",
    "memory": "wait",
    "sample": "wait",
}


def confidence_label(confidence: str) -> str:
    """How we know a value, said plainly."""
    return {
        "official": _("官方文件"),
        "press": _("据报道"),
        "register": _("公开登记"),
        "derived": _("推算值"),
        "memory": _("待核对"),
        "sample": _("示例值"),
    }[confidence]


def confidence_pill(confidence: str) -> dict[str, str]:
    """The confidence as a pill: what is a sample or unchecked stands out."""
    return {"label": confidence_label(confidence), "kind": _CONFIDENCE_KIND[confidence]}


def trace(data: dict[str, Any]) -> dict[str, Any]:
    """The trace with labels: inputs, steps in words, parameters, limits, evidence."""
    labels = {line["name"]: pick(line["label"]) for line in data["inputs"]}
    return data | {
        "title_here": pick(data["title"]),
        "inputs_here": [_input(line) for line in data["inputs"]],
        "steps_here": [_step(step, labels) for step in data["steps"]],
        "parameters_here": [_parameter(name, value) for name, value in data["parameters"].items()],
        "history_here": [_history(name, value) for name, value in data["history"].items()],
        "limits_here": [_limit(line, labels, data) for line in data["limits"]],
        "share_percent": percent(data["evidence"]["share"]),
        "evidence_here": evidence_label(data["evidence"]["grade"]),
        "rounding": rounding(data["round"]),
        "sample": data["sample"],
        "samples": any(value.get("confidence") in ("sample", "memory") for value in data["parameters"].values()),
        "version_url": reverse(
            "methodologies:version", args=[data["methodology"]["code"], data["methodology"]["version"]]
        ),
        "revised": len(data["revisions"]) > 1,
        "earlier": data["revision"] < max(row["revision"] for row in data["revisions"] if row["reason"] != REVERSED),
        "revisions_here": [_revision(row, data["revision"]) for row in data["revisions"]],
    }


def _revision(row: dict[str, Any], shown: int) -> dict[str, Any]:
    """One of the results that a record ever had, and the page that shows how it was made."""
    if row["reason"] == REVERSED:
        what = _("记录已撤销")
    elif row["recomputed"]:
        what = _("方法学修订后的重算，第 %(version)s 版") % {"version": row["version"]}
    else:
        what = _("第 %(version)s 版") % {"version": row["version"]}
    own = row["revision"] != shown and row["reason"] != REVERSED
    href = f"?revision={row['revision']}" if own else ""
    return {**row, "what": what, "at": dt.datetime.fromisoformat(row["at"]), "href": href}


def unit(code: str | None) -> str:
    """A unit in words of the page's language; a pure number has none."""
    return unit_text(code, get_language()) if code else ""


def percent(share: str) -> str:
    """A share such as 0.5 as 50%, exactly."""
    whole, _point, places = share.partition(".")
    digits = (whole + places.ljust(2, "0")[:2]).lstrip("0") or "0"
    rest = places[2:].rstrip("0")
    return f"{digits}.{rest}%" if rest else f"{digits}%"


def rounding(rule: str) -> str:
    """How the result becomes whole grams."""
    return {
        "floor": _("向下取整到克"),
        "ceil": _("向上取整到克"),
        "half_up": _("四舍五入到克"),
        "half_even": _("四舍六入五成双到克"),
    }[rule]


def _step(step: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """A step as people write it: what they filled in by its label, × and ÷ for the signs."""
    formula = _NAME.sub(lambda match: labels.get(match[0], match[0]), step["formula"])
    return {
        **step,
        "unit": unit(step["unit"]),
        "formula": _signs(formula),
        "numbers": _signs(step["formula_with_numbers"]),
    }


def _signs(formula: str) -> str:
    return formula.replace("*", "×").replace("/", "÷").replace("-", "−")


def _input(line: dict[str, Any]) -> dict[str, Any]:
    given = pick(line["option"]) if line.get("option") else line["given"]
    return {
        "label": pick(line["label"]),
        "given": given if given is not None else "—",
        "used": line["used"],
        "unit": unit(line["unit"]),
        "limited": line["limited"],
    }


def _parameter(name: str, value: dict[str, Any]) -> dict[str, Any]:
    if "value" not in value:
        return {"name": name, "missing": True}
    return {
        "name": name,
        "value": value["value"],
        "unit": unit(value["unit"]),
        "start": local_date(dt.date.fromisoformat(value["start"])),
        "source": value["source"],
        "confidence": confidence_pill(value["confidence"]),
        "factor": value.get("factor"),
        "data_year": value.get("data_year"),
    }


def _history(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "value": value["value"], "unit": unit(value["unit"]), "count": value["count"]}


def _limit(line: dict[str, Any], labels: dict[str, str], data: dict[str, Any]) -> dict[str, str]:
    measure = {"records": _("次数"), "reduction": _("减碳量")}.get(line["measure"]) or labels[line["measure"]]
    period = {"day": _("每天"), "week": _("每周"), "month": _("每月"), "year": _("每年")}[line["per"]]
    units = {one["name"]: unit(one["unit"]) for one in data["inputs"]}
    shown = {"records": _("次"), "reduction": _("克")}.get(line["measure"]) or units[line["measure"]]
    left = line["left_before"]
    if "." in left:
        left = left.rstrip("0").rstrip(".")
    return {
        "label": f"{measure}{_('，')}{period}",
        "max": f"{line['max']} {shown}",
        "left": f"{left} {shown}",
    }


# -- estimate and years of points --------------------------------------------------------------------------------------


def estimate(found: Estimate) -> dict[str, Any]:
    """The context of the estimate's line."""
    if found.refused or found.reduction_g == 0:
        return {"text": found.sentence(get_language())}
    if found.final_in_hours:
        when = _("%(hours)s 小时更正期后到账。") % {"hours": found.final_in_hours}
    else:
        when = _("提交后约 1 分钟到账。")
    text = when if found.reason == "" else f"{found.sentence(get_language())}{when}"
    return {"reduction_g": found.reduction_g, "award_points": found.points, "text": text}


def year_filter(request: HttpRequest, years: Iterable[int], chosen: int | None) -> list[dict[str, Any]]:
    """The switch between the years of points."""
    found = list(years)
    if len(found) < 2:
        return []
    options = [{"label": _("全部"), "href": f"?{query(request, year=None, cursor=None)}", "active": chosen is None}]
    for year in found:
        label = _("%(year)s 年") % {"year": year}
        options.append({"label": label, "href": f"?{query(request, year=year, cursor=None)}", "active": year == chosen})
    return options

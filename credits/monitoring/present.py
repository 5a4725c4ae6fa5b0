"""Versions that run, in words: “新版本首周拒绝率 18%（旧版 3%）。主要原因：缺里程。”"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from carbon_portal.kernel.language import is_english, pick, region_name
from carbon_portal.kernel.templatetags.portal import count, grams, list_comma, local_date
from credits.present import activity_title
from credits.selectors import monitoring as selectors
from credits.selectors.monitoring import FEWEST, Running, Seen, Span, Tally
from credits.simulation.figures import share
from methodologies.engine.reasons import sentence
from methodologies.models import MethodologyVersion

#: As many reasons as a sentence bears.
MAIN_REASONS = 2


def title(version: MethodologyVersion) -> str:
    """The version's title in the page's language, with its name."""
    named = version.title_en if is_english() and version.title_en else version.title_zh
    return f"{named} {version.version}"


def rate(tally: Tally) -> str:
    """The refused share with one place, none behind a whole per cent; a dash where there are too few records."""
    if tally.is_small:
        return "–"
    return f"{(share(tally.refused, tally.records) or '0').removesuffix('.0')}%"


def reason_words(code: str) -> str:
    """A refusal in a few words."""
    return {
        "missing_input": _("缺数据"),
        "not_a_number": _("数字写法不对"),
        "unknown_option": _("选项不对"),
        "too_many_places": _("小数位数过多"),
        "below_min": _("低于最小值"),
        "above_max": _("高于最大值"),
        "not_in_force": _("不在适用的日期或地区"),
        "no_parameter_at_date": _("那天还没有参数"),
        "no_parameter_for_region": _("当地没有参数"),
        "not_enough_history": _("历史记录不足"),
        "division_by_zero": _("除以零"),
        "out_of_range": _("结果超出范围"),
        "participant_not_eligible": _("不适用于这类参与者"),
    }[code]


def main_reasons(tally: Tally, gaps: Sequence[tuple[Mapping[str, str], int]]) -> list[str]:
    """The most frequent reasons in words; a missing value by the name of what is missing."""
    return [
        _("缺%(input)s") % {"input": pick(gaps[0][0])} if code == "missing_input" and gaps else reason_words(code)
        for code in list(tally.reasons)[:MAIN_REASONS]
    ]


def told(one: Running) -> str:
    """What the figures say, in a sentence."""
    if one.week.is_small and one.worst.is_small:
        return _("首周不到 %(count)s 条记录，不计算拒绝率。") % {"count": FEWEST}
    names = {"new": rate(one.worst), "old": rate(one.before) if one.before is not None else ""}
    begin = _("新版本首周拒绝率 %(new)s") if one.worst is one.week else _("新版本至今拒绝率 %(new)s")
    if one.before is None:
        begin += _("（此前没有版本）。")
    elif one.before.is_small:
        begin += _("（旧版记录太少，不比较）。")
    else:
        begin += _("（旧版 %(old)s）。")
    text = begin % names
    if not one.worst.refused:
        return text
    span = one.week_span if one.worst is one.week else one.so_far_span
    gaps = selectors.gaps(span) if "missing_input" in list(one.worst.reasons)[:MAIN_REASONS] else []
    more = _("主要原因：%(reasons)s。") % {"reasons": list_comma(main_reasons(one.worst, gaps))}
    return f"{text}{' ' if is_english() else ''}{more}"


def card(one: Running) -> dict[str, Any]:
    """A version as the page shows it."""
    lines = [(_("首周"), one.week_span, one.week), (_("至今"), one.so_far_span, one.so_far)]
    if one.before_span is not None and one.before is not None:
        lines.append(
            (_("旧版 %(version)s") % {"version": one.before_span.version.version}, one.before_span, one.before)
        )
    return {
        "id": f"v{one.version.pk}",
        "title": title(one.version),
        "about": f"{activity_title(one.version.methodology.activity)} · {one.version} · "
        + _("%(day)s 起生效") % {"day": local_date(one.version.effective_from)},
        "href": reverse("methodologies:version", args=[one.version.methodology_id, one.version.version]),
        "told": told(one),
        "jumps": one.jumps,
        "columns": [
            {"label": _("时段")}, {"label": _("日期")}, {"label": _("记录"), "num": True},
            {"label": _("拒绝"), "num": True}, {"label": _("拒绝率"), "num": True},
        ],
        "rows": [_line(label, span, tally) for label, span, tally in lines],
        "reasons": [
            {"label": sentence(code, "en" if is_english() else "zh"), "value": count(number)}
            for code, number in one.so_far.reasons.items()
        ],
    }  # fmt: skip


def _line(label: str, span: Span, tally: Tally) -> list[Any]:
    return [
        label,
        f"{local_date(span.first, 'iso')} – {local_date(span.last, 'iso')}",
        _linked(tally.records, span),
        _linked(tally.refused, span, refused="1"),
        _("不到 %(count)s 条") % {"count": FEWEST} if tally.is_small else rate(tally),
    ]


def _linked(number: int, span: Span, **more: str) -> Any:
    return {"text": count(number), "href": records_url(span, **more)} if number else count(number)


def records_url(span: Span, **more: str) -> str:
    """The list of the records behind a figure."""
    days = {"first": span.first.isoformat(), "last": span.last.isoformat()}
    address = reverse("credits:monitoring-records", args=[span.version.methodology_id, span.version.version])
    return f"{address}?{urlencode({**days, **more})}"


def records(rows: Sequence[Seen]) -> dict[str, Any]:
    """Records by number; no people."""
    language = "en" if is_english() else "zh"
    return {
        "columns": [
            {"label": _("记录号")}, {"label": _("日期")}, {"label": _("地区")}, {"label": _("结果")},
            {"label": _("减碳量"), "num": True},
        ],
        "rows": [
            [
                str(one.record_id), local_date(one.on, "iso"), region_name(one.region),
                sentence(one.refused_for, language) if one.refused_for else _("已核算"),
                "–" if one.reduction_g is None else grams(one.reduction_g),
            ]
            for one in rows
        ],
    }  # fmt: skip

"""The same deed in two cities, and the values that cities still have to supply, in the page's language."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carbon_portal.kernel import regions
from carbon_portal.kernel.language import pick, region_name
from carbon_portal.kernel.templatetags.portal import grams, local_date
from carbon_portal.kernel.units import unit_text

from .engine import sentence
from .engine.document import Input
from .engine.parameters import ParameterTable
from .models import MethodologyVersion
from .present import confidence, title
from .present_compare import mark_label
from .present_version import signs, step_with_numbers
from .selectors import uses_sample
from .selectors.cities import CityResult, Different, LocalNeeds, SameDeed

Parameter = Mapping[str, Any]


def city_options(chosen: str, *, anywhere: bool = False) -> list[dict[str, Any]]:
    """The 21 cities for a select; `anywhere` puts “all” in front."""
    first = [{"value": "", "label": _("全部城市"), "selected": not chosen}] if anywhere else []
    return first + [
        {"value": city.code, "label": region_name(city.code), "selected": city.code == chosen}
        for city in regions.cities()
    ]


def activity_options(found: Mapping[str, MethodologyVersion], chosen: str) -> list[dict[str, Any]]:
    """Activities by the title of the method that reaches widest."""
    return [
        {"value": activity, "label": title(version), "selected": activity == chosen}
        for activity, version in found.items()
    ]


def input_fields(declared: Mapping[str, Input], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """A field for each input, filled in with what was given."""
    return [
        {
            "name": f"in_{one.name}",
            "label": pick(one.label),
            "unit": unit_text(one.unit, get_language()),
            "value": given.get(one.name, ""),
            "options": [
                {"value": code, "label": pick(texts), "selected": given.get(one.name) == code}
                for code, texts in one.options.items()
            ]
            if one.options
            else None,
        }
        for one in declared.values()
    ]


def same_deed(found: SameDeed) -> dict[str, Any]:
    """Both results side by side and the reasons, each a sentence with its sources."""
    left, right = region_name(found.left.region), region_name(found.right.region)
    return {
        "sides": [_side(found.left), _side(found.right)],
        "verdict": _verdict(found, left, right),
        "reasons": [_reason(one, left, right) for one in found.parameters],
        "formulas": [
            {
                "name": line.name,
                "pill": mark_label(line.mark),
                "left": signs(line.line.old or ""),
                "right": signs(line.line.new or ""),
            }
            for line in found.formulas
        ],
        "left": left,
        "right": right,
    }


def _side(one: CityResult) -> dict[str, Any]:
    language = get_language() or "zh"
    shown: dict[str, Any] = {
        "city": region_name(one.region),
        "grams": grams(one.reduction_g),
        "why": sentence(one.reason, language) if one.reason else "",
        "method": "",
    }
    if one.row is not None and one.program is not None:
        document = one.program.document
        shown |= {
            "method": pick(document.title),
            "version": f"{one.row.code} · {_('第 %(version)s 版') % {'version': one.row.version}}",
            "sample": uses_sample(one.program),
            "issued": region_name(document.region),
            "href": reverse("methodologies:version", args=[one.row.code, one.row.version]),
            "steps": [step_with_numbers(step) for step in (one.trace or {}).get("steps", ())],
        }
    return shown


def _verdict(found: SameDeed, left: str, right: str) -> str:
    """Whether and why the two differ, in one sentence."""
    words = {"left": left, "right": right}
    if found.left.row is None and found.right.row is None:
        return _("这一天两市都没有适用的方法学。")
    if found.left.row is None or found.right.row is None:
        return _("只有一个城市有适用的方法学，另一个城市不计入。")
    if found.one_document and not found.parameters:
        return _("%(left)s和%(right)s用同一份方法学、同一组参数，结果相同。") % words
    if found.one_document:
        return _("%(left)s和%(right)s用同一份方法学，参数取值不同，见下面各项。") % words
    if found.left.reduction_g == found.right.reduction_g:
        return _("%(left)s和%(right)s适用的方法学不同，这一次结果恰好相同。") % words
    return _("%(left)s和%(right)s适用的方法学不同，因此每次的克数不同，见下面各项。") % words


def _reason(one: Different, left: str, right: str) -> dict[str, Any]:
    words = {"name": one.name, "left": left, "right": right, "a": _number(one.left), "b": _number(one.right)}
    return {
        "text": _("参数“%(name)s”：%(left)s %(a)s，%(right)s %(b)s。") % words,
        "sources": [_source(left, one.left), _source(right, one.right)],
    }


def _number(value: Parameter | None) -> str:
    if value is None:
        return _("没有这个参数")
    if "value" not in value:
        return _("该日期或地区没有数值")
    return f"{value['value']} {unit_text(value['unit'], get_language())}".strip()


def _source(city: str, value: Parameter | None) -> dict[str, Any]:
    if value is None or "value" not in value:
        return {"city": city, "text": "", "day": "", "confidence": None}
    start = dt.date.fromisoformat(value["start"])
    return {
        "city": city,
        "text": value["source"],
        "day": _("%(day)s 起") % {"day": local_date(start)},
        "confidence": confidence(value["confidence"]),
    }


# -- what cities must supply -------------------------------------------------------------------------------------------


def local_needs(needs: LocalNeeds, *, city: str = "", confirmed: Collection[str] = ()) -> dict[str, Any]:
    """Per parameter the 21 cities (or one), each supplied, on the province's value, or missing.

    `confirmed` are cities that said that they go by the province's.
    """
    return {
        "parameters": [
            {
                "name": one.table.name,
                "unit": unit_text(one.table.unit, get_language()),
                "supplied": one.having("supplied"),
                "shared": one.having("shared"),
                "missing": one.having("missing"),
                "rows": [_city_row(each, confirmed) for each in one.cities if not city or each.region == city],
            }
            for one in needs.by_region
        ],
        "fixed": [_fixed(table) for table in needs.fixed],
        "columns": [
            {"label": _("城市")},
            {"label": _("状态")},
            {"label": _("数值"), "num": True},
            {"label": _("来源")},
        ],
    }


def _city_row(city: Any, confirmed: Collection[str]) -> list[Any]:
    shared = _("已确认沿用省级数值") if city.region in confirmed else _("沿用省级数值")
    label, kind = {
        "supplied": (_("已提供"), "ok"),
        "shared": (shared, "info"),
        "missing": (_("待提供"), "no"),
    }[city.status]
    entry = city.cell.entry if city.cell is not None else None
    return [
        region_name(city.region),
        {"text": label, "pill": kind},
        str(entry.value) if entry else "–",
        entry.source if entry else "–",
    ]


def _fixed(table: ParameterTable) -> dict[str, Any]:
    cells: Sequence[Any] = table.cells
    newest = cells[-1]
    return {
        "name": table.name,
        "value": ", ".join(str(cell.entry.value) for cell in cells if cell.start == newest.start),
        "unit": unit_text(table.unit, get_language()),
        "source": newest.entry.source,
        "confidence": confidence(newest.entry.confidence),
    }

"""Words and figures that all parts of a report share."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from carbon_portal.kernel.language import pick, region_name
from carbon_portal.kernel.templatetags.portal import grams, local_month, points

from .figures import OTHERS, UNKNOWN

Report = Mapping[str, Any]
#: Where on the page the features of the few stand who get a large share.
TOP = "top-group"


def signed(value_g: int) -> str:
    """A change in grams with its sign."""
    return f"{'+' if value_g > 0 else ''}{grams(value_g)}"


def per_tonne(side: Mapping[str, Any]) -> str:
    """Points for a tonne, rounded down."""
    if not side["grams"] or side["points"] is None:
        return "–"
    return points(side["points"] * 1_000_000 // side["grams"])


def unit_of(largest_g: int) -> tuple[int, str]:
    if largest_g >= 10_000_000_000:
        return 1_000_000, _("吨")
    return (1_000, _("千克")) if largest_g >= 10_000 else (1, _("克"))


def city(one: Mapping[str, Any], short: bool) -> str:
    if one["key"] == OTHERS:
        return _("其他 %(count)s 个地区") % {"count": one["groups"]}
    return region_name(one["key"], short=short)


def month(one: Mapping[str, Any], short: bool) -> str:
    if one["key"] == OTHERS:
        return _("其他 %(count)s 个月") % {"count": one["groups"]}
    return str(one["key"]) if short else local_month(f"{one['key']}-01")


def household(one: Mapping[str, Any], short: bool) -> str:
    if one["key"] == OTHERS:
        return _("其他人数")
    if one["key"] == UNKNOWN:
        return _("不知道")
    return _("%(count)s 人") % {"count": one["key"]}


def input_label(found: Report, one: Mapping[str, Any]) -> str:
    """An input by the document's own label."""
    return pick(found["labels"].get(one["input"])) or str(one["input"])


def place(one: Mapping[str, Any]) -> str:
    """A value of an input with its unit."""
    return str(one["at"]) if one["unit"] == "1" else f"{one['at']} {one['unit']}"


def percent(text: str | None) -> str:
    return "–" if text is None else f"{text}%"

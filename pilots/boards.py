"""What a dashboard shows, as plain data for its template: figures, chart data and the same figures as tables."""

import datetime as dt
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carbon_portal.kernel.language import region_name
from carbon_portal.kernel.templatetags.portal import count, grams, local_month
from credits.present import activity_title, state_label
from methodologies.present import sector_label

from . import selectors
from .constants import EVIDENCE_LABELS, SUBJECT_LABELS
from .selectors import Cut

TOP = 6
SERIES = 6


def chart_unit(largest_g: int) -> tuple[int, str]:
    """Grams per unit and the unit's name, so that a chart's numbers stay readable whole numbers."""
    if largest_g >= 10_000_000_000:
        return 1_000_000, _("吨")
    if largest_g >= 10_000:
        return 1_000, _("千克")
    return 1, _("克")


def bounds(largest: int) -> list[int]:
    """Four rising class limits for the map, from the largest value: round numbers that a reader can keep in mind."""
    limits: list[int] = []
    for share in (10, 25, 50, 75):
        limits.append(max(_round_down(largest * share // 100), limits[-1] + 1 if limits else 1))
    return limits


def _round_down(number: int) -> int:
    """1, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a power of ten, not above the number."""
    power = 10 ** max(0, len(str(number)) - 2)  # two leading digits are left
    steps = (step * power for step in (10, 15, 20, 25, 30, 40, 50, 60, 80))
    return max((step for step in steps if step <= number), default=number)


def trace_url(cut: Cut, **changes: Any) -> str:
    """The address of the page that walks a figure back to its records."""
    region = changes.pop("region", cut.region)
    return f"{reverse('pilots:trace', args=[region])}?{cut.query(**changes)}"


def cities_map(cut: Cut, language: str | None) -> dict[str, Any]:
    """The map of 21 cities, its table, and the six largest."""
    found = selectors.by_city(cut)
    per, unit = chart_unit(max(found.values(), default=0))
    rows = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    items = [
        {"code": code, "name": region_name(code), "value": value // per, "href": trace_url(cut, region=code)}
        for code, value in rows
    ]
    table = [
        [
            {"text": region_name(code), "href": reverse("pilots:dashboard", args=[code])},
            {"text": grams(value), "href": trace_url(cut, region=code)},
        ]
        for code, value in rows
    ]
    return {
        "unit": unit,
        "map": {"items": items, "bounds": bounds(max(found.values(), default=0) // per), "unit": unit},
        "top": {"items": items[:TOP], "unit": unit},
        "rows": table,
        "columns": [{"label": _("城市")}, {"label": _("减碳量"), "num": True}],
    }


def counties_bars(cut: Cut, language: str | None) -> dict[str, Any]:
    """The divisions of one city, largest first."""
    rows = selectors.by_county(cut)
    per, unit = chart_unit(max((value for _code, value in rows), default=0))
    return {
        "unit": unit,
        "top": {
            "items": [{"name": _district(code, cut, language), "value": value // per} for code, value in rows[:12]],
            "unit": unit,
        },
        "rows": [
            [
                _district(code, cut, language),
                {"text": grams(value), "href": trace_url(cut, region=code, exact=code == cut.region)},
            ]
            for code, value in rows
        ],
        "columns": [{"label": _("区县")}, {"label": _("减碳量"), "num": True}],
    }


def _district(code: str, cut: Cut, language: str | None) -> str:
    """A district by name; records that carry the city's own code name no district."""
    return _("未注明区县") if code == cut.region else region_name(code)


def months_by_sector(cut: Cut) -> dict[str, Any]:
    """Stacked bars by month and sector, at most the last twelve months of the cut."""
    found = selectors.by_month(cut)
    months = sorted(found)[-12:]
    sums: dict[str, int] = {}
    for month in months:
        for sector, value in found[month].items():
            sums[sector] = sums.get(sector, 0) + value
    sectors = sorted(sums, key=lambda sector: (-sums[sector], sector))[:SERIES]
    per, unit = chart_unit(max((sum(found[month].values()) for month in months), default=0))
    label = _month_label(months)
    return {
        "unit": unit,
        "data": {
            "categories": [label(month) for month in months],
            "series": [{"name": sector_label(s), "data": [found[m].get(s, 0) // per for m in months]} for s in sectors],
            "unit": unit,
        },
        "columns": [{"label": _("月份")}] + [{"label": sector_label(s), "num": True} for s in sectors],
        "rows": [
            [label(month)]
            + [
                {"text": grams(found[month].get(s, 0)), "href": trace_url(cut, sector=s, **month_days(month, cut))}
                for s in sectors
            ]
            for month in months
        ],
    }


def breakdown(cut: Cut, dimension: str, language: str | None) -> dict[str, Any]:
    """One dimension as a table: name, grams with trace, records."""
    rows = selectors.by(cut, dimension)
    return {
        "columns": [
            {"label": DIMENSION_LABELS[dimension]()},
            {"label": _("减碳量"), "num": True},
            {"label": _("记录"), "num": True},
        ],
        "rows": [
            [
                value_label(dimension, row["key"], language),
                {"text": grams(row["reduction_g"]), "href": trace_url(cut, **{dimension: row["key"]})},
                count(row["records"]),
            ]
            for row in rows
        ],
    }


DIMENSION_LABELS = {
    "activity": lambda: _("行为"),
    "sector": lambda: _("领域"),
    "subject": lambda: _("主体"),
    "evidence": lambda: _("证据等级"),
}


def value_label(dimension: str, key: str, language: str | None) -> str:
    if dimension == "activity":
        return activity_title(key)
    if dimension == "sector":
        return sector_label(key)
    labels = {"subject": SUBJECT_LABELS, "evidence": EVIDENCE_LABELS}[dimension]
    return str(labels.get(key, key))


def _month_label(months: list[tuple[int, int]]) -> Any:
    """1月 or Jan within one year, 2025-12 where two years meet."""
    if len({year for year, _month in months}) > 1:
        return lambda month: f"{month[0]}-{month[1]:02d}"
    if (get_language() or "").startswith("en"):
        return lambda month: local_month(dt.date(month[0], month[1], 1)).partition(" ")[0]
    return lambda month: _("%(month)d月") % {"month": month[1]}


def month_days(month: tuple[int, int], cut: Cut) -> dict[str, dt.date]:
    first = dt.date(*month, 1)
    last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return {"first": max(first, cut.first), "last": min(last, cut.last)}


def participants_table(region: str) -> dict[str, Any]:
    """Open accounts by kind."""
    kinds = selectors.people(region)
    rows = [[_value_label_of(SUBJECT_LABELS, kind), count(number)] for kind, number in sorted(kinds.items())]
    return {"columns": [{"label": _("主体")}, {"label": _("账户"), "num": True}], "rows": rows}


def points_table(region: str) -> dict[str, Any]:
    """Points by year: grams credited, points by the accruals, points by the ledger, and their difference."""
    rows = [
        [
            str(row["year"]),
            grams(row["credited_g"]),
            count(row["awarded_points"]),
            count(row["posted_points"]),
            count(row["awarded_points"] - row["posted_points"]),
        ]
        for row in selectors.points_by_year(region)
    ]
    labels = (_("年度"), _("计入的减碳量"), _("按规则应发"), _("账本已发"), _("相差"))
    return {"columns": [{"label": label, "num": place > 0} for place, label in enumerate(labels)], "rows": rows}


def pending_table(region: str) -> dict[str, Any]:
    """Records that wait, by state."""
    rows = [[state_label(state), count(number)] for state, number in selectors.pending_by_state(region)]
    return {"columns": [{"label": _("状态")}, {"label": _("记录"), "num": True}], "rows": rows}


def parts_table(cut: Cut) -> dict[str, Any]:
    """The pieces of a large cut, each with the link to where its records are summed one by one."""
    rows = [
        [{"text": _part_label(part), "href": trace_url(part.cut)}, grams(part.total_g), count(part.records)]
        for part in selectors.parts(cut)
    ]
    return {
        "columns": [{"label": _("部分")}, {"label": _("减碳量"), "num": True}, {"label": _("记录"), "num": True}],
        "rows": rows,
    }


def _part_label(part: selectors.Part) -> str:
    return region_name(part.key) if part.kind in {"city", "region"} else part.key


def _value_label_of(labels: dict[str, Any], key: str) -> str:
    return str(labels.get(key, key))

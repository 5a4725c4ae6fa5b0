"""What the public pages of the library show, in the page's language."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from carbon_portal.kernel.language import is_english, pick, region_name
from carbon_portal.kernel.templatetags.portal import local_date
from carbon_portal.kernel.units import unit_text

from .constants import VersionState
from .engine import Program
from .engine.document import Entry, Factor, Input, Limit, Parameter
from .models import FactorVintage, MethodologyVersion

SECTOR_ICONS = {
    "electricity": "zap",
    "water": "droplets",
    "gas": "flame",
    "transport": "train-front",
    "vehicles": "ev-charger",
    "waste": "recycle",
    "carbon_sink": "trees",
    "buildings": "building-2",
    "consumption": "package",
    "industry": "factory",
}
_CONFIDENCE_KIND = {
    "official": "ok",
    "register": "info",
    "press": "info",
    "derived": "info",
    "memory": "wait",
    "sample": "wait",
}


_STATE_KIND = {
    VersionState.PUBLISHED.value: "ok",
    VersionState.SUPERSEDED.value: "info",
    VersionState.WITHDRAWN.value: "no",
    VersionState.PUBLIC_COMMENT.value: "wait",
    VersionState.APPROVED.value: "wait",
}
#: The states of versions that everybody may read, in the order of the filter.
STATES = {
    VersionState.PUBLISHED.value: gettext_lazy("已发布"),
    VersionState.PUBLIC_COMMENT.value: gettext_lazy("公示中"),
    VersionState.APPROVED.value: gettext_lazy("已审定，待公布"),
    VersionState.SUPERSEDED.value: gettext_lazy("已被取代"),
    VersionState.WITHDRAWN.value: gettext_lazy("已停用"),
}

SECTORS = {
    "electricity": gettext_lazy("节约用电"),
    "water": gettext_lazy("节约用水"),
    "gas": gettext_lazy("节约用气"),
    "transport": gettext_lazy("绿色出行"),
    "vehicles": gettext_lazy("新能源汽车"),
    "waste": gettext_lazy("废物回收"),
    "carbon_sink": gettext_lazy("林业碳汇"),
    "buildings": gettext_lazy("低碳建筑"),
    "consumption": gettext_lazy("低碳消费"),
    "industry": gettext_lazy("工业"),
}


def sector_label(sector: str) -> str:
    """The name of a sector in the page's language."""
    return str(SECTORS.get(sector, sector))


def confidence(code: str) -> dict[str, str]:
    """How we know a value, said plainly, as a pill."""
    labels = {
        "official": _("官方文件"),
        "press": _("据报道"),
        "register": _("公开登记"),
        "derived": _("推算值"),
        "memory": _("待核对"),
        "sample": _("示例值"),
    }
    return {"code": code, "label": labels[code], "kind": _CONFIDENCE_KIND[code]}


def state_pill(version: MethodologyVersion) -> dict[str, str]:
    """Whether a version is in force for new deeds."""
    return {"label": state_label(version.state), "kind": _STATE_KIND[version.state]}


def state_label(state: str) -> str:
    """The name of a state that is open to all."""
    return str(STATES[state])


def title(version: MethodologyVersion) -> str:
    """The title in the page's language."""
    return (version.title_en if is_english() else "") or version.title_zh


def row(version: MethodologyVersion) -> dict[str, Any]:
    """One row of the list."""
    return {
        "title": title(version),
        "href": reverse("methodologies:version", args=[version.methodology_id, version.version]),
        "sub": " · ".join(
            (
                version.methodology_id,
                _("第 %(version)s 版") % {"version": version.version},
                region_name(version.methodology.region),
                _("%(day)s 起") % {"day": local_date(version.effective_from)},
            )
        ),
        "sample": getattr(version, "has_sample", False),
        **{f"pill_{key}": value for key, value in state_pill(version).items()},
    }


def limit_line(limit: Limit, inputs: Mapping[str, Input]) -> dict[str, str]:
    """A limit in words: what is limited, for how long, how much."""
    period = {"day": _("每天"), "week": _("每周"), "month": _("每月"), "year": _("每年")}[limit.per]
    if limit.measure in inputs:
        declared = inputs[limit.measure]
        measure, shown = pick(declared.label), unit_text(declared.unit, get_language())
    else:
        measure = {"records": _("次数"), "reduction": _("减碳量")}[limit.measure]
        shown = {"records": _("次"), "reduction": _("克")}[limit.measure]
    return {"label": f"{measure} · {period}", "max": f"{limit.max} {shown}"}


def values(parameter: Parameter, program: Program) -> list[dict[str, Any]]:
    """Each dated value of a parameter, a table's cells one by one; a shared factor's from the library."""
    found = []
    table = program.tables[parameter.name]
    for start, cell in parameter.values or table_values(program, parameter):
        entries = {"": cell} if isinstance(cell, Entry) else cell
        for key, entry in entries.items():
            found.append(
                {
                    "name": parameter.name,
                    "key": key,
                    "value": str(entry.value),
                    "unit": unit_text(table.unit, get_language()),
                    "start": local_date(start),
                    "source": entry.source,
                    "confidence": confidence(entry.confidence),
                    "best_before": local_date(entry.best_before),
                    "factor": parameter.factor or "",
                }
            )
    return found


def table_values(program: Program, parameter: Parameter) -> list[tuple[dt.date, Entry]]:
    """The values of the shared factor that a parameter refers to; only the pinned year's where it pins one."""
    from .selectors import factor_library

    factor = factor_library().factors[parameter.factor or ""]
    return [
        (start, entry)
        for start, entry in factor.values
        if parameter.vintage is None or entry.data_year == parameter.vintage
    ]


def chapter_label(name: str) -> str:
    """The name of a chapter of the official outline."""
    return {
        "scope": _("适用范围"),
        "basis": _("编制依据"),
        "definitions": _("术语和定义"),
        "principles": _("原则"),
        "applicability": _("适用条件"),
        "boundary": _("边界"),
        "baseline": _("基准情景"),
        "activity_emissions": _("活动排放"),
        "reductions": _("减碳量"),
        "monitoring": _("监测"),
        "double_claim": _("避免重复"),
    }.get(name, name)


# -- factors -----------------------------------------------------------------------------------------------------------


def unit(text: str) -> str:
    """A unit as it is read in the page's language."""
    return unit_text(text, get_language())


def day(value: dt.date) -> str:
    """A date as the page writes it."""
    return local_date(value)


def factor(one: Factor, *, vintages: Mapping[dt.date, FactorVintage], today: dt.date) -> dict[str, Any]:
    """A factor with its values, the newest first; `vintages` are those that came by approval."""
    values = [
        {
            "start": start,
            "ends_on": until - dt.timedelta(days=1) if until else None,
            "value": str(entry.value),
            "data_year": entry.data_year,
            "source": vintages[start].source_document if start in vintages else entry.source,
            "page": vintages[start].source_page if start in vintages else "",
            "adopted_at": vintages[start].adopted_at if start in vintages else None,
            "confidence": confidence(entry.confidence),
            "best_before": entry.best_before,
            "expired": entry.best_before < today and until is None,
            "in_use": start <= today and (until is None or today < until),
        }
        for (start, entry), until in zip(one.values, [*(start for start, _entry in one.values[1:]), None], strict=True)
    ]
    current = next((value for value in values if value["in_use"]), values[-1])
    return {
        "code": one.code,
        "title": pick(one.title),
        "unit": unit(one.unit),
        "basis": one.basis or "",
        "values": values[::-1],
        "current": current,
        "sample": any(entry.confidence == "sample" for _start, entry in one.values),
    }

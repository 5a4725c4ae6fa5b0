"""Methods that a city compares on its own data, as a table and a chart."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from carbon_portal.kernel.language import is_english
from carbon_portal.kernel.templatetags.portal import count, grams
from credits.models import Simulation
from credits.present import activity_title
from credits.selectors.simulations import Candidate
from methodologies.constants import FROZEN_STATES

from .present import pill, version_state
from .words import per_tonne, unit_of

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
                _state(one),
                grams(side["grams"]) if side else "–", count(side["participants"]) if side else "–",
                per_tonne(side) if side else "–", link,
            ]
        )  # fmt: skip
    return rows


def _state(one: Candidate) -> dict[str, str]:
    """Where it stands, as a mark that does not break: published, or on its way."""
    if one.version is None:
        return {"text": str(one.draft.get_state_display()) if one.draft else "–", "pill": "info"}
    return {"text": version_state(one.version), "pill": "ok" if one.version.state in FROZEN_STATES else "info"}


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
    per, unit = unit_of(max(value for _name, value in found))
    return {"items": [{"name": name, "value": value // per} for name, value in found[:8]], "unit": unit}

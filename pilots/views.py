"""Dashboards of the province and its cities, and the trace behind each figure. Public: sums only; records for staff."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.constants import AREA_ROLES
from accounts.selectors import staff_scope
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.errors import Forbidden, NotFound
from carbon_portal.kernel.language import region_name
from credits.present import activity_title

from . import boards, selectors
from .constants import TRACE_PAGE, Period
from .errors import BadFilter
from .forms import read_cut
from .selectors import Cut


@login_required
@require_GET
def staff_home(request: HttpRequest) -> HttpResponse:
    """Where staff land: the dashboard of their own area."""
    scope = staff_scope(request.user)
    if not scope:
        raise Forbidden
    return redirect("pilots:dashboard", min(scope, key=len) if regions.PROVINCE not in scope else regions.PROVINCE)


@require_GET
def dashboard(request: HttpRequest, region: str = regions.PROVINCE) -> HttpResponse:
    """Totals by city, sector, month, activity, subject and evidence; every figure opens its trace."""
    area = _area(region)
    period = request.GET.get("period", Period.YEAR.value)
    if period not in Period.values:
        raise BadFilter(name="period", value=period[:40])
    today, language = clock.today(), get_language()
    first, last = selectors.period_days(period, today)
    cut = Cut(region=area.code, first=first, last=last)
    grams, count = selectors.total_g(cut)
    provisional_g, _records = selectors.total_g(Cut(area.code, first, last, state="provisional"))
    kinds = selectors.people(area.code)
    context: dict[str, Any] = {
        "area": area,
        "area_name": region_name(area.code),
        "is_province": area.kind == "province",
        "period": period,
        "periods": [
            {"label": choice.label, "href": f"?period={choice.value}", "active": choice.value == period}
            for choice in Period
        ],
        "cut": cut,
        "total_g": grams,
        "records": count,
        "provisional_g": provisional_g,
        "trace_url": boards.trace_url(cut),
        "counts_url": reverse("pilots:counts", args=[area.code]),
        "residents": kinds.get("resident", 0),
        "others": kinds.get("household", 0) + kinds.get("sme", 0),
        "points": selectors.awarded_points(area.code, first_year=first.year, last_year=last.year),
        "pending": selectors.pending_records(area.code),
        "months": boards.months_by_sector(cut),
        "by_activity": boards.breakdown(cut, "activity", language),
        "by_subject": boards.breakdown(cut, "subject", language),
        "by_evidence": boards.breakdown(cut, "evidence", language),
        "as_of": clock.now(),
        "map_note": settings.MAP_APPROVAL_NO or _("示意图，不作划界依据"),
        "areas": _area_links(request, period),
    }
    context["areas_board"] = (
        boards.cities_map(cut, language) if context["is_province"] else boards.counties_bars(cut, language)
    )
    return render(request, "pilots/dashboard.html", context)


@require_GET
def trace(request: HttpRequest, region: str) -> HttpResponse:
    """A figure walked back: methodology versions and sums for everybody, the records themselves for staff in scope."""
    area = _area(region)
    first, last = selectors.period_days(Period.YEAR, clock.today())
    cut = read_cut(area.code, request.GET, Cut(area.code, first, last))
    staff = any(regions.covers(code, area.code) for code in staff_scope(request.user, *AREA_ROLES))
    before = request.GET.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) <= 18):
        raise BadFilter(name="before", value=before[:40])
    rows = selectors.records(cut, before=int(before) if before else None, limit=TRACE_PAGE) if staff else []
    language = get_language()
    for row in rows:
        row["activity_title"] = activity_title(row["activity"])
        row["region_name"] = region_name(row["region"])
    context = {
        "area": area,
        "area_name": region_name(area.code),
        "cut": cut,
        **_figure(cut, language),
        "rows": rows,
        "staff": staff,
        "next": f"?{cut.query()}&before={rows[-1]['id']}" if len(rows) == TRACE_PAGE else "",
        "filters": _filters(cut, language),
        "dashboard_url": reverse("pilots:dashboard", args=[area.code]),
    }
    return render(request, "pilots/trace.html", context)


@require_GET
def counts(request: HttpRequest, region: str) -> HttpResponse:
    """Where the figures come from that are no grams: participants, points, records that wait."""
    area = _area(region)
    context = {
        "area_name": region_name(area.code),
        "kinds": boards.participants_table(area.code),
        "points": boards.points_table(area.code),
        "pending": boards.pending_table(area.code),
        "dashboard_url": reverse("pilots:dashboard", args=[area.code]),
    }
    return render(request, "pilots/counts.html", context)


def _area(code: str) -> regions.Region:
    area = regions.find(code)
    if area is None or area.kind not in {"province", "city", "county"}:
        raise NotFound
    return area


def _area_links(request: HttpRequest, period: str) -> list[dict[str, str]]:
    return [
        {
            "label": region_name(city.code),
            "href": f"{reverse('pilots:dashboard', args=[city.code])}?period={period}",
        }
        for city in regions.cities()
    ]


def _figure(cut: Cut, language: str | None) -> dict[str, Any]:
    """The figure summed again from its records, or the parts in which that is done where it has too many."""
    if selectors.is_summed_at_once(cut):
        proof = selectors.proof(cut)
        return {"proof": proof, "total_g": proof.total_g}
    grams, count = selectors.total_g(cut)
    return {"total_g": grams, "records": count, "parts": boards.parts_table(cut)}


def _filters(cut: Cut, language: str | None) -> list[dict[str, str]]:
    """The cut in words."""
    facts = [
        {"label": _("地区"), "value": region_name(cut.region)},
        {"label": _("日期"), "value": f"{cut.first.isoformat()} — {cut.last.isoformat()}"},
        {"label": _("状态"), "value": _("终算") if cut.state == "final" else _("暂算")},
    ]
    for name in ("sector", "activity", "subject", "evidence"):
        if value := getattr(cut, name):
            facts.append({"label": boards.DIMENSION_LABELS[name](), "value": boards.value_label(name, value, language)})
    return facts

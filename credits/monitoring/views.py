"""How versions run: those that came into force lately, any other on demand, and the records behind each figure."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.constants import AREA_ROLES
from accounts.permissions import login_required_with_role
from accounts.selectors import staff_scope
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.language import region_name
from credits.selectors import monitoring as selectors
from methodologies.selectors import VersionTable

from . import present
from .forms import DaysForm, VersionForm

_staff = login_required_with_role(*sorted(AREA_ROLES))


@require_safe
@_staff
def monitoring(request: HttpRequest) -> HttpResponse:
    """Versions of the last weeks, those that refuse more than the one before first; one more where it is asked for."""
    areas, today = _areas(request), clock.today()
    form = VersionForm(request.GET, versions=selectors.versions_to_watch(areas, today=today))
    chosen = form.chosen()
    watched = [one for one in selectors.watched_versions(areas, today=today) if one != chosen]
    found = selectors.running(watched, areas, today=today)
    context = {
        "area_name": "、".join(region_name(code) for code in areas),
        "weeks": selectors.WATCHED.days // 7,
        "form": form,
        "chosen": [present.card(one) for one in selectors.running([chosen] if chosen else [], areas, today=today)],
        "cards": [present.card(one) for one in sorted(found, key=lambda one: not one.jumps)],
        "points": selectors.JUMP_POINTS,
        "enough": selectors.ENOUGH,
    }
    return render(request, "credits/monitoring/list.html", context)


@require_safe
@_staff
def monitoring_records(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """The records that a version took in some days, or those of them that it refused, by number."""
    areas, today = _areas(request), clock.today()
    found = selectors.version_to_watch(areas, code=code, version=version, today=today)
    form = DaysForm(request.GET)
    if not form.is_valid():
        raise NotFound
    asked = form.cleaned_data
    first, last = asked["first"] or selectors.so_far_from(found, today=today), asked["last"] or today
    span = selectors.span(found, VersionTable(), selectors.places_of(areas), first, last)
    rows = selectors.seen(span, refused=asked["refused"], after=asked["after"] or 0)
    shown = rows[: selectors.PAGE_SIZE]
    context = {
        "title": present.title(found),
        "span": span,
        "refused": asked["refused"],
        "table": present.records(shown),
        "next": shown[-1].record_id if len(rows) > len(shown) else None,
    }
    return render(request, "credits/monitoring/records.html", context)


def _areas(request: HttpRequest) -> list[str]:
    return staff_scope(request.user, *sorted(AREA_ROLES))

"""Pages of the simulator: list, start, progress, report, downloads, and a city's ranking of methods."""

import datetime as dt
import json
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import User
from accounts.permissions import login_required_with_role
from accounts.selectors import person_of
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError, Forbidden
from carbon_portal.kernel.language import region_name
from credits import services
from credits.models import Simulation
from credits.selectors import simulations as selectors
from methodologies.selectors import drafts

from . import exports, present, present_ranking
from .forms import SimulationForm

PAGE_SIZE = 20
_reader = login_required_with_role(*selectors.RUNNERS, *selectors.READERS)
_runner = login_required_with_role(*selectors.RUNNERS)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_GET
@_reader
def simulation_list(request: HttpRequest) -> HttpResponse:
    """Every simulation that this login may see, newest first."""
    page = Paginator(selectors.simulations_for(_user(request)), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [present.row(one) for one in page.object_list],
        "columns": present.list_columns(),
        "may_start": bool(selectors.areas_of(_user(request))),
    }
    return render(request, "credits/simulation_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@_runner
def simulation_new(request: HttpRequest) -> HttpResponse:
    """Choose a document, an area and days; a worker does the rest."""
    user, today = _user(request), clock.today()
    versions, areas = selectors.versions_for(user), selectors.areas_of(user)
    given = request.POST if request.method == "POST" else None
    form = SimulationForm(
        given, versions=versions, drafts=selectors.drafts_for(user), areas=areas, today=today,
        chosen=request.GET.get("version", ""), draft=request.GET.get("draft", ""),
    )  # fmt: skip
    if form.is_valid():
        wanted = form.wanted()
        if not selectors.may_start(user, wanted["region"]):
            raise Forbidden
        try:
            simulation = services.start_simulation(**wanted, by=_person(user), at=clock.now())
        except DomainError as error:
            form.add_error(None, error.sentence(request.LANGUAGE_CODE))
        else:
            return redirect("credits:simulation", simulation.pk)
    return render(request, "credits/simulation_new.html", {"form": form}, status=400 if form.errors else 200)


@require_GET
@_reader
def simulation_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How far it is, and the report once it is there."""
    user = _user(request)
    simulation = selectors.simulation_for(user, pk)
    standing = _standing(simulation)
    if simulation.stored_version is None:
        standing["facts"] += present.facts_of_text(
            simulation, drafts.edit_with_text(user, present.text_sha256(simulation.source))
        )
    context = standing | {
        "may_act": selectors.may_start(user, simulation.region),
        "on_file": selectors.is_on_file(simulation),
        "fileable": simulation.stored_version is not None and present.is_substantial(simulation.report),
    }
    if simulation.report is not None:
        context |= present.report(simulation)
        context["sample"] = present.rests_on_sample(simulation)
    return render(request, "credits/simulation.html", context)


@require_GET
@_reader
def simulation_progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The part of the page that is asked for anew while the job runs; at its end the whole page is fetched."""
    simulation = selectors.simulation_for(_user(request), pk)
    answer = render(request, "credits/_simulation_progress.html", _standing(simulation))
    if not simulation.is_open:
        answer["HX-Refresh"] = "true"
    return answer


def _standing(simulation: Simulation) -> dict[str, Any]:
    return {
        "simulation": simulation,
        "title": present.title(simulation),
        "pill": present.pill(simulation),
        "area_name": region_name(simulation.region),
        "facts": present.facts(simulation),
        "why": present.why(simulation),
        "percent": simulation.done_parts * 100 // simulation.all_parts if simulation.all_parts else 0,
        "waiting": present.waiting(simulation, selectors.ahead(simulation), selectors.usual_seconds())
        if simulation.is_open
        else "",
    }


@require_POST
@_runner
def simulation_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give it up."""
    simulation = selectors.simulation_for(_user(request), pk, write=True)
    services.cancel_simulation(simulation=simulation, at=clock.now())
    return redirect("credits:simulation", simulation.pk)


@require_POST
@_runner
def simulation_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put the report on file for the version that it ran."""
    user = _user(request)
    simulation = selectors.simulation_for(user, pk, write=True)
    services.put_on_file(simulation=simulation, by=_person(user), at=clock.now())
    return redirect("credits:simulation", simulation.pk)


@require_GET
@_reader
def simulation_json(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The report as it is kept."""
    simulation = selectors.simulation_for(_user(request), pk)
    text = json.dumps(exports.as_json(simulation), ensure_ascii=False, indent=2)
    return _download(text.encode("utf-8"), "application/json", simulation, "json")


@require_GET
@_reader
def simulation_xlsx(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The report as a workbook; no cell of it is a formula."""
    simulation = selectors.simulation_for(_user(request), pk)
    return _download(exports.as_xlsx(simulation), _XLSX, simulation, "xlsx")


def _download(content: bytes, kind: str, simulation: Simulation, ending: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="simulation-{simulation.pk}.{ending}"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@_runner
def simulation_ranking(request: HttpRequest) -> HttpResponse:
    """Methods on an area's own data: grams, people reached, points per tonne; POST simulates what is missing."""
    user, today = _user(request), clock.today()
    areas = selectors.areas_of(user)
    wanted = request.POST.get("region") or request.GET.get("region") or areas[0]
    if wanted not in areas:
        raise Forbidden
    pairs = selectors.ranking(user, wanted)
    if request.method == "POST":
        _simulate_all(pairs, wanted, today, _person(user))
        return redirect(f"{request.path}?region={wanted}")
    context = {
        "area_name": region_name(wanted),
        "region": wanted,
        "areas": [{"value": code, "label": region_name(code), "selected": code == wanted} for code in areas],
        "columns": present_ranking.ranking_columns(),
        "rows": present_ranking.ranking_rows(pairs),
        "chart": present_ranking.ranking_chart(pairs),
        "open": sum(1 for _one, simulation in pairs if simulation is not None and simulation.is_open),
        "missing": sum(1 for _one, simulation in pairs if simulation is None),
        "heading": _("%(area)s：哪些行为潜力大") % {"area": region_name(wanted)},
    }
    return render(request, "credits/simulation_ranking.html", context)


def _simulate_all(pairs: list[Any], region: str, today: dt.date, by: UUID) -> None:
    """Every candidate without a report over the last year, as far as one person may queue."""
    last, at = today - dt.timedelta(days=1), clock.now()
    for one, simulation in pairs:
        if simulation is None:
            services.start_simulation(
                source=one.source, version=one.version, region=region, first=last - dt.timedelta(days=364), last=last,
                by=by, at=at,
            )  # fmt: skip


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the gates let nobody else in
    return request.user


def _person(user: User) -> UUID:
    person = person_of(user)
    assert person is not None  # roles are held by people
    return person.pk

"""What everybody may see of methods beyond one page: comparison, cities, maturity, the printed form."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.language import region_name
from methodologies import (
    paper,
    present,
    present_cities,
    present_compare,
    present_maturity,
    present_version,
    queries,
    selectors,
)
from methodologies.compare import compare_documents
from methodologies.selectors import cities, local_values, maturity

from .local_values import may_confirm


@require_GET
def compare_page(request: HttpRequest, code: str) -> HttpResponse:
    """Two versions of a code side by side; without a choice the newest and the one before."""
    versions = selectors.versions_of(code)
    if not versions:
        raise NotFound
    names = [one.version for one in versions]
    new = queries.read_version(request.GET, "b", names) or names[0]
    old = queries.read_version(request.GET, "a", names) or names[min(names.index(new) + 1, len(names) - 1)]
    context: dict[str, Any] = {
        "code": code,
        "title": present.title(versions[0]),
        "alone": len(names) == 1,
        "choices": [
            {"name": name, "label": label, "options": _version_options(versions, chosen)}
            for name, label, chosen in (("a", "", old), ("b", "", new))
        ],
        "a": old,
        "b": new,
    }
    if old != new:
        before, after = (selectors.shown_version(code=code, version=name) for name in (old, new))
        factors = selectors.factor_library()
        left, right = (selectors.program_for(one, factors) for one in (before, after))
        context["sample"] = selectors.uses_sample(left) or selectors.uses_sample(right)
        found = compare_documents(left.document, right.document, factors, note=selectors.revision_note(after))
        context["comparison"] = present_compare.comparison(found)
    return render(request, "methodologies/compare.html", context)


def _version_options(versions: list[Any], chosen: str) -> list[dict[str, Any]]:
    return [
        {
            "value": one.version,
            "label": f"{one.version} · {present.state_label(one.state)}",
            "selected": one.version == chosen,
        }
        for one in versions
    ]


@require_GET
def cities_page(request: HttpRequest) -> HttpResponse:
    """The same deed in two cities, computed by the engine, and why the grams differ."""
    on = queries.read_date(request.GET, "on", clock.today())
    known = cities.activities_in_force(on)
    context: dict[str, Any] = {"on": on, "activities": known}
    if known:
        activity = queries.read_choice(request.GET, "activity", known, next(iter(known)))
        pair = (queries.read_city(request.GET, "a", "440100"), queries.read_city(request.GET, "b", "440300"))
        found = cities.programs_in(activity=activity, cities=pair, on=on)
        declared = cities.inputs_of(found)
        given = queries.read_inputs(request.GET, declared)
        if not any(given.values()):
            given = cities.example_inputs(found)
        context |= {
            "activity_options": present_cities.activity_options(known, activity),
            "city_a": present_cities.city_options(pair[0]),
            "city_b": present_cities.city_options(pair[1]),
            "fields": present_cities.input_fields(declared, given),
            "result": present_cities.same_deed(cities.same_deed(activity=activity, cities=pair, on=on, given=given)),
        }
    return render(request, "methodologies/cities.html", context)


@require_GET
def local_page(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """Which values every city, or one of them, must supply when this version is taken up by the whole province."""
    found = selectors.shown_version(code=code, version=version)
    city = queries.read_city(request.GET, "city", "")
    needs = local_values.needs_of(found, today=clock.today())
    confirmed = local_values.confirmed_in(found)
    context = {
        "version": found,
        "title": present.title(found),
        "cities": present_cities.city_options(city, anywhere=True),
        "city": city,
        "city_name": region_name(city) if city else "",
        "confirmed": city in confirmed,
        "may_confirm": may_confirm(request, found, needs, city) and city not in confirmed,
        **present_cities.local_needs(needs, city=city, confirmed=confirmed),
        "sample": selectors.uses_sample(selectors.program_for(found)),
    }
    return render(request, "methodologies/local.html", context)


@require_GET
def maturity_page(request: HttpRequest) -> HttpResponse:
    """Every method in force with its level and the tests passed and missing."""
    rows = maturity.maturity_list(on=clock.today())
    context = {"rows": [present_maturity.row(one) for one in rows], "ladder": present_maturity.ladder(rows)}
    return render(request, "methodologies/maturity.html", context)


@require_GET
def version_pdf(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """The version as a printed document, in the page's language."""
    found = selectors.shown_version(code=code, version=version)
    program = selectors.program_for(found)
    context = present_version.page(found, program)
    content = paper.content_of(
        context, program, language=get_language() or "zh-hans", address=request.build_absolute_uri("/")
    )
    etag = f'"{paper.digest(content)}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    response = HttpResponse(paper.render(content), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{found.methodology_id}-{found.version}.pdf"'
    response["ETag"] = etag
    return response

"""The public library: which methods exist, and each as it runs."""

import hashlib
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from methodologies import present, present_cities, present_version, queries, selectors
from methodologies.selectors.public import Wanted

PER_PAGE = 30


@require_GET
def catalogue(request: HttpRequest) -> HttpResponse:
    """Every method that is open to all, by sector; found by words, sector, city and state."""
    wanted = queries.read_search(request.GET)
    # A page number out of range shows the nearest page, as everywhere.
    page = Paginator(selectors.catalogue(wanted), PER_PAGE).get_page(request.GET.get("page"))
    sectors = [
        {
            "title": present.sector_label(sector),
            "icon": present.SECTOR_ICONS[sector],
            "rows": [present.row(one) for one in group],
        }
        for sector, group in groupby(page, key=lambda one: one.methodology.sector)
    ]
    return render(
        request, "methodologies/list.html", {"sectors": sectors, "page": page, "wanted": wanted, **_filters(wanted)}
    )


def _filters(wanted: Wanted) -> dict[str, Any]:
    """The options of the three selects, the chosen one marked."""
    return {
        "sector_options": _options(present.SECTORS, wanted.sector, _("全部领域")),
        "state_options": _options(present.STATES, wanted.state, _("全部状态")),
        "city_options": present_cities.city_options(wanted.city, anywhere=True),
    }


def _options(labels: Any, chosen: str, everything: str) -> list[dict[str, Any]]:
    return [{"value": "", "label": everything, "selected": not chosen}] + [
        {"value": code, "label": label, "selected": code == chosen} for code, label in labels.items()
    ]


@require_GET
def version_page(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """One version: what it is for, the formula that runs, every parameter with its source, examples, the hash."""
    found = selectors.shown_version(code=code, version=version)
    program = selectors.program_for(found)
    return render(request, "methodologies/version.html", present_version.page(found, program))


@require_GET
def version_source(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """The document itself, byte for byte as it was published."""
    found = selectors.shown_version(code=code, version=version)
    content = found.source.encode("utf-8")
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    response = HttpResponse(content, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.methodology_id}-{found.version}.yaml"'
    response["ETag"] = etag
    return response

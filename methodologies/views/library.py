"""The public library: which methods exist, and each as it runs."""

from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from methodologies import present, selectors


@require_GET
def catalogue(request: HttpRequest) -> HttpResponse:
    """Every published methodology by sector."""
    versions = list(selectors.public_versions())
    sectors = [
        {
            "title": present.sector_label(sector),
            "icon": present.SECTOR_ICONS[sector],
            "rows": [present.row(one) for one in group],
        }
        for sector, group in groupby(versions, key=lambda one: one.methodology.sector)
    ]
    return render(request, "methodologies/list.html", {"sectors": sectors})


@require_GET
def version_page(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """One version: what it is for, the formula that runs, every parameter with its source, examples, the hash."""
    found = selectors.public_version(code=code, version=version)
    program = selectors.program_for(found)
    return render(request, "methodologies/version.html", present.page(found, program))


@require_GET
def version_source(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """The document itself, byte for byte as it was published."""
    found = selectors.public_version(code=code, version=version)
    response = HttpResponse(found.source, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{found.methodology_id}-{found.version}.yaml"'
    response["ETag"] = f'"{found.sha256}"'
    return response

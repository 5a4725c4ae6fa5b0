"""An urlconf of the portal with views in it that do what none may: each gate has to see its own."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.html import escape
from django.views.decorators.csrf import csrf_exempt

from behaviors.models import BehaviorRecord
from behaviors.selectors import record_for
from carbon_portal.kernel.errors import Forbidden, NotFound
from carbon_portal.urls import (  # noqa: F401  (handlers are read by name)
    handler400,
    handler403,
    handler404,
    handler500,
)
from carbon_portal.urls import urlpatterns as portal
from merchants.models import Offer, Voucher


def _page(text: str) -> HttpResponse:
    return HttpResponse(f"<!doctype html><title>x</title><p>{escape(text)}</p>")


@login_required
def well(request: HttpRequest, pk: int) -> HttpResponse:
    """As it should be."""
    return _page(record_for(request.user, pk).note)


@login_required
def leaks(request: HttpRequest, pk: int) -> HttpResponse:
    """Fetches without asking whose it is."""
    record = BehaviorRecord.objects.filter(pk=min(pk, 2**62)).first()
    if record is None:
        raise NotFound
    return _page(record.note)


@login_required
def forbids(request: HttpRequest, pk: int) -> HttpResponse:
    """403 where there is something, 404 where there is nothing."""
    if not BehaviorRecord.objects.filter(pk=min(pk, 2**62)).exists():
        raise NotFound
    try:
        return _page(record_for(request.user, pk).note)
    except NotFound as error:
        raise Forbidden from error


@login_required
def lists(request: HttpRequest) -> HttpResponse:
    """A list of everybody's."""
    return JsonResponse({"numbers": list(Voucher.objects.values_list("number", flat=True))})


@login_required
def points_to(request: HttpRequest) -> HttpResponse:
    """Nothing in the body, somebody's public id in a header."""
    response = HttpResponse(status=204)
    response["X-First"] = BehaviorRecord.objects.earliest("id").participant.public_id
    return response


def writes(request: HttpRequest) -> HttpResponse:
    """Counts its readers."""
    Offer.objects.update(title="seen")
    return _page("")


def writes_and_refuses(request: HttpRequest) -> HttpResponse:
    """Too late."""
    if request.method == "POST":
        Offer.objects.update(title="touched")
    raise Forbidden


def undoes(request: HttpRequest) -> HttpResponse:
    """Writes and takes it back: no row is changed."""
    with transaction.atomic():
        Offer.objects.update(title="for a moment")
        transaction.set_rollback(True)
    return _page("")


def bare(request: HttpRequest) -> HttpResponse:
    """Without a policy."""
    response = _page("")
    response._csp_exempt = True  # type: ignore[attr-defined]
    return response


def loose(request: HttpRequest) -> HttpResponse:
    """With code and style of its own, and a policy that lets them."""
    response = HttpResponse("<script>alert(1)</script><p style='color: red' onclick='x()'>")
    response["Content-Security-Policy"] = "default-src 'self'; script-src 'self' 'unsafe-inline'"
    response._csp_exempt = True  # type: ignore[attr-defined]
    response["Referrer-Policy"] = "unsafe-url"
    return response


def opens(request: HttpRequest) -> HttpResponse:
    """To everybody."""
    return _page("")


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken")


@csrf_exempt
@login_required
def unguarded(request: HttpRequest) -> HttpResponse:
    return _page("")


def _named(view: Any, argument: str = "") -> Any:
    name = view.__name__.replace("_", "-")
    return path(f"violations/{name}/{argument}", view, name=f"violation-{name}")


urlpatterns = [
    *portal,
    *(_named(view, "<int:pk>") for view in (well, leaks, forbids)),
    *(_named(view) for view in (lists, points_to, writes, writes_and_refuses, undoes, bare, loose, opens, breaks)),
    _named(unguarded),
    path("api/v1/violations/opens", opens, name="violation-api"),
]

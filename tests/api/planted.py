"""A portal with faults: endpoints that break their word, one in each way, so that a test sees the gate shut.

`tests.api.planted:application` is the real portal with these addresses beside its own.
"""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework import serializers, views
from rest_framework.request import Request
from rest_framework.response import Response

from carbon_portal.kernel import clock
from carbon_portal.kernel.endpoints import PublicView, StrictSerializer
from carbon_portal.kernel.models import AuditEvent
from carbon_portal.urls import urlpatterns as real

BELOW = "/api/v1/planted/"


class PlantedSerializer(StrictSerializer):
    number = serializers.IntegerField(min_value=1, max_value=9)


_SHAPE = {200: PlantedSerializer}
_NUMBER = [OpenApiParameter("number", {"type": "integer", "minimum": 1, "maximum": 9}, required=True)]


class Breaks(PublicView):
    """Answers 500 to a number that it did not think of."""

    @extend_schema(parameters=_NUMBER, responses=_SHAPE, operation_id="planted_breaks")
    def get(self, request: Request) -> Response:
        return Response({"number": 10 // int(request.query_params["number"])})


class Undocumented(PublicView):
    """Answers with a status that its schema does not know."""

    @extend_schema(responses=_SHAPE, operation_id="planted_undocumented")
    def get(self, request: Request) -> Response:
        return Response({"number": 1}, status=203)


class Misshapen(PublicView):
    """Answers with something else than it says."""

    @extend_schema(responses=_SHAPE, operation_id="planted_misshapen")
    def get(self, request: Request) -> Response:
        return Response({"number": "one"})


class Open(views.APIView):
    """Says that it wants a token, and asks for none."""

    permission_classes = (TokenHasScope,)
    required_scopes = ("me",)

    def check_permissions(self, request: Request) -> None:
        """Forgotten."""

    def perform_authentication(self, request: Request) -> None:
        """Forgotten too."""

    @extend_schema(responses=_SHAPE, operation_id="planted_open")
    def get(self, request: Request) -> Response:
        return Response({"number": 1})


class Gullible(PublicView):
    """Takes whatever is sent, and keeps it."""

    @extend_schema(request=PlantedSerializer, responses=_SHAPE, operation_id="planted_gullible")
    def post(self, request: Request) -> Response:
        AuditEvent.objects.create(at=clock.now(), verb="planted", target=str(request.data)[:60], data={})
        return Response({"number": 1})


def gullible_form(request: HttpRequest) -> HttpResponse:
    """A page whose form breaks on an odd digit and keeps the rest."""
    text = request.POST.get("amount", "1")
    AuditEvent.objects.create(at=clock.now(), verb="planted", target=str(int(text))[:60], data={})
    return HttpResponse("ok")


urlpatterns: list[Any] = [
    *real,
    path(f"{BELOW[1:]}breaks", Breaks.as_view(), name="planted-breaks"),
    path(f"{BELOW[1:]}undocumented", Undocumented.as_view(), name="planted-undocumented"),
    path(f"{BELOW[1:]}misshapen", Misshapen.as_view(), name="planted-misshapen"),
    path(f"{BELOW[1:]}open", Open.as_view(), name="planted-open"),
    path(f"{BELOW[1:]}gullible", Gullible.as_view(), name="planted-gullible"),
    path("planted/form", gullible_form, name="planted-form"),
]


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """The portal with faults, for gunicorn."""
    global _application  # noqa: PLW0603
    if _application is None:
        settings.ROOT_URLCONF = __name__
        _application = get_wsgi_application()
    return _application(environ, start_response)


_application: Any = None

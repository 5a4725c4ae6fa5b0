"""The HTTP API, version 1 (interface, section 3): each app brings its endpoints, the root brings schema and docs."""

from importlib.util import find_spec

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

APPS = ("accounts", "methodologies", "behaviors", "credits", "merchants", "pilots", "carbon_portal.pages")

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    *[path("", include(f"{app}.api.urls")) for app in APPS if find_spec(f"{app}.api") and find_spec(f"{app}.api.urls")],
]

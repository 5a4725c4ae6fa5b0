"""All addresses. Resident pages at the root, staff at /staff/, till at /till/, the API at /api/v1/."""

from importlib.util import find_spec

from django.urls import include, path

urlpatterns = [
    path("", include("carbon_portal.pages.urls")),
    *[
        path(prefix, include(f"{app}.urls"))
        for prefix, app in (
            ("", "accounts"),
            ("", "behaviors"),
            ("", "methodologies"),
            ("", "credits"),
            ("", "merchants"),
            ("", "pilots"),
        )
        if find_spec(f"{app}.urls")
    ],
    path("api/v1/", include("carbon_portal.api_urls")),
    path("o/", include("carbon_portal.oauth_urls", namespace="oauth2_provider")),
]

handler400 = "carbon_portal.pages.errors.bad_request"
handler403 = "carbon_portal.pages.errors.forbidden"
handler404 = "carbon_portal.pages.errors.not_found"
handler500 = "carbon_portal.pages.errors.server_error"

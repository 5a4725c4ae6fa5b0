"""OAuth 2 for apps and systems: only the endpoints that the portal offers.

The library's own list also has pages on which any login registers and edits clients, the device flow, introspection
and dynamic registration. Clients are registered by the operator, so none of these exists here.
"""

from typing import Any
from urllib.parse import urlsplit

from django.template.response import TemplateResponse
from django.urls import path
from oauth2_provider import views


class Authorization(views.AuthorizationView):
    """The person allows an app, or not. The address that the answer goes to is shown and may receive the form."""

    def render_to_response(self, context: dict[str, Any], **options: Any) -> TemplateResponse:
        """The library has checked the address against the client's list before it comes here."""
        target = urlsplit(context.get("redirect_uri") or "") if "error" not in context else urlsplit("")
        response: TemplateResponse = super().render_to_response(context | {"return_host": target.hostname}, **options)
        if target.scheme and target.netloc:
            # Browsers hold form-action against the redirect that follows the form, too.
            response._csp_update = {"form-action": [f"{target.scheme}://{target.netloc}"]}  # type: ignore[attr-defined]
        return response


app_name = "oauth2_provider"

urlpatterns = [
    path("authorize/", Authorization.as_view(), name="authorize"),
    path("token/", views.TokenView.as_view(), name="token"),
    path("revoke_token/", views.RevokeTokenView.as_view(), name="revoke-token"),
    path(
        ".well-known/oauth-authorization-server",
        views.OAuthServerMetadataView.as_view(),
        name="oauth-server-metadata",
    ),
]

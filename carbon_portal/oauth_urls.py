"""OAuth 2 for apps and systems: only the endpoints that the portal offers.

The library's own list also has pages on which any login registers and edits clients, the device flow, introspection
and dynamic registration. Clients are registered by the operator, so none of these exists here.
"""

from typing import Any, cast
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from oauth2_provider import views
from oauth2_provider.forms import AllowForm
from oauth2_provider.models import get_application_model


class Authorization(views.AuthorizationView):
    """The person allows an app, or not. The address that the answer goes to is shown and may receive the form."""

    def form_valid(self, form: AllowForm) -> HttpResponse:
        """The library takes it for granted that the form names a client that exists."""
        if not get_application_model().objects.filter(client_id=form.cleaned_data["client_id"]).exists():
            return self.form_invalid(form)
        return cast(HttpResponse, super().form_valid(form))

    def form_invalid(self, form: AllowForm) -> HttpResponse:
        """Nobody types anything here: what was sent is not what the page asked, so nothing is allowed."""
        return self.render_to_response({"error": {"error": "invalid_request"}}, status=400)

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

"""OAuth 2 for apps and systems: only the endpoints that the portal offers.

The library's own list also has pages on which any login registers and edits clients, the device flow, introspection
and dynamic registration. Clients are registered by the operator, so none of these exists here.
"""

from django.urls import path
from oauth2_provider import views

app_name = "oauth2_provider"

urlpatterns = [
    path("authorize/", views.AuthorizationView.as_view(), name="authorize"),
    path("token/", views.TokenView.as_view(), name="token"),
    path("revoke_token/", views.RevokeTokenView.as_view(), name="revoke-token"),
    path(
        ".well-known/oauth-authorization-server",
        views.OAuthServerMetadataView.as_view(),
        name="oauth-server-metadata",
    ),
]

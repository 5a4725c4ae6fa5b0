from django.urls import path

from .views import library

app_name = "methodologies"

urlpatterns = [
    path("methodologies/", library.catalogue, name="list"),
    path("methodologies/<slug:code>/<str:version>/", library.version_page, name="version"),
    path("methodologies/<slug:code>/<str:version>/document.yaml", library.version_source, name="source"),
]

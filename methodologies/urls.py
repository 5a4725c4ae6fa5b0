from django.urls import path

from . import views

app_name = "methodologies"

urlpatterns = [
    path("methodologies/", views.library, name="list"),
    path("methodologies/<slug:code>/<str:version>/", views.version_page, name="version"),
    path("methodologies/<slug:code>/<str:version>/document.yaml", views.version_source, name="source"),
]

from django.urls import path

from . import views

urlpatterns = [
    path("factors", views.FactorsView.as_view(), name="factors"),
    path("methodologies", views.MethodologiesView.as_view(), name="methodologies"),
    path("methodologies/<slug:code>/versions/<str:version>", views.VersionView.as_view(), name="methodology-version"),
]

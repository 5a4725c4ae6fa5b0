from django.urls import path

from . import views

urlpatterns = [
    path("regions", views.RegionListView.as_view(), name="region-list"),
    path("dashboards/<str:region>", views.DashboardView.as_view(), name="dashboard"),
]

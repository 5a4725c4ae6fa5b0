from django.urls import path

from . import views

app_name = "pilots"

urlpatterns = [
    path("staff/", views.staff_home, name="staff-home"),
    path("dashboards/", views.dashboard, name="province"),
    path("dashboards/<str:region>/", views.dashboard, name="dashboard"),
    path("dashboards/<str:region>/counts/", views.counts, name="counts"),
    path("dashboards/<str:region>/trace/", views.trace, name="trace"),
]

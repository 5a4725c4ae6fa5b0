from django.urls import path

from . import views
from .recomputations import views as recomputing

app_name = "credits"

urlpatterns = [
    path("records/", views.record_list, name="record-list"),
    path("records/estimate", views.estimate, name="estimate"),
    path("records/<int:pk>", views.record_detail, name="record-detail"),
    path("records/<int:pk>/trace", views.record_trace, name="record-trace"),
    path("statement", views.statement, name="statement"),
    # Recomputations, for the province's desks
    path("staff/recomputations/", recomputing.job_list, name="recomputations"),
    path("staff/recomputations/new", recomputing.job_new, name="recomputation-new"),
    path("staff/recomputations/<uuid:uuid>/", recomputing.job_detail, name="recomputation"),
    path("staff/recomputations/<uuid:uuid>/progress", recomputing.job_progress, name="recomputation-progress"),
    path("staff/recomputations/<uuid:uuid>/request", recomputing.job_request, name="recomputation-request"),
    path("staff/recomputations/<uuid:uuid>/decide", recomputing.job_decide, name="recomputation-decide"),
    path("staff/recomputations/<uuid:uuid>/discard", recomputing.job_discard, name="recomputation-discard"),
    path("staff/recomputations/<uuid:uuid>/report.json", recomputing.report_json, name="recomputation-json"),
    path("staff/recomputations/<uuid:uuid>/report.xlsx", recomputing.report_xlsx, name="recomputation-xlsx"),
]

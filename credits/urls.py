from django.urls import path

from . import views
from .affected import views as affected
from .monitoring import views as monitoring
from .recomputations import views as recomputing
from .rewards import views as rewarding
from .simulation import views as simulations
from .verification import views as verifying

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
    # How versions run once they are in force
    path("staff/monitoring/", monitoring.monitoring, name="monitoring"),
    path(
        "staff/monitoring/<slug:code>/<str:version>/records", monitoring.monitoring_records, name="monitoring-records"
    ),
    # Records that a new value of a factor touches
    path("staff/affected/<str:code>/", affected.affected_records, name="affected-records"),
    path("staff/affected/<str:code>/records.csv", affected.affected_csv, name="affected-csv"),
    # Points for whoever sent an idea that was adopted
    path("staff/proposals/<str:number>/reward", rewarding.page, name="reward"),
    path("staff/proposals/<str:number>/reward/ask", rewarding.ask, name="reward-ask"),
    path("staff/proposals/<str:number>/reward/decide", rewarding.decide, name="reward-decide"),
    # What-if simulations
    path("staff/simulations/", simulations.simulation_list, name="simulations"),
    path("staff/simulations/new", simulations.simulation_new, name="simulation-new"),
    path("staff/simulations/ranking", simulations.simulation_ranking, name="simulation-ranking"),
    path("staff/simulations/<uuid:pk>/", simulations.simulation_page, name="simulation"),
    path("staff/simulations/<uuid:pk>/progress", simulations.simulation_progress, name="simulation-progress"),
    path("staff/simulations/<uuid:pk>/cancel", simulations.simulation_cancel, name="simulation-cancel"),
    path("staff/simulations/<uuid:pk>/file", simulations.simulation_file, name="simulation-file"),
    path("staff/simulations/<uuid:pk>/report.json", simulations.simulation_json, name="simulation-json"),
    path("staff/simulations/<uuid:pk>/report.xlsx", simulations.simulation_xlsx, name="simulation-xlsx"),
    # Verifications on a sample: in public, and on desks
    path("verifications/", verifying.public_list, name="verifications"),
    path("verifications/<uuid:uuid>/", verifying.public_page, name="verification"),
    path("verifications/<uuid:uuid>/frame.txt", verifying.public_frame, name="verification-frame"),
    path("staff/verifications/", verifying.desk_list, name="verification-desk"),
    path("staff/verifications/new", verifying.desk_new, name="verification-new"),
    path("staff/verifications/<uuid:uuid>/", verifying.desk_page, name="verification-work"),
    path("staff/verifications/<uuid:uuid>/records/<int:place>", verifying.desk_record, name="verification-record"),
    path("staff/verifications/<uuid:uuid>/report.json", verifying.desk_report, name="verification-report"),
]

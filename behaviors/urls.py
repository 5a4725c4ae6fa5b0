from django.urls import path

from . import views

app_name = "behaviors"

urlpatterns = [
    path("records/new", views.record_new, name="record-new"),
    path("records/<int:pk>/cancel", views.record_cancel, name="record-cancel"),
    path("evidence/<uuid:pk>", views.evidence_file, name="evidence"),
]

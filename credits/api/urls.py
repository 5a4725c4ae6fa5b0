from django.urls import path

from . import views

urlpatterns = [
    path("me/records/<int:pk>/trace", views.TraceView.as_view(), name="me-record-trace"),
    path("me/account", views.AccountView.as_view(), name="me-account"),
    path("me/entries", views.EntriesView.as_view(), name="me-entries"),
    path("reconciliation", views.ReconciliationView.as_view(), name="reconciliation"),
]

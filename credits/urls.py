from django.urls import path

from . import views

app_name = "credits"

urlpatterns = [
    path("records/", views.record_list, name="record-list"),
    path("records/estimate", views.estimate, name="estimate"),
    path("records/<int:pk>", views.record_detail, name="record-detail"),
    path("records/<int:pk>/trace", views.record_trace, name="record-trace"),
    path("statement", views.statement, name="statement"),
]

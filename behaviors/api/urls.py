from django.urls import path

from . import views

urlpatterns = [
    path("activities", views.ActivitiesView.as_view(), name="activities"),
    path("me/records", views.RecordsView.as_view(), name="me-records"),
    path("me/records/<int:pk>", views.RecordView.as_view(), name="me-record"),
]

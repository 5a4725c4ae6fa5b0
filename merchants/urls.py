from django.urls import path

from . import views

app_name = "merchants"

urlpatterns = [
    path("offers/", views.offer_list, name="offer-list"),
    path("offers/<uuid:pk>/", views.offer_detail, name="offer-detail"),
    path("vouchers/", views.voucher_list, name="voucher-list"),
    path("vouchers/<uuid:pk>/", views.voucher_detail, name="voucher-detail"),
    path("vouchers/<uuid:pk>/qr", views.voucher_qr, name="voucher-qr"),
    path("vouchers/<uuid:pk>/digits", views.voucher_digits, name="voucher-digits"),
    path("vouchers/<uuid:pk>/release", views.voucher_release, name="voucher-release"),
    path("till/", views.till, name="till"),
    path("till/capture", views.till_capture, name="till-capture"),
    path("till/<uuid:pk>/refund", views.till_refund, name="till-refund"),
]

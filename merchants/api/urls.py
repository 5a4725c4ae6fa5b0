from django.urls import path

from . import views

urlpatterns = [
    path("offers", views.OfferListView.as_view(), name="offer-list"),
    path("me/vouchers", views.VoucherCreateView.as_view(), name="voucher-create"),
    path("me/vouchers/<uuid:pk>", views.VoucherView.as_view(), name="voucher"),
    path("me/vouchers/<uuid:pk>/codes", views.VoucherCodesView.as_view(), name="voucher-codes"),
    path("till/captures", views.CaptureView.as_view(), name="capture"),
    path("till/captures/<uuid:pk>/reversals", views.RefundView.as_view(), name="capture-reversal"),
]

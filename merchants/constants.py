"""Choices and limits of redemption."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class VoucherState(models.TextChoices):
    HELD = "held", _("待核销")
    CAPTURED = "captured", _("已核销")
    REFUNDED = "refunded", _("已撤销")
    RELEASED = "released", _("已退回")
    EXPIRED = "expired", _("已过期")


# States in which a voucher occupies its place under the per-person limit and its piece of stock.
OCCUPYING_STATES = (VoucherState.HELD, VoucherState.CAPTURED)

QR_SECONDS = 30  # one window; the window before is accepted too (T2)
DIGITS_SECONDS = 120
DIGITS_LENGTH = 8
# Stock is split into slots so that many people may take the same offer at once without one hot row.
MAX_STOCK_SLOTS = 8
# T15: wrong codes a minute before a till has to wait.
WRONG_CODES_PER_MINUTE = 5
MAX_PER_PERSON = 100

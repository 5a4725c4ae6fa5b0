"""Model fields for value. Whole numbers only: grams, points, fen."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models


class QuantityField(models.BigIntegerField):
    """A bigint that refuses anything but a Python `int`: no float, no Decimal, no text, no bool.

    Django's own integer fields would quietly turn 1.9 into 1.
    """

    def _whole(self, value: Any) -> int | None:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise ValidationError(f"{self.name}: {value!r} is not a whole number", code="not_whole")

    def to_python(self, value: Any) -> int | None:
        return self._whole(value)

    def get_prep_value(self, value: Any) -> Any:
        if hasattr(value, "resolve_expression"):
            return value
        return self._whole(value)

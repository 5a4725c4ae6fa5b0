"""Quantities from outside become scaled integers here, once, and are written back here.

The one door for numbers: forms, API, CSV files and methodology documents all call ``parse_quantity``.
Free of Django, because the methodology engine shares it. No float and no Decimal on any path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_PATTERN = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,12}))?", re.ASCII)
MAX_PLACES = 12


class QuantityError(ValueError):
    """A text is no quantity, or has too many places; ``code`` names which."""

    def __init__(self, code: str, message_zh: str, message_en: str) -> None:
        super().__init__(f"{message_zh} {message_en}")
        self.code = code
        self.message_zh = message_zh
        self.message_en = message_en


@dataclass(frozen=True, slots=True)
class Quantity:
    """The exact number ``scaled / 10**places``; the places are those that were written."""

    scaled: int
    places: int = 0

    def at(self, places: int) -> int:
        """Return the integer at ``places``, which may not be fewer than the quantity needs."""
        if places >= self.places:
            return int(self.scaled * 10 ** (places - self.places))
        divisor = 10 ** (self.places - places)
        whole, rest = divmod(self.scaled, divisor)
        if rest:
            raise ValueError(f"{self} does not fit {places} places")
        return whole

    def floor_at(self, places: int) -> int:
        """Return the largest integer at ``places`` not above the quantity."""
        return int(self.scaled * 10 ** max(places - self.places, 0)) // 10 ** max(self.places - places, 0)

    def ceil_at(self, places: int) -> int:
        """Return the smallest integer at ``places`` not below the quantity."""
        return -Quantity(-self.scaled, self.places).floor_at(places)

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.scaled, 10**self.places)

    @property
    def needed_places(self) -> int:
        """Places without trailing zeros."""
        scaled, places = self.scaled, self.places
        while places and scaled % 10 == 0:
            scaled, places = scaled // 10, places - 1
        return places

    def __str__(self) -> str:
        return format_scaled(self.scaled, self.places)


def parse_quantity(text: str, *, max_places: int | None = None) -> Quantity:
    """Return the exact quantity written in ``text``; trailing zeros count as places.

    Raises QuantityError (``not_a_number``, ``too_many_places``).
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        shown = str(text)[:40]
        raise QuantityError(
            "not_a_number",
            f"“{shown}”不是数字：请用 ASCII 数字书写，整数和小数各不超过 12 位，例如 12.5。",
            f'"{shown}" is not a number: use ASCII digits, at most 12 before and 12 after the point, such as 12.5.',
        )
    sign, whole, places = match[1], match[2], match[3] or ""
    if max_places is not None and len(places) > max_places:
        raise QuantityError(
            "too_many_places",
            f"“{text}”的小数位数过多：最多 {max_places} 位。",
            f'"{text}" has too many decimal places: at most {max_places}.',
        )
    scaled = int(whole + places)
    return Quantity(-scaled if sign else scaled, len(places))


def format_scaled(scaled: int, places: int, *, trim: bool = False) -> str:
    """Write ``scaled / 10**places`` exactly; ``trim`` drops trailing zeros after the point."""
    sign = "-" if scaled < 0 else ""
    digits = str(abs(scaled)).rjust(places + 1, "0")
    if not places:
        return sign + digits
    whole, rest = digits[:-places], digits[-places:]
    if trim:
        rest = rest.rstrip("0")
    return f"{sign}{whole}.{rest}" if rest else sign + whole


def group_digits(text: str) -> str:
    """Put commas between thousands of the whole part: 1234.5 becomes 1,234.5."""
    sign, body = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, point, rest = body.partition(".")
    return f"{sign}{int(whole):,}{point}{rest}"


_GRAM_UNITS = {
    "zh": ((6, "吨"), (3, "千克"), (0, "克")),
    "en": ((6, "t"), (3, "kg"), (0, "g")),
}


def format_grams(value_g: int, *, language: str = "zh") -> str:
    """Write whole grams in 克, 千克 or 吨 (g, kg, t), the largest that is at least one; always exact."""
    for places, unit in _GRAM_UNITS["en" if language.startswith("en") else "zh"]:
        if abs(value_g) >= 10**places or places == 0:
            return f"{group_digits(format_scaled(value_g, places, trim=True))} {unit}"
    raise AssertionError("unreachable: the last unit takes every value")


def format_points(value_points: int, *, language: str = "zh") -> str:
    """Write whole points: 1,234 分 (1,234 points)."""
    return f"{value_points:,} {'points' if language.startswith('en') else '分'}"


def format_fen(value_fen: int, *, language: str = "zh") -> str:
    """Write whole fen in yuan with two places: 12.34 元 (CNY 12.34)."""
    yuan = group_digits(format_scaled(value_fen, 2))
    return f"CNY {yuan}" if language.startswith("en") else f"{yuan} 元"

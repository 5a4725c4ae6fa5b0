"""Units: a closed table of symbols and a map of exponents. Nothing converts by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

CO2E = {"g_co2e": 1, "kg_co2e": 1_000, "t_co2e": 1_000_000}
SYMBOLS = frozenset(
    [
        "g_co2e",
        "kg_co2e",
        "t_co2e",
        "g",
        "kg",
        "t",
        "km",
        "m",
        "kWh",
        "MWh",
        "GJ",
        "MJ",
        "L",
        "m3",
        "ha",
        "m2",
        "s",
        "min",
        "h",
        "day",
        "month",
        "year",
        "person",
        "trip",
        "item",
        "ride",
        "household",
        "meter",
        "device",
    ]
)
_SYMBOL = re.compile(r" *([A-Za-z_][A-Za-z0-9_]*|1(?![0-9A-Za-z_])|[*/()])", re.ASCII)
_MAX_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Unit:
    """Symbols with their exponents, sorted; the empty unit is a pure number."""

    exponents: tuple[tuple[str, int], ...] = ()

    def __mul__(self, other: Unit) -> Unit:
        return _combine(self, other, 1)

    def __truediv__(self, other: Unit) -> Unit:
        return _combine(self, other, -1)

    def __str__(self) -> str:
        above = [_power(name, power) for name, power in self.exponents if power > 0]
        below = [_power(name, -power) for name, power in self.exponents if power < 0]
        text = "*".join(above) or "1"
        if below:
            text += "/" + (below[0] if len(below) == 1 and "*" not in below[0] else f"({'*'.join(below)})")
        return text


def _power(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"


def _combine(left: Unit, right: Unit, sign: int) -> Unit:
    exponents = dict(left.exponents)
    for name, power in right.exponents:
        exponents[name] = exponents.get(name, 0) + sign * power
    return Unit(tuple(sorted((name, power) for name, power in exponents.items() if power)))


PURE = Unit()


def parse_unit(text: str) -> Unit:
    """Return the unit of an expression such as ``t_co2e/(ha*year)``. Raises ValueError with the reason in English."""
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"longer than {_MAX_LENGTH} characters")
    symbols: list[str] = []
    position = 0
    stripped = text.rstrip(" ")
    while position < len(stripped):
        match = _SYMBOL.match(stripped, position)
        if match is None:
            raise ValueError(f"unexpected character {stripped[position:].lstrip()[:1]!r}")
        symbols.append(match[1])
        position = match.end()
    parser = _Parser(symbols)
    unit = parser.product()
    if parser.symbols:
        raise ValueError(f"unexpected {parser.symbols[0]!r}")
    return unit


class _Parser:
    def __init__(self, symbols: list[str]) -> None:
        self.symbols = symbols

    def product(self) -> Unit:
        unit = self.factor()
        while self.symbols and self.symbols[0] in "*/":
            operator = self.symbols.pop(0)
            unit = unit * self.factor() if operator == "*" else unit / self.factor()
        return unit

    def factor(self) -> Unit:
        if not self.symbols:
            raise ValueError("the unit ends too early")
        symbol = self.symbols.pop(0)
        if symbol == "(":
            unit = self.product()
            if not self.symbols or self.symbols.pop(0) != ")":
                raise ValueError("a closing bracket is missing")
            return unit
        if symbol == "1":
            return PURE
        if symbol not in SYMBOLS:
            raise ValueError(f"unknown unit {symbol!r}")
        return Unit(((symbol, 1),))

"""Units of inputs in the words of a page: km → 公里, kWh → 千瓦时."""

import re

_NAMES: dict[str, tuple[str, str]] = {
    "g_co2e": ("克 CO₂e", "g CO₂e"),
    "kg_co2e": ("千克 CO₂e", "kg CO₂e"),
    "t_co2e": ("吨 CO₂e", "t CO₂e"),
    "g": ("克", "g"),
    "kg": ("千克", "kg"),
    "t": ("吨", "t"),
    "km": ("公里", "km"),
    "m": ("米", "m"),
    "kWh": ("千瓦时", "kWh"),
    "MWh": ("兆瓦时", "MWh"),
    "GJ": ("吉焦", "GJ"),
    "MJ": ("兆焦", "MJ"),
    "L": ("升", "L"),
    "m3": ("立方米", "m³"),
    "ha": ("公顷", "ha"),
    "m2": ("平方米", "m²"),
    "s": ("秒", "s"),
    "min": ("分钟", "min"),
    "h": ("小时", "h"),
    "day": ("天", "days"),
    "month": ("个月", "months"),
    "year": ("年", "years"),
    "person": ("人", "people"),
    "trip": ("次", "trips"),
    "item": ("件", "items"),
    "ride": ("次", "rides"),
    "household": ("户", "households"),
    "meter": ("表", "meters"),
    "device": ("台", "devices"),
}


def unit_text(unit: str, language: str | None = "zh") -> str:
    """The unit as people write it; empty for a pure number."""
    if unit == "1":
        return ""
    column = 1 if (language or "").startswith("en") else 0
    return re.sub(r"[A-Za-z_][A-Za-z_0-9]*", lambda match: _NAMES.get(match[0], (match[0],) * 2)[column], unit).replace(
        "*", "·"
    )

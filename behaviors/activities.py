"""The list of low-carbon deeds: data in `activities.yaml`, read once, Django-free.

What a deed is, whose it is and what makes two reports the same deed stands here; how many grams it saves is a matter
of the methodology in force for its place and date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from carbon_portal.kernel.errors import DomainError

Identity = Literal["interval", "meter_period", "item_serial", "none"]
Subject = Literal["person", "household", "organisation"]
Sector = Literal[
    "electricity",
    "water",
    "gas",
    "transport",
    "vehicles",
    "waste",
    "carbon_sink",
    "buildings",
    "consumption",
    "industry",
]

PATH = Path(__file__).with_name("activities.yaml")
_CODE = re.compile(r"[a-z][a-z0-9_]{2,39}", re.ASCII)
_REQUIRED = {"title", "hint", "sector", "identity", "subject", "correction_hours", "self_declared_per_day", "icon"}
_BY_IDENTITY: dict[str, set[str]] = {
    "interval": {"prefill_speed_kmh", "max_speed_kmh"},
    "meter_period": {"max_period_days", "identity_label"},
    "item_serial": {"identity_label"},
    "none": set(),
}


class UnknownActivity(DomainError):
    """The code is not on the list."""

    code = "unknown_activity"
    http_status = 404
    title = "没有这种行为"
    title_en = "Unknown activity"
    zh = "没有代码为“{activity}”的低碳行为。可用的代码见 /api/v1/activities。"
    en = "There is no activity with the code “{activity}”. The codes are listed at /api/v1/activities."

    def __init__(self, given: object) -> None:
        super().__init__(activity=str(given)[:40])


class BadActivityList(ValueError):
    """activities.yaml does not say what it must; the message names the activity and the key."""


@dataclass(frozen=True, slots=True)
class Text:
    zh: str
    en: str

    def in_language(self, language: str | None) -> str:
        return self.en if (language or "").startswith("en") else self.zh


@dataclass(frozen=True, slots=True)
class Activity:
    """One kind of deed. Speeds are whole km/h; keys that do not belong to its identity are None."""

    code: str
    title: Text
    hint: Text
    sector: Sector
    identity: Identity
    subject: Subject
    correction_hours: int
    self_declared_per_day: int
    icon: str
    short: Text
    prefill_speed_kmh: int | None = None
    max_speed_kmh: int | None = None
    max_period_days: int | None = None
    identity_label: Text | None = None

    def __str__(self) -> str:
        return self.title.zh

    def prefill_minutes(self, distance_m: int) -> int | None:
        """Whole minutes (rounded up, at least one) that a trip of so many metres takes; None if it is no trip."""
        if self.prefill_speed_kmh is None:
            return None
        return max(1, -(-distance_m * 60 // (self.prefill_speed_kmh * 1000)))

    def is_too_fast(self, distance_m: int, seconds: int) -> bool:
        """Whether so many metres in so many seconds are past what this kind of trip can do."""
        return self.max_speed_kmh is not None and distance_m * 3600 > self.max_speed_kmh * 1000 * seconds


@cache
def activities() -> dict[str, Activity]:
    """All activities by code, in the order of the list."""
    return parse(PATH.read_text(encoding="utf-8"))


def find(code: str) -> Activity | None:
    return activities().get(code)


def activity(code: str) -> Activity:
    """The activity with this code; `UnknownActivity` if there is none."""
    found = find(code)
    if found is None:
        raise UnknownActivity(code)
    return found


def in_sector(sector: str) -> list[Activity]:
    return [a for a in activities().values() if a.sector == sector]


def for_subject(subject: str) -> list[Activity]:
    return [a for a in activities().values() if a.subject == subject]


def parse(text: str) -> dict[str, Activity]:
    """The list from its YAML text; `BadActivityList` names what is wrong."""
    data = yaml.safe_load(text)
    if not isinstance(data, dict) or not data:
        raise BadActivityList("the list of activities must be a mapping from code to activity")
    return {code: _activity(code, fields) for code, fields in data.items()}


def _activity(code: Any, fields: Any) -> Activity:
    if not isinstance(code, str) or _CODE.fullmatch(code) is None:
        raise BadActivityList(f"{code!r}: a code is 3 to 40 of a-z, 0-9 and _, a letter first")
    if not isinstance(fields, Mapping):
        raise BadActivityList(f"{code}: must be a mapping")
    identity = _choice(code, fields, "identity", Identity)
    wanted = _REQUIRED | _BY_IDENTITY[identity]
    if missing := sorted(wanted - set(fields)):
        raise BadActivityList(f"{code}: missing {', '.join(missing)}")
    if unknown := sorted(set(fields) - wanted - {"short"}):
        raise BadActivityList(f"{code}: {', '.join(unknown)} has no place in an activity with identity {identity}")
    numbers = {
        key: _whole(code, fields, key, low)
        for key, low in (
            ("correction_hours", 0),
            ("self_declared_per_day", 0),
            ("prefill_speed_kmh", 1),
            ("max_speed_kmh", 1),
            ("max_period_days", 1),
        )
        if key in fields
    }
    if not isinstance(fields["icon"], str) or not re.fullmatch(r"[a-z0-9-]+", fields["icon"]):
        raise BadActivityList(f"{code}: icon must be the name of a symbol, for example bike")
    if numbers.get("prefill_speed_kmh", 0) > numbers.get("max_speed_kmh", 0):
        raise BadActivityList(f"{code}: prefill_speed_kmh is above max_speed_kmh")
    return Activity(
        code=code,
        title=_text(code, fields, "title"),
        hint=_text(code, fields, "hint"),
        sector=_choice(code, fields, "sector", Sector),
        identity=identity,
        subject=_choice(code, fields, "subject", Subject),
        icon=fields["icon"],
        short=_text(code, fields, "short" if "short" in fields else "title"),
        identity_label=_text(code, fields, "identity_label") if "identity_label" in fields else None,
        **numbers,
    )


def _choice(code: str, fields: Mapping[str, Any], key: str, options: Any) -> Any:
    value = fields.get(key)
    if value not in get_args(options):
        raise BadActivityList(f"{code}: {key} must be one of {', '.join(get_args(options))}, not {value!r}")
    return value


def _whole(code: str, fields: Mapping[str, Any], key: str, low: int) -> int:
    value = fields[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise BadActivityList(f"{code}: {key} must be a whole number from {low}, not {value!r}")
    return value


def _text(code: str, fields: Mapping[str, Any], key: str) -> Text:
    value = fields[key]
    if (
        not isinstance(value, Mapping)
        or set(value) != {"zh", "en"}
        or not all(isinstance(v, str) and v for v in value.values())
    ):
        raise BadActivityList(f"{code}: {key} needs a text in zh and in en")
    return Text(zh=value["zh"], en=value["en"])

"""What the people of the demo did in the last twelve months, through the same services as the pages and feeds."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

from accounts.models import Participant, Provider
from behaviors import services
from behaviors.constants import Channel, EvidenceGrade
from carbon_portal.kernel import clock, regions

from .people import Cast

MONTHS = 12
TRIPS = (
    ("metro_trip", (3, 22), 33),
    ("electric_bus_trip", (2, 14), 17),
    ("shared_bike_trip", (1, 5), 10),
    ("shared_ebike_trip", (2, 8), 15),
    ("ev_trip", (5, 45), 35),
)
FEEDS = (("demo-transit", "示例公交地铁"), ("demo-grid", "示例电网"))
RAIL_CITIES = {"440100", "440300", "440600", "441900"}


def seed_deeds(cast: Cast, *, now: dt.datetime, per_month: int, quantify: Any) -> int:
    """Submit about `per_month` trips a month and the meters' and firms' records; returns how many were sent.

    `quantify(at)` runs after each month, so that points are dated through the year and both years have some.
    """
    chance = random.Random(44_0000)  # noqa: S311  (plausible trips, not secrets)
    feeds = {
        code: _provider(code, name, now) for code, name in (("demo-transit", "示例公交地铁"), ("demo-grid", "示例电网"))
    }
    sent = 0
    today = clock.local_date(now)
    for back in range(MONTHS - 1, -1, -1):
        days = _days_of_month(today, back)
        for day, deed in _deeds(cast, days, chance, per_month, feeds, latest=back == 0):
            at = min(clock.local_midnight(day) + dt.timedelta(hours=22), now)
            services.submit_record(at=at, **deed)
            sent += 1
        quantify(min(clock.local_midnight(days[-1]) + dt.timedelta(hours=23), now))
    return sent


def _days_of_month(today: dt.date, back: int) -> list[dt.date]:
    """The days of the month that lies `back` months before today's, up to yesterday."""
    year, month = divmod(today.year * 12 + today.month - 1 - back, 12)
    first = dt.date(year, month + 1, 1)
    following = (first + dt.timedelta(days=31)).replace(day=1)
    last = min(following - dt.timedelta(days=1), today - dt.timedelta(days=1))
    return [first + dt.timedelta(days=offset) for offset in range(max(1, (last - first).days + 1))]


def _deeds(
    cast: Cast, days: list[dt.date], chance: random.Random, per_month: int, feeds: dict[str, Provider], *, latest: bool
) -> Iterator[tuple[dt.date, dict[str, Any]]]:
    # The three named residents travel often, so that their pages have something to show.
    for resident in cast.residents[:4]:
        for day in chance.sample(days, min(len(days), 9)):
            yield day, _trip(resident, day, chance, feeds, hour=8)
    for number in range(per_month):
        day = chance.choice(days)
        yield (
            day,
            _trip(cast.residents[4 + number % (len(cast.residents) - 4)], day, chance, feeds, hour=6 + number % 14),
        )
    for household in cast.households[: max(6, len(cast.households) // 4)]:
        for day in days[-10:] if latest else days[-6:]:
            yield day, _power(cast, household, day, chance, feeds["demo-grid"])
        yield days[-1], _water(cast, household, days[-1], chance, feeds["demo-grid"])
    for resident in chance.sample(cast.residents, min(12, len(cast.residents))):
        day = chance.choice(days)
        weight = f"{chance.randint(2, 15)}.{chance.randint(0, 9)}"
        yield day, _item(resident, "old_clothes", day, {"weight": weight}, chance, EvidenceGrade.SELF_DECLARED)
    for firm in cast.firms[:2]:
        yield days[-1], _pv(firm, days, chance, feeds["demo-grid"])


def _trip(
    participant: Participant, day: dt.date, chance: random.Random, feeds: dict[str, Provider], *, hour: int
) -> dict[str, Any]:
    city = regions.city_of(participant.region)
    choices = TRIPS if city and city.code in RAIL_CITIES else TRIPS[1:]
    activity, (low, high), speed = chance.choice(choices)
    metres = chance.randint(low * 10, high * 10) * 100
    start = clock.local_midnight(day) + dt.timedelta(hours=hour, minutes=chance.randint(0, 40))
    seconds = metres * 36 // (speed * 10) + 240
    inputs = {"distance": f"{metres // 1000}.{metres % 1000:03d}"}
    if activity == "ev_trip":
        inputs["vehicle"] = chance.choice(["compact", "midsize", "large"])
    feed = chance.random() < 0.7
    return {
        **_common(participant, activity, inputs),
        "started_at": start,
        "ended_at": start + dt.timedelta(seconds=seconds),
        **_source(feeds["demo-transit"] if feed else None, f"{activity}:{participant.uuid}:{day}:{hour}"),
    }


def _power(cast: Cast, household: Participant, day: dt.date, chance: random.Random, feed: Provider) -> dict[str, Any]:
    meter = cast.meters[f"{household.household_id}:electricity"]
    return {
        **_common(household, "household_electricity", {"daily_use": f"{chance.randint(3, 14)}.{chance.randint(0, 9)}"}),
        "occurred_on": day,
        "meter": meter,
        "period_start": day,
        "period_end": day,
        **_source(feed, f"power:{meter}:{day}"),
    }


def _water(cast: Cast, household: Participant, day: dt.date, chance: random.Random, feed: Provider) -> dict[str, Any]:
    meter, days = cast.meters[f"{household.household_id}:water"], day.day
    inputs = {"water_use": f"{chance.randint(3, 14)}.{chance.randint(0, 9)}", "members": "3", "days": str(days)}
    return {
        **_common(household, "household_water", inputs),
        "occurred_on": day,
        "meter": meter,
        "period_start": day.replace(day=1),
        "period_end": day,
        **_source(feed, f"water:{meter}:{day}"),
    }


def _item(
    participant: Participant,
    activity: str,
    day: dt.date,
    inputs: dict[str, str],
    chance: random.Random,
    evidence: EvidenceGrade,
) -> dict[str, Any]:
    serial = f"DEMO{chance.randint(0, 10**9):09d}"
    return {
        **_common(participant, activity, inputs),
        "occurred_on": day,
        "item_serial": serial,
        **_source(None, f"{activity}:{participant.uuid}:{day}"),
        "evidence": evidence,
    }


def _pv(firm: Participant, days: list[dt.date], chance: random.Random, feed: Provider) -> dict[str, Any]:
    day = days[-1]
    meter = f"PV{str(firm.uuid)[:8].upper()}"
    return {
        **_common(firm, "distributed_pv", {"generation": f"{chance.randint(120, 460)}.5"}),
        "occurred_on": day,
        "meter": meter,
        "period_start": days[0],
        "period_end": day,
        **_source(feed, f"pv:{meter}:{day}"),
    }


def _common(participant: Participant, activity: str, inputs: dict[str, str]) -> dict[str, Any]:
    return {
        "participant": participant,
        "person": participant.person,
        "activity": activity,
        "region": participant.region,
        "inputs": inputs,
    }


def _source(feed: Provider | None, number: str) -> dict[str, Any]:
    return {
        "provider": feed,
        "channel": Channel.API if feed else Channel.PAGE,
        "evidence": EvidenceGrade.FEED if feed else EvidenceGrade.SELF_DECLARED,
        "source_record_id": number,
    }


def _provider(code: str, name: str, at: dt.datetime) -> Provider:
    found, _made = Provider.objects.get_or_create(
        code=code, defaults={"name": name, "region": "440000", "created_at": at}
    )
    return found

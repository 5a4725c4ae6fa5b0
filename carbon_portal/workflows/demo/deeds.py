"""What the named people of the demo wrote down themselves in the last days, through the same service as the page."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

from accounts.models import Participant
from behaviors import services
from behaviors.constants import Channel, EvidenceGrade
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock

from .people import Cast

DAYS = 12
TRIPS = (
    ("shared_bike_trip", (4, 40), 10),
    ("electric_bus_trip", (20, 90), 17),
    ("ev_trip", (50, 180), 35),
    ("metro_trip", (30, 160), 33),
)
NOTES = ("上班", "接孩子放学", "去菜市场", "周末去公园", "", "")


def seed_deeds(cast: Cast, *, now: dt.datetime) -> int:
    """Self-declared trips and a bag of clothes of the last days, some of them today; once. How many were sent."""
    if BehaviorRecord.objects.filter(source_record_id__startswith="demo:").exists():
        return 0
    chance = random.Random(44_0000)  # noqa: S311  (plausible trips, not secrets)
    sent = 0
    for participant in cast.named:
        if participant.kind != "resident":
            continue
        for deed in _deeds(participant, now, chance):
            services.submit_record(**deed)
            sent += 1
    return sent


def _deeds(one: Participant, now: dt.datetime, chance: random.Random) -> Iterator[dict[str, Any]]:
    today = clock.local_date(now)
    for back in range(DAYS, -1, -1):
        day = today - dt.timedelta(days=back)
        for hour in (8, 18) if back % 3 == 0 else (8,):
            start = clock.local_midnight(day) + dt.timedelta(hours=hour, minutes=chance.randint(0, 50))
            trip = _trip(one, start, chance)
            if trip["ended_at"] < now:
                yield trip | {"at": min(trip["ended_at"] + dt.timedelta(minutes=chance.randint(1, 20)), now)}
    weight = f"{chance.randint(2, 9)}.{chance.randint(0, 9)}"
    yield {
        **_common(one, "old_clothes", {"weight": weight}, "old_clothes"),
        "occurred_on": today,
        "item_serial": f"DEMO-{one.public_id}",
        "at": now,
    }


def _trip(one: Participant, start: dt.datetime, chance: random.Random) -> dict[str, Any]:
    activity, (low, high), speed = chance.choice(TRIPS)
    tenths = chance.randint(low, high)
    inputs = {"distance": f"{tenths // 10}.{tenths % 10}"}
    if activity == "ev_trip":
        inputs["vehicle"] = chance.choice(["compact", "midsize", "large"])
    return {
        **_common(one, activity, inputs, start.isoformat()),
        "started_at": start,
        "ended_at": start + dt.timedelta(seconds=min(tenths * 360 // speed + 180, 2700)),
        "note": chance.choice(NOTES),
    }


def _common(one: Participant, activity: str, inputs: dict[str, str], number: str) -> dict[str, Any]:
    return {
        "participant": one,
        "person": one.person,
        "activity": activity,
        "region": one.region,
        "inputs": inputs,
        "channel": Channel.PAGE,
        "provider": None,
        "evidence": EvidenceGrade.SELF_DECLARED,
        "source_record_id": f"demo:{number}",
    }

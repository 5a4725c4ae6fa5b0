"""Write plausible records for measurements."""

import csv
import datetime as dt
import random
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Participant
from carbon_portal.kernel import clock

COLUMNS = (
    "source_record_id", "participant", "activity", "region", "occurred_on", "started_at", "ended_at", "meter",
    "period_start", "period_end", "item_serial", "evidence", "distance", "weight", "daily_use", "generation",
)  # fmt: skip
FIRST_DAY = dt.date(2026, 1, 1)
DAYS = 304  # to the end of October 2026: the same arguments give the same file on any day
SLOTS = 32  # trips of one person begin 45 minutes apart
# activity, least and most distance in 100 m, typical km/h (as in activities.yaml)
TRIPS = (
    ("metro_trip", 20, 180, 35),
    ("metro_trip", 20, 180, 35),
    ("electric_bus_trip", 10, 90, 18),
    ("shared_bike_trip", 5, 50, 10),
    ("shared_ebike_trip", 5, 80, 15),
    ("ev_trip", 30, 180, 35),
)


class Command(BaseCommand):
    help = "生成可导入的测试记录，同样的参数得到同样的文件。Write deterministic records for import_behaviors."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, required=True)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--out", type=Path, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        people = list(
            Participant.objects.filter(is_active=True, kind__in=["resident", "household", "sme"])
            .order_by("public_id")
            .values_list("public_id", "kind", "region")
        )
        most = len(people) * DAYS * SLOTS
        if not 0 <= options["count"] <= most:
            raise CommandError(
                f"库里有 {len(people)} 个账户，可生成 0 到 {most} 条。"
                f" The database has {len(people)} participants, which carry at most {most} records."
            )
        with Path(options["out"]).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(_records(people, options["count"], options["seed"]))
        self.stdout.write(f"{options['count']} → {options['out']}")


def _records(people: list[tuple[str, str, str]], count: int, seed: int) -> Iterator[dict[str, str]]:
    chance = random.Random(seed)  # noqa: S311  (measurements, not secrets)
    for index in range(count):
        name, kind, region = people[index % len(people)]
        turn = index // len(people)
        slot, day = turn // DAYS, FIRST_DAY + dt.timedelta(days=turn % DAYS)
        common = {
            "source_record_id": f"G{seed}-{index:09d}",
            "participant": name,
            "region": region,
            "evidence": "feed",
        }
        if kind == "resident":
            yield common | _of_resident(chance, day, slot, f"{seed}-{index:09d}")
        else:
            yield common | _of_meter(chance, day, f"{name}-{slot:02d}", kind)


def _of_resident(chance: random.Random, day: dt.date, slot: int, serial: str) -> dict[str, str]:
    if chance.random() < 0.04:
        weight = chance.randrange(50, 1200)
        return {
            "activity": "old_clothes",
            "occurred_on": day.isoformat(),
            "item_serial": f"BAG-{serial}",
            "weight": f"{weight // 100}.{weight % 100:02d}",
        }
    activity, low, high, speed = chance.choice(TRIPS)
    tenths = chance.randrange(low, high)
    minutes = max(2, -(-tenths * 6 // speed))
    # 8:00 first, then around the clock.
    start = clock.local_midnight(day) + dt.timedelta(minutes=(480 + slot * 45) % 1440 + chance.randrange(0, 8))
    return {
        "activity": activity,
        "started_at": start.isoformat(),
        "ended_at": (start + dt.timedelta(minutes=minutes)).isoformat(),
        "distance": f"{tenths // 10}.{tenths % 10}",
    }


def _of_meter(chance: random.Random, day: dt.date, meter: str, kind: str) -> dict[str, str]:
    hundredths = chance.randrange(150, 1400)
    amount = f"{hundredths // 100}.{hundredths % 100:02d}"
    common = {"period_start": day.isoformat(), "period_end": day.isoformat(), "meter": meter}
    if kind == "household":
        return common | {"activity": "household_electricity", "daily_use": amount}
    return common | {"activity": "distributed_pv", "generation": amount}

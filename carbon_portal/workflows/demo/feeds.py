"""A year of records of the whole province, as the feeds would have sent them: month by month, by file.

The rows are drawn (behaviors.intake.plausible), imported and quantified by the same code as any other file, and the
workers' sweep of each month runs at that month's end, so that points are dated through the year.
"""

import datetime as dt
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from accounts.models import Participant, Provider
from behaviors import services
from behaviors.activities import activities
from behaviors.intake import plausible
from behaviors.models import IntakeBatch
from carbon_portal.kernel import clock, regions

from .people import Cast

SEED = 440_000
FEEDS = (
    ("demo-transit", "示例公交地铁", ("metro_trip", "electric_bus_trip")),
    ("demo-bikes", "示例共享骑行", ("shared_bike_trip", "shared_ebike_trip")),
    ("demo-charging", "示例充电与车联网", ("ev_trip",)),
    ("demo-grid", "示例电网", ("household_electricity", "heat_pump_water_heater", "distributed_pv")),
    ("demo-utilities", "示例水务燃气", ("household_gas", "household_water")),
    ("demo-recycling", "示例旧衣回收", ("old_clothes",)),
    ("demo-forest", "示例林业", ("forest_increment",)),
)
NAMED_WEIGHT = 14.0  # the people whose pages are looked at move about more than others
_NAME = re.compile(r"demo-(\d{4}-\d{2}-\d{2})-of-(\d+)-(\d{4}-\d{2})\.csv")


def seed_feeds(cast: Cast, *, now: dt.datetime, records: int, quantify: Callable[[dt.datetime], None]) -> int:
    """Import `records` rows of the twelve months before today and quantify them; how many were sent.

    A run that was cut off is finished by the next, also on another day: the files name the day they were drawn up to.
    """
    feeds = _providers(now)
    until, count = begun() or (clock.local_date(now) - dt.timedelta(days=1), records)
    if _is_complete(until, count):
        return 0
    rows = plausible.rows(_subjects(cast), count=count, seed=SEED, until=until, providers=feeds)
    with tempfile.TemporaryDirectory(prefix="portal-demo-") as folder:
        for path, last in _files(Path(folder), rows, until, count):
            at = min(clock.local_midnight(last) + dt.timedelta(hours=22), now)
            services.import_file(path=path, provider=None, activity="", at=at)
            quantify(min(at + dt.timedelta(hours=1), now))
    return count


def _files(folder: Path, rows: Iterator[plausible.Row], until: dt.date, count: int) -> Iterator[tuple[Path, dt.date]]:
    """A file for each month, and the last day that it tells of."""
    for month, found in groupby(rows, key=lambda row: row.day.replace(day=1)):
        path, last = folder / f"demo-{until}-of-{count}-{month:%Y-%m}.csv", month
        with path.open("w", encoding="utf-8") as stream:
            stream.write(",".join(plausible.COLUMNS) + "\n")
            for row in found:
                stream.write(f"{row.text}\n")
                last = row.day
        yield path, last
        path.unlink()


def begun() -> tuple[dt.date, int] | None:
    """The last day and the number of rows of an earlier run: what was begun is kept to."""
    for name in (
        IntakeBatch.objects.filter(name__startswith="demo-").order_by("created_at").values_list("name", flat=True)
    ):
        if match := _NAME.fullmatch(name):
            return dt.date.fromisoformat(match[1]), int(match[2])
    return None


def _is_complete(until: dt.date, count: int) -> bool:
    last = f"demo-{until}-of-{count}-{until:%Y-%m}.csv"
    return IntakeBatch.objects.filter(name=last, status=IntakeBatch.Status.DONE).exists()


def _subjects(cast: Cast) -> list[plausible.Subject]:
    """Everybody, in the order of the cast, so that the figures are the same at each installation."""
    named = {one.pk for one in cast.named}
    return [
        plausible.Subject(
            one.public_id,
            one.kind,
            one.region,
            _meters(cast, one),
            NAMED_WEIGHT if one.pk in named else 1.0,
        )
        for one in (*cast.residents, *cast.households, *cast.firms)
    ]


def _meters(cast: Cast, one: Participant) -> dict[str, str]:
    sectors: Sequence[str] = ("electricity", "water", "gas") if one.household_id else ()
    keys = {sector: f"{one.household_id}:{sector}" for sector in sectors}
    return {sector: cast.meters[key] for sector, key in keys.items() if key in cast.meters}


def _providers(at: dt.datetime) -> dict[str, str]:
    """Which feed reports which activity."""
    for code, name, _ in FEEDS:
        Provider.objects.get_or_create(code=code, defaults={"name": name, "region": regions.PROVINCE, "created_at": at})
    found = {activity: code for code, _, reported in FEEDS for activity in reported}
    return {activity: found[activity] for activity in activities() if activity in found}

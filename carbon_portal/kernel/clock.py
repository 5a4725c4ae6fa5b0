"""The only reader of the clock. Deeds take `at`, so that every rule can be tested on any day."""

import datetime as dt
from zoneinfo import ZoneInfo

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")


def now() -> dt.datetime:
    """This moment, aware, UTC."""
    return dt.datetime.now(tz=dt.UTC)


def local_date(at: dt.datetime) -> dt.date:
    """The Asia/Shanghai date of a moment: the day that caps, streaks and versions go by (Q9)."""
    return at.astimezone(LOCAL_ZONE).date()


def today() -> dt.date:
    """Today in Asia/Shanghai."""
    return local_date(now())


def local_midnight(day: dt.date) -> dt.datetime:
    """The first moment of a local day, aware."""
    return dt.datetime.combine(day, dt.time.min, tzinfo=LOCAL_ZONE)

"""The portal's web process on another day.

`tests.browser.another_day:application` is the real portal with its one clock moved forward by the days that a file names.
Terms of a review run in working days and weeks; a walk past them moves the clock and lets everything else be.
"""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

from carbon_portal.kernel import clock

VARIABLE = "CLOCK_MOVED_BY"


def moved(file: Path) -> Callable[[], dt.datetime]:
    """`clock.now`, some days later: as many as the file says at this moment."""
    now = clock.now

    def later() -> dt.datetime:
        return now() + dt.timedelta(days=int(file.read_text(encoding="ascii")))

    return later


class Calendar:
    """The test's hold on the file: `calendar.turn_to(day)` lets it be that day in every process that reads it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.first = clock.today()
        self.turn_to(self.first)

    def turn_to(self, day: dt.date) -> None:
        """Time goes forward only, as it does outside."""
        whole = Path(f"{self.file}.new")
        whole.write_text(str((day - self.first).days), encoding="ascii")
        whole.replace(self.file)  # at once: the server reads it any moment

    def pass_by(self, days: int) -> None:
        """Some days go by."""
        self.turn_to(clock.today() + dt.timedelta(days=days))


if VARIABLE in os.environ:  # in the web process; the test's own process moves its clock for as long as it walks
    clock.now = moved(Path(os.environ[VARIABLE]))
    from carbon_portal.wsgi import application  # noqa: F401

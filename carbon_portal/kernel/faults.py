"""Crash points: places where a test kills its own process, so that no timing is guessed (integrity, section 1.5).

`CRASH_POINTS=quantify:written` in the environment arms the named point: the process reaching it dies by SIGKILL, as in
a power cut. `name*3` lets it pass twice first. Without the variable the hook is a function that does nothing.
"""

import os
import signal

ENVIRONMENT = "CRASH_POINTS"


def _armed(text: str) -> dict[str, int]:
    points = {}
    for word in filter(None, text.split(",")):
        name, _, times = word.partition("*")
        points[name.strip()] = int(times or 1)
    return points


_points = _armed(os.environ.get(ENVIRONMENT, ""))


def _nothing(name: str) -> None:
    """Unarmed: the usual case."""


def _die_when_armed(name: str) -> None:
    if name not in _points:
        return
    _points[name] -= 1
    if _points[name] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


crash_point = _die_when_armed if _points else _nothing

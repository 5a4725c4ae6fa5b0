"""Faults on purpose, so that tests need not guess timing: crash points and switches (integrity, sections 1.5 and 3).

`CRASH_POINTS=quantify:written` in the environment arms the named point: the process reaching it dies by SIGKILL, as in
a power cut. `name*3` lets it pass twice first. `SWITCHED_OFF=stock:conditional` takes one named guard out of the code
path: a race test has a twin without its guard, which must accept more than it should, or the race proves nothing.
Where the value is the path of a file, the names stand in that file and are looked up at each question, so that one
server serves many tests; a point is struck from the file as it kills, so what is tried again goes through.

Both are honoured only where PORTAL_DEMO=1 is written out, and a production process refuses to start with either
(kernel.checks). Unarmed, the hooks are functions that do nothing.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

ENVIRONMENT = "CRASH_POINTS"
ENVIRONMENT_SWITCHES = "SWITCHED_OFF"


def asked_for() -> list[str]:
    """The variables of this module that the environment sets, honoured or not."""
    return [name for name in (ENVIRONMENT, ENVIRONMENT_SWITCHES) if os.environ.get(name)]


def _names(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _nothing(name: str) -> None:
    """Unarmed: the usual case."""


def _never(name: str) -> bool:
    """Every guard stands: the usual case."""
    return False


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _points_of(value: str) -> Callable[[str], None]:
    """What `crash_point` does where the variable has this value."""
    if value.startswith("/"):
        return lambda name: _strike_and_die(Path(value), name)
    left = {name: int(times or 1) for name, _, times in (word.partition("*") for word in _names(value))}

    def die_when_armed(name: str) -> None:
        if name in left:
            left[name] -= 1
            if left[name] == 0:
                _die()

    return die_when_armed if left else _nothing


def _strike_and_die(file: Path, name: str) -> None:
    names = _names(file.read_text())
    if name not in names:
        return
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(",".join(other for other in names if other != name))
    fresh.rename(file)
    _die()


def _switches_of(value: str) -> Callable[[str], bool]:
    """What `switched_off` answers where the variable has this value."""
    if value.startswith("/"):
        return lambda name: name in _names(Path(value).read_text())
    switches = frozenset(_names(value))
    return switches.__contains__ if switches else _never


def _honoured(variable: str) -> str:
    return os.environ.get(variable, "") if os.environ.get("PORTAL_DEMO") == "1" else ""


crash_point = _points_of(_honoured(ENVIRONMENT))
switched_off = _switches_of(_honoured(ENVIRONMENT_SWITCHES))

"""Reading the query strings of the public pages: what is not understood is refused in words, never ignored."""

import datetime as dt
import re
from collections.abc import Collection

from django.http import QueryDict

from carbon_portal.kernel import regions

from .errors import UnreadableQuery
from .present import SECTORS, STATES
from .selectors.public import Wanted

LONGEST_WORDS = 60
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: As long as a quantity or the name of an option can be, and some room to say what is wrong with it.
LONGEST_INPUT = 64


def read_search(query: QueryDict) -> Wanted:
    """A search of the catalogue. Errors: UnreadableQuery."""
    words = query.get("q", "").strip()
    if len(words) > LONGEST_WORDS or not words.isprintable():
        raise _refuse("q", words)
    return Wanted(
        words=words,
        sector=_one_of(query, "sector", SECTORS),
        city=_one_of(query, "city", {city.code for city in regions.cities()}),
        state=_one_of(query, "state", STATES),
    )


def read_version(query: QueryDict, name: str, versions: Collection[str]) -> str:
    """A version of a code that the address names; empty when it names none. Errors: UnreadableQuery."""
    return _one_of(query, name, versions)


def read_city(query: QueryDict, name: str, default: str) -> str:
    """One of the 21 cities. Errors: UnreadableQuery."""
    return _one_of(query, name, {city.code for city in regions.cities()}) or default


def read_date(query: QueryDict, name: str, default: dt.date) -> dt.date:
    """A date written 2026-01-31. Errors: UnreadableQuery."""
    text = query.get(name, "").strip()
    if not text:
        return default
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise _refuse(name, text) from error


def read_inputs(query: QueryDict, names: Collection[str]) -> dict[str, str]:
    """What was given for each input, as text: the engine itself judges it. Errors: UnreadableQuery."""
    found = {}
    for name in names:
        text = query.get(f"in_{name}", "").strip()
        if len(text) > LONGEST_INPUT or not text.isprintable():
            raise _refuse(name, text)
        found[name] = text
    return found


def read_choice(query: QueryDict, name: str, known: Collection[str], default: str) -> str:
    """One of the known values. Errors: UnreadableQuery."""
    return _one_of(query, name, known) or default


def _one_of(query: QueryDict, name: str, known: Collection[str]) -> str:
    value = query.get(name, "").strip()
    if value and value not in known:
        raise _refuse(name, value)
    return value


def _refuse(name: str, value: str) -> UnreadableQuery:
    shown = "".join(one if one.isprintable() else "?" for one in value[:40])
    return UnreadableQuery(name=name, value=shown)

"""Reading a cut from a query string."""

import datetime as dt
import re

from django.http import QueryDict

from behaviors.constants import EvidenceGrade
from methodologies.present import SECTORS

from .constants import SUBJECT_LABELS
from .errors import BadFilter
from .selectors import DIMENSIONS, Cut

_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CLOSED = {
    "state": {"final", "provisional"},
    "sector": set(SECTORS),
    "subject": set(SUBJECT_LABELS),
    "evidence": set(EvidenceGrade.values),
}


def read_cut(region: str, query: QueryDict, default: Cut) -> Cut:
    """The cut that a trace link names; an unreadable part is refused, never ignored."""
    values: dict[str, str] = {}
    for name in ("state", *DIMENSIONS):
        value = query.get(name, "")
        if not value:
            continue
        if _WORD.fullmatch(value) is None or (name in _CLOSED and value not in _CLOSED[name]):
            raise BadFilter(name=name, value=value[:40])
        values[name] = value
    first = _date(query, "from", default.first)
    last = _date(query, "to", default.last)
    exact = query.get("exact", "") == "1"
    return Cut(region=region, first=first, last=last, exact=exact, **{"state": default.state, **values})


def _date(query: QueryDict, name: str, default: dt.date) -> dt.date:
    text = query.get(name, "")
    if not text:
        return default
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise BadFilter(name=name, value=text[:40]) from error

"""The lines of the points statement as the page shows them, each with what it came from."""

import datetime as dt
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Participant
from carbon_portal.kernel.templatetags.portal import local_date, points
from methodologies.present import title as version_title

from . import selectors
from .ledger.constants import Kind
from .ledger.selectors import StatementLine
from .present import activity_title
from .selectors import CountedRecord, origins
from .selectors.origins import Origin


def statement_months(participant: Participant, lines: Sequence[StatementLine]) -> list[dict[str, Any]]:
    """Lines by month, newest first, each with its kind, what it came from, its day and the balance after it."""
    found = origins.of(participant, lines)
    return [
        {"month": dt.date(year, month, 1), "lines": [_line(line, found.get(line.entry_id)) for line in group]}
        for (year, month), group in groupby(lines, key=lambda line: (line.effective_on.year, line.effective_on.month))
    ]


def record_origins(participant: Participant, lines: Sequence[StatementLine]) -> dict[int, Origin]:
    """The records that awards paid for, and those that were undone."""
    awards = [line for line in lines if line.kind == Kind.AWARD]
    undone = {line.entry_id: _named_records(line) for line in lines if line.kind == Kind.AWARD_CORRECTION}
    paid = selectors.earning_records(participant, [line.entry_uid for line in awards]) if awards else {}
    found = {line.entry_id: _records_origin(paid.get(line.entry_uid, [])) for line in awards}
    own = (
        selectors.reversed_records(participant, [record for ids in undone.values() for record in ids]) if undone else {}
    )
    for entry, ids in undone.items():
        found[entry] = _records_origin([own[record] for record in ids if record in own])
    return {entry: origin for entry, origin in found.items() if origin is not None}


def reward_origins(_participant: Participant, lines: Sequence[StatementLine]) -> dict[int, Origin]:
    """The adopted ideas that a reward was paid for."""
    named = {line.entry_id: line.source for line in lines if line.kind == Kind.BONUS}
    return {
        entry: Origin(
            _("建议 %(number)s 被采纳") % {"number": number}, reverse("methodologies:proposal", args=[number])
        )
        for entry, source in named.items()
        if (number := source.removeprefix("proposal:")) != source
    }


def _named_records(line: StatementLine) -> list[int]:
    named = re.fullmatch(r"records:([0-9]+(?:,[0-9]+)*)", line.source, re.ASCII)
    return [int(number) for number in named[1].split(",")] if named else []


def _records_origin(records: Sequence[CountedRecord]) -> Origin | None:
    if not records:
        return None
    title, method = activity_title(records[0].activity), _method(records)
    if len(records) == 1:
        return Origin(title, reverse("credits:record-detail", args=[records[0].pk]), method)
    text = _("%(title)s等 %(count)s 条记录") % {"title": title, "count": len(records)}
    return Origin(text, reverse("credits:record-list"), method)


def _method(records: Sequence[CountedRecord]) -> Origin | None:
    """The version that counted the records, with the page that tells of it; of several the first and how many."""
    versions = {str(one.version): one.version for one in records if one.version is not None}
    if not versions:
        return None
    first = next(iter(versions.values()))
    named = {"title": version_title(first), "version": first.version, "count": len(versions)}
    words = (
        _("%(title)s（第 %(version)s 版）")
        if len(versions) == 1
        else _("%(title)s（第 %(version)s 版）等 %(count)s 个版本")
    )
    return Origin(words % named, reverse("methodologies:version", args=[first.methodology_id, first.version]))


def _line(line: StatementLine, origin: Origin | None) -> dict[str, Any]:
    day, left = local_date(line.effective_on), _("余 %(points)s") % {"points": points(line.balance_points)}
    return {
        "title": str(line.kind.label),
        "url": origin.url if origin else "",
        "method": origin.method if origin else None,
        "sub": " · ".join([*([origin.title] if origin else []), day, left]),
        "amount": points(line.points, "+"),
        "amount_kind": "out" if line.points < 0 else "",
        "icon": "sprout" if line.points > 0 else "gift",
        "expires": _("%(day)s 前可用") % {"day": local_date(line.expires_on)},
    }

"""Reads of the home page, over records, reductions and the ledger together."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Participant
from behaviors.constants import RecordState
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from carbon_portal.kernel.templatetags.portal import grams
from credits.ledger.constants import Kind
from credits.ledger.selectors import statement
from credits.present import state_label
from pilots.selectors import activity_icon, activity_title

PILLS = {
    RecordState.RECEIVED: "wait",
    RecordState.CHECKING: "wait",
    RecordState.PROVISIONAL: "gold",
    RecordState.FINAL: "ok",
    RecordState.REJECTED: "no",
    RecordState.DUPLICATE: "info",
    RecordState.UNDER_REVIEW: "wait",
    RecordState.REVERSED: "info",
}


@dataclass(frozen=True)
class Month:
    """What a participant did between two days: counted records, their grams, and today's points."""

    records: int
    reduction_g: int
    points_today: int


def month_of(participant: Participant, *, first: dt.date, last: dt.date) -> Month:
    """Records that count (provisional or final) of these days, and points posted on the last of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*), coalesce(sum(x.reduction_g), 0)::bigint
              FROM behaviors_behaviorrecord b
              JOIN LATERAL (SELECT r.reduction_g FROM credits_reduction r
                             WHERE r.record_id = b.id ORDER BY r.revision DESC LIMIT 1) x ON true
             WHERE b.participant_id = %s AND b.occurred_on BETWEEN %s AND %s AND b.state IN ('provisional', 'final')
            """,
            [participant.pk, first, last],
        )
        count, total = cursor.fetchone()
    page = statement(participant.pk)
    today = sum(line.points for line in page.lines if line.kind == Kind.AWARD and line.effective_on == clock.today())
    return Month(records=count, reduction_g=total, points_today=today)


def recent_records(participant: Participant, *, limit: int) -> list[dict[str, Any]]:
    """The newest records as rows of a list: what, when, how many grams, in which state."""
    language = get_language()
    records = list(BehaviorRecord.objects.filter(participant=participant).order_by("-occurred_on", "-id")[:limit])
    grams_of = _grams_of(records)
    return [
        {
            "icon": activity_icon(record.activity),
            "title": activity_title(record.activity, language),
            "href": reverse("credits:record-detail", args=[record.pk]),
            "sub": _("%(month)d月%(day)d日") % {"month": record.occurred_on.month, "day": record.occurred_on.day},
            "amount": grams(grams_of[record.pk]) if record.pk in grams_of else "",
            "pill": state_label(record.state),
            "pill_kind": PILLS[RecordState(record.state)],
        }
        for record in records
    ]


def _grams_of(records: list[BehaviorRecord]) -> dict[int, int]:
    """Grams of the latest revision by record, for those that have a result."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (record_id) record_id, reduction_g FROM credits_reduction"
            " WHERE record_id = ANY(%s) ORDER BY record_id, revision DESC",
            [[record.pk for record in records]],
        )
        return dict(cursor.fetchall())

"""Reads of the home page, over records, reductions and the ledger together."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection

from accounts.models import Participant
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from credits.ledger.constants import Kind
from credits.ledger.selectors import statement
from credits.present import record_row
from credits.selectors import results_of


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
    """The newest records as rows of a list, drawn like those of the record list."""
    records = list(BehaviorRecord.objects.filter(participant=participant).order_by("-occurred_on", "-id")[:limit])
    results = results_of(records)
    return [record_row(record, results.get(record.pk)) for record in records]

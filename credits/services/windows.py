"""Correction windows: what was provisional becomes final and earns its points."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction

from carbon_portal.kernel.faults import crash_point
from credits.constants import CHUNK_RECORDS

from . import bulk
from .points import Earning, award_or_queue
from .totals import TotalKey, Totals


class Latest(NamedTuple):
    """The newest revision of a record's reduction, with the record's part of the key of its daily total."""

    record_id: int
    record_on: dt.date
    reduction_id: int
    revision: int
    participant: Any
    reduction_g: int
    region: str
    activity: str
    code: str
    sector: str
    subject: str
    evidence: str
    certifiable: bool

    def key(self, state: str) -> TotalKey:
        """The row of the daily totals that this reduction is counted in."""
        return TotalKey(
            self.region, self.record_on, self.activity, self.code, self.sector, self.subject, self.evidence,
            self.certifiable, state,
        )  # fmt: skip


_LATEST = """
    SELECT DISTINCT ON (x.record_id) x.record_id, x.record_on, x.id, x.revision, x.participant_id, x.reduction_g,
           x.region, x.activity, x.code, x.sector, x.subject, x.evidence, x.certifiable
      FROM credits_reduction x WHERE x.record_id = ANY(%s) ORDER BY x.record_id, x.revision DESC
"""


def latest(record_ids: list[int]) -> list[Latest]:
    """The newest revision of each record, in record order."""
    return [Latest(*row) for row in bulk.rows(_LATEST, [record_ids])]


@dataclass(frozen=True, slots=True)
class Closing:
    """How many records became final."""

    records: int


def close_windows(*, at: dt.datetime, limit: int = CHUNK_RECORDS) -> Closing:
    """Make final what is provisional and past its correction window; chunk by chunk until nothing is left."""
    count = 0
    while done := _close_chunk(at, limit):
        count += done
    return Closing(count)


def _close_chunk(at: dt.datetime, limit: int) -> int:
    with transaction.atomic():
        due = bulk.rows(
            "SELECT id, occurred_on FROM behaviors_behaviorrecord WHERE state = 'provisional' AND window_ends_at <= %s"
            " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
            [at, limit],
        )
        if not due:
            return 0
        found = latest([row[0] for row in due])
        bulk.execute(
            "UPDATE behaviors_behaviorrecord r SET state = 'final', final_at = %s"
            " FROM unnest(%s::bigint[], %s::date[]) v (id, day) WHERE r.id = v.id AND r.occurred_on = v.day",
            [at, bulk.array(row[0] for row in due), bulk.array(row[1] for row in due)],
        )
        earnings = [
            Earning(row.record_id, row.reduction_id, str(row.participant), row.region, row.reduction_g)
            for row in found
            if row.reduction_g
        ]
        award_or_queue(earnings=earnings, at=at)
        crash_point("windows:awarded")
        totals = Totals()
        for row in found:
            totals.add(row.key("provisional"), row.reduction_g, records=-1)
            totals.add(row.key("final"), row.reduction_g)
        totals.write()
        return len(due)

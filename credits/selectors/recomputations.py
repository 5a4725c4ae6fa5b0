"""Recomputations: for the province's desks the choice, its progress and report; for people what it did to theirs."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.models import Participant
from behaviors.models import BehaviorRecord
from carbon_portal.kernel.errors import NotFound
from credits.constants import PartOutcome, RecomputationState
from credits.models import Recomputation, RecomputationLine, RecomputationPart
from credits.services import bulk
from methodologies.constants import FROZEN_STATES
from methodologies.models import MethodologyVersion

LARGEST = 20
# What people are told on their statement: this many, not longer ago than this.
NOTICES, NOTICE_DAYS = 3, 180


def recomputations() -> QuerySet[Recomputation]:
    """All of them, the newest first."""
    return Recomputation.objects.select_related("version__methodology", "library").order_by("-pk")


def recomputation(uuid: UUID) -> Recomputation:
    """One of them. Errors: NotFound."""
    found = recomputations().filter(uuid=uuid).first()
    if found is None:
        raise NotFound
    return found


def versions_to_choose() -> QuerySet[MethodologyVersion]:
    """Every version that was ever published, by code, the newest first."""
    return (
        MethodologyVersion.objects.filter(state__in=FROZEN_STATES)
        .select_related("methodology")
        .defer("source", "document")
        .order_by("methodology_id", "-effective_from", "-pk")
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """Participants that are through, of all; participants that were left out as their books had changed."""

    done: int
    parts: int
    left_out: int


def progress(job: Recomputation) -> Progress:
    """How far the preview, or the writing, has come."""
    previewing = job.state in (RecomputationState.PREPARING, RecomputationState.PREVIEWING)
    through = Q(previewed_at__isnull=False) if previewing else Q(done_at__isnull=False)
    found = RecomputationPart.objects.filter(recomputation=job).aggregate(
        parts=Count("pk"), done=Count("pk", filter=through), out=Count("pk", filter=Q(outcome=PartOutcome.CHANGED))
    )
    return Progress(found["done"], found["parts"], found["out"])


@dataclass(frozen=True, slots=True)
class Line:
    """One record's row of the report. `counts_g` is what counts after it: the new result, or the one that stands."""

    record_id: int
    record_on: dt.date
    region: str
    before_g: int
    new_g: int
    counts_g: int
    change_g: int
    new_reason: str
    because: str

    @property
    def city(self) -> str:
        return f"{self.region[:4]}00"


_LINES = """
    SELECT l.record_id, l.record_on, l.region, l.before_g, l.new_g, c.counts_g, c.counts_g - l.before_g AS change_g,
           l.new_reason, CASE WHEN p.outcome = 'changed' AND NOT l.stands THEN 'changed' ELSE l.because END AS because
      FROM credits_recomputationline l
      JOIN credits_recomputationpart p
        ON (p.recomputation_id, p.participant_id) = (l.recomputation_id, l.participant_id)
     CROSS JOIN LATERAL (SELECT CASE WHEN l.stands OR p.outcome = 'changed' THEN l.before_g ELSE l.new_g END
                             AS counts_g) c
     WHERE l.recomputation_id = %s
"""


def largest_changes(job: Recomputation, limit: int = LARGEST) -> list[Line]:
    """The records whose new result is farthest from what stood."""
    order = " ORDER BY abs(l.new_g - l.before_g) DESC, l.record_id LIMIT %s"
    return [Line(*row) for row in bulk.rows(_LINES + order, [job.pk, limit])]


def lines(job: Recomputation, chunk: int = 10_000) -> Iterator[Line]:
    """Every record of the report, by number, in chunks."""
    after = 0
    while rows := bulk.rows(_LINES + " AND l.record_id > %s ORDER BY l.record_id LIMIT %s", [job.pk, after, chunk]):
        yield from (Line(*row) for row in rows)
        after = rows[-1][0]


def sums_by_city(job: Recomputation) -> list[dict[str, Any]]:
    """Before, after and change by city, as it came out; the sums of the lines."""
    rows = bulk.rows(
        "SELECT left(t.region, 4) || '00', count(*), sum(t.before_g)::bigint, sum(t.counts_g)::bigint,"  # noqa: S608
        f" sum(t.change_g)::bigint, sum(t.new_g)::bigint FROM ({_LINES}) t GROUP BY 1 ORDER BY 1",
        [job.pk],
    )
    return [
        dict(zip(("city", "records", "before_g", "after_g", "change_g", "under_g"), row, strict=True)) for row in rows
    ]


# -- for the people affected -------------------------------------------------------------------------------------------


def lines_of(record: BehaviorRecord) -> Sequence[RecomputationLine]:
    """What recomputations did to a record, or found and left, the newest first; nothing that was not decided."""
    return list(
        RecomputationLine.objects.filter(
            record_id=record.pk,
            recomputation__state__in=[RecomputationState.RUNNING, RecomputationState.DONE],
            recomputation__parts__participant_id=record.participant_id,
            recomputation__parts__outcome=PartOutcome.APPLIED,
        )
        .select_related("recomputation__version")
        .order_by("-recomputation_id")
    )


def parts_of(participant: Participant, *, at: dt.datetime) -> Sequence[RecomputationPart]:
    """The latest recomputations that touched an account."""
    return list(
        RecomputationPart.objects.filter(
            participant=participant, outcome=PartOutcome.APPLIED, done_at__gte=at - dt.timedelta(days=NOTICE_DAYS)
        )
        .select_related("recomputation__version")
        .order_by("-recomputation_id")[:NOTICES]
    )

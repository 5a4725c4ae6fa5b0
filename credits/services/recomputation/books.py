"""What stands: the newest results of final records, as a chunk of a recomputation takes them in hand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from credits.models import Recomputation
from credits.services import bulk
from credits.services.results import Claim, numbered

# What counts of a record: its newest revision, unless it was undone. `%s` are the further conditions.
_NEWEST = """
    SELECT x.record_id, x.record_on - date '1970-01-01', x.participant_id::text, x.region, x.activity, x.evidence,
           r.inputs::text, x.subject, p.is_active, x.id, x.revision, x.reduction_g, x.computed_g, x.certifiable,
           x.methodology_version_id, coalesce(x.dependencies->'history', '{{}}')::text, coalesce((
               SELECT sum(c.grams) FROM credits_reduction e JOIN credits_claim c ON c.reduction_id = e.id
                WHERE e.record_id = x.record_id), 0)::bigint, coalesce((
               SELECT sum(coalesce(i.credited_g, q.credited_g)) FROM credits_reduction e
                 LEFT JOIN credits_accrualitem i ON i.reduction_id = e.id
                 LEFT JOIN credits_queuedaward q ON q.reduction_id = e.id
                WHERE e.record_id = x.record_id), 0)::bigint
      FROM credits_reduction x
      JOIN behaviors_behaviorrecord r ON r.id = x.record_id AND r.occurred_on = x.record_on AND r.state = 'final'
      JOIN accounts_participant p ON p.uuid = x.participant_id
     WHERE {where} AND x.reason <> 'reversed'
       AND NOT EXISTS (SELECT FROM credits_reduction y WHERE y.record_id = x.record_id AND y.revision > x.revision)
     ORDER BY x.record_id
"""
_CHOSEN = """
    x.participant_id = ANY(%s::uuid[]) AND x.code = %s AND x.record_on BETWEEN %s AND %s
    AND r.occurred_on BETWEEN %s AND %s AND x.region LIKE ANY(%s)
"""
_NAMED = "x.record_id = ANY(%s::bigint[]) AND r.occurred_on BETWEEN %s AND %s"


def patterns(regions: Sequence[str]) -> list[str]:
    """LIKE patterns of areas: a province's and a city's code mean everything inside them."""
    return [
        (code[:2] if code.endswith("0000") else code[:4] if code.endswith("00") and len(code) == 6 else code) + "%"
        for code in regions
    ]


@dataclass(frozen=True, slots=True)
class Books:
    """The records in hand as a claim of the quantification, with what stands of each."""

    claim: Claim
    reductions: list[int]
    revisions: list[int]
    grams: np.ndarray
    computed: np.ndarray
    certifiable: np.ndarray
    versions: np.ndarray
    histories: list[Mapping[str, Any]]
    claimed: np.ndarray
    credited: np.ndarray  # grams of the record that have earned points, or wait for funds

    def __len__(self) -> int:
        return len(self.claim)


def chosen(job: Recomputation, participants: Sequence[str]) -> Books:
    """What the choice means, of these participants."""
    span = [job.first, job.last]
    arguments = [list(participants), job.code, *span, *span, patterns(job.regions)]
    return _books(bulk.rows(_NEWEST.format(where=_CHOSEN), arguments))


def named(job: Recomputation, records: Sequence[int]) -> Books:
    """What stands of these records now."""
    return _books(bulk.rows(_NEWEST.format(where=_NAMED), [bulk.array(records), job.first, job.last]))


def lock_records(job: Recomputation, records: Sequence[int]) -> None:
    """Lock records in order of id: whoever wants to undo or to claim one waits until the commit."""
    bulk.execute(
        "SELECT r.id FROM behaviors_behaviorrecord r WHERE r.id = ANY(%s::bigint[]) AND r.occurred_on BETWEEN %s AND %s"
        " ORDER BY r.id FOR UPDATE",
        [bulk.array(records), job.first, job.last],
    )


def _books(rows: list[tuple[Any, ...]]) -> Books:
    columns = list(zip(*rows, strict=True)) or [()] * 18
    ids, days, owners, regions, activities, evidence, inputs, subjects, active = columns[:9]
    reductions, revisions, grams, computed, certifiable, versions, histories, claimed, credited = columns[9:]
    people, persons = numbered(owners)
    claim = Claim(
        ids=_whole(ids),
        days=_whole(days),
        people=people,
        persons=persons,
        regions=regions,
        activities=activities,
        evidence=evidence,
        inputs=[json.loads(text) for text in inputs],
        due=np.ones(len(ids), dtype=bool),
        subjects=subjects,
        active=np.array(active, dtype=bool),
    )
    return Books(
        claim, list(reductions), list(revisions), _whole(grams), _whole(computed), np.array(certifiable, dtype=bool),
        _whole(versions), [json.loads(text) for text in histories], _whole(claimed), _whole(credited),
    )  # fmt: skip


def _whole(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)

"""The set-based heart of an import: from staged rows to keys, intervals and records. SQL only; call in a transaction.

Lock order as for a single record: source keys, own keys, trip intervals, records; each by digest or by person.
"""

import datetime as dt
import io
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import connection

from behaviors.constants import EvidenceGrade
from behaviors.intake.rows import RowError
from behaviors.intake.staged import COLUMNS, Chunk

_STAGE = """
CREATE TEMP TABLE IF NOT EXISTS intake_stage (
    record_id bigint NOT NULL DEFAULT nextval('behaviors_behaviorrecord_id_seq'),
    row int NOT NULL, occurred_on date, participant_id uuid, person_id uuid, activity text, region text, town text,
    state text, reason text, evidence text, provider_id bigint, source_record_id text, started_at timestamptz,
    ended_at timestamptz, meter text, period_start date, period_end date, item_serial text, inputs jsonb, note text,
    content_sha256 text, window_ends_at timestamptz, source_digest bytea, identity_digest bytea, is_trip boolean,
    sector text, verdict text NOT NULL DEFAULT 'new', duplicate_of bigint, duplicate_on date
) ON COMMIT DELETE ROWS
"""
# What stands already: the same content is a duplicate, other content a conflict.
_KNOWN = """
UPDATE intake_stage s
   SET verdict = CASE WHEN k.content_sha256 = s.content_sha256 THEN 'same' ELSE 'conflict' END,
       duplicate_of = k.record_id, duplicate_on = k.record_on
  FROM behaviors_deedkey k
 WHERE s.verdict = %s AND s.evidence = ANY(%s) AND k.kind = 'source' AND k.digest = s.source_digest
"""
_REPEATED = """
UPDATE intake_stage s
   SET verdict = CASE WHEN f.content_sha256 = s.content_sha256 THEN 'same' ELSE 'conflict' END
  FROM (SELECT DISTINCT ON (source_digest) source_digest, row, content_sha256
          FROM intake_stage ORDER BY source_digest, row) f
 WHERE s.verdict = 'new' AND s.evidence = 'self_declared' AND f.source_digest = s.source_digest AND f.row <> s.row
"""
_CAPPED = """
WITH taken AS (
    SELECT r.participant_id, r.activity, r.occurred_on, count(*) AS n
      FROM behaviors_behaviorrecord r
      JOIN (SELECT DISTINCT participant_id, activity, occurred_on FROM intake_stage
             WHERE verdict = 'new' AND evidence = 'self_declared') d
     USING (participant_id, activity, occurred_on)
     WHERE r.evidence = 'self_declared' AND r.state NOT IN ('rejected', 'duplicate', 'reversed')
     GROUP BY 1, 2, 3
), asked AS (
    SELECT record_id, participant_id, activity, occurred_on,
           row_number() OVER (PARTITION BY participant_id, activity, occurred_on ORDER BY row) AS place
      FROM intake_stage WHERE verdict = 'new' AND evidence = 'self_declared'
)
UPDATE intake_stage s SET verdict = 'cap'
  FROM asked LEFT JOIN taken USING (participant_id, activity, occurred_on)
 WHERE s.record_id = asked.record_id
   AND asked.place + coalesce(taken.n, 0) > (%s::jsonb ->> asked.activity)::int
"""
# Each claim marks the rows that came too late for a key. NOT IN over the claimed ids is a hash look-up whatever the
# planner believes about a table that was filled a moment ago, so the table needs no ANALYZE.
_CLAIM_SOURCE = """
WITH claimed AS (
    INSERT INTO behaviors_deedkey (kind, digest, record_id, record_on, content_sha256)
    SELECT 'source', source_digest, record_id, occurred_on, content_sha256
      FROM intake_stage WHERE verdict = 'new' ORDER BY source_digest, row
    ON CONFLICT DO NOTHING RETURNING record_id
)
UPDATE intake_stage s SET verdict = 'late'
 WHERE s.verdict = 'new' AND s.record_id NOT IN (SELECT record_id FROM claimed)
"""
_METER_OF_ANOTHER = """
UPDATE intake_stage s SET state = 'rejected', reason = 'meter_of_another'
  FROM accounts_participant p, accounts_meter m
 WHERE s.verdict = 'new' AND s.sector <> '' AND p.uuid = s.participant_id
   AND m.kind = s.sector AND m.number = upper(s.meter) AND m.released_on IS NULL
   AND coalesce(m.household_id <> p.household_id, true) AND coalesce(m.organisation_id <> p.organisation_id, true)
   AND NOT EXISTS (SELECT 1 FROM accounts_householdmember h
                    WHERE h.household_id = m.household_id AND h.person_id = p.person_id AND h.left_on IS NULL)
"""
_CLAIM_IDENTITY = """
WITH claimed AS (
    INSERT INTO behaviors_deedkey (kind, digest, record_id, record_on, content_sha256)
    SELECT 'identity', identity_digest, record_id, occurred_on, content_sha256
      FROM intake_stage
     WHERE verdict = 'new' AND state <> 'rejected' AND identity_digest IS NOT NULL ORDER BY identity_digest, row
    ON CONFLICT DO NOTHING RETURNING record_id
)
UPDATE intake_stage s SET state = 'duplicate', reason = 'same_deed'
 WHERE s.verdict = 'new' AND s.state <> 'rejected' AND s.identity_digest IS NOT NULL
   AND s.record_id NOT IN (SELECT record_id FROM claimed)
"""
_NAME_IDENTITY = """
UPDATE intake_stage s SET duplicate_of = k.record_id, duplicate_on = k.record_on
  FROM behaviors_deedkey k
 WHERE s.reason = 'same_deed' AND k.kind = 'identity' AND k.digest = s.identity_digest
"""
_CLAIM_TRIPS = """
WITH claimed AS (
    INSERT INTO behaviors_tripinterval (person_id, period, record_id, record_on)
    SELECT person_id, tstzrange(started_at, ended_at), record_id, occurred_on
      FROM intake_stage
     WHERE verdict = 'new' AND is_trip AND state IN ('received', 'under_review') ORDER BY person_id, row
    ON CONFLICT DO NOTHING RETURNING record_id
)
UPDATE intake_stage s SET state = 'duplicate', reason = 'overlapping_trip'
 WHERE s.verdict = 'new' AND s.is_trip AND s.state IN ('received', 'under_review')
   AND s.record_id NOT IN (SELECT record_id FROM claimed)
"""
_NAME_TRIPS = """
UPDATE intake_stage s SET duplicate_of = t.record_id, duplicate_on = t.record_on
  FROM behaviors_tripinterval t
 WHERE s.reason = 'overlapping_trip' AND t.person_id = s.person_id AND t.period && tstzrange(s.started_at, s.ended_at)
"""
_RECORDS = """
INSERT INTO behaviors_behaviorrecord (
    id, occurred_on, participant_id, person_id, activity, region, town, state, reason, duplicate_of, duplicate_on,
    evidence, channel, provider_id, batch_id, source_record_id, started_at, ended_at, meter, period_start, period_end,
    item_serial, inputs, note, content_sha256, received_at, closed_at, window_ends_at)
SELECT record_id, occurred_on, participant_id, person_id, activity, region, town, state, reason, duplicate_of,
       duplicate_on, evidence, 'file', provider_id, %(batch)s, source_record_id, started_at, ended_at, meter,
       period_start, period_end, item_serial, inputs, note, content_sha256, %(at)s,
       CASE WHEN state IN ('duplicate', 'rejected') THEN %(at)s END, window_ends_at
  FROM intake_stage WHERE verdict = 'new'
"""
# A row that this very batch stored before it was cut off counts as what it became then, not as a duplicate.
_OWN_BEFORE = """
UPDATE intake_stage s SET verdict = 'new', state = r.state
  FROM behaviors_behaviorrecord r
 WHERE s.verdict = 'same' AND s.duplicate_of IS NOT NULL
   AND r.id = s.duplicate_of AND r.occurred_on = s.duplicate_on
   AND r.batch_id = %s AND r.received_at < %s
"""


@dataclass
class Outcome:
    """Counts of one chunk. `refused` rows were stored as rejected and need no line in the error report."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    errors: list[RowError] = field(default_factory=list)


def store(batch: uuid.UUID | None, chunk: Chunk, at: dt.datetime, caps: Mapping[str, int]) -> Outcome:
    """Stage the rows and store those that are new. `caps` is the number of self-declared records a day by activity."""
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        cursor.execute("TRUNCATE intake_stage")  # of the chunk before, where one transaction holds several
        cursor.copy_expert(f"COPY intake_stage ({', '.join(COLUMNS)}) FROM STDIN", io.StringIO(chunk.text()))
        if chunk.self_declared:  # only new ones count against their day
            cursor.execute("ANALYZE intake_stage (record_id, row, source_digest, evidence, verdict)")
            cursor.execute(_KNOWN, ["new", ["self_declared"]])
            cursor.execute(_REPEATED)
            cursor.execute(_CAPPED, [json.dumps(dict(caps))])
        cursor.execute(_CLAIM_SOURCE)
        if late := cursor.rowcount:
            cursor.execute(_KNOWN, ["late", EvidenceGrade.values])
        cursor.execute(_METER_OF_ANOTHER)
        cursor.execute(_CLAIM_IDENTITY)
        if cursor.rowcount:
            cursor.execute(_NAME_IDENTITY)
        cursor.execute(_CLAIM_TRIPS)
        if cursor.rowcount:
            cursor.execute(_NAME_TRIPS)
        cursor.execute(_RECORDS, {"batch": batch, "at": at})
        if late or chunk.self_declared:
            cursor.execute(_OWN_BEFORE, [batch, at])
        return _outcome(cursor, caps)


def _outcome(cursor: object, caps: Mapping[str, int]) -> Outcome:
    outcome = Outcome()
    execute, fetch = cursor.execute, cursor.fetchall  # type: ignore[attr-defined]
    execute(
        "SELECT CASE WHEN verdict = 'new' AND state = 'duplicate' THEN 'same'"
        " WHEN verdict = 'new' AND state = 'rejected' THEN 'refused' ELSE verdict END, count(*)"
        " FROM intake_stage GROUP BY 1"
    )
    counts = dict(fetch())
    outcome.accepted, outcome.duplicates = counts.get("new", 0), counts.get("same", 0)
    outcome.refused = counts.get("refused", 0)
    execute(
        "SELECT row, verdict, source_record_id, activity, occurred_on FROM intake_stage"
        " WHERE verdict IN ('conflict', 'cap') ORDER BY row"
    )
    for row, verdict, number, activity, day in fetch():
        outcome.errors.append(_conflict(row, number) if verdict == "conflict" else _cap(row, activity, day, caps))
    return outcome


def _conflict(row: int, number: str) -> RowError:
    return RowError(
        row,
        "source_record_id",
        "deed_conflict",
        f"编号“{number}”已有另一份内容的记录，先到的有效。如是新的行为，请换一个编号。",
        f"The number “{number}” already has a record with other content; the first stands. Use a new number.",
    )


def _cap(row: int, activity: str, day: dt.date, caps: Mapping[str, int]) -> RowError:
    return RowError(
        row,
        "evidence",
        "self_declared_cap",
        f"该参与者 {day.isoformat()} 的自行申报已满 {caps.get(activity, 0)} 次。",
        f"The participant's self-declared records of {day.isoformat()} have reached {caps.get(activity, 0)}.",
    )

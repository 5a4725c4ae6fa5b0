"""Records written straight into the table, for tests of what happens to them afterwards."""

import datetime as dt
import hashlib
import itertools
import json
import uuid

from django.db import connection
from psycopg2.extras import execute_values

from accounts.models import Participant, Person
from credits import services
from methodologies.services import sync_library

AT = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
ON = dt.date(2026, 11, 19)
RULE_FROM = dt.date(2025, 1, 1)

_numbers = itertools.count(1)


def prepare(*, points: int | None = 1_000_000, region: str = "440000") -> None:
    """The shipped library, one point per 100 g, and a funded pool."""
    report = sync_library(at=AT)
    assert not report.refused, report.refused
    services.set_points_rule(num=1, den=100, effective_from=RULE_FROM, source="演示规则", at=AT)
    if points:
        services.fund_pool(region=region, sponsor=None, points=points, actor=None, at=AT, key=f"first-{region}")


def resident(region: str = "440605", *, kind: str = "resident", active: bool = True) -> Participant:
    """A participant of its own person (or household); no login."""
    number = next(_numbers)
    if kind == "household":
        from accounts.models import Household

        home = Household.objects.create(name=f"家庭 {number}", region=region, created_at=AT)
        return Participant.objects.create(
            public_id=f"H{uuid.uuid4().hex[:12]}", kind=kind, region=region, household=home, created_at=AT
        )
    person = Person.objects.create(name=f"居民 {number}", region=region, created_at=AT)
    return Participant.objects.create(
        public_id=f"T{uuid.uuid4().hex[:12]}",
        kind=kind,
        region=region,
        person=person,
        is_active=active,
        created_at=AT,
    )


def records(*rows: dict[str, object]) -> list[int]:
    """Insert received records with their source keys; each row overrides the metro trip of 10 km. Returns the ids."""
    items, keys = [], []
    for row in rows:
        participant = row["participant"]
        inputs = row.get("inputs", {"distance": "10"})
        on = row.get("on", ON)
        source = str(row.get("source", uuid.uuid4()))
        digest = hashlib.sha256(source.encode()).hexdigest()
        items.append(
            (
                on, participant.pk, row.get("activity", "metro_trip"), row.get("region", "440605"), "", "received", "",
                row.get("evidence", "self_declared"), "page", source, "", "", json.dumps(inputs), "", digest, AT,
                row.get("window_ends_at", AT - dt.timedelta(hours=1)),
            )
        )  # fmt: skip
        keys.append((digest, on))
    with connection.cursor() as cursor:
        ids = execute_values(
            cursor.cursor,
            "INSERT INTO behaviors_behaviorrecord (occurred_on, participant_id, activity, region, town, state, reason,"
            " evidence, channel, source_record_id, meter, item_serial, inputs, note, content_sha256, received_at,"
            " window_ends_at) VALUES %s RETURNING id",
            items,
            page_size=len(items),
            fetch=True,
        )
        ids = [row[0] for row in ids]
        execute_values(
            cursor.cursor,
            "INSERT INTO behaviors_deedkey (kind, digest, record_id, record_on, content_sha256) VALUES %s",
            [("source", bytes.fromhex(digest), pk, on, digest) for pk, (digest, on) in zip(ids, keys, strict=True)],
            page_size=len(ids),
        )
    return ids

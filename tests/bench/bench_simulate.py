"""SIM: a what-if simulation with its report, against reading the same rows with binary COPY TO.

A million metro trips of a year in all cities; limits apply, so every participant's days are settled in order. The
simulated document is the one in force with another factor, and both sides are computed.
"""

import os
from functools import partial
from typing import Any

from django.db import connection

from tests.bench.harness import Bench, Row, rate

RECORDS = int(os.environ.get("BENCH_RECORDS", "1000000"))
YEAR = 2026
LONGEST_SECONDS = 30.0

_PEOPLE = """
    CREATE TEMP TABLE people AS
        SELECT gen_random_uuid() AS uuid, (%s::text[])[1 + n %% %s] AS region, n AS number
          FROM generate_series(0, %s) n;
    INSERT INTO accounts_person (uuid, name, region, created_at) SELECT uuid, '', region, now() FROM people;
    INSERT INTO accounts_participant (uuid, public_id, kind, region, is_active, created_at, person_id)
        SELECT uuid, 'B' || number, 'resident', region, true, now(), uuid FROM people;
"""
_RECORDS = """
    INSERT INTO behaviors_behaviorrecord (occurred_on, participant_id, activity, region, town, state, reason, evidence,
        channel, source_record_id, meter, item_serial, inputs, note, content_sha256, received_at, provisional_at,
        final_at, window_ends_at)
    SELECT day, p.uuid, 'metro_trip', p.region, '', 'final', '', (ARRAY['feed', 'proof', 'self_declared'])[1 + n %% 3],
           'api', n::text, '', '', jsonb_build_object('distance', ((100 + (hashint4(n + 7) & 1073741823) %% 60000) / 1000.0)::numeric(8, 3)::text),
           '', md5(n::text) || md5(n::text), day, day + interval '1 day', day, day
      FROM generate_series(1, %s) n
      CROSS JOIN LATERAL (SELECT make_date(%s, 1, 1) + (n::bigint * 320 / %s)::int AS day) d
      JOIN people p ON p.number = (hashint4(n) & 1073741823) %% %s
"""


def run(bench: Bench) -> list[Row]:
    """Two rows, judged by the first: rows a second against COPY; seconds of one simulation against 30."""
    bench.fresh_database()
    _fill()
    from credits.simulation.report import simulate

    asked = _asked()
    first = simulate(asked)
    assert first["records"] == RECORDS, first["records"]
    assert first["base"]["grams"] > first["draft"]["grams"] > 0
    simulated = partial(rate, RECORDS, lambda: simulate(asked))
    rows = [
        bench.compare(
            "SIM", ("simulation with report", simulated), ("binary COPY TO", partial(rate, RECORDS, _copy)), target=0.25
        ),
        bench.compare(
            "SIM",
            ("one simulation", lambda: RECORDS / simulated()),
            ("30 seconds", lambda: LONGEST_SECONDS),
            target=1.0,
            unit="s",
            better="lower",
        ),
    ]
    return rows


class _Away:
    """Takes bytes and keeps their number."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)


def _copy() -> int:
    """The columns that a simulation needs, as they are stored."""
    away = _Away()
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(
            "COPY (SELECT id, occurred_on, participant_id, region, evidence, state, provisional_at, inputs"
            f" FROM behaviors_behaviorrecord WHERE occurred_on BETWEEN '{YEAR}-01-01' AND '{YEAR}-11-20'"
            " AND activity = 'metro_trip') TO STDOUT (FORMAT binary)",
            away,
        )
    return away.size


def _asked() -> Any:
    import datetime as dt

    from credits.simulation.report import Asked
    from methodologies.models import MethodologyVersion

    source = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP").source
    assert source.count('"46.7"') >= 1
    return Asked(
        source=source.replace('value: "46.7"', 'value: "40"').replace('version: "1.0"', 'version: "2.0"'),
        region="440000",
        first=dt.date(YEAR, 1, 1),
        last=dt.date(YEAR, 11, 20),
        today=dt.date(YEAR, 11, 22),
    )


def _fill() -> None:
    import datetime as dt

    from carbon_portal.kernel import clock, regions
    from credits import services
    from methodologies.services import sync_library
    from tests.founding import by_owner

    by_owner(sync_library)(at=clock.now())
    services.set_points_rule(num=1, den=100, effective_from=dt.date(2025, 1, 1), source="benchmark", at=clock.now())
    own = {"440100", "440300"}  # cities with a method of their own keep it
    counties = []
    for city in regions.cities():
        if city.code not in own:
            counties += [child.code for child in regions.children(city.code) if len(child.code) == 6] or [city.code]
    people = 50_000
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [counties, len(counties), people - 1])
        cursor.execute(_RECORDS, [RECORDS, YEAR, RECORDS, people])
        cursor.execute("ANALYZE")

"""D1: what a dashboard asks, against one look-up of a record by its key, over a million records.

Records of a year are made by SQL in all cities and counties; their totals are summed from them by SQL into the tables
that the services keep, so the benchmark measures reading and nothing else. Before anything is timed, the three tables
must agree with the records.
"""

import datetime as dt
import os
import random
import statistics
import time
from collections.abc import Callable
from functools import partial

from django.db import connection

from credits.selectors import totals
from tests.bench.harness import Bench, Row

RECORDS = int(os.environ.get("BENCH_RECORDS", "1000000"))
YEAR = 2025
ASKED = 300  # questions of each kind in a round, for a p95 that one hiccup does not make
SEED = 20251231

_BY_KEY = "SELECT * FROM behaviors_behaviorrecord WHERE id = %s AND occurred_on = %s"
_RECORDS = """
    INSERT INTO behaviors_behaviorrecord (occurred_on, participant_id, activity, region, town, state, reason, evidence,
        channel, source_record_id, meter, item_serial, inputs, note, content_sha256, received_at, provisional_at,
        final_at, window_ends_at)
    SELECT day, p.uuid, a.code, p.region, '', 'final', '', (ARRAY['feed', 'proof', 'self_declared'])[1 + n %% 3],
           'api', n::text, '', '', '{"distance": "10"}', '', md5(n::text) || md5(n::text), day, day, day, day
      FROM generate_series(1, %(count)s) n
      CROSS JOIN LATERAL (SELECT make_date(%(year)s, 1, 1) + (hashint4(n) & 1073741823) %% 365 AS day) d
      JOIN people p ON p.number = n %% %(people)s
      JOIN (VALUES %(activities)s) a (number, code) ON a.number = (n / 7) %% %(kinds)s
"""
_PEOPLE = """
    CREATE TEMP TABLE people AS
        SELECT gen_random_uuid() AS uuid, (%s::text[])[1 + n %% %s] AS region, n AS number
          FROM generate_series(0, %s) n;
    INSERT INTO accounts_person (uuid, name, region, created_at) SELECT uuid, '', region, now() FROM people;
    INSERT INTO accounts_participant (uuid, public_id, kind, region, is_active, created_at, person_id)
        SELECT uuid, 'B' || number, 'resident', region, true, now(), uuid FROM people;
"""


def run(bench: Bench) -> list[Row]:
    """Two rows, judged by the first: city × month by sector and day; province × year by month."""
    bench.fresh_database()
    _fill()
    randomly = random.Random(SEED)
    from carbon_portal.kernel import regions

    cities = [city.code for city in regions.cities()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, occurred_on FROM behaviors_behaviorrecord TABLESAMPLE bernoulli (2) ORDER BY id")
        keys = cursor.fetchall()

    def look_up() -> None:
        with connection.cursor() as cursor:
            cursor.execute(_BY_KEY, randomly.choice(keys))
            assert cursor.fetchall()

    def city_month() -> None:
        first = dt.date(YEAR, randomly.randint(1, 12), 1)
        last = (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
        assert totals(region=randomly.choice(cities), first=first, last=last, by=("sector", "day"))

    def province_year() -> None:
        assert totals(region="440000", first=dt.date(YEAR, 1, 1), last=dt.date(YEAR, 12, 31), by=("month",))

    rows = []
    for name, question in (
        ("city × month by sector and day, p95", city_month),
        ("province × year by month, p95", province_year),
    ):
        _p95(question), _p95(look_up)  # a round that does not count
        rows.append(
            bench.compare(
                "D1",
                (name, partial(_p95, question)),
                ("record by its key, p95", partial(_p95, look_up)),
                target=5.0,
                unit="ms",
                better="lower",
            )
        )
    return rows


def _p95(question: Callable[[], None]) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(ASKED):
        began = time.perf_counter()
        question()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(taken, n=20)[-1]


def _fill() -> None:
    from behaviors.activities import activities
    from carbon_portal.kernel import regions

    counties = []
    for city in regions.cities():  # two of them have towns instead of counties, and records carry the city's code
        counties += [child.code for child in regions.children(city.code) if len(child.code) == 6] or [city.code]
    kinds = sorted((kind.code, kind.sector) for kind in activities().values())
    people = 50_000
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [counties, len(counties), people - 1])
        listed = ", ".join(f"({number}, '{code}')" for number, (code, _) in enumerate(kinds))
        numbers = {"count": RECORDS, "year": YEAR, "people": people, "kinds": len(kinds)}
        cursor.execute(_RECORDS.replace("%(activities)s", listed), numbers)
        sectors = ", ".join(f"('{code}', '{sector}')" for code, sector in kinds)
        cursor.execute(_TOTALS.format(sectors=sectors))
        cursor.execute(_FURTHER)
        cursor.execute("ANALYZE")
    summed = sum(row.records for row in totals(by=("month",)))
    fine = sum(row.records for row in totals(by=("region", "activity")))
    assert summed == fine == RECORDS == _one("SELECT count(*) FROM behaviors_behaviorrecord")[0]


_TOTALS = """
    INSERT INTO credits_dailytotal (region, day, activity, code, sector, subject, evidence, certifiable, state, records,
                                    zero_records, reduction_g)
    SELECT r.region, r.occurred_on, r.activity, 'BENCH', s.sector, 'resident', r.evidence, false, 'final', count(*), 0,
           count(*) * 467
      FROM behaviors_behaviorrecord r JOIN (VALUES {sectors}) s (activity, sector) USING (activity)
     GROUP BY 1, 2, 3, 5, 7
"""
_FURTHER = """
    INSERT INTO credits_monthlytotal (region, month, activity, code, sector, subject, evidence, certifiable, state,
                                      records, zero_records, reduction_g)
    SELECT region, date_trunc('month', day)::date, activity, code, sector, subject, evidence, certifiable, state,
           sum(records), sum(zero_records), sum(reduction_g)
      FROM credits_dailytotal GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
    INSERT INTO credits_citytotal (city, span, start, sector, state, records, zero_records, reduction_g)
    SELECT left(region, 4) || '00', span, CASE span WHEN 'day' THEN day ELSE date_trunc('month', day)::date END,
           sector, state, sum(records), sum(zero_records), sum(reduction_g)
      FROM credits_dailytotal, unnest(ARRAY['day', 'month']) span GROUP BY 1, 2, 3, 4, 5;
"""


def _one(sql: str) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchone())

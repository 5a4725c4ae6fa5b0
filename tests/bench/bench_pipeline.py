"""P1 and P2: from a file of records to balances and totals, against what the database can take at most.

Ours is the product's own path, durable at every chunk: the file is imported (read, judged, deduplicated, stored), then
quantified (versions, limits, formula, evidence share; reductions, states, points through the ledger, totals). Each round
imports other records of the same people. The peers load the same records as PostgreSQL's binary format, made beforehand:
into a bare logged table, and into a copy of the final table with its indexes and checks. The ORM writes the final
table's rows without computing anything.
"""

import csv
import datetime as dt
import io
import itertools
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db import connection

from tests import database
from tests.bench.harness import Bench, Row, rate, row_of

RECORDS = int(os.environ.get("BENCH_PIPELINE_RECORDS", "20000"))
PEOPLE = 4_000
AT = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
FIRST = dt.date(2025, 1, 1)
ORM_ROWS, SAVED_ROWS = 2_000, 200
HEADER = ("source_record_id", "participant", "region", "started_at", "ended_at", "distance")
WHOLE, QUANTIFY = "import and quantify", "quantify alone"
BARE, FINAL = "binary COPY, bare table", "binary COPY, final table"
BULK, SAVE = "Django bulk_create, final table", "Django save(), final table"
TWELVE = (
    "id, occurred_on, participant_id, activity, region, evidence, channel, source_record_id, inputs, content_sha256,"
    " received_at, window_ends_at"
)
_PEOPLE = """
    CREATE TEMP TABLE people AS
        SELECT gen_random_uuid() AS uuid, (%s::text[])[1 + n %% %s] AS region, n AS number
          FROM generate_series(0, %s) n;
    INSERT INTO accounts_person (uuid, name, region, created_at) SELECT uuid, '', region, now() FROM people;
    INSERT INTO accounts_participant (uuid, public_id, kind, region, is_active, created_at, person_id)
        SELECT uuid, 'B' || number, 'resident', region, true, now(), uuid FROM people;
"""


def run(bench: Bench) -> list[Row]:
    """P1: import and quantification, then quantification alone, against the bare table; P2: the final table, the ORM."""
    name = bench.fresh_database()
    regions = prepare()
    portal = Portal(bench, regions)
    peers = _Peers(name, portal)
    portal.round()  # one that does not count: programs compiled, statements planned
    peers.load()
    measured = bench.measure(
        {
            WHOLE: portal.whole,
            BARE: peers.bare,
            QUANTIFY: portal.quantified,
            FINAL: peers.final,
            BULK: peers.bulk_create,
            SAVE: peers.save,
        }
    )
    _assert_sound()
    peers.close()
    goals = (
        ("P1", WHOLE, BARE, 0.15),
        ("P1", QUANTIFY, BARE, None),
        ("P2", WHOLE, FINAL, 0.4),
        ("P2", WHOLE, BULK, 15.0),
        ("P2", WHOLE, SAVE, 100.0),
        ("P2", QUANTIFY, FINAL, None),
    )
    return [row_of(goal, measured, ours, peer, target=target, unit="rows/s") for goal, ours, peer, target in goals]


def prepare() -> list[str]:
    """The shipped library, a rule, a pool that covers everything, and residents in every city."""
    from carbon_portal.kernel import regions
    from credits import services
    from methodologies.services import sync_library
    from tests.founding import by_owner

    assert not by_owner(sync_library)(at=AT).refused
    services.set_points_rule(num=1, den=100, effective_from=FIRST, source="bench", at=AT)
    services.fund_pool(region="440000", sponsor=None, points=10**9, actor=None, at=AT, key="bench")
    codes = [child.code for city in regions.cities() for child in regions.children(city.code) if len(child.code) == 6]
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, [codes, len(codes), PEOPLE - 1])
        cursor.execute("ANALYZE")
    return codes


class Portal:
    """Our side: a new file each time, whole and in two parts."""

    def __init__(self, bench: Bench, regions: list[str]) -> None:
        from accounts.models import Provider

        self.bench = bench
        self.regions = regions
        self.provider = Provider.objects.create(code="bench", name="bench", region="440000", created_at=AT)
        self.folder = bench.var
        self.days = (FIRST + dt.timedelta(days=n) for n in itertools.count())

    def file(self) -> Path:
        """Trips of each person on the next days, one a day, in the order of the days as a system would send them."""
        path = self.folder / "pipeline.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(HEADER)
            writer.writerows(itertools.islice(self._trips(), RECORDS))
        return path

    def _trips(self) -> Iterator[tuple[str, ...]]:
        for day in self.days:
            assert day < AT.date(), "more rounds than days: lower --rounds or BENCH_PIPELINE_RECORDS"
            for person in range(PEOPLE):
                hour = f"{day.isoformat()} {6 + person % 16:02d}"
                yield (
                    f"{day.isoformat()}-{person}", f"B{person}", self.regions[person % len(self.regions)],
                    f"{hour}:00", f"{hour}:50", f"{1 + (person * 7 + day.day) % 40}.{person % 10}",
                )  # fmt: skip

    def _import(self, path: Path) -> None:
        from behaviors.services.imports import import_file

        receipt = import_file(path=path, provider=self.provider, activity="metro_trip", at=AT)
        assert receipt.accepted == RECORDS, (receipt.accepted, [str(error) for error in receipt.errors[:3]])

    def _quantify(self) -> None:
        from credits import services

        sweep = services.quantify_pending(at=AT, until_empty=True)
        assert sweep.counts == {"final": RECORDS}, sweep.counts

    def round(self) -> None:
        """Import and quantify a file."""
        path = self.file()
        self._import(path)
        self._quantify()

    def whole(self) -> float:
        """Records a second from the file to the balances."""
        path = self.file()
        self.bench.checkpoint()

        def both() -> None:
            self._import(path)
            self._quantify()

        return rate(RECORDS, both)

    def quantified(self) -> float:
        """Records a second from stored to final."""
        self._import(self.file())
        self.bench.checkpoint()
        return rate(RECORDS, self._quantify)


class _Peers:
    """The other side: the records of the first round, in the formats that are loaded."""

    def __init__(self, name: str, portal: Portal) -> None:
        self.portal = portal
        self.raw = database.connect("superuser", name)
        self.raw.autocommit = True
        self._bytes: dict[str, bytes] = {}
        self._rows: list[dict[str, Any]] = []

    def load(self) -> None:
        """Make the two tables and the bytes."""
        with self.raw.cursor() as cursor:
            cursor.execute(f"CREATE TABLE bench_bare AS SELECT {TWELVE} FROM behaviors_behaviorrecord LIMIT 0")
            cursor.execute("CREATE TABLE bench_final (LIKE behaviors_behaviorrecord INCLUDING ALL)")
            cursor.execute(
                "ALTER TABLE bench_final ADD FOREIGN KEY (participant_id) REFERENCES accounts_participant,"
                " ADD FOREIGN KEY (person_id) REFERENCES accounts_person,"
                " ADD FOREIGN KEY (provider_id) REFERENCES accounts_provider"
            )
            for table, columns in (("bench_bare", TWELVE), ("bench_final", "*")):
                stream = io.BytesIO()
                cursor.copy_expert(
                    f"COPY (SELECT {columns} FROM behaviors_behaviorrecord ORDER BY id) TO STDOUT (FORMAT binary)",
                    stream,
                )
                self._bytes[table] = stream.getvalue()

    def _copy(self, table: str) -> float:
        with self.raw.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table}")
        self.portal.bench.checkpoint()
        stream = io.BytesIO(self._bytes[table])
        with self.raw.cursor() as cursor:
            found = rate(RECORDS, lambda: cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", stream))
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone()[0] == RECORDS
        return found

    def bare(self) -> float:
        """Rows a second into a bare logged table of twelve columns."""
        return self._copy("bench_bare")

    def final(self) -> float:
        """Rows a second into a table with the columns, indexes and references of the records (one partition of it)."""
        return self._copy("bench_final")

    def bulk_create(self) -> float:
        """Rows a second of bulk_create into the final table, in one transaction that is rolled back."""
        from behaviors.models import BehaviorRecord

        records = list(itertools.islice(self._records(), ORM_ROWS))
        return self._undone(ORM_ROWS, lambda: BehaviorRecord.objects.bulk_create(records))

    def save(self) -> float:
        """Rows a second of save(), each its own transaction; they are taken out again before anything counts them."""
        from behaviors.models import BehaviorRecord

        records = list(itertools.islice(self._records(), SAVED_ROWS))
        found = rate(SAVED_ROWS, lambda: [record.save(force_insert=True) for record in records])
        BehaviorRecord.objects.filter(source_record_id__startswith="orm-").delete()
        return found

    @staticmethod
    def _records() -> Iterator[Any]:
        from behaviors.models import BehaviorRecord

        fields = [
            field.attname
            for field in BehaviorRecord._meta.concrete_fields
            if field.attname not in ("id", "source_record_id")
        ]
        like = BehaviorRecord.objects.order_by("id").values(*fields)[:ORM_ROWS]
        for row in like:
            yield BehaviorRecord(**row, source_record_id=f"orm-{uuid.uuid4()}")

    def _undone(self, count: int, work: Callable[[], object]) -> float:
        from django.db import transaction

        self.portal.bench.checkpoint()
        began = time.perf_counter()
        with transaction.atomic():
            work()
            taken = time.perf_counter() - began
            transaction.set_rollback(True)
        return count / taken

    def close(self) -> None:
        """End the connection of the peers."""
        self.raw.close()


def _assert_sound() -> None:
    """The whole audit over what the rounds left."""
    from carbon_portal.workflows.verify import run as verify

    wrong = {finding.id: finding.offenders for finding in verify.run() if finding.count}
    assert not wrong, wrong

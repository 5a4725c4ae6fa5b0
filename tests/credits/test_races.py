"""Two workers at once, and workers that are killed: nothing granted twice, nothing lost, nothing doubled."""

import datetime as dt
import random
import sys
import threading
import time

import pytest
from django.db import DatabaseError, connection, connections
from django.db.models import Sum

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError
from carbon_portal.workflows.verify import run
from credits import services
from credits.ledger import selectors as ledger
from credits.models import AccrualItem, LimitUsage, PointsAccrual, QueuedAward, Reduction

from .cases import AT, ON, prepare, records, resident

PENDING = 5_000


def violations() -> dict[str, list]:
    return {finding.id: finding.offenders for finding in run.run() if finding.count}


def fill(count: int) -> list[int]:
    """`count` trips of some 200 people over ten days, received just now."""
    people = [resident() for _ in range(max(count // 25, 4))]
    rows = [
        {
            "participant": people[n % len(people)],
            "on": ON - dt.timedelta(days=n // len(people) % 10),
            "inputs": {"distance": str(1 + n % 30)},
            "evidence": "feed" if n % 3 else "self_declared",
        }
        for n in range(count)
    ]
    ids = [pk for low in range(0, count, 1000) for pk in records(*rows[low : low + 1000])]
    BehaviorRecord.objects.filter(pk__in=ids).update(received_at=clock.now())
    return ids


def together(*deeds) -> None:
    """Run deeds at the same moment, each in a thread with its own connection."""
    barrier, failures = threading.Barrier(len(deeds)), []

    def work(deed):
        try:
            barrier.wait()
            deed()
        except (AssertionError, DatabaseError, DomainError, RuntimeError) as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_two_workers_never_grant_the_same_remainder(own_database):
    prepare()
    alice = resident()
    records(*[{"participant": alice, "inputs": {"distance": "30"}, "evidence": "feed"} for _ in range(40)])
    deed = lambda: services.quantify_pending(at=AT, limit=1, until_empty=True)  # noqa: E731
    together(deed, deed, deed)
    granted = list(Reduction.objects.filter(reduction_g__gt=0).values_list("reduction_g", flat=True))
    assert sorted(granted) == [1401] * 4  # 120 km a day are four trips of 30 km
    assert LimitUsage.objects.get(limit_key="distance/day").used == 120 * 10**12
    assert Reduction.objects.count() == 40
    assert violations() == {}


def test_without_the_lock_the_race_is_seen(own_database, monkeypatch):
    """The test above can fail: with the rows merely read, workers grant the same remainder twice."""
    from credits.services import bulk, usage

    def unlocked(people, codes, limits, days):
        found = bulk.rows(
            "SELECT u.id, u.used::text FROM credits_limitusage u"
            " JOIN unnest(%s::uuid[], %s::text[], %s::text[]) w (person, code, limit_key)"
            " ON (u.participant_id, u.code, u.limit_key) = (w.person, w.code, w.limit_key)"
            " ORDER BY u.participant_id, u.code, u.limit_key, u.period_start",
            [people, codes, limits],
        )
        assert len(found) == len(days)
        barrier.wait(timeout=20)
        return found

    prepare()
    alice = resident()
    records({"participant": alice, "inputs": {"distance": "0.1"}, "evidence": "feed"})
    services.quantify_pending(at=AT)
    monkeypatch.setattr(usage, "locked", unlocked)
    ids = records(*[{"participant": alice, "inputs": {"distance": "100"}, "evidence": "feed"} for _ in range(2)])
    barrier = threading.Barrier(2)
    deed = lambda: services.quantify_pending(at=AT, limit=1)  # noqa: E731
    together(deed, deed)
    granted = Reduction.objects.filter(record_id__in=ids).values_list("reduction_g", flat=True)
    assert sum(granted) == 2 * 4670  # 200 km of the day's 120


def test_many_workers_over_many_records_agree_with_one(own_database):
    prepare()
    ids = fill(600)
    deed = lambda: services.quantify_pending(limit=50, until_empty=True)  # noqa: E731
    together(deed, deed, deed, lambda: services.award_queued(at=clock.now()))
    assert BehaviorRecord.objects.filter(pk__in=ids, state="final").count() == 600
    assert violations() == {}
    for accrual in PointsAccrual.objects.all():
        assert accrual.awarded_points == accrual.credited_g // 100
        assert ledger.spendable_points(accrual.participant_id) == accrual.awarded_points


def test_workers_on_one_pool_spend_exactly_its_funds(own_database):
    """The pool holds what all records earn together: no chunk may be refused or queued, and nothing is left over."""
    prepare(points=None)
    ids = fill(400)
    later = clock.now() + dt.timedelta(days=2)
    BehaviorRecord.objects.filter(pk__in=ids).update(window_ends_at=later - dt.timedelta(days=1))
    services.quantify_pending(until_empty=True)
    grams = Reduction.objects.values_list("participant").annotate(Sum("reduction_g")).values_list("reduction_g__sum")
    due = sum(total // 100 for (total,) in grams)
    pool = services.fund_pool(region="440000", sponsor=None, points=due, actor=None, at=AT, key="all")
    together(*[lambda: services.close_windows(at=later, limit=20)] * 6)
    assert BehaviorRecord.objects.filter(pk__in=ids, state="final").count() == 400
    assert not QueuedAward.objects.exists()
    assert ledger.pool_balance(pool.pk) == 0
    assert sum(PointsAccrual.objects.values_list("awarded_points", flat=True)) == due
    assert violations() == {}


def test_a_real_worker_killed_three_times_in_the_middle_of_5000_records(portal_processes):
    """`kill -9` of the Celery worker with all its children; the next one and beat's sweep finish the work."""
    portal = portal_processes
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    chance = random.Random(seed)
    prepare()
    ids = fill(PENDING)
    from celery import current_app

    killed_in_the_middle = 0
    for _ in range(3):
        running = portal.start_worker(concurrency=1)
        current_app.send_task("credits.quantify_pending")
        _wait_until_claimed()
        time.sleep(0.1 * chance.random())
        running.kill()
        killed_in_the_middle += _finals(ids) < PENDING
        assert violations() == {}
    portal.start_worker(concurrency=1)
    current_app.send_task("credits.quantify_pending")
    portal.wait_until(lambda: _finals(ids) == PENDING, "the last record", seconds=120)
    assert killed_in_the_middle
    assert Reduction.objects.filter(record_id__in=ids).count() == PENDING
    earned = AccrualItem.objects.filter(reduction__record_id__in=ids).count()
    assert earned == Reduction.objects.filter(record_id__in=ids, reduction_g__gt=0).count()
    assert violations() == {}
    done = portal.manage("verify", "--json")
    assert '"violations": 0' in done.stdout


def _wait_until_claimed(seconds: float = 20) -> None:
    """Another session has records in hand; at once where the work is done already and none will come."""
    end = time.monotonic() + seconds
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
                " WHERE c.relname LIKE 'behaviors_behaviorrecord%' AND l.mode = 'RowShareLock'"
                " AND l.pid <> pg_backend_pid()"
                " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),"
                " EXISTS (SELECT FROM behaviors_behaviorrecord WHERE state IN ('received', 'checking'))"
            )
            claimed, is_pending = cursor.fetchone()
            if claimed or not is_pending:
                return
            time.sleep(0.01)


def _finals(ids: list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM behaviors_behaviorrecord WHERE id BETWEEN %s AND %s AND state = 'final'",
            [ids[0], ids[-1]],
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("statement", ["UPDATE credits_reduction SET reduction_g = 1", "DELETE FROM credits_reduction"])
@pytest.mark.parametrize("role", ["portal_web", "portal_worker"])
def test_reductions_are_append_only(own_database, as_role, role, statement):
    import psycopg2.errors

    prepare()
    records({"participant": resident()})
    services.quantify_pending(at=AT)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        as_role(role).cursor().execute(statement)

"""Many at once: one effect, no overdraft, nothing lost; and the twin without the guard, which must go wrong."""

import datetime as dt
import random
import threading
from collections import Counter
from functools import partial
from uuid import uuid4

import pytest
from django.db import connection, transaction

from credits.ledger import addresses, errors, selectors, services
from credits.ledger.constants import Kind
from tests.ledger.world import AT, POINTS, assert_sound, at_once, award, fund, meeting, scalar

pytestmark = pytest.mark.usefixtures("own_database")


def kinds(results):
    return Counter(type(result).__name__ for result in results)


def test_one_key_has_one_effect_however_often_it_is_sent():
    """B2: 50 at once for each of 20 keys."""
    pool, merchant = fund(1_000), uuid4()
    deeds = [
        partial(
            services.post,
            key=f"key:{number}",
            kind=Kind.BONUS,
            lines=[(addresses.pool(pool), POINTS, -3), (addresses.merchant(merchant), POINTS, 3)],
            at=AT,
        )
        for number in range(20)
        for _ in range(50)
    ]
    results = at_once(deeds, workers=50)
    assert kinds(results) == {"Posting": 1_000}
    assert len({result.entry_id for result in results}) == 20
    assert sum(not result.replayed for result in results) == 20
    assert selectors.balance(addresses.pool(pool)) == 1_000 - 60
    assert_sound()


def test_one_key_with_two_contents_has_one_effect():
    pool = fund(1_000)
    deeds = [
        partial(
            services.post,
            key="key",
            kind=Kind.BONUS,
            lines=[(addresses.pool(pool), POINTS, -points), (addresses.merchant(uuid4()), POINTS, points)],
            at=AT,
        )
        for points in range(1, 21)
    ]
    assert kinds(at_once(deeds)) == {"Posting": 1, "IdempotencyConflict": 19}
    assert_sound()


def test_a_hot_balance_is_never_overdrawn():
    """B1 in SQL: 40 workers ask 25 times each for 7 of 1 000; exactly 142 can have it."""
    pool, merchant = fund(1_000), uuid4()
    lines = [(addresses.pool(pool), POINTS, -7), (addresses.merchant(merchant), POINTS, 7)]
    deeds = [partial(services.post, key=f"r:{n}", kind=Kind.BONUS, lines=lines, at=AT) for n in range(1_000)]
    assert kinds(at_once(deeds, workers=40)) == {"Posting": 142, "AccountShort": 858}
    assert selectors.balance(addresses.pool(pool)) == 6
    assert selectors.balance(addresses.merchant(merchant)) == 994
    assert_sound()


def test_the_same_race_without_the_guard_accepts_more(as_role):
    """The twin: read the balance, then write the new one. It must fail, or the race above proves nothing."""
    pool = fund(1_000)
    with as_role("portal_owner") as owner, owner.cursor() as cursor:
        cursor.execute("GRANT UPDATE (balance) ON ledger_ledgeraccount TO portal_web")

    look = meeting(2, lambda: selectors.balance(addresses.pool(pool)))

    def take():
        with transaction.atomic(), connection.cursor() as cursor:
            left = look() - 7
            if left < 0:
                raise errors.AccountShort(address="pool")
            cursor.execute(
                "UPDATE ledger_ledgeraccount SET balance = %s WHERE address = %s", [left, addresses.pool(pool)]
            )

    accepted = kinds(at_once([take] * 1_000, workers=40))["NoneType"]
    assert accepted > 142


def test_a_participant_who_taps_everywhere_spends_each_point_once():
    person = uuid4()
    award(person, 50, year=2025)
    award(person, 50, year=2026)
    deeds = [
        partial(services.hold, key=f"h:{n}", participant_uid=person, voucher_uid=uuid4(), points=7, at=AT)
        for n in range(60)
    ]
    assert kinds(at_once(deeds, workers=20)) == {"HoldPosting": 14, "InsufficientPoints": 46}
    assert selectors.spendable_points(person, on=AT.date()) == 2
    assert_sound()


def test_one_hold_under_one_key_at_once():
    person = uuid4()
    award(person, 10)
    deed = partial(services.hold, key="h", participant_uid=person, voucher_uid=uuid4(), points=10, at=AT)
    results = at_once([deed] * 20)
    assert kinds(results) == {"HoldPosting": 20}
    assert len({result.hold_id for result in results}) == 1
    assert_sound()


def test_a_hold_is_resolved_once_whoever_comes_first():
    """B4: capture, release and expiry of 60 holds at the same time."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  (shown when the test fails)
    person, merchant = uuid4(), uuid4()
    award(person, 600)
    held = [
        services.hold(key=f"h:{n}", participant_uid=person, voucher_uid=uuid4(), points=10, at=AT) for n in range(60)
    ]
    deeds = []
    for n, hold in enumerate(held):
        deeds += [
            partial(services.capture, key=f"c:{n}", hold_id=hold.hold_id, points=6, merchant_uid=merchant, at=AT),
            partial(services.release, key=f"r:{n}", hold_id=hold.hold_id, at=AT),
            partial(services.expire_hold, key=f"e:{n}", hold_id=hold.hold_id, at=AT),
        ]
    random.Random(seed).shuffle(deeds)
    assert kinds(at_once(deeds, workers=24)) == {"Posting": 60, "HoldResolved": 120}
    captured = scalar("SELECT count(*) FROM ledger_holdresolution WHERE kind = 'capture'")
    assert selectors.balance(addresses.merchant(merchant)) == 6 * captured
    assert selectors.spendable_points(person, on=AT.date()) == 600 - 6 * captured
    assert_sound()


def test_mixed_postings_each_reversed_twice_at_once():
    """B5, the Formance shape: every posting once, every reversal once, and nothing is left."""
    pools = [fund(100_000) for _ in range(10)]
    dice = random.Random(20261122)
    deeds = []
    for n in range(200):
        giver, taker = dice.sample(pools, 2)
        lines = [(addresses.pool(giver), POINTS, -dice.randint(1, 50))]
        lines.append((addresses.pool(taker), POINTS, -lines[0][2]))
        deeds.append(partial(services.post, key=f"t:{n}", kind=Kind.BONUS, lines=lines, at=AT))
    posted = at_once(deeds, workers=20)
    assert kinds(posted) == {"Posting": 200}
    undo = [
        partial(services.reverse, key=f"u:{half}:{posting.entry_id}", entry_id=posting.entry_id, at=AT)
        for posting in posted
        for half in "ab"
    ]
    dice.shuffle(undo)
    assert kinds(at_once(undo, workers=20)) == {"Posting": 200, "AlreadyReversed": 200}
    assert {selectors.balance(addresses.pool(pool)) for pool in pools} == {100_000}
    assert_sound()


def test_new_accounts_in_crossing_orders_do_not_deadlock():
    for _ in range(5):
        people = [addresses.participant_points(uuid4(), 2026) for _ in range(30)]
        deeds = []
        for n in range(8):
            dice = random.Random(n)
            order = dice.sample(people, len(people))
            lines = [(addresses.ISSUANCE, POINTS, -30), *[(person, POINTS, 1) for person in order]]
            deeds.append(partial(services.post, key=f"n:{uuid4()}", kind=Kind.ISSUE, lines=lines, at=AT))
        assert kinds(at_once(deeds)) == {"Posting": 8}
    assert_sound()


def test_sweeps_at_once_expire_each_point_once():
    for _ in range(12):
        award(uuid4(), 5, year=2025)
    day = dt.datetime(2027, 1, 2, tzinfo=dt.UTC)
    results = at_once([partial(services.expire_points, at=day, chunk_accounts=3)] * 4)
    assert sum(result.points for result in results) == 60
    assert_sound()


def test_a_checkpoint_waits_for_the_entry_that_is_still_on_its_way(as_role):
    """An entry with a lower id that commits later must not fall behind the checkpoint."""
    fund(10)
    slow = as_role("portal_web")
    with slow.cursor() as cursor:
        cursor.execute(
            "SELECT posted_id FROM ledger_post('slow', 'fund', '2026-11-22', ARRAY['world:issuance', %s], NULL,"
            " ARRAY[-5, 5]::bigint[])",
            [addresses.pool(uuid4())],
        )
        early = cursor.fetchone()[0]
    fund(20)
    assert scalar("SELECT max(id) FROM ledger_ledgerentry") > early
    assert services.fold_checkpoints(patience_seconds=0.1) is None
    assert scalar("SELECT count(*) FROM ledger_accountcheckpoint") == 0
    slow.commit()
    assert services.fold_checkpoints() == 1
    assert selectors.balance(addresses.ISSUANCE) == -35
    assert_sound()


def test_folding_among_writers_loses_nothing():
    pool = fund(100_000)
    merchant = uuid4()
    lines = [(addresses.pool(pool), POINTS, -1), (addresses.merchant(merchant), POINTS, 1)]
    deeds = [partial(services.post, key=f"w:{n}", kind=Kind.BONUS, lines=lines, at=AT) for n in range(400)]
    for n in range(20, 400, 40):
        deeds[n] = services.fold_checkpoints
    results = kinds(at_once(deeds, workers=8))
    assert results["Posting"] == 390
    assert selectors.balance(addresses.merchant(merchant)) == 390
    assert_sound()


def test_two_programs_that_lock_against_the_order_get_a_clean_refusal():
    """A deadlock of the callers' making is an answer that says: try again, it will not be posted twice."""
    first, second = fund(10), fund(10)
    met = threading.Barrier(2)

    def cross(number, giver, taker):
        with transaction.atomic():
            for step, pool in enumerate((giver, taker)):
                lines = [(addresses.pool(pool), POINTS, -1), (addresses.merchant(uuid4()), POINTS, 1)]
                services.post(key=f"x:{number}:{step}", kind=Kind.BONUS, lines=lines, at=AT)
                if step == 0:
                    met.wait(timeout=30)

    results = at_once([partial(cross, 1, first, second), partial(cross, 2, second, first)])
    assert kinds(results) == {"NoneType": 1, "LedgerBusy": 1}
    assert_sound()

"""A pool in slots: one sum, many accounts. Nothing is overdrawn, nothing that the sum covers is refused."""

import datetime as dt
import importlib
import random
from collections import Counter
from functools import partial
from uuid import uuid4

import pytest
from django.db import connection, transaction

from credits.ledger import addresses, errors, selectors, services
from credits.ledger.constants import MAX_POOL_SLOTS, POOL_SLOT_LEAST_POINTS, POOL_SLOTS, Kind
from tests.ledger.world import AT, POINTS, assert_sound, at_once, lines_of, scalar
from tests.ledger.world import fund as fund_one_account

pytestmark = pytest.mark.usefixtures("own_database")

EVEN = POOL_SLOTS * POOL_SLOT_LEAST_POINTS


def pool_of(points, key=None):
    pool = uuid4()
    services.fund(key=key or f"fund:{pool}", kind=Kind.FUND, pool_uid=pool, points=points, at=AT)
    return pool


def draw(pool, points, key=None, person=None):
    account = addresses.participant_points(person or uuid4(), 2026)
    return services.draw(
        key=key or f"draw:{uuid4()}", kind=Kind.AWARD, pool_uid=pool, awards=[(account, points)], at=AT
    )


def slots_of(pool):
    return [selectors.balance(addresses.pool(pool, slot)) for slot in range(MAX_POOL_SLOTS)]


def kinds(results):
    return Counter(type(result).__name__ for result in results)


def test_funding_spreads_evenly_and_small_sums_go_to_few_slots():
    pool = pool_of(EVEN + 3)
    assert slots_of(pool)[:POOL_SLOTS] == [1_001] * 3 + [1_000] * (POOL_SLOTS - 3)
    small = pool_of(2_001)
    assert [points for points in slots_of(small) if points] == [1_001, 1_000]
    assert slots_of(pool_of(1))[0] == 1
    assert selectors.pool_balance(pool) == EVEN + 3
    assert selectors.pool_balance(uuid4()) == 0


def test_the_database_knows_all_the_slots_that_the_program_may_fill():
    pool = uuid4()
    known = scalar("SELECT ledger_pool_accounts(%s)", [str(pool)])
    assert known == [addresses.pool(pool), *(addresses.pool(pool, slot) for slot in range(MAX_POOL_SLOTS))]
    assert POOL_SLOTS <= MAX_POOL_SLOTS
    assert {addresses.pool_of(address) for address in known} == {pool}


def test_a_draw_takes_one_slot_or_as_many_as_it_needs():
    pool = pool_of(EVEN)
    one = draw(pool, 900)
    assert [amount for _, amount in lines_of(one.entry_id)] == [-900, 900]
    many = draw(pool, 2_500)
    assert [amount for _, amount in lines_of(many.entry_id)] == [-1_000, -1_000, -500, 2_500]
    rest = draw(pool, selectors.pool_balance(pool))
    assert len(lines_of(rest.entry_id)) <= POOL_SLOTS + 1
    assert selectors.pool_balance(pool) == 0
    with pytest.raises(errors.AccountShort, match=str(pool)):
        draw(pool, 1)
    assert_sound()


def test_a_draw_happens_once_wherever_its_points_came_from():
    pool, person = pool_of(EVEN), uuid4()
    first = draw(pool, 1_500, key="chunk", person=person)
    again = draw(pool, 1_500, key="chunk", person=person)
    assert again == services.Posting(first.entry_id, first.uid, True)
    with pytest.raises(errors.IdempotencyConflict):
        draw(pool, 1_501, key="chunk", person=person)
    assert selectors.pool_balance(pool) == EVEN - 1_500


@pytest.mark.parametrize("awards", [[], [("participant:1", 5)], [(addresses.ISSUANCE, -5)], [(addresses.ISSUANCE, 0)]])
def test_a_draw_that_can_not_be_an_entry_is_refused(awards):
    with pytest.raises(errors.InvalidPosting):
        services.draw(key="k", kind=Kind.AWARD, pool_uid=pool_of(10), awards=awards, at=AT)


def test_many_workers_spend_exactly_the_funds():
    """40 workers ask 25 times each for 7 of 1 000 in 16 slots: exactly 142 can have it, as with one account."""
    pool = uuid4()
    shares = [(addresses.pool(pool, slot), POINTS, 62 + (slot < 8)) for slot in range(POOL_SLOTS)]
    lines = [(addresses.ISSUANCE, POINTS, -1_000), *shares]
    services.post(key="fund", kind=Kind.FUND, lines=lines, at=AT)
    results = at_once([partial(draw, pool, 7) for _ in range(1_000)], workers=40)
    assert kinds(results) == {"Posting": 142, "AccountShort": 858}
    assert selectors.pool_balance(pool) == 6
    assert_sound()


def test_the_same_race_slot_by_slot_refuses_what_the_sum_covers():
    """The twin: who takes from one slot only leaves a remainder in each. It must fail, or the race proves nothing."""
    pool = uuid4()
    shares = [(addresses.pool(pool, slot), POINTS, 62 + (slot < 8)) for slot in range(POOL_SLOTS)]
    services.post(key="fund", kind=Kind.FUND, lines=[(addresses.ISSUANCE, POINTS, -1_000), *shares], at=AT)

    def from_one_slot():
        key, person = uuid4(), addresses.participant_points(uuid4(), 2026)
        for slot in range(POOL_SLOTS):
            try:
                lines = [(addresses.pool(pool, slot), POINTS, -7), (person, POINTS, 7)]
                return services.post(key=f"{key}:{slot}", kind=Kind.AWARD, lines=lines, at=AT)
            except errors.AccountShort:
                continue
        raise errors.AccountShort(address=addresses.pool(pool))

    results = at_once([from_one_slot] * 200, workers=8)
    assert kinds(results)["Posting"] < 142
    assert selectors.pool_balance(pool) >= 7


def test_chunks_of_all_sizes_at_once_spend_everything():
    """Draws that need one slot, several, or all of them; together exactly the funds, so that not one may be refused."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  (shown when the test fails)
    dice, wanted = random.Random(seed), []
    while sum(wanted) < EVEN:
        wanted.append(min(dice.choice([3, 40, 700, 1_900, 5_000]), EVEN - sum(wanted)))
    pool = pool_of(EVEN)
    results = at_once([partial(draw, pool, points) for points in wanted], workers=12)
    assert kinds(results) == {"Posting": len(wanted)}
    assert selectors.pool_balance(pool) == 0
    assert_sound()


def test_a_chunk_does_not_wait_for_another(own_database, as_role):
    """While one transaction keeps a slot, the others take theirs; with one account they would have to wait."""
    pool, single = pool_of(EVEN), fund_one_account(EVEN)
    held = as_role("portal_worker")
    person = addresses.participant_points(uuid4(), 2026)
    with held.cursor() as cursor:
        for uid in (pool, single):
            cursor.execute(
                "SELECT * FROM ledger_draw(%s, 'award', '2026-11-22', %s, ARRAY[%s], ARRAY[5]::bigint[])",
                [f"held:{uid}", str(uid), person],
            )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '100ms'")
        for _ in range(POOL_SLOTS - 1):
            draw(pool, 1_000)
        with pytest.raises(errors.LedgerBusy):  # what is left is in the slot that is kept
            draw(pool, 900)
        with pytest.raises(errors.LedgerBusy):
            draw(single, 1_000)
        with pytest.raises(errors.AccountShort):  # nobody waits for what the sum can't cover anyway
            draw(pool, EVEN)
    held.commit()
    assert draw(pool, 995).replayed is False
    assert_sound()


def test_what_comes_back_goes_to_a_free_slot_before_anything_else_is_locked(as_role):
    pool = pool_of(EVEN)
    with transaction.atomic():
        first = services.lock_slot(pool_uid=pool)
        other = as_role("portal_worker")
        with other.cursor() as cursor:
            cursor.execute("SELECT ledger_lock_slot(%s)", [str(pool)])
            second = cursor.fetchone()[0]
        other.rollback()
    assert first != second
    assert {addresses.pool_of(first), addresses.pool_of(second)} == {pool}
    assert services.lock_slot(pool_uid=uuid4()) is None


def test_a_pool_of_one_account_keeps_working_and_is_spread_by_the_migration(as_role):
    """What a pool held before it had slots is drawn on like a slot; its funding is still the same deed."""
    pool, key = uuid4(), "fund:first"
    lines = [(addresses.ISSUANCE, POINTS, -EVEN), (addresses.pool(pool), POINTS, EVEN)]
    old = services.post(key=key, kind=Kind.FUND, lines=lines, at=AT, source=f"pool:{pool}")
    again = services.fund(key=key, kind=Kind.FUND, pool_uid=pool, points=EVEN, at=AT, source=f"pool:{pool}")
    assert again == services.Posting(old.entry_id, old.uid, True)
    draw(pool, 7)
    empty = uuid4()
    services.fund(key="empty", kind=Kind.FUND, pool_uid=empty, points=5, at=AT)

    spread = importlib.import_module("credits.ledger.migrations.0005_spread_pools").SPREAD
    owner = as_role("portal_owner")
    for _ in range(2):  # a second run finds nothing to spread
        with owner, owner.cursor() as cursor:
            cursor.execute(spread)
    assert selectors.balance(addresses.pool(pool)) == 0
    assert sum(slots_of(pool)) == selectors.pool_balance(pool) == EVEN - 7
    assert sum(1 for points in slots_of(pool) if points) == 15
    draw(pool, EVEN - 7)
    assert_sound()


def test_draws_corrections_and_fundings_at_once_come_out_even():
    """Whoever takes slots takes them in one order: no deadlock among draws of all slots, returns and new funds."""
    pools = [pool_of(EVEN) for _ in range(2)]
    people = [uuid4() for _ in range(12)]
    for person in people:
        draw(pools[0], 100, person=person)
    begun = sum(map(selectors.pool_balance, pools))

    def give_back(person):
        account = addresses.participant_points(person, 2026)
        with transaction.atomic():
            taken = [services.lock_slot(pool_uid=pool) for pool in sorted(pools, key=str)]
            for slot in taken:
                lines = [(account, POINTS, -10), (slot, POINTS, 10)]
                services.post(key=f"back:{uuid4()}", kind=Kind.AWARD_CORRECTION, lines=lines, at=AT)

    def pay_two_pools():
        with transaction.atomic():
            for pool in sorted(pools, key=str):
                draw(pool, 1_600)

    deeds = [partial(give_back, person) for person in people]
    deeds += [pay_two_pools] * 4
    deeds += [
        partial(services.fund, key=f"more:{n}", kind=Kind.FUND, pool_uid=pools[n % 2], points=EVEN, at=AT)
        for n in range(6)
    ]
    results = at_once(deeds, workers=len(deeds))
    assert not [result for result in results if isinstance(result, Exception)]
    assert sum(map(selectors.pool_balance, pools)) == begun + 12 * 20 - 4 * 3_200 + 6 * EVEN
    assert_sound()


def test_one_key_is_drawn_once_however_many_send_it():
    """A draw under one key from many workers at once has one effect."""
    pool, person = pool_of(EVEN), uuid4()
    results = at_once([partial(draw, pool, 1_200, key="one", person=person)] * 12)
    assert kinds(results) == {"Posting": 12}
    assert len({result.entry_id for result in results}) == 1
    assert selectors.spendable_points(person, on=dt.date(2026, 11, 22)) == 1_200
    assert_sound()

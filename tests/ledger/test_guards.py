"""The guards attacked with raw SQL as the web's own role: whatever a program does, a bad entry does not commit."""

import io
import re
from uuid import uuid4

import psycopg2
import pytest

from credits.ledger import services
from credits.ledger.addresses import is_address
from credits.ledger.constants import (
    ADDRESS_PATTERN,
    BOUNDED_PATTERN,
    IRREVERSIBLE_KINDS,
    POINTS_YEAR_PATTERN,
    Kind,
)
from tests.ledger import world

ENTRY = (
    "INSERT INTO ledger_ledgerentry (kind, line_count, idempotency_key, payload_sha256, effective_on{extra})"
    " VALUES (%s, %s, %s, sha256('x'), '2026-11-22'{values}) RETURNING id"
)


class Attacker:
    """A session of portal_web with two accounts of its own making."""

    def __init__(self, connection):
        self.connection = connection
        self.cursor = connection.cursor()
        self.pool, self.world, self.money, self.merchant = (
            self.account(f"pool:{uuid4()}", "points"),
            self.account("world:attack", "points"),
            self.account("world:attack:fen", "fen"),
            self.account(f"merchant:{uuid4()}:fen", "fen"),
        )

    def account(self, address, unit):
        self.cursor.execute(
            "INSERT INTO ledger_ledgeraccount (address, unit) VALUES (%s, %s) RETURNING id", [address, unit]
        )
        return self.cursor.fetchone()[0]

    def entry(self, line_count=2, kind="fund", extra="", values="", key=None):
        self.cursor.execute(ENTRY.format(extra=extra, values=values), [kind, line_count, key or f"raw:{uuid4()}"])
        return self.cursor.fetchone()[0]

    def lines(self, entry, *lines, first=1):
        rows = [(entry, first + n, *line) for n, line in enumerate(lines)]
        self.cursor.execute(
            "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount) VALUES "
            + ", ".join(self.cursor.mogrify("(%s, %s, %s, %s, %s)", row).decode() for row in rows)
        )

    def good(self, points=10):
        entry = self.entry()
        self.lines(entry, (self.world, "points", -points), (self.pool, "points", points))
        return entry


@pytest.fixture
def web(as_role):
    """An attack inside one transaction that never commits."""
    return Attacker(as_role("portal_web"))


@pytest.fixture
def lasting(own_database, as_role):
    """An attacker who may commit."""
    attacker = Attacker(as_role("portal_web"))
    attacker.connection.commit()
    return attacker


def refused(state):
    return pytest.raises(psycopg2.Error, check=lambda error: error.pgcode == state)


def test_a_good_entry_commits_and_moves_the_balance(lasting):
    lasting.good(10)
    lasting.connection.commit()
    lasting.cursor.execute("SELECT balance FROM ledger_ledgeraccount WHERE id = %s", [lasting.pool])
    assert lasting.cursor.fetchone() == (10,)
    lasting.cursor.execute("SELECT balance FROM ledger_ledgeraccount WHERE id = %s", [lasting.world])
    assert lasting.cursor.fetchone() == (0,)  # unbounded: never a hot row


def test_a_late_line_is_refused(lasting):
    entry = lasting.good()
    lasting.connection.commit()
    with refused("23L02"):
        lasting.lines(entry, (lasting.world, "points", -5), (lasting.pool, "points", 5), first=3)


def test_a_late_line_is_refused_even_in_the_same_numbers(lasting):
    lasting.cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    entry = lasting.good()
    lasting.connection.commit()
    with refused("23505"):  # the primary key (entry, line_no)
        lasting.lines(entry, (lasting.world, "points", -5), (lasting.pool, "points", 5))


def test_an_orphan_line_is_refused(web):
    with refused("23L01"):
        web.lines(10**9, (web.world, "points", -5), (web.pool, "points", 5))


@pytest.mark.parametrize(
    ("count", "amounts", "state"),
    [
        (2, [-5, 4], "23L04"),  # unbalanced
        (3, [-5, 5], "23L03"),  # a line is missing
        (2, [-5, 3, 2], "23L03"),  # a line too many
        (2, [-5], "23L03"),
    ],
)
def test_lines_that_do_not_keep_the_promise_are_refused(web, count, amounts, state):
    entry = web.entry(line_count=count)
    with refused(state):
        web.lines(entry, *[((web.world, web.pool)[amount > 0], "points", amount) for amount in amounts])


def test_line_numbers_run_from_one(web):
    entry = web.entry()
    with refused("23L03"):
        web.lines(entry, (web.world, "points", -5), (web.pool, "points", 5), first=2)


def test_two_statements_are_refused(web):
    entry = web.entry()
    with refused("23L03"):
        web.lines(entry, (web.world, "points", -5))


def test_two_balanced_statements_are_refused(web):
    entry = web.entry(line_count=4)
    with refused("23L03"):
        web.lines(entry, (web.world, "points", -5), (web.pool, "points", 5))


def test_a_third_line_after_immediate_constraints_is_refused(web):
    entry = web.good()
    web.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with refused("23L03"):
        web.lines(entry, (web.world, "points", -5), first=3)


def test_a_second_helping_in_the_same_transaction_is_refused(web):
    entry = web.good()
    with refused("23L03"):
        web.lines(entry, (web.world, "points", -5), (web.pool, "points", 5), first=3)


def test_two_inserts_in_one_statement_count_as_one(web):
    entry = web.entry(line_count=2)
    line = (
        "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount) VALUES (%s, %s, %s, 'points', %s)"
    )
    with refused("23L03"):
        web.cursor.execute(
            f"WITH a AS ({line} RETURNING 1), b AS ({line} RETURNING 1) {line}",
            [entry, 1, web.world, -5, entry, 2, web.pool, 5, entry, 3, web.pool, 5],
        )


def test_copy_passes_the_same_guard(web):
    entry = web.entry()
    text = f"{entry}\t1\t{web.world}\tpoints\t-5\n{entry}\t2\t{web.pool}\tpoints\t6\n"
    with refused("23L04"):
        web.cursor.copy_expert(
            "COPY ledger_ledgerline (entry_id, line_no, account_id, unit, amount) FROM STDIN", io.StringIO(text)
        )


def test_mixed_units_are_refused(web):
    entry = web.entry()
    with refused("23L04"):
        web.lines(entry, (web.world, "points", -5), (web.merchant, "fen", 5))


def test_a_unit_that_is_not_the_accounts_is_refused(web):
    entry = web.entry()
    with refused("23L05"):
        web.lines(entry, (web.world, "points", -5), (web.merchant, "points", 5))


def test_an_unknown_account_is_refused(web):
    entry = web.entry()
    with refused("23L05"):
        web.lines(entry, (web.world, "points", -5), (10**9, "points", 5))


def test_an_empty_entry_is_refused_at_commit(web):
    web.entry()
    with refused("23L06"):
        web.connection.commit()


def test_an_entry_of_one_line_cannot_be_promised(web):
    with refused("23514"):
        web.entry(line_count=1)


def test_a_bounded_account_does_not_fall_below_zero(web):
    entry = web.entry()
    with refused("LG001"):
        web.lines(entry, (web.pool, "points", -5), (web.world, "points", 5))


@pytest.mark.parametrize("amount", [0, 10**15 + 1])
def test_amounts_are_not_zero_and_not_beyond_the_limit(web, amount):
    entry = web.entry()
    with refused("23514"):
        web.lines(entry, (web.world, "points", -amount), (web.pool, "points", amount))


@pytest.mark.parametrize("role", ["portal_web", "portal_worker"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_ledgerline SET amount = amount * 2",
        "UPDATE ledger_ledgerentry SET kind = 'bonus'",
        "UPDATE ledger_ledgerentry SET posted_at = now()",
        "UPDATE ledger_ledgeraccount SET balance = balance + 1",
        "UPDATE ledger_ledgeraccount SET address = 'world:mine'",
        "UPDATE ledger_hold SET amount = 1",
        "UPDATE ledger_holdresolution SET captured_points = 1",
        "UPDATE ledger_accountcheckpoint SET balance = 1",
        "DELETE FROM ledger_ledgerline",
        "DELETE FROM ledger_ledgerentry",
        "DELETE FROM ledger_ledgeraccount",
        "DELETE FROM ledger_hold",
        "DELETE FROM ledger_holdresolution",
        "DELETE FROM ledger_accountcheckpoint",
        "TRUNCATE ledger_ledgerline",
        "TRUNCATE ledger_ledgerentry CASCADE",
        "TRUNCATE ledger_ledgeraccount CASCADE",
        "ALTER TABLE ledger_ledgerline DISABLE TRIGGER ALL",
        "ALTER TABLE ledger_ledgerentry DISABLE TRIGGER USER",
        "DROP TRIGGER ledger_seal_lines ON ledger_ledgerline",
        "CREATE OR REPLACE FUNCTION ledger_seal_lines() RETURNS trigger LANGUAGE plpgsql AS 'begin return null; end'",
        "SET session_replication_role = replica",
        "INSERT INTO ledger_ledgeraccount (address, unit, balance) VALUES ('world:rich', 'points', 5)",
        "SELECT setval('ledger_ledgerentry_id_seq', 1)",
    ],
)
def test_the_application_may_not(as_role, role, statement):
    with as_role(role).cursor() as cursor, refused("42501"):
        cursor.execute(statement)


def test_not_even_the_owner_changes_what_is_written(own_database, as_role):
    """The triggers stand behind the grants: rows are there, and the owner of the tables is refused too."""
    one_of_everything()
    owner = as_role("portal_owner")
    for table, column in {
        "ledger_ledgeraccount": "unit",
        "ledger_ledgerentry": "kind",
        "ledger_ledgerline": "unit",
        "ledger_hold": "amount",
        "ledger_holdresolution": "kind",
        "ledger_accountcheckpoint": "balance",
    }.items():
        for statement in (f"UPDATE {{}} SET {column} = {column}", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
            with owner.cursor() as cursor, pytest.raises(psycopg2.Error, match=r"Cannot|append-only"):
                cursor.execute(statement.format(table))
            owner.rollback()


def one_of_everything():
    person = uuid4()
    world.award(person, 10)
    held = services.hold(key="hold", participant_uid=person, voucher_uid=uuid4(), points=4, at=world.AT)
    services.release(key="release", hold_id=held.hold_id, at=world.AT)
    services.fold_checkpoints()


@pytest.mark.parametrize(
    ("column", "value"), [("txid", "pg_current_xact_id()"), ("posted_at", "now()"), ("id", "10000000")]
)
def test_the_moment_and_the_transaction_cannot_be_forged(web, column, value):
    with refused("42501"):
        web.entry(extra=f", {column}", values=f", {value}")


def test_a_forged_transaction_id_does_not_open_an_entry(lasting, as_role):
    """Even where the grant is given away, an entry of an older moment stays closed: the id alone is not believed."""
    with as_role("portal_owner") as owner, owner.cursor() as cursor:
        cursor.execute("GRANT INSERT (posted_at, txid) ON ledger_ledgerentry TO portal_web")
    entry = lasting.entry(extra=", posted_at", values=", now() - interval '1 day'")
    with refused("23L02"):
        lasting.lines(entry, (lasting.world, "points", -5), (lasting.pool, "points", 5))
    lasting.connection.rollback()
    entry = lasting.entry(extra=", txid", values=", '1'")
    with refused("23L02"):
        lasting.lines(entry, (lasting.world, "points", -5), (lasting.pool, "points", 5))


@pytest.mark.parametrize(
    "address",
    [
        "participant:13800138000:points:2026",
        "participant:张三:points:2026",
        "pool:abc",
        "pool:" + "A" * 36,
        "elsewhere:" + "1" * 8,
        "",
        "pool:b54012e9-d225-4d94-9dc1-aecf2db53a7d\n",
        "voucher:62795e6c-214c-4390-b588-b82b92c33171:points:20261",
    ],
)
def test_an_address_is_of_the_chart_and_holds_no_personal_data(web, address):
    assert not is_address(address)
    with refused("23514"):
        web.account(address, "points")


def test_a_participants_year_holds_points_and_has_a_floor(lasting):
    with refused("23514"):
        lasting.account(f"participant:{uuid4()}:points:2026", "fen")
    lasting.connection.rollback()
    made = lasting.account(f"participant:{uuid4()}:points:2026", "points")
    lasting.cursor.execute("SELECT bounded, points_year FROM ledger_ledgeraccount WHERE id = %s", [made])
    assert lasting.cursor.fetchone() == (True, 2026)
    with refused("42501"):  # it follows from the address: nobody says what is bounded
        lasting.cursor.execute(
            "INSERT INTO ledger_ledgeraccount (address, unit, bounded) VALUES ('pool:x', 'points', false)"
        )


def test_not_even_the_owner_says_what_is_bounded(own_database, as_role):
    owner, address = as_role("portal_owner"), f"participant:{uuid4()}:points:2026"
    with owner.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_ledgeraccount (address, unit, bounded, points_year) VALUES (%s, 'points', false, NULL)"
            " RETURNING bounded, points_year",
            [address],
        )
        assert cursor.fetchone() == (True, 2026)
    owner.commit()
    for change in ("bounded = false", "points_year = 2025"):
        with owner.cursor() as cursor, refused("23001"):
            cursor.execute(f"UPDATE ledger_ledgeraccount SET {change} WHERE address = %s", [address])
        owner.rollback()


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ("ledger_entry_two_lines", "'fund', 1, 'k', sha256('x'), NULL"),
        ("ledger_entry_key_not_empty", "'fund', 2, '', sha256('x'), NULL"),
        ("ledger_entry_payload_is_sha256", "'fund', 2, 'k', 'x', NULL"),
        ("ledger_entry_kind", "'gift', 2, 'k', sha256('x'), NULL"),
        ("ledger_entry_reversal_names_target", "'reversal', 2, 'k', sha256('x'), NULL"),
        ("ledger_entry_reversal_names_target", "'fund', 2, 'k', sha256('x'), 1"),
    ],
)
def test_a_refused_entry_names_its_rule(web, rule, columns):
    with refused("23514") as caught:
        web.cursor.execute(
            "INSERT INTO ledger_ledgerentry"
            " (effective_on, kind, line_count, idempotency_key, payload_sha256, reverses_id)"
            f" VALUES ('2026-11-22', {columns})"
        )
    assert caught.value.diag.constraint_name == rule


class TestTheShortWay:
    """Two lines of one entry are sealed without grouping; nothing passes there that the long way refuses."""

    def test_the_lines_come_in_any_order(self, lasting):
        entry = lasting.entry()
        lasting.cursor.execute(
            "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)"
            " VALUES (%s, 2, %s, 'points', 5), (%s, 1, %s, 'points', -5)",
            [entry, lasting.pool, entry, lasting.world],
        )
        lasting.connection.commit()
        lasting.cursor.execute("SELECT balance FROM ledger_ledgeraccount WHERE id = %s", [lasting.pool])
        assert lasting.cursor.fetchone() == (5,)

    def test_an_account_that_gives_to_itself_stays_as_it_was(self, lasting):
        lasting.good(10)
        lasting.lines(lasting.entry(), (lasting.pool, "points", -50), (lasting.pool, "points", 50))
        lasting.connection.commit()
        lasting.cursor.execute("SELECT balance FROM ledger_ledgeraccount WHERE id = %s", [lasting.pool])
        assert lasting.cursor.fetchone() == (10,)

    def test_a_line_of_each_of_two_entries_is_no_entry(self, web):
        first, second = web.entry(), web.entry()
        with refused("23L03"):
            web.cursor.execute(
                "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)"
                " VALUES (%s, 1, %s, 'points', 5), (%s, 2, %s, 'points', -5)",
                [first, web.world, second, web.world],
            )

    @pytest.mark.parametrize("numbers", [(0, 1), (1, 3), (-1, 1)])
    def test_other_numbers_than_one_and_two(self, web, numbers):
        entry = web.entry()
        with refused("23L03"):
            web.cursor.execute(
                "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)"
                " VALUES (%s, %s, %s, 'points', 5), (%s, %s, %s, 'points', -5)",
                [entry, numbers[0], web.pool, entry, numbers[1], web.world],
            )

    def test_two_entries_in_one_statement_pass_where_both_are_whole(self, lasting):
        first, second = lasting.entry(), lasting.entry()
        rows = [(e, n, a, x) for e in (first, second) for n, a, x in ((1, lasting.world, -5), (2, lasting.pool, 5))]
        lasting.cursor.execute(
            "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount) VALUES "
            + ", ".join(lasting.cursor.mogrify("(%s, %s, %s, 'points', %s)", row).decode() for row in rows)
        )
        lasting.connection.commit()
        lasting.cursor.execute("SELECT balance FROM ledger_ledgeraccount WHERE id = %s", [lasting.pool])
        assert lasting.cursor.fetchone() == (10,)


class TestReversal:
    def attempt(self, lasting, target, *lines, kind="reversal"):
        entry = lasting.entry(line_count=len(lines), kind=kind, extra=", reverses_id", values=f", {target}")
        lasting.lines(entry, *lines)

    @pytest.mark.parametrize(("out", "back"), [(-4, 4), (-11, 11)])
    def test_other_amounts_are_no_mirror(self, lasting, out, back):
        target = lasting.good(10)
        with refused("23L07"):
            self.attempt(lasting, target, (lasting.world, "points", back), (lasting.pool, "points", out))

    def test_other_accounts_are_no_mirror(self, lasting):
        target = lasting.good(10)
        other = lasting.account("world:other", "points")
        with refused("23L07"):
            self.attempt(lasting, target, (other, "points", 10), (lasting.pool, "points", -10))

    def test_a_part_is_no_mirror(self, lasting):
        entry = lasting.entry(line_count=3)
        lasting.lines(entry, (lasting.world, "points", -4), (lasting.world, "points", -6), (lasting.pool, "points", 10))
        with refused("23L07"):
            self.attempt(lasting, entry, (lasting.world, "points", 10), (lasting.pool, "points", -10))

    def test_the_mirror_is_taken_once(self, lasting):
        target = lasting.good(10)
        self.attempt(lasting, target, (lasting.world, "points", 10), (lasting.pool, "points", -10))
        with refused("23505"):
            self.attempt(lasting, target, (lasting.world, "points", 10), (lasting.pool, "points", -10))

    def test_only_a_reversal_names_a_target(self, lasting):
        target = lasting.good(10)
        with refused("23514"):
            self.attempt(lasting, target, (lasting.world, "points", 10), (lasting.pool, "points", -10), kind="bonus")


class TestHold:
    @pytest.fixture
    def held(self, lasting):
        person = uuid4()
        world.award(person, 10)
        return services.hold(key="hold", participant_uid=person, voucher_uid=uuid4(), points=4, at=world.AT)

    def resolve(self, lasting, held, **columns):
        values = {"hold_id": held.hold_id, "entry_id": held.entry_id, "kind": "capture", "held_points": 4} | columns
        lasting.cursor.execute(
            f"INSERT INTO ledger_holdresolution ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
            list(values.values()),
        )
        lasting.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def test_more_than_held_is_refused(self, lasting, held):
        with refused("23514"):
            self.resolve(lasting, held, captured_points=5)

    def test_another_amount_than_was_held_is_refused(self, lasting, held):
        with refused("23503"):
            self.resolve(lasting, held, captured_points=5, held_points=5)

    def test_a_release_captures_nothing(self, lasting, held):
        with refused("23514"):
            self.resolve(lasting, held, kind="release", captured_points=1)

    def test_a_second_resolution_is_refused(self, lasting, held):
        self.resolve(lasting, held, captured_points=4)
        with refused("23505"):
            self.resolve(lasting, held, captured_points=4, entry_id=held.entry_id)


def test_the_database_and_the_program_have_one_chart(web):
    web.cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'ledger_account_of_the_chart'")
    source = web.cursor.fetchone()[0]
    assert all(f"'{pattern}'" in source for pattern in (ADDRESS_PATTERN, BOUNDED_PATTERN, POINTS_YEAR_PATTERN))


def test_every_irreversible_kind_is_known_to_the_database(web):
    web.cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'ledger_reverse'")
    source = web.cursor.fetchone()[0]
    assert all(f"'{kind}'" in source for kind in IRREVERSIBLE_KINDS)


def test_the_guards_run_as_their_owner_with_a_pinned_path(web):
    web.cursor.execute(
        "SELECT proname FROM pg_proc WHERE proname LIKE 'ledger\\_%%' AND NOT ("
        " array_to_string(proconfig, ';') LIKE '%%search_path=pg_catalog, public, pg_temp%%')"
    )
    assert web.cursor.fetchall() == []
    web.cursor.execute(
        "SELECT array_agg(proname::text ORDER BY proname) FROM pg_proc WHERE prosecdef AND proname LIKE 'ledger\\_%%'"
    )
    assert web.cursor.fetchone()[0] == [
        "ledger_account_of_the_chart", "ledger_entry_has_lines", "ledger_lock_accounts", "ledger_lock_pool",
        "ledger_lock_slot", "ledger_lock_year", "ledger_seal_lines",
    ]  # fmt: skip


def test_a_temporary_table_does_not_stand_in_front_of_the_guard(web):
    web.cursor.execute("CREATE TEMP TABLE ledger_ledgeraccount AS SELECT * FROM public.ledger_ledgeraccount")
    web.cursor.execute("UPDATE pg_temp.ledger_ledgeraccount SET balance = 10000")
    entry = web.entry()
    with refused("LG001"):
        web.lines(entry, (web.pool, "points", -5), (web.world, "points", 5))


def test_the_database_knows_the_kinds_of_the_one_list(web):
    web.cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'ledger_known_kind'")
    assert sorted(re.findall("'([a-z_]+)'", web.cursor.fetchone()[0])) == sorted(Kind.values)
    with refused("23514"):
        web.cursor.execute(
            "INSERT INTO ledger_ledgerentry (kind, line_count, idempotency_key, payload_sha256, effective_on)"
            " VALUES ('gift', 2, 'k', sha256('x'), '2026-11-22')"
        )

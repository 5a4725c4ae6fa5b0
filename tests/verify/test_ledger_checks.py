"""The tester tested: one row corrupted as superuser with the triggers off, and the check must name that row."""

from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection

from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.ledger import CHECKS
from credits.ledger import addresses, services
from credits.ledger.constants import Kind
from tests.ledger.world import AT, POINTS, award

PERSON = UUID("aaaaaaaa-0000-4000-8000-000000000001")
VOUCHERS = [UUID(f"bbbbbbbb-0000-4000-8000-00000000000{n}") for n in range(3)]
MERCHANT = UUID("cccccccc-0000-4000-8000-000000000001")
POOL = UUID("dddddddd-0000-4000-8000-000000000001")


def findings() -> dict[str, list]:
    with connection.cursor() as cursor:
        result = {}
        for check in CHECKS:
            cursor.execute(check.sql)
            result[check.id] = [row[0] for row in cursor.fetchall()]
    return {name: rows for name, rows in result.items() if rows}


@pytest.fixture
def ledger(own_database, as_role):
    """A small sound ledger, and a superuser who can break it. `names` maps words to the ids of its rows."""
    award(PERSON, 60, year=2025)
    award(PERSON, 40)
    holds = [
        services.hold(key=f"hold:{n}", participant_uid=PERSON, voucher_uid=uid, points=20, at=AT)
        for n, uid in enumerate(VOUCHERS)
    ]
    captured = services.capture(key="capture", hold_id=holds[0].hold_id, points=15, merchant_uid=MERCHANT, at=AT)
    services.release(key="release", hold_id=holds[1].hold_id, at=AT)
    funded = services.post(
        key="fund", kind=Kind.FUND, lines=[(addresses.ISSUANCE, POINTS, -7), (addresses.pool(POOL), POINTS, 7)], at=AT
    )
    reversed_ = services.reverse(key="undo", entry_id=funded.entry_id, at=AT)
    services.fold_checkpoints()
    assert findings() == {}
    superuser = as_role(paths.SUPERUSER)
    superuser.autocommit = True

    class Broken:
        capture, reversal = captured.entry_id, reversed_.entry_id
        fund, hold, open_hold = funded.entry_id, holds[0].hold_id, holds[2].hold_id

        def do(self, *statements: str) -> dict[str, list]:
            with superuser.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica")
                for statement in statements:
                    cursor.execute(statement)
            return findings()

    return Broken()


def test_v1_names_the_unbalanced_entry(ledger):
    found = ledger.do(
        f"UPDATE ledger_ledgerline SET amount = amount + 1 WHERE entry_id = {ledger.capture} AND line_no = 2"
    )
    assert found["V1"] == [ledger.capture]


def test_v1b_names_the_entry_with_a_missing_line(ledger):
    found = ledger.do(f"DELETE FROM ledger_ledgerline WHERE entry_id = {ledger.capture} AND line_no = 3")
    assert found["V1b"] == [ledger.capture]


def test_v1b_names_an_entry_without_lines(ledger):
    found = ledger.do(f"DELETE FROM ledger_ledgerline WHERE entry_id = {ledger.reversal}")
    assert found["V1b"] == [ledger.reversal]


def test_v1c_names_the_orphan(ledger):
    found = ledger.do("INSERT INTO ledger_ledgerline VALUES (1, 'points', 5, 1, 999999)")
    assert found["V1c"] == [999999]


def test_v1c_names_the_line_of_a_missing_account(ledger):
    found = ledger.do(
        f"UPDATE ledger_ledgerline SET account_id = 999999 WHERE entry_id = {ledger.fund} AND line_no = 1"
    )
    assert found["V1c"] == [ledger.fund]


def test_v2_names_the_account_below_zero(ledger):
    found = ledger.do(
        "ALTER TABLE ledger_ledgeraccount DROP CONSTRAINT ledger_account_floor",
        f"UPDATE ledger_ledgeraccount SET balance = -1 WHERE address = 'pool:{POOL}'",
    )
    assert found["V2"] == [f"pool:{POOL}"]


@pytest.mark.parametrize("change", ["bounded = false", "points_year = NULL", "points_year = 2024", "unit = 'fen'"])
def test_v2b_names_the_account_that_is_not_what_its_address_says(ledger, change):
    address = addresses.participant_points(PERSON, 2025)
    found = ledger.do(
        "ALTER TABLE ledger_ledgeraccount DROP CONSTRAINT ledger_account_floor",
        f"UPDATE ledger_ledgeraccount SET {change} WHERE address = '{address}'",
    )
    assert found["V2b"] == [address]


def test_v3_names_the_account_whose_balance_was_touched(ledger):
    found = ledger.do(f"UPDATE ledger_ledgeraccount SET balance = balance + 1 WHERE address = 'pool:{POOL}'")
    assert found == {"V3": [f"pool:{POOL}"]}


def test_v3b_names_the_false_checkpoint(ledger):
    found = ledger.do("UPDATE ledger_accountcheckpoint SET balance = balance - 1 WHERE id = 1")
    assert found == {"V3b": [1]}


def test_v4_names_a_table_whose_guard_is_off(ledger):
    found = ledger.do("ALTER TABLE ledger_ledgerline DISABLE TRIGGER ledger_seal_lines")
    assert found == {"V4": ["ledger_ledgerline: seal: statement-level AFTER INSERT"]}


def test_v4_names_a_table_without_protection(ledger):
    found = ledger.do("ALTER TABLE ledger_hold DISABLE TRIGGER USER")
    assert found == {"V4": ["ledger_hold: TRUNCATE", "ledger_hold: UPDATE or DELETE"]}


def test_v4_names_a_right_that_was_given_away(ledger):
    found = ledger.do("GRANT UPDATE ON ledger_ledgerentry TO portal_web")
    assert found == {"V4": ["ledger_ledgerentry: UPDATE is granted to portal_web"]}


def test_v4b_names_an_entry_of_tomorrow(ledger):
    found = ledger.do(f"UPDATE ledger_ledgerentry SET posted_at = now() + interval '1 day' WHERE id = {ledger.fund}")
    assert found == {"V4b": [ledger.fund]}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_ledgerline SET amount = amount * 2 WHERE entry_id = {reversal}",
        "DELETE FROM ledger_ledgerline WHERE entry_id = {reversal} AND line_no = 2",
        "UPDATE ledger_ledgerentry SET reverses_id = 1 WHERE id = {reversal}",
    ],
)
def test_v5_names_the_reversal_that_is_no_mirror(ledger, statement):
    found = ledger.do(statement.format(reversal=ledger.reversal))
    assert found["V5"] == [ledger.reversal]


def test_v5_names_the_second_reversal(ledger):
    found = ledger.do(
        "DROP INDEX ledger_entry_reversed_once",
        "INSERT INTO ledger_ledgerentry"
        " (id, kind, line_count, idempotency_key, payload_sha256, effective_on, reverses_id)"
        f" VALUES (777777, 'reversal', 2, 'again', sha256('x'), '2026-11-22', {ledger.fund})",
        "INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)"
        f" SELECT 777777, line_no, account_id, unit, -amount FROM ledger_ledgerline WHERE entry_id = {ledger.fund}",
    )
    assert found["V5"] == [777777]


def test_v5_names_a_reversal_that_is_called_something_else(ledger):
    found = ledger.do(
        "ALTER TABLE ledger_ledgerentry DROP CONSTRAINT ledger_entry_sound",
        f"UPDATE ledger_ledgerentry SET kind = 'bonus' WHERE id = {ledger.reversal}",
    )
    assert found == {"V5": [ledger.reversal]}


def test_v6_names_the_key_of_two_entries(ledger):
    found = ledger.do(
        "ALTER TABLE ledger_ledgerentry DROP CONSTRAINT ledger_entry_key_once",
        f"UPDATE ledger_ledgerentry SET idempotency_key = 'fund' WHERE id = {ledger.reversal}",
    )
    assert found == {"V6": [ledger.reversal]}


def test_v6_names_a_broken_fingerprint(ledger):
    found = ledger.do(
        "ALTER TABLE ledger_ledgerentry DROP CONSTRAINT ledger_entry_sound",
        f"UPDATE ledger_ledgerentry SET payload_sha256 = 'x' WHERE id = {ledger.fund}",
    )
    assert found == {"V6": [ledger.fund]}


def test_v8_names_the_hold_that_its_entry_does_not_cover(ledger):
    found = ledger.do(f"UPDATE ledger_hold SET amount = 21 WHERE id = {ledger.open_hold}")
    assert found["V8"] == [ledger.open_hold]


@pytest.mark.parametrize(
    "change",
    [
        "captured_points = 14",  # the merchant got 15
        "held_points = 19",
        "kind = 'release', captured_points = 0",
        "entry_id = (SELECT entry_id FROM ledger_hold WHERE id = {open_hold})",
    ],
)
def test_v8b_names_the_resolution_that_lies(ledger, change):
    change = change.format(open_hold=ledger.open_hold)
    found = ledger.do(f"UPDATE ledger_holdresolution SET {change} WHERE hold_id = {ledger.hold}")
    assert found["V8b"] == [ledger.hold]


def test_v8b_names_the_hold_resolved_twice(ledger):
    found = ledger.do(
        "ALTER TABLE ledger_holdresolution DROP CONSTRAINT ledger_holdresolution_hold_id_key",
        "ALTER TABLE ledger_holdresolution DROP CONSTRAINT ledger_holdresolution_entry_id_key",
        "INSERT INTO ledger_holdresolution (hold_id, kind, held_points, captured_points, entry_id)"
        " SELECT hold_id, kind, held_points, captured_points, entry_id FROM ledger_holdresolution"
        f" WHERE hold_id = {ledger.hold}",
    )
    assert found["V8b"] == [ledger.hold]


def test_v8c_names_the_voucher_whose_resolution_vanished(ledger):
    found = ledger.do(f"DELETE FROM ledger_holdresolution WHERE hold_id = {ledger.hold}")
    assert found == {"V8c": [f"voucher:{VOUCHERS[0]}"]}


def test_v9_names_the_line_of_another_unit(ledger):
    found = ledger.do(f"UPDATE ledger_ledgerline SET unit = 'fen' WHERE entry_id = {ledger.fund}")
    assert found["V9"] == [ledger.fund, ledger.fund]


def test_v9b_names_the_amount_beyond_the_limit(ledger):
    found = ledger.do(f"UPDATE ledger_ledgerline SET amount = amount * 1000000000000000 WHERE entry_id = {ledger.fund}")
    assert found["V9b"] == [ledger.fund, ledger.fund]


def test_every_check_has_a_corruption_that_it_must_catch():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [check.id for check in CHECKS if f"def test_{check.id.lower()}_" not in source] == []

"""The checks of tenancy, each with corruptions that it must name."""

from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.tenancy import CHECKS
from tests.people import build_cast
from tests.security.world import photo, trip

CORRUPTIONS = {
    "V63": [
        ("UPDATE accounts_person SET region = '110000' WHERE name = '陈阿姨'", "person:"),
        ("UPDATE accounts_household SET region = ''", "household:"),
        ("UPDATE accounts_meter SET region = '440199'", "meter:"),
        ("UPDATE accounts_participant SET region = '000000' WHERE kind = 'sme'", "participant:"),
        ("UPDATE behaviors_evidence SET region = '440300'", "evidence:"),
    ],
    "V63b": [
        ("ALTER TABLE accounts_consent DISABLE ROW LEVEL SECURITY", "accounts_consent"),
        ("ALTER TABLE accounts_person NO FORCE ROW LEVEL SECURITY", "accounts_person"),
        ("DROP POLICY row_change ON accounts_meter", "accounts_meter"),
        ("ALTER ROLE portal_web BYPASSRLS", "portal_web"),
    ],
}


def test_every_check_passes_a_sound_portal_and_names_a_corrupted_one(own_database, as_role) -> None:
    cast = build_cast()
    trip(cast.alice, picture=photo())
    assert {check.id for check in CHECKS} == set(CORRUPTIONS)
    world = as_role(paths.SUPERUSER)
    with world.cursor() as cursor:
        for check in CHECKS:
            cursor.execute(check.sql)
            assert cursor.fetchall() == [], check.id
        for check in CHECKS:
            for corruption, named in CORRUPTIONS[check.id]:
                cursor.execute("SAVEPOINT sound")
                cursor.execute(corruption)
                cursor.execute(check.sql)
                assert [row[0][: len(named)] for row in cursor.fetchall()] == [named], corruption
                cursor.execute("ROLLBACK TO SAVEPOINT sound")
    world.rollback()

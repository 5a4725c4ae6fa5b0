"""The check of what cities said of the province's values, with faults that it must name."""

from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.local_values import CHECKS
from methodologies import services
from tests.methodologies import review_world as world
from tests.methodologies.test_local_values import confirm, published


def _text(old: str, new: str) -> str:
    """A statement that changes the stored document."""
    return (
        f"UPDATE methodologies_methodologyversion SET document = replace(document::text, '{old}', '{new}')::jsonb"
        " WHERE methodology_id = 'GD-LOCAL'"
    )


CORRUPTIONS = [
    "UPDATE methodologies_localconfirmation SET content_sha256 = repeat('0', 64)",
    "UPDATE methodologies_localconfirmation SET region = '442000'",  # whose officer said nothing
    "UPDATE methodologies_localconfirmation SET region = '440000'",
    "UPDATE methodologies_localconfirmation SET person = gen_random_uuid()",
    "UPDATE methodologies_localconfirmation SET at = at - interval '60 days'",  # before it was published
    "UPDATE methodologies_methodology SET region = '440100' WHERE code = 'GD-LOCAL'",
    "UPDATE accounts_membership SET role = 'city_approver' WHERE role = 'city_officer'",
    "DELETE FROM methodologies_publication",
    "DELETE FROM kernel_auditevent WHERE verb = 'methodology.province_values_used'",
    # A value of the city's own, no value of the province's, no value by region at all.
    _text('"440000": {', '"440100": {}, "440000": {'),
    _text('"440000": {', '"440300": {'),
    _text('"by": "region"', '"by": "other"'),
]


def test_the_check_passes_an_officer_s_word_and_names_a_corrupted_one(own_database, as_role) -> None:
    services.sync_library(at=world.day(-400))
    desk = world.build_desk()
    confirm(published(desk), desk.city_officer)
    (check,) = CHECKS
    connection = as_role(paths.SUPERUSER)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # past every trigger, as a broken restore would be
        cursor.execute(check.sql)
        assert cursor.fetchall() == []
        for corruption in CORRUPTIONS:
            cursor.execute("SAVEPOINT sound")
            cursor.execute(corruption)
            assert cursor.rowcount, corruption
            cursor.execute(check.sql)
            assert [row[0] for row in cursor.fetchall()] == ["GD-LOCAL@1.0"], corruption
            cursor.execute("ROLLBACK TO SAVEPOINT sound")
    connection.rollback()

"""The checks of verifications, each with corruptions that it must name."""

from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.verifications import CHECKS
from tests.credits import verifications as world

CORRUPTIONS = {
    "V42h": [
        "UPDATE credits_verificationdraw SET seed = 'another'",
        "UPDATE credits_verificationdraw SET published_on = published_on - 30",
        "UPDATE credits_verification SET frame = replace(frame, E'\\n', E'1\\n')",
        "UPDATE credits_verification SET percent = 100",
        "DELETE FROM credits_sampledrecord WHERE place = 30",
        "UPDATE credits_sampledrecord SET record_id = record_id + 1000000 WHERE place = 1",
        "UPDATE credits_sampledrecord SET ticket = repeat('0', 64) WHERE place = 2",
    ],
    "V42i": [
        "UPDATE credits_verificationreport SET records_wrong = 0",
        "UPDATE credits_verificationreport SET no = no - 1, yes = yes + 1",
        "UPDATE credits_verificationreport SET content = replace(content, '不符', '相符')",
        "UPDATE credits_verificationanswer SET result = 'yes' WHERE result = 'no'",
        "DELETE FROM credits_verificationanswer WHERE result = 'n_a'",
    ],
    "V42m": [
        "INSERT INTO credits_verificationwithdrawal (verification_id, reason, person, at)"
        " SELECT uuid, '版本选错', opened_by, now() FROM credits_verification",
    ],
    "V27f": [
        "UPDATE credits_verification SET opened_by = (SELECT person FROM credits_verifierdeclaration)",
        "UPDATE credits_verificationdraw SET drawn_by = (SELECT person FROM credits_verifierdeclaration)",
        "UPDATE credits_verifierdeclaration SET conflicted = true, statement = 'x'",
        "UPDATE credits_verificationreport SET signed_by = gen_random_uuid()",
        "UPDATE behaviors_behaviorrecord SET person_id = (SELECT person FROM credits_verifierdeclaration)"
        " WHERE id = (SELECT min(record_id) FROM credits_sampledrecord)",
    ],
}


def test_every_check_passes_a_signed_verification_and_names_a_corrupted_one(own_database, as_role) -> None:
    desk = world.desk()
    found = world.taken(desk)
    world.answer_all(desk, found)
    world.signed(desk, found)
    assert {check.id for check in CHECKS} == set(CORRUPTIONS)
    connection = as_role(paths.SUPERUSER)
    with connection.cursor() as cursor:
        # Past every trigger, as a broken restore would be; constraints that would refuse are taken away.
        cursor.execute("SET session_replication_role = replica")
        for table, name in (
            ("verification", "frame_hash"), ("verification", "frame_counted"), ("verification", "size_by_rule"),
            ("verificationreport", "report_hash"),
        ):  # fmt: skip
            cursor.execute(f"ALTER TABLE credits_{table} DROP CONSTRAINT verification_{name}")
        for check in CHECKS:
            cursor.execute(check.sql)
            assert cursor.fetchall() == [], check.id
            for corruption in CORRUPTIONS[check.id]:
                cursor.execute("SAVEPOINT sound")
                cursor.execute(corruption)
                assert cursor.rowcount, corruption
                cursor.execute(check.sql)
                assert {f"verification:{found.pk}"} == {row[0] for row in cursor.fetchall()}, corruption
                cursor.execute("ROLLBACK TO SAVEPOINT sound")
    connection.rollback()

"""The checks of methods, each with corruptions that it must name."""

import datetime as dt
import shutil

from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.grams import CHECKS as GRAM_CHECKS
from carbon_portal.workflows.verify.methods import CHECKS
from methodologies import services
from tests.methodologies import review_world as world
from tests.withdrawing import withdraw

CORRUPTIONS = {
    "V42b": [
        "UPDATE methodologies_methodologyversion SET sha256 = repeat('0', 64) WHERE methodology_id = 'GZ-METRO-REVIEW'",
        "UPDATE kernel_approval SET content_sha256 = repeat('0', 64) WHERE kind = 'methodology.approve'",
        "UPDATE kernel_approval SET approved = false WHERE kind = 'methodology.approve'",
    ],
    "V42e": [
        "DELETE FROM methodologies_stage WHERE state = 'approved'",
        "UPDATE methodologies_stage SET state = 'approved' WHERE state = 'published'",
        "UPDATE methodologies_methodologyversion SET state = 'approved' WHERE methodology_id = 'GZ-METRO-REVIEW'",
        "UPDATE methodologies_stage SET content_sha256 = repeat('0', 64) WHERE state = 'withdrawn'",
    ],
    "V42f": [
        "DELETE FROM methodologies_publication",
        "UPDATE methodologies_publication SET approval = gen_random_uuid()",
        "UPDATE methodologies_acceptance SET accepted = false",
        "DELETE FROM methodologies_simulationonfile",
        "DELETE FROM methodologies_commentreply",
        "UPDATE methodologies_declaration SET conflicted = true, statement = 'x'",
        "UPDATE methodologies_opinion SET verdict = 'disagree'",
    ],
    "V42k": [
        "UPDATE methodologies_methodologyversion SET sunset_on = sunset_on - 1 WHERE state = 'withdrawn'",
        "UPDATE methodologies_methodologyversion SET successor_id = (SELECT min(id) FROM"
        " methodologies_methodologyversion) + 1 WHERE state = 'withdrawn'",
        "UPDATE methodologies_withdrawal SET reason = reason || '.'",
        "UPDATE kernel_approval SET approved = false WHERE kind = 'methodology.withdraw'",
        "DELETE FROM kernel_approval WHERE kind = 'methodology.withdraw'",
    ],
    "V42g": [
        "UPDATE methodologies_stage SET person = (SELECT approver FROM kernel_approval"
        " WHERE kind = 'methodology.approve') WHERE state = 'submitted'",
        "UPDATE methodologies_reviewexpert SET person = (SELECT approver FROM kernel_approval"
        " WHERE kind = 'methodology.approve') WHERE id = (SELECT min(id) FROM methodologies_reviewexpert)",
    ],
}


def test_every_check_passes_a_published_method_and_names_a_corrupted_one(own_database, as_role, tmp_path) -> None:
    shutil.copy(services.LIBRARY / services.FACTORS_FILE, tmp_path)
    services.sync_library(at=world.day(-400), folder=tmp_path)
    desk = world.build_desk()
    version = world.walk_to("public_comment", desk)
    said = services.make_comment(version=version, person=world.person_of(desk.resident), text="好。", at=world.day(9))
    services.reply_to_comment(
        comment=said, person=world.uid(desk.officer), outcome="explained", text="谢谢。", at=world.day(10)
    )
    world.decide(version, desk)
    world.publish(version, desk)
    withdraw(version, sunset_on=dt.date(2027, 12, 31))
    checks = {check.id: check for check in (*CHECKS, *GRAM_CHECKS)}
    assert {check.id for check in CHECKS} <= set(CORRUPTIONS)
    connection = as_role(paths.SUPERUSER)
    with connection.cursor() as cursor:
        # Past every trigger and constraint that acts by trigger, as a broken restore would be.
        cursor.execute("SET session_replication_role = replica")
        for name, corruptions in CORRUPTIONS.items():
            cursor.execute(checks[name].sql)
            assert cursor.fetchall() == [], name
            for corruption in corruptions:
                cursor.execute("SAVEPOINT sound")
                cursor.execute(corruption)
                assert cursor.rowcount, corruption
                cursor.execute(checks[name].sql)
                assert {"GZ-METRO-REVIEW@1.0"} == {row[0].removeprefix("methodology:") for row in cursor.fetchall()}, (
                    corruption
                )
                cursor.execute("ROLLBACK TO SAVEPOINT sound")
    connection.rollback()

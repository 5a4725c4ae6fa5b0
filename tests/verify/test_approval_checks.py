"""The checks of the four eyes, each with corruptions that it must name: triggers and constraints out of the way."""

import datetime as dt

from accounts import services as accounts
from accounts.constants import Role
from carbon_portal.kernel.models import ApprovalRequest
from carbon_portal.kernel.services import paths
from carbon_portal.workflows.verify.approvals import CHECKS
from tests.kernel.four_eyes import NOW, TEXTS, approver, ask, decide, officer, own_kinds
from tests.people import GUANGZHOU, person_of, staff

__all__ = ["approver", "officer", "own_kinds"]

UNGUARDED = """
    SET session_replication_role = replica;
    ALTER TABLE kernel_approval DROP CONSTRAINT approval_two_people, DROP CONSTRAINT approval_two_roles;
    DROP INDEX approval_request_open_once;
    ALTER TABLE kernel_approvalrequest DROP CONSTRAINT approval_request_closed_when_decided;
"""
CORRUPTIONS = {
    "V27": [
        ("UPDATE kernel_approval SET approver = initiator WHERE request_id = {one}", "approval:"),
        ("UPDATE kernel_approval SET approver_role = initiator_role WHERE request_id = {one}", "approval:"),
        ("UPDATE kernel_approvalrequest SET barred = ARRAY[(SELECT approver FROM kernel_approval"
         " WHERE request_id = {one})] WHERE id = {one}", "approval:"),
        ("UPDATE kernel_approvalrequest SET barred = ARRAY[(SELECT principal_id FROM accounts_delegation)]"
         " WHERE id = {two}", "approval:"),
        ("UPDATE kernel_approval a SET initiator = d.principal_id FROM accounts_delegation d WHERE request_id = {two};"
         "UPDATE kernel_approvalrequest r SET initiator = d.principal_id FROM accounts_delegation d WHERE id = {two}",
         "approval:"),
        ("INSERT INTO kernel_approval (uid, request_id, kind, subject, content_sha256, basis, approved, initiator,"
         " initiator_role, approver, approver_role, decided_at, note) SELECT gen_random_uuid(), request_id, kind,"
         " subject, content_sha256, basis, approved, initiator, initiator_role, gen_random_uuid(), approver_role || '',"
         " decided_at, note FROM kernel_approval WHERE request_id = {one}", "request:"),
    ],
    "V27b": [
        ("UPDATE kernel_approval SET content_sha256 = repeat('0', 64) WHERE request_id = {one}", "approval:"),
        ("UPDATE kernel_approval SET request_id = NULL WHERE request_id = {three}", "approval:"),
        ("UPDATE kernel_approval SET decided_at = decided_at + interval '1 day' WHERE request_id = {one}", "approval:"),
        ("DELETE FROM kernel_approval WHERE request_id = {one}", "request:"),
        ("UPDATE kernel_approvalrequest SET state = 'approved' WHERE id = {open}", "request:"),
        ("UPDATE kernel_approvalrequest SET state = 'approved' WHERE state = 'returned'", "request:"),
        ("INSERT INTO kernel_approvalrequest SELECT 999, gen_random_uuid(), kind, subject, title, title_en, region,"
         " content_sha256, initiator, initiator_role, barred, needed, due_on, state, opened_at, closed_at, closed_by,"
         " why FROM kernel_approvalrequest WHERE id = {open}", "open:"),
    ],
    "V27c": [
        ("UPDATE accounts_membership SET created_at = '2026-11-20 01:00+08' WHERE role = 'city_approver'"
         " AND person_id = (SELECT approver FROM kernel_approval WHERE request_id = {one})", "approval:"),
        ("UPDATE kernel_approvalrequest SET region = '442000' WHERE id = {one}", "approval:"),
        ("UPDATE accounts_delegation SET ends_on = '2026-11-19'", "approval:"),
        ("UPDATE accounts_delegation SET created_at = '2026-11-20 01:00+08'", "approval:"),
    ],
    "V27d": [
        ("DELETE FROM kernel_auditevent WHERE verb = 'approval.decided' AND target = (SELECT 'approval:' || uid"
         " FROM kernel_approvalrequest WHERE id = {one})", "approval:"),
        ("DELETE FROM kernel_auditevent WHERE verb = 'approval.requested' AND target = (SELECT 'approval:' || uid"
         " FROM kernel_approvalrequest WHERE id = {open})", "request:"),
    ],
}  # fmt: skip


def _sound() -> dict[str, int]:
    """Four requests: agreed to, agreed to by a deputy, returned, and open."""
    long_ago = NOW - dt.timedelta(days=30)
    clerk = staff("gz-officer", Role.CITY_OFFICER, name="周经办", region=GUANGZHOU)
    one = staff("gz-approver", Role.CITY_APPROVER, name="吴审定", region=GUANGZHOU)
    away = staff("gz-away", Role.CITY_APPROVER, name="外出", region=GUANGZHOU)
    deputy = staff("gz-deputy", Role.CITY_OFFICER, name="替班", region=GUANGZHOU)
    accounts.delegate_role(
        principal=person_of(away), deputy=person_of(deputy), role=Role.CITY_APPROVER, region=GUANGZHOU,
        starts_on=long_ago.date(), ends_on=NOW.date(), reason="培训", at=long_ago,
    )  # fmt: skip
    made: dict[str, int] = {}
    for number, name in enumerate(("one", "two", "three", "open"), start=1):
        TEXTS[f"notice:{number}"] = name
        request = ask(clerk, subject=f"notice:{number}")
        made[name] = request.pk
        if name == "two":
            decide(request, deputy)
        elif name != "open":
            decide(request, one, approved=name == "one", note="理由")
    assert ApprovalRequest.objects.filter(state="open").count() == 1
    return made


def test_every_check_passes_sound_decisions_and_names_a_corrupted_one(own_database, as_role) -> None:
    made = _sound()
    checks = [check for check in CHECKS if check.id != "V27e"]  # tests/methodologies/test_factor_vintages.py
    assert {check.id for check in checks} == set(CORRUPTIONS)
    world = as_role(paths.SUPERUSER)
    with world.cursor() as cursor:
        cursor.execute(UNGUARDED)
        for check in checks:
            cursor.execute(check.sql)
            assert cursor.fetchall() == [], check.id
        for check in checks:
            for corruption, named in CORRUPTIONS[check.id]:
                cursor.execute("SAVEPOINT sound")
                for index in ("approval_once_per_role", "approval_once_per_person"):
                    cursor.execute(f"ALTER TABLE kernel_approval DROP CONSTRAINT {index}")
                cursor.execute(corruption.format(**made))
                cursor.execute(check.sql)
                found = [row[0][: len(named)] for row in cursor.fetchall()]
                assert found, corruption
                assert named in found, corruption
                cursor.execute("ROLLBACK TO SAVEPOINT sound")
    world.rollback()

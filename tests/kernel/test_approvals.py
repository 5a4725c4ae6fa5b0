"""Four eyes: who asks, who decides, on what content; ten ways round it stand in tests/security/test_own_approval.py."""

import datetime as dt
import threading

import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts import services as accounts
from accounts.constants import Role
from accounts.models import User
from accounts.selectors import actor_of
from carbon_portal.kernel import approval_errors as errors
from carbon_portal.kernel import approvals
from carbon_portal.kernel.models import Approval, ApprovalRequest, AuditEvent
from tests.kernel.four_eyes import NOTICE, NOW, RULE, TEXTS, approver, ask, decide, officer, own_kinds, sha
from tests.people import GUANGZHOU, PROVINCE, ZHONGSHAN, adviser, person_of, staff

__all__ = ["approver", "officer", "own_kinds"]


# -- the straight way --------------------------------------------------------------------------------------------------


def test_one_asks_and_another_decides(officer: User, approver: User) -> None:
    request = ask(officer, due_on=dt.date(2026, 11, 27))
    made = decide(request, approver, note="同意")
    assert request.is_approved
    assert (made.initiator, made.approver) == (officer.person_id, approver.person_id)
    assert (made.initiator_role, made.approver_role, made.approver_for) == ("city_officer", "city_approver", None)
    assert approvals.approved_content(NOTICE, "notice:1") == sha("notice:1")
    told = list(AuditEvent.objects.filter(target=f"approval:{request.uid}").order_by("pk").values_list("verb", "actor"))
    assert told == [
        ("approval.requested", officer.person_id),
        ("approval.decided", approver.person_id),
        ("approval.approved", approver.person_id),
    ]


def test_a_return_says_why_and_counts_as_no_approval(officer: User, approver: User) -> None:
    request = ask(officer)
    with pytest.raises(errors.NoteNeeded):
        decide(request, approver, approved=False, note="  ")
    decide(request, approver, approved=False, note="缺第三章")
    assert (request.state, request.why) == ("returned", "缺第三章")
    assert approvals.approved_content(NOTICE, "notice:1") is None


def test_asking_again_is_the_same_request_and_another_person_is_told_of_it(officer: User, approver: User) -> None:
    request = ask(officer)
    assert ask(officer) == request
    with pytest.raises(errors.AlreadyRequested) as refusal:
        ask(approver, role="city_approver")
    assert "已提交审定" in refusal.value.detail


def test_who_lacks_the_role_or_the_area_asks_for_nothing(officer: User, approver: User) -> None:
    for asked in ({"role": "city_approver"}, {"role": "province_officer"}, {"region": ZHONGSHAN}, {"region": PROVINCE}):
        with pytest.raises(errors.MayNotInitiate):
            ask(officer, **asked)
    assert not ApprovalRequest.objects.exists()


def test_asking_for_content_that_is_no_more_is_refused(officer: User) -> None:
    with pytest.raises(errors.StalePage):
        approvals.open_request(
            kind=NOTICE, subject="notice:1", title="x", region=GUANGZHOU, content_sha256="0" * 64,
            initiator=officer.person_id, initiator_role="city_officer", at=NOW,
        )  # fmt: skip


# -- content -----------------------------------------------------------------------------------------------------------


def test_a_page_that_shows_something_else_decides_nothing(officer: User, approver: User) -> None:
    request = ask(officer)
    with pytest.raises(errors.StalePage):
        decide(request, approver, shown="f" * 64)
    assert not Approval.objects.filter(request=request).exists()


def test_content_swapped_between_show_and_decide_voids_the_request(officer: User, approver: User) -> None:
    request = ask(officer)
    TEXTS["notice:1"] = "乙"
    with pytest.raises(errors.ContentChanged) as refusal, approvals.void_on_change():
        decide(request, approver)
    assert refusal.value.title == "内容已改动"
    request.refresh_from_db()
    assert (request.state, request.why) == ("void", "内容已改动")
    assert not Approval.objects.filter(request=request).exists()
    assert approvals.approved_content(NOTICE, "notice:1") is None


def test_an_edit_voids_and_undoing_the_edit_brings_nothing_back(officer: User, approver: User) -> None:
    decide(ask(officer), approver)
    TEXTS["notice:1"] = "乙"
    assert approvals.approved_content(NOTICE, "notice:1") is None
    assert approvals.void_requests(kind=NOTICE, subject="notice:1", why="改第一章", at=NOW) == 0
    TEXTS["notice:1"] = "甲"
    assert approvals.approved_content(NOTICE, "notice:1") is None
    decide(ask(officer), approver)
    assert approvals.approved_content(NOTICE, "notice:1") == sha("notice:1")


def test_an_edit_closes_what_is_open_and_a_second_edit_writes_nothing(officer: User, approver: User) -> None:
    request = ask(officer)
    assert approvals.void_requests(kind=NOTICE, subject="notice:1", why="改第一章", at=NOW) == 1
    assert approvals.void_requests(kind=NOTICE, subject="notice:1", why="改第二章", at=NOW) == 0
    request.refresh_from_db()
    assert request.state == "void"
    with pytest.raises(errors.AlreadyDecided) as refusal:
        decide(request, approver)
    assert "已作废" in refusal.value.detail


# -- several approvals -------------------------------------------------------------------------------------------------


def _rule(**more: object) -> tuple[ApprovalRequest, User, User]:
    TEXTS["rule:1"] = "规则"
    officer = staff("gd-officer", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE)
    first = staff("gd-approver", Role.PROVINCE_APPROVER, name="王审定", region=PROVINCE)
    institute = adviser(Role.RESEARCH_INSTITUTE)
    return ask(officer, role="province_officer", subject="rule:1", kind=RULE, region=PROVINCE, **more), first, institute


def test_two_approvals_come_from_two_people_in_two_roles(db: None) -> None:
    request, first, institute = _rule()
    decide(request, first)
    assert request.is_open
    assert approvals.approved_content(RULE, "rule:1") is None
    with pytest.raises(errors.AlreadyDecided):
        decide(request, first)
    second = staff("gd-approver-2", Role.PROVINCE_APPROVER, name="郭审定", region=PROVINCE)
    with pytest.raises(errors.RoleAlreadyDecided) as refusal:
        decide(request, second)
    assert "王审定" in refusal.value.detail
    decide(request, institute)
    assert request.is_approved


def test_one_refusal_returns_what_another_agreed_to(db: None) -> None:
    request, first, institute = _rule()
    decide(request, first)
    decide(request, institute, approved=False, note="页码不符")
    assert request.state == "returned"
    assert approvals.approved_content(RULE, "rule:1") is None


def test_a_person_with_both_roles_is_one_person(db: None) -> None:
    request, first, _institute = _rule()
    accounts.grant_role(
        person=person_of(first), role=Role.RESEARCH_INSTITUTE, region=PROVINCE, at=NOW - dt.timedelta(days=9)
    )
    decide(request, first)
    with pytest.raises(errors.AlreadyDecided):
        decide(request, first)


# -- the database by itself --------------------------------------------------------------------------------------------


def test_what_was_asked_and_decided_never_changes(officer: User, approver: User) -> None:
    request = ask(officer)
    for change in (
        f"UPDATE kernel_approvalrequest SET initiator = '{approver.person_id}'",
        "UPDATE kernel_approvalrequest SET content_sha256 = repeat('0', 64)",
        "UPDATE kernel_approvalrequest SET barred = '{}', needed = 0",
        "UPDATE kernel_approvalrequest SET state = 'approved', closed_at = now()",
        "UPDATE kernel_approvalrequest SET state = 'returned', closed_at = now()",
        "DELETE FROM kernel_approvalrequest",
    ):
        _refused_by_database(change)
    decide(request, approver)
    for change in (
        "UPDATE kernel_approvalrequest SET state = 'open', closed_at = NULL",
        "UPDATE kernel_approvalrequest SET why = ''",
        "UPDATE kernel_approval SET note = 'x'",
        "DELETE FROM kernel_approval",
        "DELETE FROM kernel_approvalvoid",
        "INSERT INTO kernel_approval (uid, request_id, kind, subject, content_sha256, basis, approved, initiator,"
        " initiator_role, approver, approver_role, decided_at, note) SELECT gen_random_uuid(), id, kind, subject,"
        " content_sha256, 'four_eyes', true, initiator, initiator_role, gen_random_uuid(), 'expert', now(), ''"
        " FROM kernel_approvalrequest",
    ):
        _refused_by_database(change)


def _refused_by_database(statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


# -- the list ----------------------------------------------------------------------------------------------------------


def test_the_work_list_is_what_one_may_decide_due_first(officer: User, approver: User) -> None:
    TEXTS.update({"notice:2": "乙", "notice:3": "丙", "notice:4": "丁"})
    ask(officer)
    ask(officer, subject="notice:2", due_on=dt.date(2026, 11, 30))
    ask(officer, subject="notice:3", due_on=dt.date(2026, 11, 18))
    ask(officer, subject="notice:4", due_on=dt.date(2026, 11, 1), barred=[approver.person_id])
    assert [one.subject for one in approvals.open_for(actor_of(approver), at=NOW)] == [
        "notice:3",
        "notice:2",
        "notice:1",
    ]
    assert approvals.open_for(actor_of(officer), at=NOW) == []
    elsewhere = staff("zs-approver", Role.CITY_APPROVER, name="外市审定", region=ZHONGSHAN)
    assert approvals.open_for(actor_of(elsewhere), at=NOW) == []
    with connections["default"].execute_wrapper(_counting(counted := [])):
        approvals.open_for(actor_of(officer), at=NOW)
    assert len(counted) <= 4


def _counting(counted: list[str]):
    def wrapper(execute, sql, params, many, context):
        counted.append(sql)
        return execute(sql, params, many, context)

    return wrapper


# -- races -------------------------------------------------------------------------------------------------------------


def test_of_two_deciders_at_once_one_wins_and_the_other_is_told_who_and_when(own_database: str) -> None:
    officer = staff("gz-officer", Role.CITY_OFFICER, name="周经办", region=GUANGZHOU)
    deciders = [
        staff("gz-approver", Role.CITY_APPROVER, name="吴审定", region=GUANGZHOU),
        staff("gd-approver", Role.PROVINCE_APPROVER, name="王审定", region=PROVINCE),
    ]
    request = ask(officer)
    start, outcomes = threading.Barrier(2), {}

    def work(user: User, approved: bool) -> None:
        try:
            mine = ApprovalRequest.objects.get(pk=request.pk)
            start.wait()
            decide(mine, user, approved=approved, note="理由")
            outcomes[user.username] = "decided"
        except errors.AlreadyDecided as refusal:
            outcomes[user.username] = refusal.detail
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(user, number == 0)) for number, user in enumerate(deciders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["gd-approver", "gz-approver"]
    (winner,) = [name for name, said in outcomes.items() if said == "decided"]
    (loser,) = [said for name, said in outcomes.items() if name != winner]
    assert {"gz-approver": "吴审定", "gd-approver": "王审定"}[winner] in loser
    assert "11 月 20 日 11:00" in loser
    assert Approval.objects.count() == 1


def test_two_officers_asking_at_once_make_one_request(own_database: str) -> None:
    officers = [
        staff(f"gz-officer-{number}", Role.CITY_OFFICER, name=f"经办{number}", region=GUANGZHOU) for number in (1, 2)
    ]
    start, outcomes = threading.Barrier(2), []

    def work(user: User) -> None:
        try:
            start.wait()
            outcomes.append(ask(user).pk)
        except errors.AlreadyRequested as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(user,)) for user in officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes))[1] == "approval_already_requested"
    assert ApprovalRequest.objects.count() == 1

"""T28: ways in which one person would approve what they asked for. Each is refused in words, and nothing is written."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from accounts import errors as account_errors
from accounts import services as accounts
from accounts.constants import Role
from accounts.models import Membership, User
from accounts.selectors import actor_of
from carbon_portal.kernel import approval_errors as errors
from carbon_portal.kernel import approvals
from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.errors import Forbidden
from carbon_portal.kernel.models import Approval, ApprovalRequest, AuditEvent
from tests.kernel.four_eyes import NOTICE, NOW, TEXTS, approver, ask, decide, officer, own_kinds, sha
from tests.people import GUANGZHOU, PROVINCE, ZHONGSHAN, person_of, staff
from tests.security.world import app_of

__all__ = ["approver", "officer", "own_kinds"]

DAY = dt.timedelta(days=1)


@contextmanager
def refused(error: type[errors.ApprovalRefused], words: str) -> Iterator[None]:
    """The sentence, and no decision, no changed request, no audit event."""
    before = (
        Approval.objects.count(),
        list(ApprovalRequest.objects.order_by("pk").values()),
        AuditEvent.objects.count(),
    )
    with pytest.raises(error) as refusal:
        yield
    assert words in refusal.value.detail
    assert refusal.value.detail_en
    assert refusal.value.http_status in (403, 409)
    after = (
        Approval.objects.count(),
        list(ApprovalRequest.objects.order_by("pk").values()),
        AuditEvent.objects.count(),
    )
    assert before == after


def grant(user: User, role: Role, *, region: str = GUANGZHOU, at: dt.datetime = NOW - 30 * DAY) -> None:
    accounts.grant_role(person=person_of(user), role=role, region=region, at=at)


def deputise(principal: User, deputy: User, role: Role, *, at: dt.datetime = NOW - 2 * DAY, days: int = 20) -> None:
    accounts.delegate_role(
        principal=person_of(principal), deputy=person_of(deputy), role=role, region=GUANGZHOU,
        starts_on=at.date(), ends_on=at.date() + days * DAY, reason="出差", at=at,
    )  # fmt: skip


def test_1_by_a_role_of_their_own_that_decides(officer: User) -> None:
    grant(officer, Role.CITY_APPROVER)
    request = ask(officer)
    with refused(errors.OwnRequest, "自己不能审定自己提交的内容"):
        decide(request, officer)


def test_2_by_a_second_login_of_the_same_person(officer: User) -> None:
    second = User.objects.create_user("gz-officer-too", person=person_of(officer))
    grant(second, Role.CITY_APPROVER)
    request = ask(officer)
    with refused(errors.OwnRequest, "自己不能审定自己提交的内容"):
        decide(request, second)


def test_3_by_a_role_switched_in_between(officer: User) -> None:
    request = ask(officer, at=NOW - 3 * DAY)
    accounts.revoke_role(membership=Membership.objects.get(person=officer.person))
    grant(officer, Role.CITY_APPROVER, at=NOW - 2 * DAY)
    with refused(errors.OwnRequest, "自己不能审定自己提交的内容"):
        decide(request, officer)


def test_4_by_a_friend_whose_role_is_of_today(officer: User) -> None:
    friend = staff("gz-friend", Role.CITY_APPROVER, name="新审定", region=GUANGZHOU, at=NOW)
    request = ask(officer)
    with refused(errors.GrantedToday, "从明天起"):
        decide(request, friend)
    decide(request, friend, at=NOW + DAY)
    assert request.is_approved


def test_5_by_a_role_that_was_taken_away_while_the_page_was_open(officer: User, approver: User) -> None:
    request, remembered = ask(officer), actor_of(approver)
    accounts.revoke_role(membership=Membership.objects.get(person=approver.person))
    with refused(errors.NotAuthorised, "您现在没有这个职责"):
        approvals.decide(request=request, actor=remembered, shown_sha256=request.content_sha256, approved=True, at=NOW)


def test_6_by_an_actor_made_up_in_code(officer: User, approver: User) -> None:
    claimed = Actor(uuid.uuid4(), frozenset({("city_approver", GUANGZHOU)}))
    request = ask(officer)
    with refused(errors.NotAuthorised, "您现在没有这个职责"):
        approvals.decide(request=request, actor=claimed, shown_sha256=sha("notice:1"), approved=True, at=NOW)


def test_7_as_deputy_of_the_approver(officer: User, approver: User) -> None:
    deputise(approver, officer, Role.CITY_APPROVER)
    request = ask(officer)
    with refused(errors.OwnRequest, "自己不能审定自己提交的内容"):
        decide(request, officer)


def test_8_by_the_principal_of_whom_the_initiator_is_deputy(officer: User, approver: User) -> None:
    deputise(approver, officer, Role.CITY_APPROVER)
    request = ask(officer)
    with refused(errors.DeputyDecides, "代办关系"):
        decide(request, approver)


def test_9_by_a_deputy_of_the_initiator(officer: User, approver: User) -> None:
    request = ask(officer)
    deputise(officer, approver, Role.CITY_OFFICER)
    with refused(errors.DeputyDecides, "代办关系"):
        decide(request, approver)


def test_10_in_the_stead_of_an_author_or_of_somebody_tied_to_one(officer: User, approver: User) -> None:
    author = staff("gz-author", Role.CITY_APPROVER, name="起草人", region=GUANGZHOU)
    request = ask(officer, barred=[author.person_id])
    with refused(errors.AuthorDecides, "起草人之一"):
        decide(request, author)
    stand_in = staff("gz-stand-in", Role.CITY_OFFICER, name="替班", region=GUANGZHOU)
    deputise(author, stand_in, Role.CITY_APPROVER)
    with refused(errors.DeputyDecides, "代办关系"):
        decide(request, stand_in)
    decide(request, approver)
    assert request.is_approved


def test_11_by_ending_the_delegation_just_before_the_decision(officer: User, approver: User) -> None:
    request = ask(officer)
    deputise(approver, officer, Role.CITY_APPROVER)
    (row,) = officer.person.delegations_taken.all()
    accounts.end_delegation(delegation=row, actor=person_of(approver), at=NOW + dt.timedelta(minutes=1))
    with refused(errors.DeputyDecides, "代办关系"):
        decide(request, approver, at=NOW + dt.timedelta(hours=1))


def test_12_by_withdrawing_and_letting_a_friend_ask(officer: User) -> None:
    grant(officer, Role.CITY_APPROVER)
    friend = staff("gz-friend", Role.CITY_OFFICER, name="同事", region=GUANGZHOU)
    approvals.withdraw_request(request=ask(officer), actor=officer.person_id, at=NOW)
    again = ask(friend)
    with refused(errors.AuthorDecides, "起草人之一"):
        decide(again, officer)


def test_13_by_asking_and_deciding_in_the_same_role(db: None) -> None:
    one, other = (
        staff(f"gz-approver-{number}", Role.CITY_APPROVER, name=f"审定{number}", region=GUANGZHOU) for number in (1, 2)
    )
    request = ask(one, role="city_approver")
    with refused(errors.SameRole, "不同的职责"):
        decide(request, other)


def test_14_by_a_friend_in_another_city(officer: User) -> None:
    friend = staff("zs-approver", Role.CITY_APPROVER, name="外市审定", region=ZHONGSHAN)
    request = ask(officer)
    with refused(errors.NotAuthorised, "广州"):
        decide(request, friend)


def test_15_from_a_tab_that_shows_what_was_asked_before(officer: User, approver: User) -> None:
    first = ask(officer)
    approvals.void_requests(kind=NOTICE, subject="notice:1", why="改动", at=NOW)
    TEXTS["notice:1"] = "乙"
    second = ask(officer)
    with refused(errors.AlreadyDecided, "已作废"):
        decide(first, approver)
    with refused(errors.StalePage, "刷新页面"):
        decide(second, approver, shown=first.content_sha256)


def test_16_by_a_delegation_of_today(officer: User, approver: User) -> None:
    deputy = staff("gz-deputy", Role.CITY_OFFICER, name="替班", region=GUANGZHOU)
    deputise(approver, deputy, Role.CITY_APPROVER, at=NOW)
    request = ask(officer)
    with refused(errors.GrantedToday, "从明天起"):
        decide(request, deputy)
    made = decide(request, deputy, at=NOW + DAY)
    assert (made.approver, made.approver_for) == (deputy.person_id, approver.person_id)


def test_17_by_passing_a_delegation_on(officer: User, approver: User) -> None:
    deputy = staff("gz-deputy", Role.CITY_OFFICER, name="替班", region=GUANGZHOU)
    deputise(approver, deputy, Role.CITY_APPROVER)
    with pytest.raises(account_errors.NoDelegableRole):
        deputise(deputy, officer, Role.CITY_APPROVER)


def test_18_by_statements_of_the_web_role(officer: User, approver: User) -> None:
    request = ask(officer)
    honest = {
        "initiator": officer.person_id, "initiator_role": "city_officer", "approver": approver.person_id,
        "approver_role": "city_approver", "content_sha256": request.content_sha256, "request_id": request.pk,
        "approver_for": None,
    }  # fmt: skip
    for attempt in (
        {"approver": officer.person_id},
        {"approver_role": "city_officer"},
        {"initiator": uuid.uuid4()},
        {"approver_for": officer.person_id},
        {"content_sha256": "0" * 64},
        {"request_id": None},
        {"request_id": None, "initiator": None, "approver": None, "basis": "four_eyes"},
    ):
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            _insert(honest | attempt)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("portal_web",)
    assert not Approval.objects.filter(request=request).exists()


def _insert(values: dict[str, object]) -> None:
    row = {"basis": "four_eyes", "kind": NOTICE, "subject": "notice:1", "note": "", "approved": True} | values
    names = ", ".join(row)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO kernel_approval (uid, decided_at, {names})"
            f" VALUES (gen_random_uuid(), now(), {', '.join(['%s'] * len(row))})",
            list(row.values()),
        )


def test_19_by_a_token_instead_of_a_page(officer: User, approver: User) -> None:
    """A token opens no page: whoever holds one of the approver's is led to the login, like anybody."""
    app = app_of(approver)
    for answer in (app.get("/staff/todo/"), app.post("/staff/factors/vintages/fuel.petrol/decide/")):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/login/")
    with pytest.raises(Forbidden):
        actor_of(None)


@pytest.mark.parametrize("deed", ["officer", "approver"])
def test_the_straight_way_stays_open(officer: User, approver: User, deed: str) -> None:
    """The refusals above are not the rule refusing everybody."""
    people: dict[str, Callable[[], User]] = {
        "approver": lambda: approver,
        "officer": lambda: staff("gd", Role.PROVINCE_APPROVER, name="王审定", region=PROVINCE),
    }
    request = ask(officer)
    decide(request, people[deed]())
    assert request.is_approved

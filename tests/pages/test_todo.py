"""The work list and the page on which a colleague is named as deputy."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import services
from accounts.constants import Role
from accounts.models import Delegation, User
from carbon_portal.kernel import clock, workdays, worklist
from carbon_portal.kernel.models import AuditEvent
from tests.kernel.four_eyes import TEXTS, approver, ask, officer, own_kinds
from tests.people import GUANGZHOU, ZHONGSHAN, adviser, person_of, resident, staff

__all__ = ["approver", "officer", "own_kinds"]

TODO, DEPUTIES = "/staff/todo/", "/staff/delegations/"


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def today() -> dt.date:
    return clock.today()


def test_the_list_says_in_words_what_is_late_and_puts_it_first(officer: User, approver: User, today: dt.date) -> None:
    TEXTS.update({"notice:2": "乙", "notice:3": "丙"})
    now = clock.now()
    late = today
    while workdays.overdue_days(late, today) < 2:
        late -= dt.timedelta(days=1)
    soon = workdays.add_working_days(today, 3)
    ask(officer, title="不急的通知", at=now)
    ask(officer, subject="notice:2", title="要到期的通知", due_on=soon, at=now)
    ask(officer, subject="notice:3", title="迟了的通知", due_on=late, at=now)
    page = browser(approver).get(TODO).content.decode()
    places = [page.index(text) for text in ("迟了的通知", "要到期的通知", "不急的通知")]
    assert places == sorted(places)
    for words in ("期限已过 2 个工作日", "还有 3 个工作日", "没有期限", "1 件已超期", "通知审定"):
        assert words in page
    only = browser(approver).get(TODO, {"overdue": "1"}).content.decode()
    assert "迟了的通知" in only
    assert "不急的通知" not in only
    assert "没有符合条件的待办" in browser(approver).get(TODO, {"kind": "不存在"}).content.decode()
    assert "没有待办" in browser(officer).get(TODO).content.decode()


def test_other_parts_add_what_waits(approver: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worklist, "_sources", [])
    item = worklist.WorkItem("意见待答复", "/x/", None, "公示", GUANGZHOU, clock.now())
    worklist.register(lambda actor, at: [item] if actor.person == approver.person_id else [])
    assert "意见待答复" in browser(approver).get(TODO).content.decode()


def test_advisers_land_on_their_list_and_residents_are_kept_out(db: None) -> None:
    expert = adviser(Role.EXPERT)
    assert browser(expert).get("/")["Location"] == TODO
    assert browser(expert).get(TODO).status_code == 200
    assert browser(resident("+8613611110000")).get(TODO).status_code == 403
    assert Client().get(TODO)["Location"].startswith("/account/login/")


def test_pages_of_residents_ask_nothing_for_the_navigation_of_the_desk(db: None) -> None:
    client = browser(resident("+8613611110000"))
    for path in ("/", "/records/"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        assert not [one for one in asked.captured_queries if "accounts_delegation" in one["sql"]]


# -- deputies ----------------------------------------------------------------------------------------------------------


def _form(deputy: User, today: dt.date, /, **more: str) -> dict[str, str]:
    return {
        "held": f"city_approver|{GUANGZHOU}",
        "deputy": str(deputy.person_id),
        "starts_on": today.isoformat(),
        "ends_on": (today + dt.timedelta(days=4)).isoformat(),
        "reason": "出差",
    } | more


def test_an_approver_names_a_deputy_and_either_ends_it(officer: User, approver: User, today: dt.date) -> None:
    desk = browser(approver)
    answer = desk.post(DEPUTIES, _form(officer, today))
    assert answer.status_code == 302
    row = Delegation.objects.get()
    assert (row.principal_id, row.deputy_id, row.role) == (approver.person_id, officer.person_id, "city_approver")
    assert "由 周经办 代办" in desk.get(DEPUTIES).content.decode()
    assert "为 吴审定 代办" in browser(officer).get(DEPUTIES).content.decode()
    stranger = staff("zs-approver", Role.CITY_APPROVER, name="外市", region=ZHONGSHAN)
    end = reverse("accounts:delegation-end", args=[row.pk])
    assert browser(stranger).post(end).status_code == 404
    assert browser(officer).post(end).status_code == 302
    assert browser(approver).post(end).status_code == 302
    row.refresh_from_db()
    assert row.ended_by == officer.person_id
    told = AuditEvent.objects.filter(target=f"delegation:{row.pk}").order_by("pk").values_list("verb", flat=True)
    assert list(told) == ["delegation.given", "delegation.ended"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"held": "auditor|440100"}, "选择一个有效的选项"),
        ({"ends_on": "2020-01-01"}, "最长 90 天"),
        ({"ends_on": "2099-01-01"}, "最长 90 天"),
        ({"starts_on": "tomorrow"}, "请按年-月-日填写日期"),
        ({"deputy": "00000000-0000-4000-8000-000000000000"}, "选择一个有效的选项"),
        ({"reason": "  "}, "请写明原因"),
        ({"reason": "x" * 201}, "200"),
    ],
)
def test_a_deputy_that_cannot_be_is_refused_in_words(
    officer: User, approver: User, today: dt.date, change: dict[str, str], words: str
) -> None:
    page = browser(approver).post(DEPUTIES, _form(officer, today, **change))
    assert page.status_code == 200
    assert words in page.content.decode()
    assert not Delegation.objects.exists()


def test_one_role_has_one_deputy_at_a_time(officer: User, approver: User, today: dt.date) -> None:
    second = staff("gz-officer-2", Role.CITY_OFFICER, name="另一经办", region=GUANGZHOU)
    desk = browser(approver)
    desk.post(DEPUTIES, _form(officer, today))
    assert "已有代办人" in desk.post(DEPUTIES, _form(second, today)).content.decode()
    assert Delegation.objects.count() == 1


def test_who_advises_alone_hands_nothing_over(db: None) -> None:
    assert "须由本人履行" in browser(adviser(Role.EXPERT)).get(DEPUTIES).content.decode()


def test_a_deputy_sees_the_list_of_whom_they_stand_in_for(officer: User, approver: User, today: dt.date) -> None:
    other = staff("gz-officer-2", Role.CITY_OFFICER, name="另一经办", region=GUANGZHOU)
    yesterday = clock.now() - dt.timedelta(days=1)
    services.delegate_role(
        principal=person_of(approver), deputy=person_of(officer), role=Role.CITY_APPROVER, region=GUANGZHOU,
        starts_on=clock.local_date(yesterday), ends_on=today, reason="病假", at=yesterday,
    )  # fmt: skip
    ask(other, title="等人审定", at=clock.now())
    assert "等人审定" in browser(officer).get(TODO).content.decode()

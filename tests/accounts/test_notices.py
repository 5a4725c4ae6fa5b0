"""站内消息: each fact is told once, to its reader alone, however often a worker dies on the way."""

import datetime as dt
import itertools
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import selectors, services
from accounts.constants import NOTICES_PER_PAGE, NoticeKind, Role
from accounts.models import Mailing, Notification, Participant, User
from accounts.services import Audience, Notice, notices
from carbon_portal.kernel import scope
from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.services import paths
from tests import database
from tests.people import GUANGZHOU, PROVINCE, ZHONGSHAN, Cast, build_cast, person_of, resident, staff
from tests.security.world import browser

AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)
EVERYBODY = Audience("SELECT '' AS tail, '' AS value", {})


def notice(key: str = "fact", **changes: Any) -> Notice:
    said = {
        "kind": NoticeKind.METHOD, "title_zh": "标题", "title_en": "Title", "body_zh": "内容", "body_en": "Body",
        "url": "/methodologies/", **changes,
    }  # fmt: skip
    return Notice(key=key, **said)


def told(user: User) -> list[Notification]:
    with scope.scoped(user):
        return selectors.notices_of(person_of(user))[0]


@pytest.fixture
def cast(db: None) -> Cast:
    return build_cast()


@pytest.fixture
def worker_cast(own_database: str) -> Cast:
    """The same people, met by the worker, which writes to everybody."""
    made = build_cast()
    database.point_django_at(own_database, paths.WORKER)
    return made


# -- one -------------------------------------------------------------------------------------------------------------


def test_the_same_fact_is_told_once(cast: Cast) -> None:
    for _ in range(2):
        services.notify(people=[person_of(cast.alice).pk], notice=notice(), at=AT)
    services.notify(people=[person_of(cast.alice).pk], notice=notice("another"), at=AT)
    assert [one.key for one in told(cast.alice)] == ["another", "fact"]
    assert told(cast.bob) == []


def test_what_was_told_stays_and_leads_here(cast: Cast) -> None:
    services.notify(people=[person_of(cast.alice).pk], notice=notice(), at=AT)
    with scope.scoped(cast.alice), pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Notification.objects.update(body_zh="别的")
    for url in ("https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "javascript:x"):
        with pytest.raises(DatabaseError, match="notification_leads_here"), transaction.atomic():
            services.notify(people=[person_of(cast.bob).pk], notice=notice(url=url), at=AT)


def test_only_the_reader_marks_a_message_read(cast: Cast) -> None:
    services.notify(people=[person_of(cast.alice).pk], notice=notice(), at=AT)
    (mine,) = told(cast.alice)
    with scope.scoped(cast.bob), pytest.raises(NotFound):
        services.mark_read(person=person_of(cast.bob), pk=mine.pk, at=AT)
    with scope.scoped(cast.alice):
        services.mark_read(person=person_of(cast.alice), pk=mine.pk, at=AT)
        services.mark_read(person=person_of(cast.alice), pk=mine.pk, at=AT + dt.timedelta(days=1))
    assert [one.read_at for one in told(cast.alice)] == [AT]


def test_staff_of_an_area_are_told_and_nobody_else(worker_cast: Cast) -> None:
    other = staff("zs-officer", Role.CITY_OFFICER, name="外市经办", region=ZHONGSHAN)
    roles = (Role.CITY_OFFICER, Role.CITY_APPROVER)
    assert services.notify_staff(roles=roles, region=GUANGZHOU, notice=notice("city"), at=AT) == 2
    assert services.notify_staff(roles=roles, region=PROVINCE, notice=notice("all"), at=AT) == 3
    assert services.notify_staff(roles=roles, region=PROVINCE, notice=notice("all"), at=AT) == 0
    assert {one.key for one in Notification.objects.filter(person=other.person_id)} == {"all"}


# -- many ------------------------------------------------------------------------------------------------------------


def test_many_are_told_in_chunks_each_person_once(worker_cast: Cast) -> None:
    cast = worker_cast
    people = {
        user.person_id for user in (cast.alice, cast.bob, cast.carol, cast.sme_owner, cast.merchant_owner, cast.cashier)
    }
    assert services.notify_many(audience=EVERYBODY, notice=notice(), at=AT, chunk=2) == len(people)
    # Alice and Bob share a family, the owner has a firm: still one message each.
    assert sorted(Notification.objects.values_list("person", flat=True)) == sorted(people)
    assert services.is_told("fact")
    assert services.notify_many(audience=EVERYBODY, notice=notice(), at=AT, chunk=2) == 0


def test_a_message_to_a_family_or_firm_reaches_whoever_acts_for_it_now(worker_cast: Cast) -> None:
    cast = worker_cast
    services.end_household_membership(
        household=cast.household, person=person_of(cast.bob), actor=person_of(cast.bob), at=AT
    )
    audience = Audience(
        "SELECT ':' || p.uuid AS tail, '12' AS value WHERE p.uuid = ANY (%(wanted)s::uuid[])",
        {"wanted": [str(cast.household_account.pk), str(cast.sme.pk)]},
    )
    services.notify_many(audience=audience, notice=notice(title_zh="{value} 个", body_en="{value} left"), at=AT)
    rows = Notification.objects.order_by("pk")
    assert {(one.person, one.key, one.title_zh, one.body_en) for one in rows} == {
        (cast.alice.person_id, f"fact:{cast.household_account.pk}", "12 个", "12 left"),
        (cast.sme_owner.person_id, f"fact:{cast.sme.pk}", "12 个", "12 left"),
    }


def test_a_worker_that_died_is_followed_by_one_that_goes_on(worker_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    written, chunks = notices._write, itertools.count(1)

    def die_in_the_third(*args: Any) -> int:
        told = written(*args)
        if next(chunks) == 3:
            raise KeyboardInterrupt
        return told

    monkeypatch.setattr(notices, "_write", die_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        services.notify_many(audience=EVERYBODY, notice=notice(), at=AT, chunk=1)
    mailing = Mailing.objects.get()
    in_order = list(Participant.objects.order_by("uuid").values_list("uuid", flat=True))
    assert (mailing.after, mailing.finished_at) == (in_order[1], None)  # the third chunk was undone whole
    before = Notification.objects.count()
    monkeypatch.undo()
    after = services.notify_many(audience=EVERYBODY, notice=notice(), at=AT, chunk=1)
    assert before + after == 6
    assert Notification.objects.values("person").distinct().count() == 6


def test_the_web_role_writes_to_nobody_by_itself(cast: Cast) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        services.notify_many(audience=EVERYBODY, notice=notice(), at=AT)


# -- pages -----------------------------------------------------------------------------------------------------------


def test_the_inbox_shows_unread_ones_and_marks_them_by_post(cast: Cast) -> None:
    client = browser(cast.alice)
    page = client.get("/me/messages/").content.decode()
    assert "还没有消息" in page
    services.notify(people=[person_of(cast.alice).pk], notice=notice(title_zh="<b>旧</b>"), at=AT)
    services.notify(people=[person_of(cast.alice).pk], notice=notice("second"), at=AT)
    page = client.get("/me/messages/").content.decode()
    assert "&lt;b&gt;旧&lt;/b&gt;" in page
    assert "，2 条未读" in page
    assert "2 条未读" in client.get("/me/").content.decode()
    first, _second = (one.pk for one in told(cast.alice))
    assert client.get(f"/me/messages/{first}/read/").status_code == 405
    assert client.post(f"/me/messages/{first}/read/").headers["Location"] == "/me/messages/"
    assert "，1 条未读" in client.get("/me/messages/").content.decode()
    services.notify(people=[person_of(cast.alice).pk], notice=notice("meanwhile"), at=AT)
    client.post("/me/messages/read/", {"upto": first})
    assert [one.key for one in told(cast.alice) if one.read_at is None] == ["meanwhile"]
    assert client.post("/me/messages/read/", {"upto": "x"}).status_code == 400


def test_pages_follow_each_other_without_a_gap(cast: Cast) -> None:
    for number in range(NOTICES_PER_PAGE + 2):
        services.notify(people=[person_of(cast.alice).pk], notice=notice(str(number)), at=AT)
    client = browser(cast.alice)
    newest = client.get("/me/messages/")
    rows = [one["row"].key for one in newest.context["rows"]]
    older = client.get(f"/me/messages/?before={newest.context['more']}")
    rows += [one["row"].key for one in older.context["rows"]]
    assert rows == [str(number) for number in reversed(range(NOTICES_PER_PAGE + 2))]
    assert older.context["more"] is None
    assert "没有更早的消息" in client.get("/me/messages/?before=1").content.decode()
    assert client.get("/me/messages/?before=-1").status_code == 400


def test_the_desk_has_the_same_inbox_and_says_how_many_are_new(cast: Cast) -> None:
    services.notify(people=[person_of(cast.city_officer).pk], notice=notice(), at=AT)
    client = browser(cast.city_officer)
    page = client.get("/staff/messages/").content.decode()
    assert "标题" in page
    assert "条未读" in client.get("/staff/todo/").content.decode()
    (mine,) = told(cast.city_officer)
    assert client.post(f"/me/messages/{mine.pk}/read/", {"desk": "1"}).headers["Location"] == "/staff/messages/"
    assert "条未读" not in client.get("/staff/todo/").content.decode()
    assert browser(cast.alice).get("/staff/messages/").status_code == 403


def test_a_page_counts_what_is_unread_once_and_a_visitor_not_at_all(cast: Cast) -> None:
    someone = resident("+8613811112222")
    for client, most in ((browser(someone), 1), (browser(None), 0)):
        with CaptureQueriesContext(connection) as asked:
            client.get("/methodologies/")
        assert len([one for one in asked.captured_queries if "accounts_notification" in one["sql"]]) == most


def test_a_message_of_another_and_a_missing_one_are_the_same(cast: Cast) -> None:
    services.notify(people=[person_of(cast.alice).pk], notice=notice(), at=AT)
    (of_alice,) = told(cast.alice)
    client = browser(cast.bob)
    for pk in (of_alice.pk, 2**31 - 1, 2**70):
        assert client.post(f"/me/messages/{pk}/read/").status_code == 404
    assert str(uuid.UUID(str(person_of(cast.alice).pk))) not in client.get("/me/messages/").content.decode()

"""A citizen's idea (P2.4): five questions, a number at once, terms in working days, merging, support, a net for privacy."""

import datetime as dt
import re
import threading
import uuid
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.models import OutboxMessage
from accounts.services import open_login
from carbon_portal.kernel import clock
from carbon_portal.kernel.models import AuditEvent
from methodologies import present_proposals as present
from methodologies.constants import CreditAs, ProposalChannel, ProposalState
from methodologies.errors import (
    MergeTargetInvalid,
    NothingToRedact,
    OwnProposal,
    ProposalClosed,
    ProposalNotShown,
    ProposalNotStudied,
    ProposalTextInvalid,
    TooManyProposals,
)
from methodologies.models import Proposal, ProposalContact, ProposalStep, ProposalSupport
from methodologies.selectors import proposals as selectors
from methodologies.selectors import public_version
from methodologies.services import adoption, sync_library
from methodologies.services import proposals as services
from methodologies.services.telling import tell_proposers
from tests import people
from tests.methodologies.ideas import LUNCHBOX, form, proposal
from tests.people import GUANGZHOU, ZHONGSHAN, person_of, resident

#: A Friday: the next working day is Monday the 23rd.
AT = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 20)


@pytest.fixture
def cast(db: None) -> people.Cast:
    return people.build_cast()


def visit(user: object) -> Client:
    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    return client


def accept(cast: people.Cast, one: Proposal) -> Proposal:
    return services.accept_proposal(proposal=one, actor=person_of(cast.city_officer), note="", at=AT)


# -- numbers and terms -------------------------------------------------------------------------------------------------


def test_numbers_follow_each_other_by_year_and_the_same_form_is_one(cast: people.Cast) -> None:
    first = proposal(cast.alice, at=AT, key="a")
    again = proposal(cast.alice, at=AT, key="a")
    second = proposal(cast.carol, at=AT, key="a")  # another person's form may carry the same key
    new_year = proposal(cast.bob, at=dt.datetime(2026, 12, 31, 16, 0, tzinfo=dt.UTC))
    assert [one.number for one in (first, again, second, new_year)] == [
        "P-2026-000001",
        "P-2026-000001",
        "P-2026-000002",
        "P-2027-000001",
    ]
    assert (first.region, second.region) == (GUANGZHOU, ZHONGSHAN)


def test_a_refused_one_takes_no_number(cast: people.Cast) -> None:
    with pytest.raises(ProposalTextInvalid):
        proposal(cast.alice, at=AT, answers=replace(LUNCHBOX, what="x"))
    assert proposal(cast.alice, at=AT).number == "P-2026-000001"


def test_terms_are_working_days_and_overdue_is_said(cast: people.Cast) -> None:
    one = proposal(cast.alice, at=AT)
    assert one.accept_due_on == dt.date(2026, 11, 27), "five working days after a Friday"
    assert [present.overdue(one, day) for day in (dt.date(2026, 11, 27), dt.date(2026, 11, 28))] == [0, 0]
    assert present.overdue(one, dt.date(2026, 12, 1)) == 2, "Monday and Tuesday"
    one = accept(cast, one)
    assert present.overdue(one, dt.date(2026, 12, 1)) == 0
    assert present.overdue(one, one.answer_due_on + dt.timedelta(days=7)) == 5
    page = visit(cast.bob).get(f"/proposals/{one.number}/").content.decode()
    assert "已超期" not in page
    Proposal.objects.filter(pk=one.pk).update(answer_due_on=clock.today() - dt.timedelta(days=14))
    page = visit(cast.bob).get(f"/proposals/{one.number}/").content.decode()
    assert re.search(r"已超期 \d+ 天", page)
    assert one.number in Client().get("/proposals/?state=overdue").content.decode()


def test_five_a_day_and_no_more(cast: people.Cast) -> None:
    for _ in range(5):
        proposal(cast.alice, at=AT)
    with pytest.raises(TooManyProposals):
        proposal(cast.alice, at=AT)
    proposal(cast.bob, at=AT)
    proposal(cast.alice, at=AT + dt.timedelta(days=1, seconds=1))


# -- the page of five questions ----------------------------------------------------------------------------------------


def test_words_survive_an_error_and_the_login(cast: people.Cast) -> None:
    client = Client()
    page = client.get("/proposals/new/").content.decode()
    assert page.count("<textarea") == 4
    key = re.search(r'name="key" value="([0-9a-f]{32})"', page)
    assert key
    answer = client.post("/proposals/new/", form(key=key[1], why=""))
    page = answer.content.decode()
    assert "错误：" in page
    assert LUNCHBOX.proof in page
    assert not Proposal.objects.exists()

    answer = client.post("/proposals/new/", form(key=key[1]))
    assert (answer.status_code, answer["Location"]) == (302, "/account/login/?next=/proposals/new/")
    assert not Proposal.objects.exists(), "nothing is sent without a phone"
    client.force_login(cast.alice)
    page = client.get("/proposals/new/").content.decode()
    assert LUNCHBOX.why in page
    assert key[1] in page
    answer = client.post("/proposals/new/", form(key=key[1]))
    assert answer["Location"] == "/proposals/P-2026-000001/".replace("2026", str(clock.today().year))
    assert LUNCHBOX.why not in client.get("/proposals/new/").content.decode()


def test_a_login_without_an_account_opens_one_first(cast: people.Cast) -> None:
    client = visit(open_login(phone="+8615900000099"))
    answer = client.post("/proposals/new/", form())
    assert answer["Location"].startswith("/account/open/")
    assert not Proposal.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"what": "x" * 61},
        {"why": "长" * 1001},
        {"why": "有\x00零"},
        {"what": "倒\u202e着读"},
        {"proof": "\x07响铃响铃响铃"},
        {"credit_as": "name", "credit_name": ""},
        {"credit_as": "hero"},
        {"key": "../../etc"},
    ],
)
def test_what_cannot_be_taken_is_said_and_nothing_is_written(cast: people.Cast, changes: dict[str, str]) -> None:
    answer = visit(cast.alice).post("/proposals/new/", form(**changes))
    assert answer.status_code == 200
    assert "错误：" in answer.content.decode()
    assert not Proposal.objects.exists()


def test_hostile_words_are_only_words(cast: people.Cast) -> None:
    nasty = "<script>alert(1)</script>{{7*7}} https://evil.example/x <a href='javascript:1'>点我</a>"
    one = proposal(cast.alice, at=AT, answers=replace(LUNCHBOX, why=nasty, what="<b>粗</b>"))
    accept(cast, one)
    for client, path in (
        (Client(), f"/proposals/{one.number}/"),
        (Client(), "/proposals/?q=%3Cb%3E"),
        (visit(cast.city_officer), f"/staff/proposals/{one.number}/"),
    ):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<b>粗" not in page
        assert 'href="https://evil' not in page


# -- privacy -----------------------------------------------------------------------------------------------------------


def test_words_are_public_once_somebody_has_read_them(cast: people.Cast) -> None:
    one = proposal(cast.alice, at=AT, answers=replace(LUNCHBOX, why="我叫陈阿姨，电话 138 0013 8000，很省。"))
    url = f"/proposals/{one.number}/"
    unread = Client().get(url).content.decode()
    assert one.number in unread
    assert "陈阿姨" not in unread
    assert one.what not in unread
    assert one.what not in Client().get("/proposals/?q=饭盒").content.decode().split('id="all"')[1].split("</form>")[1]
    assert "陈阿姨" in visit(cast.alice).get(url).content.decode(), "one's own words"

    accept(cast, one)
    read = Client().get(url).content.decode()
    assert "8000" not in read
    assert "■■■" in read
    officer = visit(cast.city_officer)
    desk = officer.get(f"/staff/proposals/{one.number}/").content.decode()
    assert "138 0013 8000" in desk
    assert "像是有手机号" in desk
    answer = officer.post(f"/staff/proposals/{one.number}/redact/", {"passage": "陈阿姨", "reason": "姓名"})
    assert answer.status_code == 302
    assert "陈阿姨" not in Client().get(url).content.decode()
    one.refresh_from_db()
    assert one.why == "我叫■■■，电话 138 0013 8000，很省。"
    event = AuditEvent.objects.get(verb="proposal.redacted")
    assert event.data == {"places": 1, "length": 3, "reason": "姓名"}


def test_staff_can_take_words_away_and_put_none_in(cast: people.Cast) -> None:
    one = proposal(cast.alice, at=AT)
    with pytest.raises(NothingToRedact):
        services.redact_proposal(
            proposal=one, passage="没有的话", reason="试试", actor=person_of(cast.city_officer), at=AT
        )


def test_no_phone_and_no_name_on_public_pages(cast: people.Cast) -> None:
    one = services.enter_proposal(
        actor=person_of(cast.province_officer), channel=ProposalChannel.LETTER, received_on=dt.date(2026, 11, 2),
        region=GUANGZHOU, answers=LUNCHBOX, credit=services.Credit(CreditAs.PSEUDONYM, "饭盒侠"), request_key="l",
        name="欧阳来信", phone="+8613312345678", at=AT,
    )  # fmt: skip
    accept(cast, one)
    for client in (Client(), visit(cast.bob)):
        for path in (f"/proposals/{one.number}/", "/proposals/", "/proposals/?q=13312345678"):
            page = client.get(path).content.decode()
            page = page.replace("q=13312345678", "").replace('value="13312345678"', "")
            assert "欧阳" not in page
            assert "12345678" not in page
    assert "来信" in Client().get(f"/proposals/{one.number}/").content.decode()
    assert "133****5678" in visit(cast.city_officer).get(f"/staff/proposals/{one.number}/").content.decode()


# -- the desk ----------------------------------------------------------------------------------------------------------


def test_a_letter_keeps_its_day_and_its_sender_is_told_the_number_once(
    cast: people.Cast, django_capture_on_commit_callbacks: object
) -> None:
    client = visit(cast.province_officer)
    sent = form(channel="newspaper", received_on="2026-11-02", region=ZHONGSHAN, name="读者老何", phone="133 1234 5678")
    answer = client.post("/staff/proposals/new/", sent)
    assert answer.status_code == 302, answer.content.decode()
    one = Proposal.objects.get()
    assert (one.channel, one.received_on, one.accept_due_on) == (
        "newspaper",
        dt.date(2026, 11, 2),
        dt.date(2026, 11, 9),
    )
    assert tell_proposers(at=AT) == 1
    assert tell_proposers(at=AT) == 0
    (message,) = OutboxMessage.objects.all()
    assert message.phone == "+8613312345678"
    assert one.number in message.text
    assert "饭盒" not in message.text


def test_a_city_enters_for_itself_only(cast: people.Cast) -> None:
    sent = form(channel="phone", received_on="2026-11-02", region=ZHONGSHAN, name="", phone="")
    answer = visit(cast.city_officer).post("/staff/proposals/new/", sent)
    assert "不在您的管辖地区" in answer.content.decode()
    assert not Proposal.objects.exists()
    sent |= {"received_on": (clock.today() + dt.timedelta(days=1)).isoformat(), "region": GUANGZHOU}
    assert "不能晚于今天" in visit(cast.city_officer).post("/staff/proposals/new/", sent).content.decode()


def test_an_answer_is_public_told_by_day_and_final(cast: people.Cast) -> None:
    one = accept(cast, proposal(cast.alice, at=AT))
    officer = visit(cast.city_officer)
    short = officer.post(f"/staff/proposals/{one.number}/decline/", {"answer": "不行"})
    assert "请写 10 到 2000 个字" in short.content.decode()
    answer = {"answer": "感谢建议。餐盒的减碳量目前没有可核对的凭证，先不采纳；有扫码数据后欢迎再提。"}
    assert officer.post(f"/staff/proposals/{one.number}/decline/", answer).status_code == 302
    one.refresh_from_db()
    assert one.state == ProposalState.DECLINED
    assert "先不采纳" in Client().get(f"/proposals/{one.number}/").content.decode()
    assert [step.state for step in ProposalStep.objects.order_by("id")] == ["received", "in_study", "declined"]
    night = dt.datetime(2026, 11, 20, 14, 0, tzinfo=dt.UTC)
    assert tell_proposers(at=night) == 0, "quiet at 22:00"
    assert tell_proposers(at=night + dt.timedelta(hours=11)) == 1
    assert OutboxMessage.objects.get().phone == people.ALICE_PHONE
    again = officer.post(f"/staff/proposals/{one.number}/accept/", {"note": ""})
    assert "不能再这样办理" in again.content.decode()


def test_merging_joins_supporters_once_and_keeps_the_earlier_term(cast: people.Cast) -> None:
    first = accept(cast, proposal(cast.alice, at=AT))
    late = AT + dt.timedelta(days=10)
    second = accept(cast, proposal(cast.bob, at=late, answers=replace(LUNCHBOX, what="打包自备餐具")))
    dora = resident("+8613311110000")
    for one in (first, second):
        services.support_proposal(proposal=one, person=person_of(dora), at=late)
    services.support_proposal(proposal=second, person=person_of(cast.carol), at=late)
    officer = person_of(cast.city_officer)
    kept = services.merge_proposal(proposal=first, into=second, actor=officer, note="内容相近", at=late)
    assert kept.number == second.number
    supporters = set(ProposalSupport.objects.filter(proposal=second).values_list("person", flat=True))
    assert supporters == {person_of(one).pk for one in (dora, cast.carol, cast.alice)}
    second.refresh_from_db()
    assert second.answer_due_on == first.answer_due_on, "merging gains nobody time"
    page = Client().get(f"/proposals/{first.number}/").content.decode()
    assert f"/proposals/{second.number}/" in page
    assert "已合并" in page
    first.refresh_from_db()
    services.support_proposal(proposal=first, person=person_of(cast.sme_owner), at=late)
    assert ProposalSupport.objects.filter(proposal=second).count() == 4, "support for the merged one counts there"
    services.withdraw_support(proposal=first, person=person_of(dora))
    assert not ProposalSupport.objects.filter(person=person_of(dora).pk).exists()
    with pytest.raises(ProposalClosed):
        services.merge_proposal(proposal=first, into=second, actor=officer, note="", at=late)


def test_what_one_cannot_merge_into(cast: people.Cast) -> None:
    one = accept(cast, proposal(cast.alice, at=AT))
    elsewhere = proposal(cast.carol, at=AT)
    with pytest.raises(MergeTargetInvalid):
        services.merge_proposal(proposal=one, into=one, actor=person_of(cast.city_officer), note="", at=AT)
    officer = visit(cast.city_officer)
    for number in (one.number, elsewhere.number, "P-2026-999999"):
        page = officer.post(f"/staff/proposals/{one.number}/merge/", {"number": number, "note": ""}).content.decode()
        assert f"不能并入“{number}”" in page
    one.refresh_from_db()
    assert one.state == ProposalState.IN_STUDY


def test_another_city_is_not_there(cast: people.Cast) -> None:
    one = proposal(cast.carol, at=AT)
    client = visit(cast.city_officer)
    assert client.get(f"/staff/proposals/{one.number}/").status_code == 404
    assert client.post(f"/staff/proposals/{one.number}/accept/", {"note": ""}).status_code == 404
    assert one.number not in client.get("/staff/proposals/").content.decode()
    assert one.number in visit(cast.province_officer).get("/staff/proposals/").content.decode()
    assert visit(cast.city_approver).post(f"/staff/proposals/{one.number}/accept/").status_code == 403


# -- support -----------------------------------------------------------------------------------------------------------


def test_one_each_by_the_person(cast: people.Cast) -> None:
    one = proposal(cast.alice, at=AT)
    bob = person_of(cast.bob)
    with pytest.raises(ProposalNotShown):
        services.support_proposal(proposal=one, person=bob, at=AT)
    accept(cast, one)
    with pytest.raises(OwnProposal):
        services.support_proposal(proposal=one, person=person_of(cast.alice), at=AT)
    second_login = open_login(phone="+8613300000001")
    type(second_login).objects.filter(pk=second_login.pk).update(person=bob)
    second_login.refresh_from_db()
    for user in (cast.bob, second_login, cast.bob):
        visit(user).post(f"/proposals/{one.number}/support/", {"support": "yes"})
    assert ProposalSupport.objects.filter(proposal=one).count() == 1
    with pytest.raises(IntegrityError, match="proposal_support_once_per_person"), transaction.atomic():
        ProposalSupport.objects.create(proposal=one, person=bob.pk, at=AT)
    assert "1 人支持" in Client().get(f"/proposals/{one.number}/").content.decode()
    visit(second_login).post(f"/proposals/{one.number}/support/", {"support": "no"})
    assert not ProposalSupport.objects.exists()


def test_forty_at_once_get_forty_numbers_without_a_gap(own_database: str) -> None:
    cast = people.build_cast()
    users = [resident(f"+86133000{number:05d}") for number in range(10)]
    barrier, found, lock = threading.Barrier(10), [], threading.Lock()

    def send(index: int) -> None:
        try:
            barrier.wait()
            for turn in range(4):
                one = proposal(users[index], at=AT, key=f"{turn}")
                twin = proposal(users[index], at=AT, key=f"{turn}")
                with lock:
                    found.append((one.number, twin.number))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(index,)) for index in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number, _twin in found) == [f"P-2026-{n:06d}" for n in range(1, 41)]
    assert all(number == twin for number, twin in found)
    assert ProposalContact.objects.count() == 40
    assert cast.alice


def test_unknown_numbers_are_not_there(cast: people.Cast) -> None:
    for number in ("P-2026-000001", "P-2026", "x" * 300, str(uuid.uuid4())):
        assert Client().get(f"/proposals/{number}/").status_code == 404


# -- adoption ----------------------------------------------------------------------------------------------------------

ANSWER = "采纳。我们将按您的想法起草自带饭盒的方法学，欢迎继续提意见。"


def test_adoption_takes_two_people_and_names_the_proposer_as_they_chose(cast: people.Cast) -> None:
    sync_library(at=AT)
    one = accept(cast, proposal(cast.alice, at=AT, credit=services.Credit(CreditAs.PSEUDONYM, "饭盒侠")))
    twin = accept(cast, proposal(cast.bob, at=AT, credit=services.Credit(CreditAs.NAME, "李伯")))
    services.merge_proposal(proposal=twin, into=one, actor=person_of(cast.city_officer), note="", at=AT)
    officer, approver = visit(cast.city_officer), visit(cast.city_approver)
    url = f"/staff/proposals/{one.number}/"
    assert officer.post(f"{url}adopt/", {"answer": ANSWER, "methodology": ""}).status_code == 302
    one.refresh_from_db()
    assert one.state == ProposalState.IN_STUDY, "nothing happens before the second person"
    assert ANSWER not in Client().get(f"/proposals/{one.number}/").content.decode()
    assert officer.post(f"{url}decide/", {"approved": "yes"}).status_code == 403
    shown = re.search(r'name="shown" value="([0-9a-f]{64})"', approver.get(url).content.decode())
    assert shown
    sent = {"shown": shown[1], "approved": "yes", "note": ""}
    assert approver.post(f"{url}decide/", sent).status_code == 302
    one.refresh_from_db()
    assert (one.state, one.answer) == (ProposalState.ADOPTED, ANSWER)
    version = public_version(code="GD-METRO-TRIP", version="1.0")
    assert selectors.credited(version) == []
    assert officer.post(f"{url}link/", {"methodology": "GD-METRO-TRIP"}).status_code == 302
    assert [(row.number, row.name) for row in selectors.credited(version)] == [
        (one.number, "饭盒侠"),
        (twin.number, "李伯"),
    ]
    page = Client().get(f"/proposals/{one.number}/").content.decode()
    assert ANSWER in page
    assert "饭盒侠" in page
    assert "陈阿姨" not in page


def test_words_hidden_after_the_request_void_it(cast: people.Cast) -> None:
    one = accept(cast, proposal(cast.alice, at=AT))
    officer = person_of(cast.city_officer)
    one = adoption.offer_adoption(
        proposal=one, actor=officer, role="city_officer", answer=ANSWER, methodology=None, at=AT
    )
    shown = adoption.content_of(one)
    services.redact_proposal(proposal=one, passage="小票", reason="试试", actor=officer, at=AT)
    page = visit(cast.city_approver).post(
        f"/staff/proposals/{one.number}/decide/", {"shown": shown, "approved": "yes", "note": ""}
    )
    assert "错误：" in page.content.decode()
    one.refresh_from_db()
    assert one.state == ProposalState.IN_STUDY


def test_a_returned_adoption_goes_back_to_study(cast: people.Cast) -> None:
    one = accept(cast, proposal(cast.alice, at=AT))
    one = adoption.offer_adoption(
        proposal=one,
        actor=person_of(cast.city_officer),
        role="city_officer",
        answer=ANSWER,
        methodology=None,
        at=AT,
    )
    approver = visit(cast.city_approver)
    sent = {"shown": adoption.content_of(one), "approved": "no", "note": ""}
    assert "错误：" in approver.post(f"/staff/proposals/{one.number}/decide/", sent).content.decode(), "needs a reason"
    assert approver.post(f"/staff/proposals/{one.number}/decide/", sent | {"note": "请补凭证"}).status_code == 302
    assert "请补凭证" in visit(cast.city_officer).get(f"/staff/proposals/{one.number}/").content.decode()


def test_only_what_is_studied_is_adopted(cast: people.Cast) -> None:
    one = proposal(cast.alice, at=AT)
    with pytest.raises(ProposalNotStudied):
        adoption.offer_adoption(
            proposal=one,
            actor=person_of(cast.city_officer),
            role="city_officer",
            answer=ANSWER,
            methodology=None,
            at=AT,
        )


def test_an_officers_work_list_has_what_is_open_and_an_approvers_what_is_asked(cast: people.Cast) -> None:
    one = proposal(cast.alice, at=AT)
    elsewhere = proposal(cast.carol, at=AT)
    page = visit(cast.city_officer).get("/staff/todo/").content.decode()
    assert one.number in page
    assert elsewhere.number not in page
    approver = visit(cast.city_approver)
    assert one.number not in approver.get("/staff/todo/").content.decode()
    one = accept(cast, one)
    adoption.offer_adoption(
        proposal=one,
        actor=person_of(cast.city_officer),
        role="city_officer",
        answer=ANSWER,
        methodology=None,
        at=AT,
    )
    todo = approver.get("/staff/todo/").content.decode()
    assert f'href="/staff/proposals/{one.number}/"' in todo

"""Coming in through the browser's forms, with the real code out of the outbox."""

import itertools
import re
import statistics
import time
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts import sms
from accounts.models import OutboxMessage, Participant, Person, TermsAcceptance, User
from accounts.selectors import person_of
from carbon_portal.kernel.models import AuditEvent
from tests import people
from tests.accounts.test_phones import SPELLINGS

pytestmark = pytest.mark.django_db
LOGIN, SIGNUP, CONFIRM = "/account/login/", "/account/signup/", "/account/login/code/confirm/"
PASSWORD = "/account/login/password/"


@pytest.fixture
def no_waiting(settings):
    """More than one code a minute, where the minute is not what is tested."""
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {
        "request_login_code": "1000/m/key",
        "codes_of_session": "1000/h/key",
    }


def newest_code() -> str:
    text = OutboxMessage.objects.order_by("-id")[0].text
    found = re.match(r"\d{6}", text)
    assert found, f"the text starts with the code: {text}"
    return found[0]


def ask(client: Client, phone: str = "13800138000", url: str = LOGIN, **more: str):
    return client.post(url, {"phone": phone, **more})


def join(client: Client, phone: str = "138 0013 8000", region: str = "440100"):
    response = ask(client, phone, SIGNUP, region=region, terms="on")
    assert response.status_code == 302, response.context["form"].errors
    return client.post(CONFIRM, {"action": "verify", "code": newest_code()})


def test_from_the_front_page_to_an_open_account_in_three_screens(client):
    page = client.get(SIGNUP, {"area": "zhongshan"})  # screen 1
    form = page.context["form"]
    assert form.initial["region"] == "442000"
    assert 'value="442000" selected' in page.content.decode()
    assert "checked" not in str(form["terms"]), "the terms are not pre-ticked"
    sent = ask(client, "１３８-0013-8000", SIGNUP, region="442000", terms="on")
    assert sent.headers["Location"] == CONFIRM
    page = client.get(CONFIRM)  # screen 2
    assert 'inputmode="numeric"' in page.content.decode()
    assert 'autocomplete="one-time-code"' in page.content.decode()
    assert "138****8000" in page.content.decode()
    assert "13800138000" not in page.content.decode()
    done = client.post(CONFIRM, {"action": "verify", "code": newest_code()}, follow=True)
    assert done.redirect_chain[-1][0] == "/me/welcome/"  # screen 3
    text = done.content.decode()
    assert "怎样获得第一笔减碳量" in text
    assert re.search(r'class="big num">0<small>克', text)
    user = User.objects.get(phone="+8613800138000")
    assert user.phone_verified
    assert user.person.region == "442000"
    assert Participant.objects.get(person=user.person).kind == "resident"
    assert TermsAcceptance.objects.filter(person=user.person, version="2026-11").count() == 1
    assert AuditEvent.objects.filter(verb="participant.opened").count() == 1


@pytest.mark.parametrize("missing", ["phone", "region", "terms"])
def test_joining_needs_all_three(client, missing):
    data = {"phone": "13800138000", "region": "440100", "terms": "on"}
    del data[missing]
    response = client.post(SIGNUP, data)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [missing]
    assert "错误：" in response.content.decode()
    assert not OutboxMessage.objects.exists()
    assert not User.objects.exists()


@pytest.mark.parametrize("region", ["440000", "999999", "440106000", "<script>"])
def test_joining_refuses_what_is_no_city(client, region):
    response = ask(client, url=SIGNUP, region=region, terms="on")
    assert response.context["form"].errors["region"] == ["请从列表里选择所在的地市。"]


def test_the_form_says_what_is_wrong_with_a_number(client):
    response = ask(client, "1380013800")
    assert "手机号应为 11 位，现在是 10 位。" in response.content.decode()
    client.cookies["language"] = "en"
    response = ask(client, "1380013800")
    assert "this one has 10" in response.content.decode()


def test_twelve_spellings_come_to_one_account(no_waiting):
    for text in SPELLINGS:
        join(Client(), text)
    assert User.objects.count() == Person.objects.count() == Participant.objects.count() == 1


def test_login_by_code_and_where_it_leads(client):
    people.resident(people.ALICE_PHONE)
    assert ask(client).headers["Location"] == CONFIRM
    code = newest_code()
    response = client.post(CONFIRM, {"action": "verify", "code": f"{code[:3]} {code[3:]}"})
    assert response.headers["Location"] == "/"
    assert client.get("/me/").status_code == 200
    assert Participant.objects.count() == 1


def test_full_width_digits_of_a_code(client):
    people.resident(people.ALICE_PHONE)
    ask(client)
    wide = newest_code().translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert client.post(CONFIRM, {"code": wide}).status_code == 302


def test_an_unknown_number_at_the_login_page_opens_an_account_after_the_code(client):
    ask(client)
    response = client.post(CONFIRM, {"code": newest_code()})
    assert response.headers["Location"] == "/account/open/"
    assert not Person.objects.exists()
    assert client.get("/me/").headers["Location"].startswith("/account/open/")
    response = client.post("/account/open/", {"region": "440300"})
    assert list(response.context["form"].errors) == ["terms"]
    response = client.post("/account/open/", {"region": "440300", "terms": "on", "name": "新居民"})
    assert response.headers["Location"] == "/me/welcome/"
    assert person_of(User.objects.get()).name == "新居民"
    assert client.post("/account/open/", {"region": "440100", "terms": "on"}).headers["Location"] == "/me/"
    assert Person.objects.get().region == "440300"


def test_joining_with_a_known_number_logs_in_and_changes_nothing(client):
    user = people.resident(people.ALICE_PHONE, region="442000")
    response = join(client, region="440100")
    assert response.headers["Location"] == "/"
    assert Person.objects.get().region == "442000"
    assert int(client.session["_auth_user_id"]) == user.pk


def test_a_wish_to_join_is_not_carried_to_another_number(client, no_waiting):
    ask(client, "13800138000", SIGNUP, region="440100", terms="on")
    ask(client, "13900139001", LOGIN)
    assert client.post(CONFIRM, {"code": newest_code()}).headers["Location"] == "/account/open/"
    assert not Person.objects.exists()


# -- codes (T39) -------------------------------------------------------------------------------------------------------


def test_a_code_has_six_digits_lives_five_minutes_and_five_tries(client):
    assert settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT == 300
    people.resident(people.ALICE_PHONE)
    ask(client)
    code = newest_code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for tries in range(1, 5):
        response = client.post(CONFIRM, {"code": wrong})
        assert "验证码不对" in response.content.decode()
        assert f"还可以试 {5 - tries} 次" in response.content.decode()
    assert client.post(CONFIRM, {"code": wrong}).status_code == 302
    assert client.post(CONFIRM, {"code": code}).headers["Location"] == "/account/login/code/"
    assert "_auth_user_id" not in client.session


def test_a_code_is_good_once_and_in_its_own_session(client):
    people.resident(people.ALICE_PHONE)
    ask(client)
    code, thief = newest_code(), Client()
    assert thief.post(CONFIRM, {"code": code}).status_code == 302
    assert "_auth_user_id" not in thief.session
    assert client.post(CONFIRM, {"code": code}).status_code == 302
    client.logout()
    client.post(CONFIRM, {"code": code})
    assert "_auth_user_id" not in client.session


def test_a_code_expires(client, monkeypatch):
    people.resident(people.ALICE_PHONE)
    ask(client)
    now = time.time()
    monkeypatch.setattr("allauth.account.internal.flows.code_verification.time.time", lambda: now + 301)
    client.post(CONFIRM, {"code": newest_code()})
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２", "\x00", "9" * 39, "' OR 1=1"])
def test_nonsense_for_a_code(client, code):
    people.resident(people.ALICE_PHONE)
    ask(client)
    assert client.post(CONFIRM, {"code": code}).status_code == 200
    assert "_auth_user_id" not in client.session


# -- limits (T38) ------------------------------------------------------------------------------------------------------


def test_one_code_a_minute_per_number_whoever_asks(client):
    ask(client)
    for url, more in ((LOGIN, {}), (SIGNUP, {"region": "440100", "terms": "on"})):
        response = Client().post(url, {"phone": "+86 138 0013 8000", **more})
        assert response.status_code == 429
        assert "同一号码 1 分钟 1 条" in response.content.decode()
    assert OutboxMessage.objects.count() == 1


def test_resending_counts_too(client):
    people.resident(people.ALICE_PHONE)
    ask(client)
    response = client.post(CONFIRM, {"action": "resend"}, follow=True)
    assert "同一号码 1 分钟 1 条" in response.content.decode()
    assert OutboxMessage.objects.count() == 1


def test_resending_makes_a_new_code(client, no_waiting):
    people.resident(people.ALICE_PHONE)
    ask(client)
    first = newest_code()
    client.post(CONFIRM, {"action": "resend"})
    assert OutboxMessage.objects.count() == 2
    if first != newest_code():
        assert client.post(CONFIRM, {"code": first}).status_code == 200
    assert client.post(CONFIRM, {"code": newest_code()}).status_code == 302


def test_five_codes_a_day_per_number(client, settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"request_login_code": "5/d/key"}
    answers = [ask(Client()).status_code for _ in range(7)]
    assert answers == [302] * 5 + [429] * 2


def test_an_address_has_a_limit_that_a_forged_header_does_not_move(settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"request_login_code": "10/h/ip"}
    answers = []
    for n in range(12):
        header = {"X-Forwarded-For": f"10.1.2.{n}", "X-Real-IP": f"10.1.2.{n}"}
        answers.append(Client(headers=header).post(LOGIN, {"phone": f"1380013{n:04d}"}).status_code)
    assert answers == [302] * 10 + [429] * 2


def test_a_session_and_the_house_have_limits(client, settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"codes_of_session": "3/h/key"}
    answers = [ask(client, f"1380013{n:04d}").status_code for n in range(5)]
    assert answers == [302] * 3 + [429] * 2
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"codes_in_all": "1/h/key"}
    assert [Client().post(LOGIN, {"phone": f"1390013{n:04d}"}).status_code for n in range(3)] == [302, 503, 503]


# -- enumeration (T37) -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("url", "more"), [(LOGIN, {}), (SIGNUP, {"region": "440100", "terms": "on"})])
def test_known_and_unknown_numbers_look_the_same(url, more):
    people.resident(people.ALICE_PHONE)

    def look(phone: str) -> tuple:
        visitor = Client()
        first = visitor.post(url, {"phone": phone, **more})
        second = visitor.get(first.headers["Location"])
        body = re.sub(r'(csrfmiddlewaretoken" value="|X-CSRFToken": "|nonce=")[^"]+', "", second.content.decode())
        wrong = visitor.post(CONFIRM, {"code": "000000" if newest_code() != "000000" else "000001"})
        return first.status_code, first.headers["Location"], body.replace(phone[-4:], "####"), wrong.status_code

    assert look("13800138000") == look("13811118001")
    assert [message.text[6:] for message in OutboxMessage.objects.all()][:1] * 2 == [
        message.text[6:] for message in OutboxMessage.objects.all()
    ]


def medians(looks: dict[str, Callable[[int], None]], tries: int) -> dict[str, float]:
    """Seconds of each look, asked in turn so that a busy machine slows all of them alike."""
    spent: dict[str, list[float]] = {name: [] for name in looks}
    for number in range(tries):
        for name, look in looks.items():
            before = time.perf_counter()
            look(number)
            spent[name].append(time.perf_counter() - before)
    return {name: statistics.median(series) for name, series in spent.items()}


def differ(known: Callable[[int], None], unknown: Callable[[int], None], *, tries: int = 60) -> bool:
    """Whether one takes longer than the other, in each of four rounds: what a machine does by chance it does not repeat."""
    for _ in range(4):
        middle = medians({"known": known, "unknown": unknown, "again": known}, tries)
        if abs(middle["known"] - middle["unknown"]) < 0.005 + 2 * abs(middle["known"] - middle["again"]):
            return False
    return True


def test_known_and_unknown_numbers_take_the_same_time(no_waiting, settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"codes_in_all": "100000/m/key"}
    people.resident(people.ALICE_PHONE)
    numbers = itertools.count()

    def known(_number: int) -> None:
        Client().post(LOGIN, {"phone": "13800138000"})

    def unknown(_number: int) -> None:
        Client().post(LOGIN, {"phone": f"1391{next(numbers):07d}"})

    assert not differ(known, unknown)


def test_a_way_that_takes_longer_is_seen(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def takes(seconds: float) -> Callable[[int], None]:
        def look(_number: int) -> None:
            now[0] += seconds

        return look

    assert differ(takes(0.03), takes(0.02), tries=5)
    assert not differ(takes(0.03), takes(0.03), tries=5)


# -- staff -------------------------------------------------------------------------------------------------------------


def test_staff_come_in_by_user_name_and_password(client):
    people.staff("gz-officer", "city_officer", name="周经办", region="440100")
    page = client.get(LOGIN).content.decode()
    assert page.index("手机号") < page.index("用户名和密码（工作人员）")
    response = client.post(PASSWORD, {"login": "gz-officer", "password": people.STAFF_PASSWORD})
    assert response.headers["Location"].startswith("/staff/")
    assert client.get("/me/").status_code == 200


def test_a_cashier_lands_at_the_till(client, no_waiting):
    people.build_cast()
    ask(client, people.CASHIER_PHONE)
    assert client.post(CONFIRM, {"code": newest_code()}).headers["Location"] == "/till/"


def test_wrong_passwords_all_read_alike(client):
    people.staff("gz-officer", "city_officer", name="周经办", region="440100")
    people.resident(people.ALICE_PHONE)
    answers = []
    for name in ("gz-officer", "nobody", "13800138000", "GZ-OFFICER' --"):
        response = client.post(PASSWORD, {"login": name, "password": "wrong"})
        assert response.status_code == 200
        answers.append(response.context["form"].non_field_errors())
    assert answers == [["用户名或密码不对。"]] * 4


def test_guessing_stops_and_the_right_person_elsewhere_comes_in():
    people.staff("gz-officer", "city_officer", name="周经办", region="440100")
    for n in range(5):
        Client(headers={"X-Forwarded-For": f"10.0.0.{n}"}).post(PASSWORD, {"login": "gz-officer", "password": "wrong"})
    refused = Client().post(PASSWORD, {"login": "gz-officer", "password": people.STAFF_PASSWORD})
    assert "输错次数太多" in refused.content.decode()
    elsewhere = Client(REMOTE_ADDR="203.0.113.7")
    response = elsewhere.post(PASSWORD, {"login": "gz-officer", "password": people.STAFF_PASSWORD})
    assert response.status_code == 302


def test_next_stays_at_home(client):
    people.resident(people.ALICE_PHONE)
    ask(client, url=f"{LOGIN}?next=//evil.example/")
    response = client.post(f"{CONFIRM}?next=//evil.example/", {"code": newest_code()})
    assert response.headers["Location"] == "/"


def test_next_is_followed(client):
    people.resident(people.ALICE_PHONE)
    assert client.get("/me/consents/").headers["Location"] == f"{LOGIN}?next=/me/consents/"
    sent = ask(client, next="/me/consents/")
    response = client.post(sent.headers["Location"], {"code": newest_code(), "next": "/me/consents/"})
    assert response.headers["Location"] == "/me/consents/"


def test_an_inactive_login_is_told_so_after_the_code_only(client):
    user = people.resident(people.ALICE_PHONE)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert ask(client).headers["Location"] == CONFIRM
    response = client.post(CONFIRM, {"code": newest_code()}, follow=True)
    assert "账户已停用" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_logging_out_takes_a_post(client):
    client.force_login(people.resident(people.ALICE_PHONE))
    client.get(reverse("account_logout"))
    assert "_auth_user_id" in client.session
    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session


# -- the demo's outbox -------------------------------------------------------------------------------------------------


def test_the_outbox_shows_codes_in_the_demo_and_is_not_there_elsewhere(client, settings, capsys):
    ask(client)
    assert newest_code() in client.get("/demo/outbox/").content.decode()
    assert newest_code() in capsys.readouterr().out
    settings.DEMO = False
    assert client.get("/demo/outbox/").status_code == 404
    with pytest.raises(RuntimeError, match="SMS_GATEWAY"):
        ask(Client(), "13900139001")


def test_a_message_in_the_outbox_is_marked_with_its_own_language(client):
    for text in ("您的建议 P-2026-000004 已有书面答复", "482913 is your login code"):
        sms.gateway().send(phone=people.ALICE_PHONE, text=text)
    page = client.get("/demo/outbox/", headers={"Accept-Language": "en"}).content.decode()
    assert 'lang="zh-Hans">您的建议 P-2026-000004 已有书面答复<' in page
    assert 'lang="en">482913 is your login code<' in page

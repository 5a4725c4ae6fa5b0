"""Personal pages: consents, family, firm, “我的”; and who may not see or do what."""

import re
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from oauth2_provider.models import get_access_token_model

from accounts import selectors, services
from accounts.constants import Role
from accounts.models import Consent, Invitation, Membership, Meter
from carbon_portal.kernel import clock
from tests import people
from tests.people import person_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> people.Cast:
    return people.build_cast()


def visit(user, **extra) -> Client:
    client = Client(**extra)
    client.force_login(user)
    return client


# -- consents (G1-a) ---------------------------------------------------------------------------------------------------


def test_nothing_is_ticked_and_each_switch_is_its_own(cast):
    alice = visit(cast.alice)
    page = alice.get("/me/consents/").content.decode()
    assert page.count('aria-checked="false"') == 6
    assert 'aria-checked="true"' not in page
    assert not Consent.objects.exists()
    alice.post("/me/consents/travel/", {"granted": "1"})
    page = alice.get("/me/consents/").content.decode()
    assert (page.count('aria-checked="true"'), page.count('aria-checked="false"')) == (1, 5)
    assert "起授权" in page
    row = alice.post("/me/consents/travel/", {"granted": "0"}, headers={"HX-Request": "true"}).content.decode()
    assert row.startswith('<li id="scene-travel">')
    assert "撤回，不再接收" in row
    assert not selectors.has_consent(person_of(cast.alice), "travel")
    assert selectors.has_consent(person_of(cast.bob), "travel") is False
    assert "授权和撤回的经过" in alice.get("/me/consents/").content.decode()


@pytest.mark.parametrize("scene", ["everything", "TRAVEL", "travel-x"])
def test_an_unknown_scene_writes_nothing(cast, scene):
    assert visit(cast.alice).post(f"/me/consents/{scene}/", {"granted": "1"}).status_code == 400
    assert not Consent.objects.exists()


# -- household (D1-b) --------------------------------------------------------------------------------------------------


def test_a_family_from_the_form_to_a_member_who_said_yes(cast):
    carol, owner = visit(cast.carol), visit(cast.sme_owner)
    assert "建立家庭" in carol.get("/me/household/").content.decode()
    carol.post("/me/household/", {"name": "黄家", "region": "442000"})
    sent = carol.post("/me/household/invite/", {"phone": "136 0013 6003"}, follow=True).content.decode()
    assert "已邀请 136****6003" in sent
    assert "黄小姐邀请您加入家庭“黄家”" in owner.get("/me/household/").content.decode()
    owner.post(f"/me/invitations/{Invitation.objects.get().pk}/", {"accept": "1"})
    page = carol.get("/me/household/").content.decode()
    assert "何老板" in page
    member = person_of(cast.sme_owner)
    carol.post(f"/me/household/members/{member.uuid}/head/")
    assert selectors.head_of(selectors.membership_of(member).household) == member


def test_an_invitation_says_the_same_for_a_number_nobody_has(cast):
    alice = visit(cast.alice)
    known = alice.post("/me/household/invite/", {"phone": people.CAROL_PHONE}, follow=True).content.decode()
    unknown = alice.post("/me/household/invite/", {"phone": "15900000000"}, follow=True).content.decode()
    assert "已邀请 137****7002" in known
    assert "已邀请 159****0000" in unknown


def test_a_meter_bound_elsewhere_is_named_by_the_phone_s_tail(cast):
    carol = visit(cast.carol)
    carol.post("/me/household/", {"name": "黄家", "region": "442000"})
    response = carol.post("/me/household/meters/", {"kind": "electricity", "number": people.ALICE_METER})
    assert "该户号已由尾号 8000 的家庭绑定" in response.content.decode()
    assert "错误：" in response.content.decode()
    response = carol.post("/me/household/meters/", {"kind": "", "number": "12"})
    assert set(response.context["meter_form"].errors) == {"kind", "number"}
    carol.post("/me/household/meters/", {"kind": "gas", "number": "８８８８ 0001"})
    assert Meter.objects.get(kind="gas").number == "88880001"


def test_members_see_and_only_the_head_acts(cast):
    bob = visit(cast.bob)
    page = bob.get("/me/household/").content.decode()
    assert people.ALICE_METER in page
    assert "邀请家人" not in page
    assert bob.post("/me/household/invite/", {"phone": people.CAROL_PHONE}).status_code == 200
    assert not Invitation.objects.exists()
    assert bob.post(f"/me/meters/{cast.meter.pk}/release/").status_code == 403
    assert bob.post(f"/me/household/members/{person_of(cast.alice).uuid}/end/").status_code == 403
    assert bob.post(f"/me/household/members/{person_of(cast.bob).uuid}/end/").status_code == 302
    assert selectors.membership_of(person_of(cast.bob)) is None


def test_the_head_releases_a_meter(cast):
    alice = visit(cast.alice)
    alice.post(f"/me/meters/{cast.meter.pk}/release/")
    assert Meter.objects.get(pk=cast.meter.pk).released_on == clock.today()
    assert alice.post(f"/me/meters/{cast.meter.pk}/release/").status_code == 404


# -- firms (D1-c) ------------------------------------------------------------------------------------------------------


def test_a_firm_is_registered_and_takes_in_a_clerk(cast):
    bob, carol = visit(cast.bob), visit(cast.carol)
    code = people.make_credit_code(77)
    response = bob.post("/me/firms/new/", {"credit_code": code.lower(), "name": "李记五金", "region": "440100"})
    address = response.headers["Location"]
    assert code in bob.get(address).content.decode()
    assert "sme_owner" in selectors.roles_of(cast.bob)
    bob.post(f"{address}invite/", {"phone": people.CAROL_PHONE})
    assert "成为“李记五金”的经办人" in re.sub(r"\s+", " ", carol.get("/me/firms/").content.decode())
    carol.post(f"/me/invitations/{Invitation.objects.get().pk}/", {"accept": "1"})
    assert "sme_clerk" in selectors.roles_of(cast.carol)
    page = carol.get(address).content.decode()
    assert "邀请经办人" not in page
    assert carol.post(f"{address}invite/", {"phone": people.ALICE_PHONE}).status_code == 404
    assert carol.post(f"{address}meters/", {"kind": "gas", "number": "99990001"}).status_code == 404
    bob.post(f"{address}meters/", {"kind": "gas", "number": "99990001"})
    assert Meter.objects.get(number="99990001").organisation.name == "李记五金"
    membership = Membership.objects.get(person=cast.carol.person)
    bob.post(f"{address}staff/{membership.pk}/end/")
    assert carol.get(address).status_code == 404


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda c: c[:17] + ("1" if c[17] != "1" else "2"), "第 18 位校验不符，请核对是否把 0 写成 O"),
        (lambda c: c[:12], "应为 18 位，现在是 12 位"),
        (lambda c: "", "请填写统一社会信用代码"),
    ],
)
def test_a_wrong_credit_code_says_why(cast, change, part):
    data = {"credit_code": change(people.make_credit_code(5)), "name": "某厂", "region": "440100"}
    response = visit(cast.bob).post("/me/firms/new/", data)
    assert response.status_code == 200
    assert part in response.content.decode()


def test_a_registered_firm_can_not_be_claimed(cast):
    data = {"credit_code": people.make_credit_code(1), "name": "木棉灯饰有限公司", "region": "440100"}
    response = visit(cast.bob).post("/me/firms/new/", data)
    assert "请让负责人在“企业成员”里邀请您" in response.content.decode()


# -- who sees what -----------------------------------------------------------------------------------------------------


def test_every_personal_page_asks_visitors_to_log_in(client, cast):
    firm = cast.sme.organisation_id
    for name, args in (
        ("pages:me", []),
        ("pages:welcome", []),
        ("pages:rename", []),
        ("accounts:consents", []),
        ("accounts:household", []),
        ("accounts:firms", []),
        ("accounts:firm-new", []),
        ("accounts:firm", [firm]),
    ):
        response = client.get(reverse(name, args=args))
        assert response.status_code == 302, name
        assert response.headers["Location"].startswith("/account/login/?next="), name
    for name, args in (
        ("accounts:set-consent", ["travel"]),
        ("accounts:household-invite", []),
        ("accounts:meter-bind", []),
        ("accounts:member-end", [person_of(cast.bob).uuid]),
        ("accounts:member-head", [person_of(cast.bob).uuid]),
        ("accounts:meter-release", [cast.meter.pk]),
        ("accounts:invitation-answer", [1]),
        ("accounts:firm-invite", [firm]),
        ("accounts:firm-meter", [firm]),
    ):
        assert client.post(reverse(name, args=args)).status_code == 302, name
        assert visit(cast.alice).get(reverse(name, args=args)).status_code == 405, name


def test_another_s_things_are_not_found(cast):
    invitation = services.invite(
        actor=person_of(cast.alice), household=cast.household, phone=people.CAROL_PHONE, at=clock.now()
    )
    stranger = visit(cast.sme_owner)
    stranger.post("/me/household/", {"name": "何家", "region": "440100"})
    for address in (
        f"/me/household/members/{person_of(cast.bob).uuid}/end/",
        f"/me/household/members/{uuid.uuid4()}/end/",
        f"/me/household/members/{person_of(cast.bob).uuid}/head/",
        f"/me/meters/{cast.meter.pk}/release/",
        f"/me/invitations/{invitation.pk}/",
        f"/me/household/invitations/{invitation.pk}/withdraw/",
        "/me/invitations/999999/",
    ):
        assert stranger.post(address, {"accept": "1"}).status_code == 404, address
    assert visit(cast.alice).get(f"/me/firms/{cast.sme.organisation_id}/").status_code == 404
    assert visit(cast.merchant_owner).get(f"/me/firms/{cast.merchant.pk}/").status_code == 404


def test_my_page_shows_what_is_mine(cast):
    page = visit(cast.alice).get("/me/").content.decode()
    for part in ("陈阿姨", "138****8000", "陈家", "户主", "6 个场景，已授权 0 个", "换成大字版", "退出登录"):
        assert part in page, part
    assert "13800138000" not in page
    assert "修改密码" not in page
    assert "木棉灯饰" in visit(cast.sme_owner).get("/me/").content.decode()
    assert "修改密码" in visit(cast.city_officer).get("/me/").content.decode()


def test_sessions_are_named_and_ended(cast):
    first, second = Client(), Client(headers={"User-Agent": "Mozilla/5.0 (Linux; Android 14) Chrome/140"})
    for device in (first, second):
        device.post("/account/login/password/", {"login": "gz-officer", "password": people.STAFF_PASSWORD})
        assert device.get("/me/").status_code == 200
    assert "Chrome · Android" in second.get("/account/sessions/").content.decode()
    second.post("/account/sessions/")
    assert first.get("/me/").status_code == 302
    assert second.get("/me/").status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/account/login/",
        "/account/login/password/",
        "/account/signup/",
        "/account/inactive/",
        "/terms/",
        "/demo/outbox/",
    ],
)
def test_entrance_pages_carry_the_scheme_s_name_and_the_demo_s_ribbon(client, address):
    page = client.get(address).content.decode()
    assert "粤碳普惠" in page
    assert "演示数据" in page
    assert "testserver" not in page


@pytest.mark.parametrize("address", ["/account/logout/", "/account/password/change/", "/account/sessions/"])
def test_account_pages_are_the_portal_s_own(cast, address):
    page = visit(cast.city_officer).get(address, follow=True).content.decode()
    assert "粤碳普惠" in page
    assert "演示数据" in page


def test_my_page_is_kept_by_nobody(cast):
    response = visit(cast.alice).get("/me/")
    assert response.headers["Cache-Control"] == "private, no-store"


def test_a_name_is_shown_as_text(cast):
    alice = visit(cast.alice)
    alice.post("/me/name/", {"name": "<script>alert(1)</script>"})
    page = alice.get("/me/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("address", ["/me/", "/me/consents/", "/me/household/", "/me/firms/", "/me/firms/new/"])
def test_pages_speak_english(cast, address):
    alice = visit(cast.alice)
    alice.cookies["language"] = "en"
    assert alice.get(address).headers["Content-Language"] == "en"


# -- demo_token --------------------------------------------------------------------------------------------------------


def test_demo_token_is_that_person_for_an_hour(cast, capsys):
    call_command("demo_token", "138 0013 8000")
    token = get_access_token_model().objects.get(token=capsys.readouterr().out.strip())
    assert token.user == cast.alice
    assert token.scope == "me"
    assert 3590 < (token.expires - clock.now()).total_seconds() <= 3600
    call_command("demo_token", cast.city_officer.username)
    assert get_access_token_model().objects.get(user=cast.city_officer).scope == "dashboards"
    call_command("demo_token", people.CASHIER_PHONE)
    assert set(get_access_token_model().objects.get(user=cast.cashier).scope.split()) == {"me", "till"}


def test_demo_token_refuses_outside_the_demo_and_for_strangers(cast, settings):
    with pytest.raises(CommandError, match="nobody"):
        call_command("demo_token", "nobody")
    settings.DEMO = False
    with pytest.raises(CommandError, match="demo only"):
        call_command("demo_token", "13800138000")
    assert not get_access_token_model().objects.exists()


def test_roles_gate_views(rf, cast):
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpResponse

    from accounts.permissions import login_required_with_role, staff_required
    from carbon_portal.kernel.errors import Forbidden

    gate = login_required_with_role(Role.CASHIER)(lambda request: HttpResponse("in"))
    request = rf.get("/till/")
    for user, outcome in ((cast.cashier, 200), (AnonymousUser(), 302)):
        request.user = user
        assert gate(request).status_code == outcome
    request.user = cast.alice
    with pytest.raises(Forbidden):
        gate(request)
    with pytest.raises(Forbidden):
        staff_required(lambda request: HttpResponse("in"))(request)
    with pytest.raises(ValueError, match="no_such_role"):
        login_required_with_role("no_such_role")

"""The pages of the review: what each desk sees and does there, in public and behind the desk."""

import datetime as dt
import shutil

import pytest
from django.test import Client

from carbon_portal.kernel import clock
from methodologies import services
from methodologies.models import PublicComment

from . import review_world as world
from .review_world import COMPLETE

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(tmp_path, monkeypatch):
    for name in ("factors.yaml", "gd-metro-trip.yaml"):
        shutil.copy(services.LIBRARY / name, tmp_path / name)
    services.sync_library(at=world.day(-400), folder=tmp_path)
    return world.build_desk()


@pytest.fixture
def on(monkeypatch):
    """Let every page believe that it is some day of the review."""

    def at(number):
        monkeypatch.setattr(clock, "now", lambda: world.day(number))

    return at


def browser(user):
    client = Client()
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def url(version, deed=""):
    tail = f"{deed}/" if deed else ""
    return f"/staff/methodologies/review/{version.methodology_id}/{version.version}/{tail}"


def page(user, version):
    answer = browser(user).get(url(version))
    assert answer.status_code == 200, answer
    return answer.content.decode()


def do(user, version, deed, **data):
    return browser(user).post(url(version, deed), {"shown": version.sha256, **data})


def said(answer):
    assert answer.status_code == 200, answer
    return answer.content.decode()


def test_the_whole_way_by_pages(desk, on):
    on(0)
    version = world.walk_to("submitted", desk)
    officer, expert = desk.officer, desk.experts
    assert str(version) in browser(officer).get("/staff/methodologies/").content.decode()
    on(1)
    assert "缺 6 项" in said(do(officer, version, "accept", decision="accept"))
    assert do(officer, version, "accept", decision="accept", items=list(COMPLETE)).status_code == 302
    assert "请至少选一位专家" in said(do(officer, version, "experts"))
    people = [str(one.person_id) for one in expert]
    assert do(officer, version, "experts", experts=people).status_code == 302
    on(3)
    assert "保存声明后才能提交意见" in page(expert[0], version)
    assert "请先声明" in said(do(expert[0], version, "opinion", verdict="agree", text="好"))
    for one, conflict in zip(expert, ("no", "no", "yes"), strict=True):
        assert do(one, version, "declare", conflicted=conflict, statement="与申报单位有合作").status_code == 302
        assert do(one, version, "opinion", verdict="agree", text="数据可靠。").status_code == 302
    assert "与申报单位有合作，按规则不计入表决" in page(officer, version)
    assert do(officer, version, "departments").status_code == 302
    on(5)
    clerk = desk.departments["ecology"]
    assert "提交会签意见" in page(clerk, version)
    mine = page(clerk, version).split('name="request" value="')[1].split('"')[0]
    assert do(clerk, version, "answer", request=mine, verdict="agree").status_code == 302
    assert "还没有答复" in said(do(officer, version, "consult"))
    other = page(officer, version).split('name="request" value="')[1].split('"')[0]
    assert do(officer, version, "remind", request=other).status_code == 302
    assert "请填写来函文号" in said(do(officer, version, "letter", request=other, verdict="agree"))
    on(30)
    assert "已催 1 次）。记录为“未答复”，不视为同意。" in page(officer, version)
    assert do(officer, version, "consult").status_code == 302
    version.refresh_from_db()
    comments = f"/methodologies/{version.methodology_id}/{version.version}/comments/"
    assert str(version) in browser(None).get("/methodologies/consultations/").content.decode()
    assert browser(None).post(comments, {"text": "换乘怎么算？"}).status_code == 302  # to the login
    assert not PublicComment.objects.exists()
    sent_as_json = browser(desk.resident).post(comments, '{"text": "换乘怎么算？"}', content_type="application/json")
    assert "请写下您的意见。" in sent_as_json.content.decode()
    assert browser(desk.resident).post(comments, {"text": "换乘怎么算？", "name": "老街坊"}).status_code == 302
    shown = browser(None).get(comments).content.decode()
    made = PublicComment.objects.get()
    assert made.number in shown
    assert "老街坊" in shown
    world.file_simulation(version, desk)
    on(61)
    assert "还有 1 条意见未答复，不能审定。" in said(do(officer, version, "request"))
    reply = {"comment": made.pk, "outcome": "adopted", "text": "已采纳。", "change": "加写换乘的算法。"}
    assert do(officer, version, "reply", **reply).status_code == 302
    assert "加写换乘的算法" in browser(None).get(comments).content.decode()
    assert do(officer, version, "request").status_code == 302
    assert "同意，予以审定" in page(desk.approver, version)
    assert do(desk.approver, version, "decide", decision="approve", shown="0" * 64).status_code == 200
    assert do(desk.approver, version, "decide", decision="approve").status_code == 302
    on(62)
    assert do(officer, version, "publish").status_code == 302
    version.refresh_from_db()
    assert version.state == "published"
    minutes = browser(None).get(comments.replace("comments", "minutes")).content.decode()
    assert "计入表决 2 份：同意 2 份，不同意 0 份" in minutes
    assert expert[0].person.name not in minutes  # in public by surname
    assert "专家×" in minutes or f"{expert[0].person.name[0]}×" in minutes


def test_overdue_days_stand_on_the_desk_and_in_public(desk, on):
    version = world.walk_to("submitted", desk)
    on(11)  # 1 December, a Tuesday: the term ended on Friday
    assert "受理期限已过 2 天。公开页面同时显示超期。" in page(desk.officer, version)
    assert "超期 2 天" in browser(desk.officer).get("/staff/methodologies/").content.decode()
    # Before the comment period the public sees nothing of the text, but where it stands.
    public = browser(None).get("/methodologies/consultations/").content.decode()
    assert "超期 2 天" in public
    assert str(version) in public
    assert "/staff/" not in public
    assert browser(None).get(f"/methodologies/{version.methodology_id}/1.0/comments/").status_code == 404


def test_a_revision_is_read_beside_the_version_that_it_replaces(desk, on):
    on(2)
    edits = (*world.FAR, ('value: "46.7"', 'value: "50.1"'))
    version = world.draft_version(
        code="GD-METRO-TRIP", version="2.0", region="440000", activity="metro_trip", edits=edits
    )
    world.walk_to("submitted", desk, version=version)
    shown = page(desk.officer, version)
    assert "与已发布的第 1.0 版对比" in shown
    old, new = shown.split("旧值")[1].split("新值")[:2]
    assert ("46.7" in old, "50.1" in new) == (True, True)
    assert 'href="/staff/simulations/new?version=GD-METRO-TRIP%402.0"' in shown
    assert "<math" in shown
    assert "示例数据" in shown
    new_code = world.walk_to("submitted", desk)
    assert "版对比" not in page(desk.officer, new_code)


def test_links_lead_to_the_consultation_and_from_the_version_to_what_was_said(desk, on):
    on(10)
    version = world.walk_to("public_comment", desk)
    assert 'href="/methodologies/consultations/"' in browser(None).get("/methodologies/").content.decode()
    shown = browser(None).get(f"/methodologies/{version.methodology_id}/1.0/").content.decode()
    for what in ("comments", "minutes"):
        address = f"/methodologies/{version.methodology_id}/1.0/{what}/"
        assert f'href="{address}"' in shown
        assert browser(None).get(address).status_code == 200
    assert "示例数据" in browser(None).get(f"/methodologies/{version.methodology_id}/1.0/comments/").content.decode()


def test_each_desk_sees_what_is_its_own(desk, on):
    on(6)
    version = world.walk_to("joint_signing", desk)
    for user in (desk.officer, desk.approver, desk.city_officer, *desk.experts, *desk.departments.values()):
        assert browser(user).get(url(version)).status_code == 200
    for user in (desk.resident, world.adviser(world.Role.EXPERT, number=9)):
        assert browser(user).get(url(version)).status_code == 404
        assert do(user, version, "return", note="x").status_code == 404
    assert browser(None).get(url(version)).status_code == 302


def test_a_deed_that_is_not_ones_own_is_refused_by_the_service(desk, on):
    on(6)
    version = world.walk_to("submitted", desk)
    answer = do(desk.city_officer, version, "accept", decision="accept", items=list(COMPLETE))
    assert "没有做这件事的权限" in answer.content.decode()
    version.refresh_from_db()
    assert version.state == "submitted"


def test_the_author_among_the_approvers_is_told_before_pressing(desk, on):
    from accounts import services as accounts
    from accounts.constants import Role

    on(39)
    version = world.walk_to("public_comment", desk)
    world.file_simulation(version, desk)
    world.ask_approval(version, desk, at=world.day(39))
    accounts.grant_role(
        person=world.person_of(desk.city_officer), role=Role.PROVINCE_APPROVER, region="440000", at=world.OPENED_AT
    )
    assert "您是起草人之一，不能审定。请由另一位审定人操作。" in page(desk.city_officer, version)


def test_withdrawal_by_pages(desk, on):
    version = world.walk_to("approved", desk)
    world.publish(version, desk)
    on(50)
    early = {"sunset_on": "2027-01-01", "reason": "数据停更"}
    assert "停用日期须在公告 30 天以后" in said(do(desk.officer, version, "withdraw", **early))
    assert do(desk.officer, version, "withdraw", sunset_on="2027-12-31", reason="数据停更").status_code == 302
    shown = page(desk.approver, version).split('id="withdraw-decide_shown"')[0].rsplit('value="', 1)[1].split('"')[0]
    assert do(desk.approver, version, "withdraw-decide", shown=shown, decision="approve").status_code == 302
    version.refresh_from_db()
    assert (version.state, version.sunset_on) == ("withdrawn", dt.date(2027, 12, 31))


def test_the_demo_has_one_open_for_comment_and_one_returned(tmp_path):
    from carbon_portal.workflows.demo.people import seed_people
    from carbon_portal.workflows.demo.reviews import seed_reviews
    from methodologies import selectors
    from methodologies.models import MethodologyVersion
    from methodologies.selectors import review

    now = clock.now()
    services.sync_library(at=world.day(-400))
    cast = seed_people(at=now - dt.timedelta(days=400), passwords={}, population=3)
    assert (seed_reviews(cast, now=now), seed_reviews(cast, now=now)) == (2, 0)
    consulted = MethodologyVersion.objects.get(methodology_id="GZ-BIKE-DEMO")
    assert [str(one) for one in review.open_consultations(today=clock.today())] == ["GZ-BIKE-DEMO@1.0"]
    assert (review.vote_of(consulted).counted, review.unanswered(consulted)) == (2, 2)
    returned = MethodologyVersion.objects.get(methodology_id="ZS-CLOTHES-DEMO")
    assert selectors.stages(returned)[-1].note == "缺 1 项：额外性。请说明与生活垃圾分类要求的关系。"

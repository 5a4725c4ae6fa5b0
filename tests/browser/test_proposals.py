"""A citizen's idea on its way: five questions on a phone, a number, the desk, a second person, adopted and named."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from methodologies.models import Proposal
from tests.browser.world import DESK, World, open_context
from tests.methodologies.ideas import proposal
from tests.people import resident

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PHONE = "15012340001"
WORDS = {
    "what": "阳台种菜少买远路菜",
    "why": "菜从外省拉来要几百公里，自己种一点就少拉一点。",
    "proof": "拍照片，写日期，居委会看一眼。",
    "who": "有阳台的住户，一个小区一百来户。",
}


def test_from_five_questions_to_adoption(browser: Browser, world: World) -> None:
    resident(f"+86{PHONE}", name="")
    context, watch = open_context(browser, world)
    page = context.new_page()
    number = propose(page, world)
    assert re.fullmatch(r"P-\d{4}-\d{6}", number)

    duplicate = proposal(resident("+8615012340002", name=""), at=Proposal.objects.get(number=number).created_at)
    officer, officer_watch = desk(browser, world, world.cast.city_officer)
    for one in (number, duplicate.number):
        officer.goto(f"{world.url}/staff/proposals/{one}/")
        officer.get_by_role("button", name="受理研究并公开原文").click()
        expect(officer.get_by_role("status")).to_contain_text("已办理")
    officer.get_by_text("与另一条重复，合并").click()
    officer.fill("#merge_number", number.lower())
    officer.get_by_role("button", name="合并", exact=True).click()
    expect(officer).to_have_url(f"{world.url}/staff/proposals/{number}/")

    officer.get_by_text("建议采纳，送审定人").click()
    officer.fill("#adopt_answer", "采纳。阳台种菜可以先做试点，我们请专家起草方法学。")
    officer.select_option("#adopt_methodology", "SZ-METRO-TRIP")
    officer.get_by_role("button", name="送审定", exact=True).click()
    expect(officer.locator("main")).to_contain_text("拟采纳，等待审定")

    approver, approver_watch = desk(browser, world, world.cast.province_approver)
    approver.goto(world.url + "/staff/todo/")
    approver.get_by_role("link", name=number).click()
    approver.get_by_label("同意采纳").check()
    approver.get_by_role("button", name="提交决定").click()
    expect(approver.get_by_role("status")).to_contain_text("已办理")

    page.goto(f"{world.url}/proposals/{number}/")
    expect(page.locator("main")).to_contain_text("已采纳")
    expect(page.locator("main")).to_contain_text("我们请专家起草方法学")
    expect(page.locator("main")).to_contain_text("署名：种菜阿伯")
    expect(page.locator("main")).to_contain_text("1 人支持")
    page.goto(f"{world.url}/proposals/{duplicate.number}/")
    page.get_by_role("link", name=number).click()
    expect(page).to_have_url(f"{world.url}/proposals/{number}/")
    page.goto(world.url + "/methodologies/SZ-METRO-TRIP/1.0/")
    expect(page.locator("main")).to_contain_text("提出人：种菜阿伯")
    assert watch.heard + officer_watch.heard + approver_watch.heard == []


def propose(page: Page, world: World) -> str:
    """Written before the login, refused once, kept through the code, sent; the number stands on the page."""
    page.goto(world.url + "/")
    page.get_by_role("link", name="提建议、看建议").click()
    page.get_by_role("link", name="我来提一条").click()
    for name in ("what", "why", "proof"):
        page.fill(f"#id_{name}", WORDS[name])
    page.get_by_label("用化名").check()
    page.fill("#id_credit_name", "种菜阿伯")
    page.get_by_role("button", name="提交建议").click()
    expect(page.locator(".error-summary")).to_be_visible()
    assert page.input_value("#id_why") == WORDS["why"], "words survive an error"
    page.fill("#id_who", WORDS["who"])
    page.get_by_role("button", name="提交建议").click()
    page.fill("#id_phone", PHONE)
    page.get_by_role("button", name="获取验证码").click()
    page.locator("#id_code").wait_for()
    outbox = page.context.new_page()
    outbox.goto(world.url + "/demo/outbox/")
    code = re.search(r"\d{6}", outbox.locator("main li").first.inner_text())
    assert code
    outbox.close()
    page.fill("#id_code", code[0])
    page.get_by_role("button", name="确认", exact=True).click()
    expect(page.locator("h1")).to_have_text("我来提一条")
    assert page.input_value("#id_who") == WORDS["who"], "words survive the login"
    page.get_by_role("button", name="提交建议").click()
    expect(page.get_by_role("status")).to_contain_text("您的编号是")
    return page.locator(".result").inner_text()


def desk(browser: Browser, world: World, user):  # type: ignore[no-untyped-def]
    """A desk of the city."""
    context, watch = open_context(browser, world, user, viewport=DESK)
    return context.new_page(), watch

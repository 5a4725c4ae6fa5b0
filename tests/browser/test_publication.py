"""A city's method on its way to the whole province: seven people, each at their own desk, and a resident who asks.

Weeks lie between some of the steps. Nobody waits for them: the owner of the tables moves the steps of this one version
into the past, which no one else may.
"""

import re
from collections.abc import Callable

import psycopg2.extensions
import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.constants import Role
from accounts.models import User
from carbon_portal.kernel.services import paths
from methodologies.models import MethodologyVersion
from tests.browser.world import DESK, PHONE, World, open_context
from tests.people import staff

pytestmark = [pytest.mark.slow, pytest.mark.browser]

FOSHAN, CODE = "440600", "FS-METRO-TRIP"
REVIEW = f"/staff/methodologies/review/{CODE}/1.0/"
Connect = Callable[[str], psycopg2.extensions.connection]


class Desk:
    """One person's browser."""

    def __init__(self, browser: Browser, world: World, user: User | None, screen: dict[str, int] = DESK) -> None:
        context, self.watch = open_context(browser, world, user, viewport=screen)
        self.page: Page = context.new_page()
        self.url = world.url

    def open(self, path: str = REVIEW) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def press(self, label: str) -> None:
        self.page.get_by_role("button", name=label, exact=True).click()

    def reads(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)


def test_seven_people_from_a_citys_draft_to_the_province(browser: Browser, world: World, as_role: Connect) -> None:
    author = Desk(browser, world, staff("fs-officer", Role.CITY_OFFICER, name="罗经办", region=FOSHAN))
    city = Desk(browser, world, staff("fs-approver", Role.CITY_APPROVER, name="冼审定", region=FOSHAN))
    officer = Desk(browser, world, world.cast.province_officer)
    approver = Desk(browser, world, world.cast.province_approver)
    clerk = Desk(browser, world, User.objects.get(username="rv-ecology"))
    experts = [User.objects.get(username=f"expert-{number}") for number in (1, 2)]
    resident = Desk(browser, world, world.cast.alice, PHONE)

    drafted(author)
    forwarded(city)
    accepted(officer, experts)
    for one in experts:
        reviewed(Desk(browser, world, one))
    officer.open()
    officer.press("结束论证，送会签")
    signed(clerk)
    consulted(officer, as_role)
    commented(resident)
    answered(officer, as_role)
    simulated(officer)
    decided(author, officer, approver)
    published(officer, resident)
    for desk in (city, officer, approver, clerk, resident):
        assert desk.watch.heard == []


def drafted(author: Desk) -> None:
    """From the province's version to a text of the city's own: refused while an example fails, then asked for."""
    page = author.open("/staff/methodologies/drafts/")
    page.get_by_role("link", name="新起草").first.click()
    option = page.locator("#id_base option", has_text="GD-METRO-TRIP@1.0")
    page.select_option("#id_base", option.get_attribute("value"))
    author.press("开始起草")
    page.locator('[name="f.code"]').fill(CODE)
    author.press("保存")
    expect(page.locator('[name="f.code"]')).to_have_value(CODE)
    page.get_by_role("link", name="草案概况").click()
    author.press("申请报送")
    author.reads("没有办理")
    page.get_by_role("link", name="全文（YAML）").click()
    text = page.input_value("#source")
    first = re.search(r"^effective_from: (\S+)$", text, re.MULTILINE)
    assert first
    page.fill(
        "#source", text.replace("on: 2026-03-01", f"on: {first[1]}").replace('region: "441900"', 'region: "440605"')
    )
    author.press("保存")
    page.get_by_role("link", name="草案概况").click()
    author.reads("各项齐全")
    author.press("申请报送")
    author.reads("起草人以外的另一位同事审定后，才送到省级")
    expect(page.get_by_role("button", name="审定并报送省级")).to_have_count(0)


def forwarded(city: Desk) -> None:
    page = city.open("/staff/todo/")
    page.get_by_role("link", name="市级报送方法学").first.click()
    city.press("审定并报送省级")
    city.reads(f"已作为 {CODE}@1.0 报送")


def accepted(officer: Desk, experts: list[User]) -> None:
    """Not with an empty checklist; then the experts are invited."""
    page = officer.open()
    officer.press("受理")
    officer.reads("缺 6 项")
    for box in page.locator('input[name="items"]').all():
        box.check()
    officer.press("受理")
    for one in experts:
        page.locator(f'input[name="experts"][value="{one.person_id}"]').check()
    officer.press("发出邀请")
    officer.reads("未声明")


def reviewed(expert: Desk) -> None:
    """The declaration comes first: before it there is no form for an opinion."""
    page = expert.open()
    expect(page.get_by_role("button", name="签名并提交")).to_have_count(0)
    page.get_by_label("没有利益冲突", exact=True).check()
    expert.press("保存声明")
    page.get_by_label("同意", exact=True).check()
    page.fill("#opinion_text", "数据可得，公式可复算。")
    expert.press("签名并提交")
    expert.reads("数据可得，公式可复算。")
    assert expert.watch.heard == []


def signed(clerk: Desk) -> None:
    page = clerk.open()
    page.get_by_label("同意", exact=True).check()
    clerk.press("提交会签意见")
    expect(page.get_by_role("button", name="提交会签意见")).to_have_count(0)


def consulted(officer: Desk, as_role: Connect) -> None:
    """A department that says nothing is waited for, and its silence is written down as silence."""
    officer.open()
    officer.press("结束会签，开始公示")
    officer.reads("还没有答复")
    days_pass(as_role, 30)
    officer.open()
    officer.reads("记录为“未答复”，不视为同意。")
    officer.press("结束会签，开始公示")
    officer.reads("还没有意见。")


def commented(resident: Desk) -> None:
    """From the catalogue to the consultation, by links."""
    page = resident.open("/methodologies/")
    page.get_by_role("link", name="公示中的方法学").click()
    page.locator(f'a[href="/methodologies/{CODE}/1.0/comments/"]').click()
    page.fill("#id_text", "换乘怎么算？")
    resident.press("提交意见")
    resident.reads("换乘怎么算？")
    resident.reads("待答复")


def answered(officer: Desk, as_role: Connect) -> None:
    """No decision while the period runs, nor while one comment has no reply, nor without a simulation."""
    page = officer.open()
    officer.press("提交审定")
    officer.reads("才结束，现在还不能审定")
    days_pass(as_role, 31)
    officer.open()
    officer.press("提交审定")
    officer.reads("还有 1 条意见未答复，不能审定。")
    page.get_by_label("作出说明", exact=True).check()
    page.get_by_label("答复", exact=True).fill("见第 6 章。")
    officer.press("公布答复")
    officer.reads("见第 6 章。")
    officer.press("提交审定")
    officer.reads("没有用这份内容做过真实记录试算并存档，不能审定。")


def simulated(officer: Desk) -> None:
    """Over the city's own records, by a worker, put on file for this text."""
    page = officer.open()
    page.get_by_role("link", name="用真实记录试算").click()
    page.select_option("#id_region", FOSHAN)
    officer.press("开始这次试算")
    file = page.get_by_role("button", name="归档供审定")
    expect(file).to_be_visible(timeout=60_000)
    file.click()
    officer.reads("这份报告已归档")
    officer.open()
    page.get_by_role("link", name="看试算报告").click()
    officer.reads("减碳量")


def decided(author: Desk, officer: Desk, approver: Desk) -> None:
    """Another person decides, on the text that is shown."""
    page = officer.open()
    officer.press("提交审定")
    officer.reads("已提交审定，等待审定人决定。")
    for one in (author, officer):
        one.open()
        expect(one.page.get_by_role("button", name="同意，予以审定")).to_have_count(0)
    page = approver.open("/staff/todo/")
    page.locator(f'a[href="{REVIEW}"]').first.click()
    approver.press("同意，予以审定")
    approver.reads("这份内容已审定")


def published(officer: Desk, resident: Desk) -> None:
    """Numbered, with its hash, its way and its minutes for everybody."""
    officer.open()
    officer.press("编号并发布")
    expect(officer.page.get_by_role("button", name="编号并发布")).to_have_count(0)
    version = MethodologyVersion.objects.get(methodology_id=CODE)
    assert version.state == "published"
    page = resident.open(f"/methodologies/{CODE}/1.0/")
    resident.reads(version.sha256)
    page.get_by_role("link", name="论证和会签纪要").click()
    resident.reads("计入表决 2 份：同意 2 份，不同意 0 份")
    resident.reads("全省推广")
    page.get_by_role("link", name="公示意见和答复").click()
    resident.reads("见第 6 章。")


def days_pass(as_role: Connect, days: int) -> None:
    """Everything that this version went through lies so many days further back."""
    table = "methodologies_stage"
    connection = as_role(paths.OWNER)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            f"UPDATE {table} SET at = at - make_interval(days => %(days)s), due_on = due_on - %(days)s"
            " WHERE version_id = (SELECT id FROM methodologies_methodologyversion WHERE methodology_id = %(code)s)",
            {"days": days, "code": CODE},
        )
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

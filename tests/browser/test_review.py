"""A method on its whole way: written in a city, forwarded, reviewed, signed, put to the public, approved, published, used.

Everybody walks in the browser as themselves, by links and forms. What is done without a page: days go by (`Calendar`), and
the worker's two tasks (a simulation, a quantification) are run by the test, so that nobody waits for another process.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.plugin import DjangoDbBlocker

from accounts import services as accounts
from accounts.constants import Role
from accounts.models import User
from behaviors.constants import Channel
from behaviors.services import submit_record
from carbon_portal.kernel import clock
from carbon_portal.kernel.services import paths
from credits import services as credits
from credits.models import Simulation
from methodologies import services as methods
from methodologies.models import MethodologyVersion, Stage
from tests import database
from tests import portal as processes
from tests.browser import another_day
from tests.browser.another_day import Calendar
from tests.browser.look import Watch, outline
from tests.browser.world import DESK, PHONE, Things, World, open_context
from tests.conftest import TEST_VAR
from tests.methodologies import review_world
from tests.people import GUANGZHOU, PROVINCE, person_of, resident, staff

pytestmark = [pytest.mark.slow, pytest.mark.browser]

BASE, NEXT = "GZ-METRO-RIDE@1.0", "GZ-METRO-RIDE@1.1"
TITLE = "广州市地铁乘次碳普惠方法学"
#: A portal with its own queues on the shared broker: the worker of this folder's other portal takes none of its tasks.
BROKER = "4"
MONITORING = "数据由地铁运营单位每日提供进出站记录，留存五年，广州市生态环境局每季抽查。"

OPINION_BEFORE_DECLARATION = """async () => {
  const form = document.querySelector("form[action$='/declare/']");
  const words = new FormData(form);
  words.set("verdict", "agree");
  words.set("text", "同意。");
  const answer = await fetch(form.action.replace("/declare/", "/opinion/"), { method: "POST", body: words });
  return answer.text();
}"""


@dataclass
class Cast:
    """Everybody, each with a screen that is opened when they first come; what their browsers complained of."""

    browser: Browser
    world: World
    desk: review_world.Desk
    city_approver: User
    calendar: Calendar
    pages: dict[str, Page] = field(default_factory=dict)
    watches: list[Watch] = field(default_factory=list)

    def page(self, user: User, screen: dict[str, int] = DESK) -> Page:
        """Somebody's own page."""
        name = str(user.pk)
        if name not in self.pages:
            context, watch = open_context(self.browser, self.world, user, viewport=screen)
            self.watches.append(watch)
            self.pages[name] = context.new_page()
        return self.pages[name]

    def at_desk(self, user: User, link: str) -> Page:
        """Somebody follows a link of the desk's menu: from the work list when they come, then from where they are."""
        page = self.page(user)
        if "/staff/" not in page.url:
            page.goto(self.world.url + "/staff/todo/")
        page.get_by_role("navigation", name="管理导航").get_by_role("link", name=link, exact=True).click()
        expect(page.locator("h1")).to_be_visible()
        return page

    def at_review(self, user: User, title: str = TITLE) -> Page:
        """Somebody opens the method from the list of reviews."""
        page = self.at_desk(user, "审核")
        page.get_by_role("main").get_by_role("link", name=title).first.click()
        expect(page.locator("h1")).to_have_text(title)
        assert outline(page) == []
        return page

    def heard(self) -> list[str]:
        return [line for watch in self.watches for line in watch.heard]


@pytest.fixture(scope="module")
def cast(
    browser: Browser, django_db_setup: None, template_database: str, django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cast]:  # fmt: skip
    """A portal of its own, since its days go by: the shipped methods, a dozen travellers, every desk."""
    from django.db import connections

    calendar = Calendar(tmp_path_factory.mktemp("calendar") / "days")
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        before = connections["default"].settings_dict["NAME"]
        name = database.make_copy(template_database, "own")
        database.point_django_at(name, role=paths.WORKER)
        running = processes.Portal(database=name, var=TEST_VAR)
        try:
            methods.sync_library(at=clock.now())
            patch.setattr(review_world, "AT", clock.now())
            desk = review_world.build_desk()
            approver = staff("rv-city-approver", Role.CITY_APPROVER, name="罗审定", region=GUANGZHOU)
            # The city's officer helps out as an approver of the province: a role that opens the door, but not to own work.
            accounts.grant_role(
                person=person_of(desk.city_officer),
                role=Role.PROVINCE_APPROVER,
                region=PROVINCE,
                at=review_world.OPENED_AT,
            )
            ride_the_metro()
            running.start_web(
                "tests.browser.another_day:application",
                **{another_day.VARIABLE: str(calendar.file), "PORTAL_BROKER_DB": BROKER},
            )
            patch.setattr(clock, "now", another_day.moved(calendar.file))
            world = World(running, None, None, {}, Things())  # type: ignore[arg-type]  # nobody else's things
            yield Cast(browser, world, desk, approver, calendar)
        finally:
            running.stop()
            database.point_django_at(before)
            database.drop(name)


def ride_the_metro() -> None:
    """Records that a simulation can read: twelve people, three rides each, counted by the version in force."""
    now = clock.now()
    credits.set_points_rule(num=1, den=100, effective_from=dt.date(2025, 1, 1), source="测试规则", at=now)
    credits.fund_pool(region=PROVINCE, sponsor=None, points=1_000_000, actor=None, at=now, key="review")
    for number in range(1, 13):
        traveller = resident(f"+86158{number:08d}")
        for back in range(1, 4):
            day = clock.today() - dt.timedelta(days=back * 2)
            start = clock.local_midnight(day) + dt.timedelta(hours=9)
            submit_record(
                participant=person_of(traveller).participant, person=person_of(traveller), region=GUANGZHOU,
                activity="metro_trip", inputs={"distance": str(3 + number)}, started_at=start,
                ended_at=start + dt.timedelta(minutes=30), source_record_id=f"ride-{number}-{back}",
                channel=Channel.PAGE, at=now,
            )  # fmt: skip
    credits.quantify_pending(at=now, until_empty=True)


# -- the walk ----------------------------------------------------------------------------------------------------------


def test_from_a_citys_draft_to_a_resident_who_is_counted_by_it(cast: Cast) -> None:
    in_force = cast.calendar.first + dt.timedelta(days=140)
    draft_it(cast, in_force)
    forward_it(cast)
    cast.calendar.pass_by(1)
    accept_it(cast)
    cast.calendar.pass_by(2)
    let_experts_speak(cast)
    ask_departments(cast)
    cast.calendar.turn_to(due_day("joint_signing") + dt.timedelta(days=1))
    go_public(cast)
    comment_on_it(cast)
    cast.calendar.turn_to(due_day("public_comment") + dt.timedelta(days=1))
    answer_and_ask_for_approval(cast)
    approve_it(cast)
    published_on = publish_it(cast)
    read_it(cast, published_on)
    cast.calendar.turn_to(in_force + dt.timedelta(days=1))  # the ride was the day before: its first
    travel_by_it(cast)
    assert cast.heard() == []


def version() -> MethodologyVersion:
    return MethodologyVersion.objects.get(methodology_id="GZ-METRO-RIDE", version="1.1")


def due_day(state: str) -> dt.date:
    """The last day of a step, as the portal set it."""
    due = Stage.objects.get(version=version(), state=state).due_on
    assert due is not None
    return due


# -- drafting and forwarding -------------------------------------------------------------------------------------------


def draft_it(cast: Cast, in_force: dt.date) -> None:
    """A revision of the version in force: by forms, and one change in the text; refused while a chapter is empty."""
    page = cast.at_desk(cast.desk.city_officer, "起草")
    page.get_by_role("link", name="新起草").first.click()
    page.get_by_label("从哪里开始").select_option(label=f"{TITLE} · {BASE}")
    page.get_by_role("button", name="开始起草").click()
    page.get_by_label("生效日期").fill(in_force.isoformat())
    save(page)
    change_the_value(page, in_force)
    break_and_mend_the_formula(page)
    leave_a_chapter_empty(page)
    write_it_in_the_text(page)
    page.get_by_role("link", name="草案概况").click()
    expect(page.locator("#check")).to_contain_text("可以报送")
    page.get_by_role("button", name="申请报送").click()
    expect(page.get_by_role("status").first).to_contain_text("另一位同事审定后报送省级")
    expect(page.get_by_role("main")).to_contain_text("自己不能审定自己提交的内容")


def part(page: Page, title: str) -> None:
    """Open a part of the draft."""
    page.get_by_role("navigation", name="草案的各部分").get_by_role("link", name=title, exact=True).click()
    expect(page.locator("[aria-current=page]").filter(has_text=title)).to_be_visible()
    assert outline(page) == []


def save(page: Page) -> None:
    """Press the form's own button and wait for the page that comes back."""
    with page.expect_navigation():
        page.locator("#draft-form button.primary").click()


def change_the_value(page: Page, in_force: dt.date) -> None:
    """The grams of a ride; examples worked by the old value and on days before the new one are out until they are mended."""
    part(page, "参数和来源")
    page.get_by_label("数值").fill("498.2")
    page.get_by_label("出处").fill("广州市地铁 2026 年能耗统计，表 2")
    page.get_by_label("复核期限").fill((clock.today() + dt.timedelta(days=700)).isoformat())
    check = page.locator("#check")
    expect(check).to_contain_text("已自动保存")
    expect(check.locator(".pill.no", has_text="不一致")).to_have_count(2)
    part(page, "算例")
    for number in (0, 1):
        page.get_by_label("应得（克）").nth(number).fill("498")
    for day in page.get_by_label("行为日期").all():
        day.fill(in_force.isoformat())
    save(page)
    expect(check).to_contain_text("4 个与手算一致")


def break_and_mend_the_formula(page: Page) -> None:
    """Grams and kilometres are not added: the panel says so while it is typed, and proves the units of what is right."""
    part(page, "公式和取整")
    formula, check = page.get_by_label("公式", exact=True), page.locator("#check")
    right = formula.input_value()
    formula.fill("saving_per_ride + distance")
    expect(check).to_contain_text("没有证明")
    expect(check.locator(".findings .pill.no").first).to_have_text("须改正")
    formula.fill(right)
    expect(check.locator(".calc b").first).to_have_text("g_co2e")
    expect(check).to_contain_text("已证明")


def leave_a_chapter_empty(page: Page) -> None:
    """Without its chapter on monitoring it is not forwarded, and the page says what is missing."""
    part(page, "正文各章")
    page.get_by_label("监测").fill("")
    save(page)
    page.get_by_role("link", name="草案概况").click()
    page.get_by_role("button", name="申请报送").click()
    expect(page.get_by_role("alert")).to_contain_text("不能报送")
    expect(page.get_by_role("alert")).to_contain_text("监测")


def write_it_in_the_text(page: Page) -> None:
    """The missing chapter is written in the whole text, and stands in the form."""
    part(page, "全文（YAML）")
    source = page.locator("#source")
    text, count = re.subn(r"(?m)^  monitoring:.*\n", f"  monitoring: |\n    {MONITORING}\n", source.input_value())
    assert count == 1, text
    source.fill(text)
    save(page)
    part(page, "正文各章")
    expect(page.get_by_label("监测")).to_have_value(re.compile(MONITORING))


def forward_it(cast: Cast) -> None:
    """市级报送 by another person, from the work list."""
    page = cast.page(cast.city_approver)
    page.goto(cast.world.url + "/staff/todo/")
    page.get_by_role("main").get_by_role("link", name=TITLE).click()
    page.get_by_role("button", name="审定并报送省级").click()
    expect(page.get_by_role("status").first).to_contain_text("已报送省级")
    expect(page.get_by_role("main")).to_contain_text(f"已作为 {NEXT} 报送")


# -- the province ------------------------------------------------------------------------------------------------------


def card(page: Page, heading: str) -> Locator:
    """A section of the page by its heading."""
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=heading, exact=True))


def said(page: Page, words: str) -> None:
    """What the page answers to a deed."""
    expect(page.get_by_role("status").first).to_contain_text(words)


def refused(page: Page, words: str) -> None:
    """The sentence that says why a deed was not done."""
    expect(page.locator(".error-summary")).to_contain_text(words)


def accept_it(cast: Cast) -> None:
    """省级受理: refused while the list has a gap, then accepted; experts are invited."""
    page = cast.at_review(cast.desk.officer)
    form = card(page, "省级受理")
    for box in form.get_by_role("checkbox").all()[:-1]:
        box.check()
    form.get_by_role("button", name="受理", exact=True).click()
    refused(page, "缺 1 项")
    form.get_by_role("checkbox").last.check()
    form.get_by_role("button", name="受理", exact=True).click()
    said(page, "受理结果已记录")
    for one in cast.desk.experts:
        card(page, "专家论证").get_by_label(person_of(one).name, exact=True).check()
    page.get_by_role("button", name="发出邀请").click()
    said(page, "已邀请专家")


def let_experts_speak(cast: Cast) -> None:
    """Nobody speaks before the declaration; who has a conflict is heard and not counted."""
    first, second, third = cast.desk.experts
    page = cast.at_review(first)
    expect(page.get_by_role("main")).to_contain_text("保存声明后才能提交意见")
    expect(page.get_by_role("button", name="签名并提交")).to_have_count(0)
    assert "请先声明" in page.evaluate(OPINION_BEFORE_DECLARATION), "nor is it taken from who goes past the page"
    speak(page, "没有利益冲突", "同意", "数据可得，公式可复算。")
    speak(cast.at_review(second), "没有利益冲突", "修改后同意", "建议补充能耗统计的口径。")
    speak(cast.at_review(third), "有利益冲突", "同意", "同意。")
    page = cast.at_review(cast.desk.officer)
    experts = card(page, "专家论证")
    expect(experts).to_contain_text("计入 2 份，同意 2 份")
    expect(experts).to_contain_text("与申报单位有合作，按规则不计入表决")
    expect(experts.get_by_text("不计入表决", exact=True)).to_have_count(1)


def speak(page: Page, conflict: str, verdict: str, words: str) -> None:
    """Declare, then sign."""
    page.get_by_label(conflict, exact=True).check()
    if conflict == "有利益冲突":
        page.get_by_role("button", name="保存声明").click()
        refused(page, "请写明是什么冲突")
        page.get_by_label("冲突情况").fill("与申报单位有合作")
    page.get_by_role("button", name="保存声明").click()
    said(page, "声明已保存")
    page.get_by_label(verdict, exact=True).check()
    page.get_by_label("意见和理由").fill(words)
    page.get_by_role("button", name="签名并提交").click()
    said(page, "意见已签名保存")


def ask_departments(cast: Cast) -> None:
    """会签: one department answers, one stays silent and is reminded; before its term is over nobody goes on."""
    page = cast.at_review(cast.desk.officer)
    page.get_by_role("button", name="结束论证，送会签").click()
    said(page, "已送部门会签")
    cast.calendar.pass_by(2)
    clerk = cast.at_review(cast.desk.departments["ecology"])
    clerk.get_by_label("同意", exact=True).check()
    clerk.get_by_role("button", name="提交会签意见").click()
    said(clerk, "会签意见已保存")
    page.reload()
    page.get_by_role("button", name="结束会签，开始公示").click()
    refused(page, "省交通运输厅还没有答复")
    page.get_by_role("button", name="催办").click()
    said(page, "已催办")


def go_public(cast: Cast) -> None:
    """The term is over: silence is written down as silence."""
    page = cast.at_review(cast.desk.officer)
    expect(card(page, "会签")).to_contain_text("未答复（已催 1 次）。记录为“未答复”，不视为同意。")
    page.get_by_role("button", name="结束会签，开始公示").click()
    said(page, "公示已开始")


def comment_on_it(cast: Cast) -> None:
    """公示: a resident finds it from the catalogue and says something under a name of her choice."""
    page = cast.page(cast.desk.resident, PHONE)
    page.goto(cast.world.url + "/methodologies/")
    page.get_by_role("link", name="公示中的方法学").click()
    page.get_by_role("link", name=TITLE).click()
    page.get_by_label("您的意见").fill("换乘算一个乘次还是两个？请写清楚。")
    page.get_by_label("公开署名").fill("老街坊")
    page.get_by_role("button", name="提交意见").click()
    expect(page.get_by_role("status").first).to_contain_text("意见已收到，编号")
    expect(card(page, "意见和答复")).to_contain_text("老街坊")
    expect(card(page, "意见和答复")).to_contain_text("待答复")
    assert outline(page) == []


# -- approval and publication ------------------------------------------------------------------------------------------


def answer_and_ask_for_approval(cast: Cast) -> None:
    """A comment without a reply stands in the way, and so does a text that was never simulated."""
    page = cast.at_review(cast.desk.officer)
    card(page, "提交审定").get_by_role("button", name="提交审定").click()
    refused(page, "还有 1 条意见未答复，不能审定")
    comments = card(page, "公示意见和答复")
    comments.get_by_label("采纳", exact=True).check()
    comments.get_by_label("答复").fill("换乘不出站的算一个乘次，谢谢提醒。")
    comments.get_by_role("button", name="公布答复").click()
    refused(page, "采纳的意见要写明改了什么")
    comments.get_by_label("改了什么").fill("在公开问答里加写换乘的说明。")
    comments.get_by_role("button", name="公布答复").click()
    said(page, "答复已公布")
    card(page, "提交审定").get_by_role("button", name="提交审定").click()
    refused(page, "没有用这份内容做过真实记录试算并存档")
    simulate_it(cast)
    page = cast.at_review(cast.desk.officer)
    expect(page.get_by_role("main")).to_contain_text("真实记录试算已存档")
    card(page, "提交审定").get_by_role("button", name="提交审定").click()
    said(page, "已提交审定")


def simulate_it(cast: Cast) -> None:
    """Started by its page over the rides of a dozen people, read, put on file."""
    page = cast.at_desk(cast.desk.officer, "试算")
    page.get_by_role("link", name="新的试算").first.click()
    page.get_by_label("方法学版本").select_option(label=re_option(page, "方法学版本", NEXT))
    page.get_by_label("地区").select_option(GUANGZHOU)
    page.get_by_role("button", name="开始这次试算").click()
    expect(page.get_by_role("heading", name="进度")).to_be_visible()
    assert credits.run_simulation(pk=Simulation.objects.get().pk)  # the worker's part
    page.get_by_role("button", name="归档供审定").click()  # the page looks by itself whether it is done
    expect(page.get_by_role("main")).to_contain_text("这份报告已归档")
    assert outline(page) == []


def re_option(page: Page, label: str, start: str) -> str:
    """The whole label of the option that starts so."""
    field = page.get_by_label(label)
    field.wait_for()  # the page before may still be there
    options = field.locator("option").all_inner_texts()
    return next(text for text in options if text.startswith(start))


def approve_it(cast: Cast) -> None:
    """审定: not by an author, whatever other role that person holds; by the approver, of exactly this text."""
    author = cast.at_review(cast.desk.city_officer)
    expect(author.get_by_role("main")).to_contain_text("您是起草人之一，不能审定。请由另一位审定人操作。")
    expect(author.get_by_role("button", name="同意，予以审定")).to_have_count(0)
    officer = cast.at_review(cast.desk.officer)
    expect(officer.get_by_role("main")).to_contain_text("已提交审定，等待审定人决定")
    expect(officer.get_by_role("button", name="同意，予以审定")).to_have_count(0)

    page = cast.page(cast.desk.approver)
    page.goto(cast.world.url + "/staff/todo/")
    page.get_by_role("main").get_by_role("link", name=TITLE).click()
    expect(page.locator("p.hash")).to_contain_text(version().sha256)
    page.get_by_role("button", name="同意，予以审定").click()
    said(page, "审定结果已记录")


def publish_it(cast: Cast) -> dt.date:
    """发布: under a number, after another one is refused whose officer let the notice period slip by."""
    day = clock.today()
    late = approved_and_left_lying(cast, day)
    page = cast.at_review(cast.desk.officer, late)
    page.get_by_role("button", name="编号并发布").click()
    earliest = day + dt.timedelta(days=30)
    refused(page, f"生效日期须晚于公布 30 天（规则 3.2）。文件写的是 {day + dt.timedelta(days=15)}，最早 {earliest}。")
    page = cast.at_review(cast.desk.officer)
    page.get_by_role("button", name="编号并发布").click()
    said(page, "已发布。内容从此不能改动。")
    return day


def approved_and_left_lying(cast: Cast, day: dt.date) -> str:
    """Another method that was approved twenty days ago and begins in fifteen: made by the services, on days gone by."""
    begins = ("effective_from: 2025-01-01", f"effective_from: {day + dt.timedelta(days=15)}")
    title = ("title: {zh: ", "title: {zh: 放久了的")
    with review_world.beginning(clock.now() - dt.timedelta(days=60)):
        made = review_world.walk_to("approved", cast.desk, code="GZ-LEFT-LYING", edits=(begins, title))
    return made.title_zh


# -- in public ---------------------------------------------------------------------------------------------------------


def read_it(cast: Cast, published_on: dt.date) -> None:
    """The catalogue lists it; its page has number, hash and the whole way with its days; the minutes name by surname."""
    page = cast.page(cast.desk.resident)
    page.goto(cast.world.url + "/methodologies/?q=GZ-METRO-RIDE")
    page.locator("main li").filter(has_text="1.1").get_by_role("link").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text(f"{published_on.year}-001")
    expect(main.get_by_text(version().sha256).first).to_be_visible()
    way = main.locator(".timeline li")
    expect(way).to_have_count(8)
    for step in way.all():
        expect(step).to_have_class("done")
        expect(step.locator(".s")).to_have_text(re.compile(r"\d"))
    expect(main).to_contain_text("发起人和审定人是不同的人")
    assert outline(page) == []
    main.get_by_role("link", name="公示意见和答复").click()
    expect(card(page, "意见和答复")).to_contain_text("在公开问答里加写换乘的说明")
    page.get_by_role("link", name="论证和会签纪要").click()
    expect(main).to_contain_text("邀请 3 位专家，计入表决 2 份：同意 2 份，不同意 0 份")
    expect(main).to_contain_text("记录为“未答复”，不视为同意")
    assert outline(page) == []


def travel_by_it(cast: Cast) -> None:
    """498.2 g a ride, whatever its length; half of it without a proof: 249 g."""
    page = cast.page(cast.desk.resident)
    page.goto(cast.world.url + "/records/new?activity=metro_trip")
    page.locator("#id_input_distance").fill("12.4")
    expect(page.locator("#estimate")).to_contain_text("249")
    page.select_option("#id_day", index=1)
    page.fill("#id_start", "08:00")
    page.get_by_role("button", name="提交行程").click()
    page.wait_for_url(re.compile(r"/records/\d+$"))
    credits.quantify_pending(at=clock.now(), until_empty=True)  # the worker's part
    page.reload()
    page.get_by_role("link", name="怎么算的").click()
    for words in ("GZ-METRO-RIDE", "1.1", "498.2", "498 × 50%", "= 249 克"):
        expect(page.get_by_role("main")).to_contain_text(words)

"""The product as its users walk it: a phone, a real worker, a till, and numbers that agree to the point."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import Participant, User
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from credits.ledger.selectors import spendable_points
from merchants.models import Voucher
from tests.browser.look import Watch
from tests.browser.world import OFFER_COST, World, open_context
from tests.merchants.world import give_points
from tests.people import resident

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SHENZHEN, NANSHAN = "440300", "440305"
SEEDED = 30


def test_from_a_phone_number_to_a_coffee_and_back(browser: Browser, world: World) -> None:
    context, watch = open_context(browser, world)
    page = context.new_page()

    participant = sign_up(page, world, phone="13812345678")
    choose_no_consent(page, world)
    record = log_metro_trip(page, world)
    wait_for_final(page)
    read_the_trace(page, record)

    # 289 g at 1 point for 100 g: 2 points, and 89 g wait for the next deed.
    assert statement_of(page, world) == (2, [2])
    give_points(participant, SEEDED, at=clock.now(), year=clock.today().year)
    assert statement_of(page, world) == (2 + SEEDED, [SEEDED, 2])

    digits = take_voucher(page, world)
    assert statement_of(page, world)[0] == 2 + SEEDED - OFFER_COST
    first, first_watch = till_of(browser, world, 0)
    second, second_watch = till_of(browser, world, 1)
    verdict = type_code(first, digits)
    expect(verdict).to_have_attribute("data-verdict", "ok")
    expect(verdict).to_contain_text("可以给货")
    expect(verdict).to_contain_text("中杯咖啡")
    refused = type_code(second, digits)
    expect(refused).to_have_attribute("data-verdict", "no")
    expect(refused).to_contain_text("已核销")
    expect(refused).to_contain_text("北京路店")
    expect(refused).to_contain_text("店员1号")
    captured_at = Voucher.objects.get(participant=participant).closed_at
    assert captured_at is not None
    expect(refused).to_contain_text(captured_at.astimezone(clock.LOCAL_ZONE).strftime("%H:%M"))

    balance, lines = statement_of(page, world)
    assert (balance, sum(lines)) == (25, 25)
    assert spendable_points(participant.uuid) == 25

    first.get_by_role("button", name="撤销").first.click()  # the newest
    expect(first.get_by_role("status")).to_contain_text("碳币已退回顾客")
    balance, lines = statement_of(page, world)
    assert (balance, sum(lines)) == (32, 32)
    assert spendable_points(participant.uuid) == 32
    assert watch.heard + first_watch.heard + second_watch.heard == []


# -- the steps of the walk ---------------------------------------------------------------------------------------------


def sign_up(page: Page, world: World, *, phone: str) -> Participant:
    """Phone, city and terms; the code comes from the demo's outbox; the account stands."""
    page.goto(world.url + "/")
    page.get_by_role("link", name="手机号注册").click()
    page.fill("#id_phone", phone)
    page.select_option("#id_region", SHENZHEN)
    terms = page.locator("#id_terms")
    assert not terms.is_checked(), "nobody agrees by default"
    page.get_by_role("button", name="获取验证码").click()
    expect(page.locator(".error-summary")).to_be_visible()
    assert page.title().startswith("错误：")
    page.locator("#id_terms").check()
    page.get_by_role("button", name="获取验证码").click()
    expect(page.locator("h1")).to_have_text("输入验证码")

    outbox = page.context.new_page()
    outbox.goto(world.url + "/demo/outbox/")
    found = re.search(r"\d{6}", outbox.locator("main li").first.inner_text())
    assert found, outbox.locator("main").inner_text()
    outbox.close()
    page.fill("#id_code", found[0])
    page.get_by_role("button", name="确认", exact=True).click()
    expect(page.locator("h1")).to_have_text("账户已开通")
    return User.objects.get(phone=f"+86{phone}").person.participant  # type: ignore[union-attr]


def choose_no_consent(page: Page, world: World) -> None:
    """Scenes are asked one by one, and none is on."""
    page.get_by_role("link", name="授权自动记录").click()
    switches = page.get_by_role("switch")
    expect(switches).to_have_count(6)
    assert {switches.nth(index).get_attribute("aria-checked") for index in range(6)} == {"false"}
    switches.first.click()
    expect(switches.first).to_have_attribute("aria-checked", "true")
    switches.first.click()
    expect(switches.first).to_have_attribute("aria-checked", "false")


def log_metro_trip(page: Page, world: World, *, start: str = "08:00") -> BehaviorRecord:
    """12.4 km by metro yesterday morning; the estimate comes while typing."""
    page.goto(world.url + "/records/new?activity=metro_trip")
    page.locator("#id_input_distance").press_sequentially("12.4", delay=40)
    expect(page.locator("#estimate")).to_contain_text("289")
    page.select_option("#id_day", index=1)
    page.fill("#id_start", start)
    assert page.input_value("#id_minutes") == "22", "12.4 km at 35 km/h"
    before = set(BehaviorRecord.objects.values_list("pk", flat=True))
    page.get_by_role("button", name="提交行程").click()
    page.wait_for_url(re.compile(r"/records/\d+$"))
    (new,) = BehaviorRecord.objects.exclude(pk__in=before)
    return new


def wait_for_final(page: Page) -> None:
    """The worker is another process; a person looks again until the record is final."""
    end = time.monotonic() + 30
    while not page.get_by_text("减碳量（终算）").is_visible():
        assert time.monotonic() < end, page.locator("main").inner_text()
        time.sleep(0.3)
        page.reload()


def read_the_trace(page: Page, record: BehaviorRecord) -> None:
    """Shenzhen's method by hand: 12.4 km × 46.7 g/km = 579.08 g → 579 g; half of it without proof: 289.5 → 289 g."""
    page.get_by_role("link", name="怎么算的").click()
    expect(page).to_have_url(re.compile(rf"/records/{record.pk}/trace$"))
    text = page.locator("main").inner_text()
    for part in ("SZ-METRO-TRIP", "12.4 × 46.7", "579.08", "= 579 克", "579 × 50%", "= 289 克", "《深圳商报》"):
        assert part in text, f"{part} is not in the trace:\n{text}"


def statement_of(page: Page, world: World) -> tuple[int, list[int]]:
    """The balance and the lines as the resident reads them."""
    page.goto(world.url + "/statement")
    amounts = page.locator("main li .amt").all_inner_texts()
    return number(page.locator("main .result").inner_text()), [number(text) for text in amounts]


def number(text: str) -> int:
    return int(text.replace(",", "").replace("−", "-").replace("+", ""))


def take_voucher(page: Page, world: World) -> str:
    """An offer, a press, a ticket with its QR and eight digits."""
    page.goto(world.url + "/offers/")
    page.get_by_role("link", name="中杯咖啡").click()
    page.get_by_role("button", name="兑换").click()
    expect(page.locator(".qr svg")).to_be_visible()
    digits = page.locator(".digits")
    expect(digits).to_be_visible()
    code = re.sub(r"\D", "", digits.inner_text())
    assert len(code) == 8
    return code


def till_of(browser: Browser, world: World, index: int) -> tuple[Page, Watch]:
    """A cashier's phone, logged in."""
    context, watch = open_context(browser, world, world.exchange.tills[index])
    page = context.new_page()
    page.goto(world.url + "/till/")
    expect(page.locator("h1")).to_have_text(world.exchange.shops[index].name)
    return page, watch


def type_code(till: Page, digits: str):  # type: ignore[no-untyped-def]
    """Type eight digits as a cashier does and give back the verdict."""
    till.fill("#id_code", f"{digits[:4]} {digits[4:]}")
    till.get_by_role("button", name="核销").click()
    verdict = till.locator("[data-verdict]")
    expect(verdict).to_be_visible()
    return verdict


# -- other ways through the same pages ---------------------------------------------------------------------------------


def someone(number: int) -> tuple[User, Participant]:
    """A resident of Shenzhen who lives in one test only."""
    user = resident(f"+8615000000{number:03d}", region=SHENZHEN, name="")
    return user, user.person.participant  # type: ignore[union-attr]


def test_an_own_record_can_be_taken_back_while_it_is_provisional(browser: Browser, world: World) -> None:
    user, _ = someone(1)
    context, watch = open_context(browser, world, user)
    page = context.new_page()
    page.goto(world.url + "/records/new?activity=old_clothes")
    page.fill("#id_input_weight", "3.5")
    page.fill("#id_item_serial", "BAG-20261121-7")
    page.get_by_role("button", name="提交记录").click()
    page.wait_for_url(re.compile(r"/records/\d+$"))
    end = time.monotonic() + 30
    while not page.get_by_text("减碳量（暂算）").is_visible():
        assert time.monotonic() < end, page.locator("main").inner_text()
        time.sleep(0.3)
        page.reload()
    page.get_by_role("link", name="撤销这条记录").click()
    page.get_by_role("button", name="确认撤销").click()
    expect(page.get_by_role("status")).to_contain_text("已撤销")
    record = BehaviorRecord.objects.get(item_serial="BAG-20261121-7")
    assert record.state == "reversed"
    page.goto(f"{world.url}/records/{record.pk}")
    expect(page.locator("main")).to_contain_text("已撤销")
    assert page.get_by_role("link", name="撤销这条记录").count() == 0
    assert watch.heard == []


def test_a_form_sent_twice_changes_nothing(browser: Browser, world: World) -> None:
    user, participant = someone(3)
    give_points(participant, SEEDED, at=clock.now(), year=clock.today().year)
    context, watch = open_context(browser, world, user)
    page = context.new_page()
    page.goto(world.url + "/records/new?activity=metro_trip")
    page.fill("#id_input_distance", "12.4")
    page.select_option("#id_day", index=1)
    page.fill("#id_start", "10:00")
    send_twice(page, "#record-form")
    assert BehaviorRecord.objects.filter(participant=participant).count() == 1

    page.goto(world.url + f"/offers/{world.exchange.offer.pk}/")
    send_twice(page, "main form[action*='/offers/']")
    voucher = Voucher.objects.get(participant=participant)
    page.goto(f"{world.url}/vouchers/{voucher.pk}/")
    expect(page.locator(".digits")).to_be_visible()
    digits = re.sub(r"\D", "", page.locator(".digits").inner_text())

    till, till_watch = till_of(browser, world, 0)
    till.fill("#id_code", digits)
    send_twice(till, "main form[action*='capture']")
    voucher.refresh_from_db()
    assert voucher.state == "captured"
    till.goto(world.url + "/till/")
    send_twice(till, f"form[action*='{voucher.pk}/refund']")
    assert spendable_points(participant.uuid) in (SEEDED, SEEDED + 2)
    voucher.refresh_from_db()
    assert voucher.state == "refunded"
    assert watch.heard + till_watch.heard == []


def send_twice(page: Page, selector: str) -> None:
    """The same form, byte by byte, sent twice as two impatient taps do; both answers are pages, not errors 500."""
    statuses = page.evaluate(
        """async (selector) => {
          const form = document.querySelector(selector);
          const send = () => fetch(form.action, { method: 'POST', body: new FormData(form) }).then((answer) => answer.status);
          return Promise.all([send(), send()]);
        }""",
        selector,
    )
    assert 200 in statuses, statuses
    assert max(statuses) < 500, statuses


def test_logging_and_redeeming_work_without_javascript(browser: Browser, world: World) -> None:
    user, participant = someone(4)
    give_points(participant, SEEDED, at=clock.now(), year=clock.today().year)
    context, watch = open_context(browser, world, user, java_script_enabled=False)
    page = context.new_page()
    page.goto(world.url + "/records/new?activity=metro_trip")
    page.fill("#id_input_distance", "12.4")
    page.select_option("#id_day", index=1)
    page.fill("#id_start", "11:00")
    page.get_by_role("button", name="提交行程").click()
    page.wait_for_url(re.compile(r"/records/\d+$"))
    wait_for_final(page)

    page.goto(world.url + "/offers/")
    page.get_by_role("link", name="中杯咖啡").click()
    page.get_by_role("button", name="兑换").click()
    expect(page.locator(".qr svg")).to_be_visible()
    page.get_by_role("button", name="显示 8 位数字").click()
    digits = re.sub(r"\D", "", page.locator(".digits").inner_text())
    till_context, till_watch = open_context(browser, world, world.exchange.tills[1], java_script_enabled=False)
    till = till_context.new_page()
    till.goto(world.url + "/till/")
    expect(type_code(till, digits)).to_have_attribute("data-verdict", "ok")
    balance, lines = statement_of(page, world)
    assert balance == sum(lines) == spendable_points(participant.uuid) == SEEDED + 2 - OFFER_COST
    assert watch.heard + till_watch.heard == []

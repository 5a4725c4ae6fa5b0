"""Three tasks with the keyboard alone: log a trip, take a voucher, capture it at the till."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts.models import Participant, User
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from merchants.models import Voucher
from tests.browser.look import Watch
from tests.browser.states import fresh_code
from tests.browser.world import World, open_context
from tests.merchants.world import give_points
from tests.people import resident

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SHENZHEN = "440300"


def someone(number: int) -> tuple[User, Participant]:
    """A resident of Shenzhen who lives in one test only."""
    user = resident(f"+8615100000{number:03d}", region=SHENZHEN, name="")
    return user, user.person.participant  # type: ignore[union-attr]


def keyboard_page(browser: Browser, world: World, user: User, path: str) -> tuple[Page, Watch]:
    """A desk without a mouse: a page on which nothing can be clicked, tapped or pointed at."""
    context, watch = open_context(browser, world, user)
    page = context.new_page()
    page.goto(world.url + path)
    return page, watch


def tab_to(page: Page, selector: str, *, within: int = 80) -> None:
    """Press Tab until the focus is there; every stop on the way shows where it is, and nothing hides it."""
    for _ in range(within):
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP, selector)
        assert stop["outline"], f"no visible focus on {stop['html']}"
        if stop["there"]:
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


#: Where the focus is, whether it is the wanted place, and whether it can be seen: on the element, its label or its box.
_STOP = """(wanted) => {
  const here = document.activeElement;
  const shown = [here, here.parentElement, here.nextElementSibling, here.closest('label'), here.closest('li')];
  const outlined = (one) => {
    const style = one ? getComputedStyle(one) : null;
    return style !== null && style.outlineStyle !== 'none' && style.outlineWidth !== '0px';
  };
  return { there: here.matches(wanted), html: here.outerHTML.slice(0, 120), outline: here === document.body || shown.some(outlined)
    || getComputedStyle(here, '::after').outlineStyle !== 'none' };
}"""


def test_a_trip_is_logged(browser: Browser, world: World) -> None:
    user, participant = someone(2)
    page, watch = keyboard_page(browser, world, user, "/")
    tab_to(page, "a[href*='metro_trip']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/records/new?activity=metro_trip")
    tab_to(page, "#id_input_distance")
    page.keyboard.type("12.4")
    tab_to(page, "#id_day")
    page.keyboard.press("ArrowDown")
    tab_to(page, "#id_start")
    page.keyboard.type("0915")
    tab_to(page, "#record-form button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/records/\d+$"))
    record = BehaviorRecord.objects.get(participant=participant)
    assert record.inputs == {"distance": "12.4"}
    assert record.started_at is not None
    assert record.started_at.astimezone(clock.LOCAL_ZONE).strftime("%I:%M") == "09:15"
    assert watch.heard == []


def test_a_voucher_is_taken_and_shown(browser: Browser, world: World) -> None:
    user, participant = someone(3)
    give_points(participant, 30, at=clock.now(), year=clock.today().year)
    page, watch = keyboard_page(browser, world, user, "/")
    tab_to(page, ".tabbar a[href='/offers/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/offers/")
    tab_to(page, f"main a[href*='{world.exchange.offer.pk}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/offers/{world.exchange.offer.pk}/")
    tab_to(page, "main form button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/vouchers/"))
    voucher = Voucher.objects.get(participant=participant)
    assert page.url.endswith(f"/vouchers/{voucher.pk}/")
    expect(page.locator(".digits")).to_be_visible()
    assert watch.heard == []


def test_a_code_is_captured_at_the_till_and_taken_back(browser: Browser, world: World) -> None:
    code = fresh_code(world)
    page, watch = keyboard_page(browser, world, world.exchange.tills[1], "/till/")
    tab_to(page, "#id_code")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    verdict = page.locator("[data-verdict=ok]")
    expect(verdict).to_be_visible()
    expect(verdict, "the answer is read out at once").to_be_focused()
    voucher = Voucher.objects.filter(state="captured").latest("closed_at")
    tab_to(page, f"form[action*='{voucher.pk}/refund'] button")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_be_visible()
    voucher.refresh_from_db()
    assert voucher.state == "refunded"
    assert watch.heard == []


def test_a_place_that_the_keyboard_cannot_reach_is_found(browser: Browser) -> None:
    context: BrowserContext = browser.new_context()
    page = context.new_page()
    page.set_content('<a href="#here">one</a><div id="here" onclick="void 0">two</div>')
    with pytest.raises(AssertionError, match="does not reach #here"):
        tab_to(page, "#here", within=5)
    page.set_content('<style>:focus { outline: none }</style><a id="one" href="#one">one</a>')
    with pytest.raises(AssertionError, match="no visible focus"):
        tab_to(page, "#one", within=5)
    context.close()

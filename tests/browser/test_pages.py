"""Every page as everybody: the right status, no sideways scrolling at 360 px, a silent console, axe-core without complaint."""

import hashlib
import json
import os
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from accounts.models import User
from behaviors.models import BehaviorRecord
from behaviors.services import submit_record
from carbon_portal.kernel import clock
from credits import services as credits
from merchants import services as merchants
from merchants.models import Voucher
from tests.browser.world import AXE, DESK, NARROW, World, axe_violations, chinese_left, open_context, overflow, prefer
from tests.merchants.world import give_points
from tests.people import GUANGZHOU, person_of, resident

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LOGIN, REFUSED, HIDDEN = "login", 403, 404
EVERYBODY = {
    "/": 200, "/account/login/": 200, "/account/login/password/": 200, "/account/signup/": 200, "/terms/": 200,
    "/demo/outbox/": 200, "/methodologies/": 200, "/methodologies/SZ-METRO-TRIP/1.0/": 200, "/dashboards/": 200,
    "/dashboards/440100/": 200, "/dashboards/440000/trace/": 200, "/dashboards/440000/counts/": 200, "/offers/": 200, "/offers/{offer}/": 200,
    "/api/v1/docs/": 200, "/staff/styleguide/": 200, "/nowhere/": 404, "/dashboards/330000/": 404,
    "/dashboards/?period=century": 400,
}  # fmt: skip
OWN = (
    "/me/", "/me/name/", "/me/welcome/", "/me/consents/", "/me/household/", "/me/firms/", "/me/firms/new/", "/records/",
    "/records/?state=rejected", "/records/new", "/records/new?activity=old_clothes", "/statement", "/vouchers/",
    "/account/logout/", "/account/sessions/",
)  # fmt: skip
#: Pages of one resident; to everybody else they do not exist.
ALICE = (
    "/records/{final}", "/records/{final}/trace", "/records/{provisional}", "/records/{provisional}/cancel",
    "/records/{refused}", "/vouchers/{held}/",
)  # fmt: skip


@dataclass(frozen=True)
class Who:
    """A kind of visitor, what opens for them and what does not."""

    name: str
    pages: dict[str, int | str]


def pages_of(*paths: str, answer: int | str = 200) -> dict[str, int | str]:
    return dict.fromkeys(paths, answer)


CAST = (
    Who("visitor", {**EVERYBODY, **pages_of(*OWN, "/till/", "/staff/", answer=LOGIN), "/account/logout/": 200}),
    Who("resident", {**EVERYBODY, **pages_of(*OWN, *ALICE), **pages_of("/till/", "/staff/", answer=REFUSED)}),
    Who("newcomer", {**pages_of("/", *OWN), **pages_of(*ALICE, answer=HIDDEN)}),
    Who("sme_owner", {**pages_of("/", *OWN, "/me/firms/{firm}/"), **pages_of(*ALICE, answer=HIDDEN)}),
    Who("cashier", {**pages_of("/", "/me/", "/till/"), **pages_of("/staff/", answer=REFUSED)}),
    Who("city_officer", {**pages_of("/", "/staff/", "/dashboards/440100/trace/", "/me/"), "/till/": REFUSED}),
    Who("province_officer", pages_of("/staff/", "/dashboards/", "/dashboards/440000/trace/")),
)
#: Names of people, firms, shops and meters in the world of these tests.
DATA = (
    "榕树头咖啡店", "北京路店", "东山口店", "店员1号", "店员2号", "陈阿姨", "李伯", "陈家", "木棉灯饰有限公司", "何老板", "梁店主",
    "周经办", "郑经办",
    "(户号)",  # what a bill calls it, in brackets
)  # fmt: skip


@pytest.fixture(scope="module")
def names(world: World) -> dict[str, str]:
    """What the pages are about: Alice's records in three states, her held voucher, the firm."""
    alice, now = world.cast.alice_account, clock.now()
    give_points(alice, 50, at=now, year=clock.today().year)
    yesterday = clock.today().fromordinal(clock.today().toordinal() - 1)
    morning = clock.local_midnight(yesterday).replace(microsecond=0)
    common = {"participant": alice, "person": person_of(world.cast.alice), "region": GUANGZHOU, "channel": "page"}

    def deed(key: str, **fields: object) -> BehaviorRecord:
        return submit_record(**common | fields, source_record_id=key, at=now)  # type: ignore[arg-type]

    hour = clock.local_midnight(clock.today()) - clock.local_midnight(yesterday)
    span = {"started_at": morning + hour / 3, "ended_at": morning + hour / 3 + hour / 48}
    final = deed("final", activity="metro_trip", inputs={"distance": "12.4"}, **span)
    same = deed("same", activity="metro_trip", inputs={"distance": "12.4"}, **span)
    bag = deed("bag", activity="old_clothes", inputs={"weight": "3.5"}, occurred_on=yesterday, item_serial="BAG-1")
    credits.quantify_pending(at=now, until_empty=True)
    voucher = merchants.take_voucher(offer=world.exchange.offer, participant=alice, request_key="pages", at=now)
    assert world.cast.sme.organisation is not None
    return {
        "offer": str(world.exchange.offer.pk),
        "final": str(final.pk),
        "refused": str(same.pk),
        "provisional": str(bag.pk),
        "held": str(Voucher.objects.get(pk=voucher.pk).pk),
        "firm": str(world.cast.sme.organisation.uuid),
    }


def user_of(who: str, world: World) -> User | None:
    cast = world.cast
    if who == "newcomer":
        return User.objects.filter(phone="+8615900000009").first() or resident("+8615900000009", name="")
    found = {
        "visitor": None, "resident": cast.alice, "sme_owner": cast.sme_owner, "cashier": world.exchange.tills[0],
        "city_officer": cast.city_officer, "province_officer": cast.province_officer,
    }  # fmt: skip
    return found[who]


def settle(page: Page, address: str) -> Response:
    """Open a page and let its charts and first fragments arrive."""
    answer = page.goto(address)
    assert answer is not None
    if page.locator("[data-chart], [hx-trigger*=load]").count():
        page.wait_for_load_state("networkidle")
    return answer


@pytest.mark.parametrize("who", CAST, ids=lambda who: who.name)
def test_every_page_opens_or_refuses_in_words(browser: Browser, world: World, names: dict[str, str], who: Who) -> None:
    context, watch = open_context(browser, world, user_of(who.name, world), viewport=NARROW)
    page = context.new_page()
    problems = []
    for template, wanted in who.pages.items():
        path = template.format(**names)
        answer = settle(page, world.url + path)
        if wanted == LOGIN:
            if "/account/login/" not in page.url:
                problems.append(f"{path}: the login page was expected, not {page.url} ({answer.status})")
        elif answer.status != wanted:
            problems.append(f"{path}: {answer.status} instead of {wanted}")
        if page.locator("h1").count() != 1:
            problems.append(f"{path}: {page.locator('h1').count()} main headings")
        if (wide := overflow(page)) > 0:
            problems.append(f"{path}: {wide} px too wide at 360")
    context.close()
    assert not problems + watch.heard, "\n".join(problems + watch.heard)


#: Each page once, by somebody who may see it: accessibility does not change with the person.
TO_JUDGE = (
    (
        "visitor",
        [
            path
            for path, status in EVERYBODY.items()
            if path not in {"/offers/{offer}/", "/staff/styleguide/"} and status == 200
        ],
    ),
    ("resident", ["/", *OWN, *ALICE, "/offers/{offer}/", "/nowhere/", "/till/"]),
    ("newcomer", ["/", "/records/", "/statement", "/vouchers/", "/me/household/", "/me/firms/"]),
    ("sme_owner", ["/me/firms/{firm}/"]),
    ("cashier", ["/till/"]),
    ("city_officer", ["/dashboards/440100/", "/dashboards/440100/trace/"]),
)


#: Each language and each size once; with EVERY_MODE=1 each with each.
MODES = [("zh-hans", "normal"), ("en", "large")]
if os.environ.get("EVERY_MODE") == "1":
    MODES += [("zh-hans", "large"), ("en", "normal")]


@pytest.mark.parametrize(("language", "size"), MODES)
def test_axe_core_finds_nothing_serious(
    browser: Browser, world: World, names: dict[str, str], language: str, size: str
) -> None:
    problems: list[str] = []
    for who, paths in TO_JUDGE:
        staff = who in {"city_officer", "province_officer"}
        context, watch = open_context(browser, world, user_of(who, world), viewport=DESK if staff else NARROW)
        prefer(context, world, language=language, size=size)
        page = context.new_page()
        for path in paths:
            settle(page, world.url + path.format(**names))
            problems += [f"{who} {path}: {found}" for found in judge(page, language)]
        problems += watch.heard
        context.close()
    assert not problems, "\n".join(sorted(set(problems)))


def judge(page: Page, language: str) -> list[str]:
    """Rules of axe-core, width, and Chinese left on an English page."""
    found = axe_violations(page)
    if (wide := overflow(page)) > 0:
        found.append(f"{wide} px too wide")
    if language == "en" and page.locator("[lang=en]:not(html)").count() == 0:  # refusals say it in both languages
        found += [f"in Chinese: {text[:80]}" for text in chinese_left(page, DATA)]
    return found


def test_the_rules_of_accessibility_are_the_recorded_ones() -> None:
    """axe-core is vendored with its licence, in the version and with the hash that vendor.json records."""
    folder = AXE.parents[1]
    (library,) = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))["libraries"]
    present = {path.relative_to(folder).as_posix() for path in AXE.parent.iterdir()}
    assert present == library["files"].keys()
    for name, expected in library["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name
    assert "Mozilla Public License" in (AXE.parent / "LICENSE").read_text(encoding="utf-8")
    assert f"axe v{library['version']}" in AXE.read_text(encoding="utf-8")[:200]


def test_axe_core_would_find_something(browser: Browser, world: World) -> None:
    """The net holds: a page with an unlabelled field and pale text is caught."""
    context: BrowserContext = browser.new_context()
    page = context.new_page()
    page.set_content(
        '<html lang="zh"><title>x</title><main><h1>一</h1><input><p style="color:#ccc">看不清的字</p></main>'
    )
    found = "\n".join(axe_violations(page))
    assert "label" in found
    assert "color-contrast" in found
    context.close()

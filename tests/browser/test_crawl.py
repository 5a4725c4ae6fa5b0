"""Every page as everybody: no broken link, no violation of the policy, no other host, a silent console, axe-core content.

A page that no link leads to fails; so does an address that needs an object which tests/browser/world.py does not make.
"""

import hashlib
import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.browser import look
from tests.browser.crawl import EVERYTHING, Crawler, Walk, page_patterns, planting
from tests.browser.world import DATA, NARROW, World, open_context, prefer

pytestmark = [pytest.mark.slow, pytest.mark.browser]

HOMES = {
    "visitor": "/", "resident": "/", "member": "/", "invited": "/", "newcomer": "/", "unopened": "/account/open/",
    "sme_owner": "/", "sme_clerk": "/", "merchant_owner": "/", "cashier": "/till/", "sponsor": "/",
    "city_officer": "/staff/", "city_approver": "/staff/", "province_officer": "/staff/",
    "province_approver": "/staff/", "auditor": "/staff/", "system_admin": "/staff/", "security_admin": "/staff/",
    "expert": "/staff/todo/", "joint_department": "/staff/todo/", "research_institute": "/staff/todo/",
    "verifier": "/staff/todo/",
}  # fmt: skip
GALLERY = "/staff/styleguide/"  # sample words in Chinese; its sizes are tested in test_face.py
#: Pages that no link leads to, and why.
NOT_LINKED = {
    "pages:healthz": "asked by the machine that watches the process",
    "pages:readyz": "asked by the machine that watches the parts",
    "pages:styleguide": "the gallery of components, for those who build pages",
    "account_request_login_code": "the same form as the login, under the library's own name",
    "account_confirm_login_code": "shown once a code is on its way; see the states",
    "account_inactive": "shown to a closed account that logs in",
    "account_reauthenticate": "shown before a change of the login",
    "pages:welcome": "shown once, when the account was opened",
    "credits:recomputation-progress": "asked for by a page while a recomputation is under way",
    "credits:simulation-progress": "asked for by a page while a simulation is under way",
    "account_set_password": "where a change of the password leads a login that has none",
}


@pytest.fixture(scope="module")
def crawler(browser: Browser, world: World) -> Crawler:
    """Shared by the tests of this module: the visitor goes first, so what is public is known to the others."""
    return Crawler(browser, world)


def test_the_world_has_an_object_for_every_address(crawler: Crawler) -> None:
    assert crawler.without_an_object() == []
    assert HOMES.keys() == crawler.world.people.keys()


@pytest.mark.parametrize("who", HOMES)
def test_nothing_is_broken_on_the_way_of(
    crawler: Crawler, who: str, record_property: Callable[[str, object], None]
) -> None:
    walk = crawler.walk(who, HOMES[who])
    record_property("asked", len(walk.statuses))
    record_property("drawn", len(walk.drawn))
    assert not walk.problems, "\n".join(walk.problems)
    assert walk.drawn, "not even the first page was drawn"


def test_a_link_leads_to_every_page(crawler: Crawler) -> None:
    _all_walked(crawler)
    assert not crawler.not_reached(NOT_LINKED), "\n".join(crawler.not_reached(NOT_LINKED))


#: The crawl is in Chinese and normal print; English and large print once, or with EVERY_MODE=1 each with each.
OTHER_MODES = [("en", "large")] + ([("zh-hans", "large"), ("en", "normal")] if EVERYTHING else [])


@pytest.mark.parametrize(("language", "size"), OTHER_MODES)
def test_every_page_reads_as_well_in(crawler: Crawler, browser: Browser, language: str, size: str) -> None:
    _all_walked(crawler)
    problems: list[str] = []
    for who in HOMES:
        context, watch = open_context(browser, crawler.world, crawler.world.people[who], viewport=NARROW)
        look.bring_axe(context)
        prefer(context, crawler.world, language=language, size=size)
        page = context.new_page()
        for path in (path for walker, path in crawler.judged if walker == who and path != GALLERY):
            page.goto(crawler.world.url + path)
            look.settle(page)
            problems += [f"{who} {path}: {found}" for found in look.judge(page, DATA) + watch.take()]
        context.close()
    assert not problems, "\n".join(sorted(set(problems)))


def _all_walked(crawler: Crawler) -> None:
    """When a test is run alone the others have not walked yet."""
    for who, home in HOMES.items():
        if who not in crawler.walks:
            crawler.walk(who, home)


# -- a planted fault is found ------------------------------------------------------------------------------------------

FAULTS = {
    "inline script": ("<script>window.planted = 1</script>", "CSP script-src"),
    "inline style": ('<p style="color: red">朱</p>', "CSP style-src"),
    "foreign picture": ('<img src="https://pictures.example/leaf.png" alt="">', "CSP img-src"),
    "missing picture": ('<img src="/static/img/nowhere.svg" alt="">', "404"),
    "broken link": ('<a href="/methodologies/NO-SUCH/9.9/">往哪里</a>', "links to /methodologies/NO-SUCH/9.9/: 404"),
    "dead anchor": ('<a href="#nowhere">往哪里</a>', "#nowhere leads nowhere"),
    "field without a label": ('<input name="planted">', "label"),
    "two main headings": ("<h1>又一个</h1>", "2 main headings"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_crawl_finds(browser: Browser, world: World, fault: str) -> None:
    html, sign = FAULTS[fault]
    crawler = Crawler(browser, world)
    walk = crawler.walk("visitor", "/terms/", plant=planting(html))
    assert any(sign in problem for problem in walk.problems), walk.problems


def test_the_crawl_finds_a_page_that_nothing_leads_to(browser: Browser, world: World) -> None:
    crawler = Crawler(browser, world)
    everything = set(page_patterns()) - NOT_LINKED.keys()
    crawler.walks["resident"] = Walk("resident", reached=everything - {"credits:statement"})
    assert crawler.not_reached(NOT_LINKED) == ["no link leads to credits:statement"]
    crawler.walks["resident"].reached.add("credits:statement")
    assert crawler.not_reached({**NOT_LINKED, "credits:statement": "planted"}) == [
        "credits:statement needs no exemption"
    ]


PLANTED_STATES = {
    "too wide": (f'<p class="nowrap">{"wide " * 99}</p>', "px too wide at 360 px"),
    "not translated": ("<p>没有译文</p>", "in Chinese: 没有译文"),
    "field without a label": ('<input name="planted">', "label"),
}


@pytest.mark.parametrize("fault", PLANTED_STATES)
def test_the_look_in_english_and_large_print_finds(browser: Browser, world: World, fault: str) -> None:
    html, sign = PLANTED_STATES[fault]
    context, _watch = open_context(browser, world, viewport=NARROW)
    prefer(context, world, language="en", size="large")
    page = context.new_page()
    page.goto(world.url + "/terms/")
    assert look.judge(page, DATA) == []
    context.route("**/*", planting(html))
    page.reload()
    assert any(sign in problem for problem in look.judge(page, DATA))
    context.close()


def test_a_request_to_another_host_is_heard(browser: Browser, world: World) -> None:
    """Past the policy too: a page that has none asks, and is caught."""
    context, watch = open_context(browser, world)
    context.route("https://pictures.example/**", lambda route: route.abort())
    page = context.new_page()
    page.set_content('<img src="https://pictures.example/leaf.png" alt="">')
    page.wait_for_load_state()
    assert any(line.startswith("other host: https://pictures.example/") for line in watch.take())
    context.close()


def test_the_rules_of_accessibility_are_the_recorded_ones() -> None:
    """axe-core is vendored with its licence, in the version and with the hash that vendor.json records."""
    folder = look.AXE.parents[1]
    (library,) = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))["libraries"]
    present = {path.relative_to(folder).as_posix() for path in look.AXE.parent.iterdir()}
    assert present == library["files"].keys()
    for name, expected in library["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name
    assert "Mozilla Public License" in (look.AXE.parent / "LICENSE").read_text(encoding="utf-8")
    assert f"axe v{library['version']}" in look.AXE.read_text(encoding="utf-8")[:200]

"""The people and things that the browser meets, and what it watches for on every page."""

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from accounts.models import User
from carbon_portal.kernel import clock
from credits import services as credits
from tests.merchants.world import Exchange, build_exchange
from tests.people import PROVINCE, Cast, build_cast
from tests.portal import Portal

PHONE = {"width": 390, "height": 844}
NARROW = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
OFFER_COST = 7


@dataclass(frozen=True)
class World:
    """A running portal with everybody in it."""

    portal: Portal
    cast: Cast
    exchange: Exchange

    @property
    def url(self) -> str:
        return self.portal.url


def build_world(portal: Portal) -> World:
    """The cast, a points rule of 1 for 100 g, a funded pool, a merchant with two tills and one offer."""
    now = clock.now()
    cast = build_cast()
    credits.set_points_rule(num=1, den=100, effective_from=dt.date(2025, 1, 1), source="测试规则", at=now)
    credits.fund_pool(region=PROVINCE, sponsor=None, points=1_000_000, actor=None, at=now, key="browser")
    return World(portal, cast, build_exchange(cast, cost=OFFER_COST, at=now))


def session_of(user: User) -> str:
    """A logged-in session, made without the login page."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


# -- a watched browser -------------------------------------------------------------------------------------------------

#: Violations of the content security policy reach the console in any browser language.
REPORT_CSP = (
    "addEventListener('securitypolicyviolation', e => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`))"
)


@dataclass
class Watch:
    """What must stay empty while somebody walks: console errors, script errors, requests to other hosts, errors 500."""

    host: str
    heard: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT_CSP)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.heard.append(f"script: {error.error}"))
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # A refusal (4xx) that a test provokes is reported by the browser itself: the test looks at its status. htmx
        # reports an estimate that was under way when the person went to the next page; a bad answer is responseError.
        ignored = r"status of 4\d\d|htmx:(afterRequest|sendError|sendAbort)"
        if message.type in {"error", "warning"} and not re.search(ignored, message.text):
            self.heard.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.host, "data:", "blob:", "about:")):
            self.heard.append(f"other host: {request.url}")


def open_context(
    browser: Browser, world: World, user: User | None = None, **options: Any
) -> tuple[BrowserContext, Watch]:
    """A person's phone (or, with a viewport, another screen), logged in, watched."""
    settled = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": PHONE, "reduced_motion": "reduce"}
    context = browser.new_context(**settled | options)
    watch = Watch(world.url)
    watch.attach(context)
    if user is not None:
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(user), "url": world.url}])
    return context, watch


def prefer(context: BrowserContext, world: World, **cookies: str) -> None:
    """Set preferences (language, size) as their switches do."""
    context.add_cookies([{"name": name, "value": value, "url": world.url} for name, value in cookies.items()])


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen; 0 or less is right."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


#: Text of visible nodes and of the attributes that are read aloud, outside of what is marked as Chinese.
_VISIBLE_TEXT = """() => {
  const found = [];
  const chinese = (element) => element.closest('[lang^="zh"]') !== null;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent || ['SCRIPT', 'STYLE', 'TEMPLATE', 'NOSCRIPT'].includes(parent.tagName) || chinese(parent)) continue;
    if (parent.checkVisibility({ visibilityProperty: true })) found.push(walker.currentNode.data.trim());
  }
  for (const element of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')) {
    if (chinese(element)) continue;
    for (const name of ['aria-label', 'title', 'placeholder', 'alt']) found.push(element.getAttribute(name) ?? '');
  }
  found.push(document.title);
  return found.filter((text) => /[\\u3400-\\u9fff]/.test(text));
}"""
_CHINESE = re.compile(r"[\u3400-\u9fff]")


def chinese_left(page: Page, data: tuple[str, ...] = ()) -> list[str]:
    """Chinese on an English page that is neither marked as Chinese nor among the data (names of people and firms)."""
    left = []
    for text in page.evaluate(_VISIBLE_TEXT):
        rest = text
        for name in sorted(data, key=len, reverse=True):
            rest = rest.replace(name, "")
        if _CHINESE.search(rest):
            left.append(text)
    return left


# -- accessibility -----------------------------------------------------------------------------------------------------

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
_RUN_AXE = """async () => {
  const options = { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] };
  const { violations } = await axe.run(document, options);
  return violations.filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
}"""


def axe_violations(page: Page) -> list[str]:
    """Serious and critical violations of axe-core. The script is evaluated from outside, past the page's policy."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(_RUN_AXE)
    return found

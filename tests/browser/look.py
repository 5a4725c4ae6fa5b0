"""What is looked at on every page: console, policy, other hosts, width, axe-core, headings, the language of every word."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

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
        context.on("response", self._response)

    def take(self) -> list[str]:
        """What was heard since the last time."""
        heard, self.heard = self.heard, []
        return heard

    def _console(self, message: ConsoleMessage) -> None:
        # A refusal (4xx) that a test provokes is reported by the browser itself: the test looks at its status. htmx
        # reports an estimate that was under way when the person went to the next page; a bad answer is responseError.
        ignored = r"status of 4\d\d|htmx:(afterRequest|sendError|sendAbort)"
        if message.type in {"error", "warning"} and not re.search(ignored, message.text):
            self.heard.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.host, "data:", "blob:", "about:")):
            self.heard.append(f"other host: {request.url}")

    def _response(self, response: Response) -> None:
        # A page may refuse; the styles, scripts, pictures and fragments it is made of may not. What a script asks for
        # itself (fetch) it judges itself: charts.js warns, and a warning is heard.
        if response.status >= 400 and response.request.resource_type not in {"document", "fetch"}:
            self.heard.append(f"{response.request.resource_type}: {response.status} {response.url}")


_SETTLED = """() => !document.querySelector('.htmx-request')
  && [...document.querySelectorAll('[data-chart]')]
    .every((one) => one.dataset.drawn && (one.hidden || one.firstElementChild))"""


def settle(page: Page) -> None:
    """Let the styles, charts and first fragments of a page arrive: its words are there before its styles."""
    page.wait_for_load_state()
    if not page.evaluate(_SETTLED):
        page.wait_for_function(_SETTLED)


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen; 0 or less is right."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


# -- language ----------------------------------------------------------------------------------------------------------

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
#: What can only be moderate or minor is not looked for: it would not be told, and takes a sixth of the time.
_RUN_AXE = """async () => {
  if (!window.axe) return null;
  const rules = Object.fromEntries(axe._audit.rules
    .filter((one) => ['minor', 'moderate'].includes(one.impact)).map((one) => [one.id, { enabled: false }]));
  const runOnly = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
  const { violations } = await axe.run(document, { resultTypes: ['violations'], runOnly, rules, selectors: false });
  return violations.filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
}"""


def bring_axe(context: BrowserContext) -> None:
    """For a context in which most pages are judged: axe-core comes with each, which is cheaper than sending it after."""
    context.add_init_script(path=AXE)


def axe_violations(page: Page) -> list[str]:
    """Serious and critical violations of axe-core. The script is evaluated from outside, past the page's policy."""
    found: list[str] | None = page.evaluate(_RUN_AXE)
    if found is None:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate(_RUN_AXE)
    assert found is not None, "axe-core did not arrive"
    return found


# -- all of it ---------------------------------------------------------------------------------------------------------

DESK_WIDTH = 1280


#: One question to the browser and not six: each costs some milliseconds in three processes.
_OUTLINE = """() => ({
  headings: document.querySelectorAll('h1').length,
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  dead: [...document.querySelectorAll('a[href^="#"]')].map((link) => link.getAttribute('href').slice(1))
    .filter((id) => id && !document.getElementById(id)),
  shell: document.querySelector('.shell') !== null,
  english: document.documentElement.lang === 'en',
})"""


def outline(page: Page) -> list[str]:
    """Cheap things that hold for every page whoever opens it: one main heading, no sideways scrolling, live anchors."""
    page.wait_for_load_state()
    return _of_outline(page.evaluate(_OUTLINE), page)


def judge(page: Page, data: tuple[str, ...] = ()) -> list[str]:
    """All there is to say about a page as it stands, in the language and size it has."""
    asked = page.evaluate(_OUTLINE)
    found = _of_outline(asked, page) + axe_violations(page)
    if asked["english"]:
        found += [f"in Chinese: {text[:80]}" for text in chinese_left(page, data)]
    screen = page.viewport_size
    if screen and screen["width"] < DESK_WIDTH and asked["shell"]:
        page.set_viewport_size({"width": DESK_WIDTH, "height": 800})
        if (wide := overflow(page)) > 0:
            found.append(f"{wide} px too wide at {DESK_WIDTH} px")
        page.set_viewport_size(screen)
    return found


def _of_outline(asked: dict[str, Any], page: Page) -> list[str]:
    found = []
    if (headings := asked["headings"]) != 1:
        found.append(f"{headings} main headings")
    if (wide := asked["wide"]) > 0:
        found.append(f"{wide} px too wide at {page.viewport_size['width'] if page.viewport_size else '?'} px")
    return found + [f"#{name} leads nowhere" for name in asked["dead"]]

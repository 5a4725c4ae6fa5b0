"""A walk over every link that a person may follow, and over every address of the resolver.

Each answer is looked at twice: by status over HTTP (every link), and in Chromium (so many of a kind). ``EVERY_MODE=1``
lifts both limits: then every address is drawn for every role.
"""

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse
from playwright.sync_api import Browser, Page, Route

from tests.browser import look
from tests.browser.plain import Visitor
from tests.browser.world import DATA, NARROW, World, open_context, session_of

EVERYTHING = os.environ.get("EVERY_MODE") == "1"
#: So many addresses of one kind (the same view with the same names in its query) each role asks for: a visitor, and
#: whoever comes after, who sees what is public just the same.
FETCHED = 10_000 if EVERYTHING else 8
FETCHED_AGAIN = 10_000 if EVERYTHING else 2
#: So many of a kind are drawn in Chromium, whoever comes to them first; with EVERY_MODE=1 all of them for every role.
DRAWN = 1
#: Views whose pages differ by what they are about.
DRAWN_OF = {
    "behaviors:record-new": 9,
    "credits:recomputation": 2,
    "credits:record-detail": 4,
    "merchants:voucher-detail": 5,
    "methodologies:draft": 2,
    "methodologies:review": 4,
}
#: Answers for programs: the gate of the API is elsewhere, its documentation is a page.
FOR_PROGRAMS = ("api/", "o/")
LOGIN = "account_login"
#: The health of this machine is 503 where no beat runs.
MAY_BE_UNREADY = {"pages:readyz"}

_LINKS = """() => [...document.querySelectorAll('a[href], form:not([method=post])[action], [hx-get]')]
  .map((one) => new URL(one.getAttribute('hx-get') ?? one.getAttribute('href') ?? one.getAttribute('action'), location))
  .filter((url) => url.host === location.host && url.protocol === location.protocol)
  .map((url) => url.pathname + url.search)"""


def page_patterns() -> dict[str, tuple[str, ...]]:
    """Every address for people: its name, and the arguments that it needs."""

    def walk(patterns: list[Any], path: str, space: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        for one in patterns:
            here = path + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, here, f"{space}{one.namespace}:" if one.namespace else space)
            elif isinstance(one, URLPattern):
                yield f"{space}{one.name}", here, tuple(one.pattern.converters)

    return {
        name: arguments
        for name, path, arguments in walk(get_resolver().url_patterns, "", "")
        if not path.startswith(FOR_PROGRAMS) or name == "pages:api-docs"
    }


def view_of(path: str) -> str:
    """The name of what answers at this path; empty for static files and for what does not exist."""
    try:
        return resolve(urlsplit(path).path).view_name
    except Resolver404:
        return ""


def kind_of(path: str) -> tuple[str, ...]:
    """Addresses of one kind differ only in what they are about: one view, the same names in the query."""
    return (view_of(path), *sorted({name for name, _value in parse_qsl(urlsplit(path).query)}))


class _Links(HTMLParser):
    """What a page links to, without a browser."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base, self.found = base, set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        target = given.get("hx-get") or (given.get("href") if tag == "a" else None)
        if tag == "form" and (given.get("method") or "get").lower() == "get":
            target = given.get("action")
        if target:
            there, here = urlsplit(urljoin(self.base, target)), urlsplit(self.base)
            if (there.scheme, there.netloc) == (here.scheme, here.netloc):
                self.found.add(there.path + (f"?{there.query}" if there.query else ""))


@dataclass
class Walk:
    """One role's way: what it reached, what was wrong on the way."""

    who: str
    reached: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    drawn: list[str] = field(default_factory=list)


class Crawler:
    """Walks for one role after the other and keeps what they have in common."""

    def __init__(self, browser: Browser, world: World) -> None:
        self.browser, self.world = browser, world
        self.public: set[str] = set()  # views that open for a visitor
        self.drawn: Counter[tuple[str, ...]] = Counter()  # how many of a kind
        self.deeds: set[str] = set()  # addresses that only take what is sent to them
        self.judged: list[tuple[str, str]] = []  # (role, path) of every page that axe-core has seen
        self.walks: dict[str, Walk] = {}

    # -- one role ------------------------------------------------------------------------------------------------------

    def walk(self, who: str, home: str = "/", *, plant: Any = None) -> Walk:
        """From home over every link, then to every address by name.

        `plant` rewrites pages on their way; then only the home is drawn and only its own links are followed.
        """
        walk = Walk(who)
        person = self.world.people[who]
        context, watch = open_context(self.browser, self.world, person, viewport=NARROW)
        look.bring_axe(context)
        if plant:
            context.route("**/*", plant)
        page = context.new_page()
        visitor = Visitor(self.world.url, session_of(person) if person else "")
        try:
            self._follow(walk, visitor, page, watch, home, near=plant is not None)
            if plant is None:
                self._knock(walk, visitor, page, watch)
        finally:
            visitor.close()
            context.close()
        if who == "visitor":
            self.public |= walk.reached
        self.walks[who] = walk
        return walk

    def _follow(self, walk: Walk, visitor: Visitor, page: Page, watch: look.Watch, home: str, *, near: bool) -> None:
        queue = deque([(home, "home")])
        known, asked = {home}, Counter[tuple[str, ...]]()
        while queue:
            path, source = queue.popleft()
            limit = FETCHED_AGAIN if kind_of(path)[0] in self.public else FETCHED
            if asked[kind_of(path)] >= limit:
                continue
            asked[kind_of(path)] += 1
            answer = visitor.get(path)
            walk.statuses[path] = answer.status
            if answer.status >= 400:
                walk.problems.append(f"{source} links to {path}: {answer.status}")
                continue
            kind = kind_of(answer.url)  # where it led: to the login, perhaps
            walk.reached.add(kind[0])
            if kind[0] != LOGIN:
                walk.reached.add(kind_of(path)[0])  # and on from there, as from /staff/ to one's own city
            if not answer.is_page or (near and walk.drawn):
                continue
            if EVERYTHING or not walk.drawn or self.drawn[kind] < DRAWN_OF.get(kind[0], DRAWN):
                self.drawn[kind] += 1
                self.draw(walk, page, watch, path)
                links = set(page.evaluate(_LINKS))
            else:
                reader = _Links(answer.url)
                reader.feed(answer.text)
                links = reader.found
            for link in sorted(links - known):
                known.add(link)
                queue.append((link, path))

    def draw(self, walk: Walk, page: Page, watch: look.Watch, path: str) -> None:
        """Open a page in Chromium and judge it."""
        page.goto(self.world.url + path)
        look.settle(page)
        seen = look.judge(page, DATA) + watch.take()
        walk.problems += [f"{path}: {problem}" for problem in seen]
        walk.drawn.append(path)
        self.judged.append((walk.who, path))

    def _knock(self, walk: Walk, visitor: Visitor, page: Page, watch: look.Watch) -> None:
        """Every address by its name, whoever it belongs to: it opens, sends to the login, or refuses in words."""
        for name, arguments in page_patterns().items():
            if arguments and name not in self.world.things.addresses:
                continue
            path = reverse(name, kwargs=self.world.things.addresses.get(name, {}) if arguments else {})
            if walk.statuses.get(path) == 200:
                continue
            answer = visitor.get(path)
            walk.statuses[path] = answer.status
            if answer.status == 405:
                self.deeds.add(name)
                kind: tuple[str, ...] = ("405",)
            elif answer.status >= 400 and name not in MAY_BE_UNREADY:
                if answer.status not in {403, 404}:
                    walk.problems.append(f"{path}: {answer.status}")
                kind = (str(answer.status), walk.who) if EVERYTHING else (str(answer.status),)
            else:
                kind = kind_of(answer.url)
            if answer.is_page and not self.drawn[kind]:
                self.drawn[kind] += 1
                self.draw(walk, page, watch, path)

    # -- all of them ---------------------------------------------------------------------------------------------------

    def not_reached(self, exempt: dict[str, str]) -> list[str]:
        """Pages that nobody comes to by links. An exemption that is not needed is reported too."""
        reached = set().union(*(walk.reached for walk in self.walks.values()))
        pages = page_patterns().keys() - self.deeds
        missing = [f"no link leads to {name}" for name in sorted(pages - reached - exempt.keys())]
        return missing + [f"{name} needs no exemption" for name in sorted(exempt.keys() & (reached | self.deeds))]

    def without_an_object(self) -> list[str]:
        """Addresses that need an object which the world does not have."""
        needing = {name for name, arguments in page_patterns().items() if arguments}
        return sorted(needing - self.world.things.addresses.keys())


def planting(html: str) -> Any:
    """A route that adds this to the end of every page's body, as a template of somebody would."""

    def handle(route: Route) -> None:
        if route.request.resource_type != "document":
            route.fallback()
            return
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", f"{html}</main>"))

    return handle

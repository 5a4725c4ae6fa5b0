"""The permission matrix: every address × method × actor × {own, foreign, missing}, judged by rules that hold for all.

The gate takes the resolver as it is and a table of policies; it knows no address by name. `Gate.ask` sends one request
inside a transaction that is undone, and judges what every answer must be: no fault of the server, no row changed by a
reader or by who was refused, nobody's marks in a foreign answer, the security headers. `Gate.run` sends the matrix.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.security.headers import header_faults
from tests.security.world import BOOKKEEPING, Canary, World, app_of, browser, written

Args = Callable[[World], dict[str, Any]]

SAFE = ("get", "head", "options", "trace")
METHODS = (*SAFE, "post", "put", "patch", "delete")
LOGIN, OPEN = "/account/login/", "/account/open/"
PROBLEM = "application/problem+json"
PROVINCE_STAFF = frozenset({"province_officer", "province_approver", "auditor"})
CITY_STAFF = frozenset({"city_officer", "city_approver"})
AREA_STAFF = CITY_STAFF | PROVINCE_STAFF
#: Whose area is the whole province: what is theirs is so in both worlds.
PROVINCE_WIDE = PROVINCE_STAFF | {"verifier"}
#: Staff and those who advise them.
DESK = AREA_STAFF | {
    "system_admin", "security_admin", "expert", "joint_department", "research_institute", "verifier",
}  # fmt: skip
#: Tokens that open nothing of Alice's, and her session, which is no token.
BAD_TOKENS = ("no_scope", "expired", "cookie", "client")


@dataclass(frozen=True)
class Row:
    """The policy of one address.

    `who`: `public`, `login`, or `app` (a token). `own` names the object of a world in the address, `missing` names some
    that do not exist. `owner` is the actor whose object it is, `rightful` those besides who may open it: city staff in
    their own world only, staff of the province in both; who `known` names sees it elsewhere and may be told, in a page
    too, that this deed is not theirs. `roles` closes an address to all other actors; `form` is a body
    that would do the deed. `shared`: the object is the whole province's, the same in both worlds. `no_own` says why
    what the address names is nobody's object.
    """

    who: str
    own: Args | None = None
    missing: tuple[dict[str, Any], ...] = ()
    owner: str = "alice"
    rightful: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    roles: frozenset[str] | None = None
    form: Args | None = None
    shared: bool = False
    no_own: str = ""

    def entitles(self, actor: str, kind: str) -> bool:
        """Whether this actor has a right to the object of that kind."""
        if self.who == "public":
            return True
        if kind == "near":
            return actor == self.owner or actor in self.rightful
        return kind == "far" and actor in self.rightful & PROVINCE_WIDE


@dataclass(frozen=True)
class Address:
    """One pattern of the resolver."""

    name: str
    path: str
    view: Any


def addresses() -> list[Address]:
    """Every pattern of the current resolver, with its full name."""

    def walk(patterns: Iterable[Any], path: str, space: str) -> Iterator[Address]:
        for one in patterns:
            if isinstance(one, URLResolver):
                below = f"{space}{one.namespace}:" if one.namespace else space
                yield from walk(one.url_patterns, path + str(one.pattern), below)
            elif isinstance(one, URLPattern):
                yield Address(space + (one.name or ""), path + str(one.pattern), one.callback)

    return list(walk(get_resolver().url_patterns, "", ""))


def policy_faults(rows: dict[str, Row]) -> list[str]:
    """What is wrong with the table, in sentences that say what to add."""
    found, seen = [], set()
    for one in addresses():
        if not one.name:
            found.append(
                f"/{one.path} has no name: give the pattern one, then a row in ROWS (tests/security/test_matrix.py)."
            )
        elif one.name in seen:
            found.append(f"two patterns are named {one.name!r}: addresses are reversed by name, so give one another.")
        elif one.name not in rows:
            kind = "app" if one.path.startswith("api/") else "login"
            own = ", lambda world: {…}, ({…},)  # own object, missing ones" if "<" in one.path else ""
            found.append(
                f"/{one.path} ({one.name}) has no policy: add `{one.name!r}: Row({kind!r}{own})` to ROWS in "
                "tests/security/test_matrix.py and say who may open it (public, login, app; owner, rightful, roles)."
            )
        seen.add(one.name)
    for name in sorted(set(rows) - seen):
        found.append(f"ROWS has a policy for {name!r}, which no pattern is called any more: remove the row.")
    for one in addresses():
        row = rows.get(one.name)
        if row and "<" in one.path and not row.missing:
            found.append(f"{one.name}: an address with an argument needs `missing` values, or nobody tests the 404.")
        if row and "<" in one.path and row.own is None and not row.no_own:
            found.append(f"{one.name}: an address with an argument needs its `own` object, or a reason in `no_own`.")
    return found


def text_of(response: HttpResponse) -> str:
    """The answer without what differs on every page: tokens, nonces, the address itself."""
    text = body_of(response).decode(errors="replace")
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    text = re.sub(r'nonce="[^"]+"|X-CSRFToken[^}]+', "", text)
    return re.sub(r'name="next" value="[^"]*"', "", text)


def body_of(response: Any) -> bytes:
    """The whole body, of a download too."""
    if not response.streaming:
        return bytes(response.content)
    if not hasattr(response, "_read_once"):
        response._read_once = b"".join(response.streaming_content)
    return bytes(response._read_once)


def place_of(response: HttpResponse) -> str:
    """Where a redirect leads, without its query."""
    return response["Location"].split("?")[0] if response.status_code in (301, 302, 303, 307, 308) else ""


def is_denied(response: HttpResponse) -> bool:
    """Refused, or led to log in or to open an account first."""
    return response.status_code >= 400 or place_of(response) in (LOGIN, OPEN)


@dataclass
class Gate:
    """One actor's requests. `near` is the actor's own city, `far` another; both stand committed in the database."""

    actor: str
    rows: dict[str, Row]
    near: World
    far: World
    pages: Client
    app: Client
    canaries: tuple[Canary, ...] = ()
    unready: frozenset[str] = frozenset({"pages:readyz"})  #: may be 503: the health of a machine without a worker
    faults: list[str] = field(default_factory=list)
    asked: int = 0
    reads: int = 0
    failed: dict[str, set[int]] = field(default_factory=lambda: {"B17": set(), "B18": set(), "B19": set()})
    _hashes: dict[str, str] = field(default_factory=dict)
    _counted: dict[tuple[str, bool], int] = field(default_factory=dict)

    # -- the matrix ----------------------------------------------------------------------------------------------------

    def run(self, *, methods: tuple[str, ...] = ("get", "post"), full: bool = False) -> "Gate":
        """All addresses. `full`: the own, both foreign and all missing objects; else one foreign and one missing."""
        for name, row in self.rows.items():
            if row.who == "token" or (self.actor in BAD_TOKENS and row.who != "app"):
                continue
            for method in methods:
                if not row.missing:
                    self._expect_door(name, row, method, self.ask(name, row, {}, method, self.near))
                elif self.actor == "anonymous" and row.who != "public" and not full:
                    self.ask(name, row, row.missing[0], method, self.near)  # all alike: the login page
                else:
                    self._objects(name, row, method, full)
        return self

    def _objects(self, name: str, row: Row, method: str, full: bool) -> None:
        missing = [self.ask(name, row, kwargs, method, self.near) for kwargs in row.missing[: None if full else 1]]
        if row.own is None:
            return
        for kind in self._kinds(row, full):
            world = self.near if kind == "near" else self.far
            answer = self.ask(name, row, row.own(world), method, world)
            if self.actor == "anonymous" or self.actor in BAD_TOKENS or answer.status_code == 405:
                continue
            if self.actor in row.known and kind == "near":
                if not is_denied(answer):
                    self.fault(f"{method} {name}: {answer.status_code} to who may only know of it ({kind})")
            elif not row.entitles(self.actor, kind):
                self._compare(name, method, kind, answer, missing)
            elif answer.status_code in (403, 404):
                self.fault(f"{method} {name}: {answer.status_code} to who has a right to it ({kind})")

    def _kinds(self, row: Row, full: bool) -> tuple[str, ...]:
        if row.shared:
            return ("near",)
        if full:
            return ("near", "far")
        if self.actor in BAD_TOKENS or row.who == "public":
            return ("near",)
        # In short: what is one's own or one's neighbour's; staff, whose city it is, are tried with another city's.
        return ("near", "far") if self.actor in row.rightful else ("far",) if self.actor in CITY_STAFF else ("near",)

    def _compare(self, name: str, method: str, kind: str, foreign: HttpResponse, missing: list[HttpResponse]) -> None:
        """Somebody else's must look like nobody's; a role that may not do it at all may be told so, for both alike."""
        for other in missing:
            if place_of(foreign) == place_of(other) == OPEN:
                continue
            # What may be asked of an address (OPTIONS) is no secret, as long as it is the same for both.
            open_ = method != "options" and foreign.status_code not in (403, 404)
            if open_ or other.status_code != foreign.status_code:
                self.fault(
                    f"{method} {name}: foreign ({kind}) {foreign.status_code}, missing {other.status_code}; "
                    "the view must fetch with the right built in and raise NotFound for both"
                )
            elif text_of(foreign) != text_of(other):
                self.fault(f"{method} {name}: foreign ({kind}) and missing read differently")

    def _expect_door(self, name: str, row: Row, method: str, response: HttpResponse) -> None:
        """An address without an object opens for its roles and for nobody else."""
        if (
            row.roles is None
            or method == "options"
            or response.status_code == 405
            or self.actor in ("anonymous", *row.known, *BAD_TOKENS)
        ):
            return
        shut = is_denied(response) and response.status_code in (302, 401, 403, 404)
        if self.actor in row.roles and shut:
            self.fault(f"{method} {name}: {response.status_code} to a role that may")
        if self.actor not in row.roles and not shut:  # a form that is judged before its sender is no refusal
            self.fault(f"{method} {name}: {response.status_code} to a role that may not (roles of its row)")

    # -- one request ---------------------------------------------------------------------------------------------------

    def ask(self, name: str, row: Row, kwargs: dict[str, Any], method: str, world: World) -> HttpResponse:
        """One request, judged, and undone."""
        url = reverse(name, kwargs=kwargs)
        api = url.startswith("/api/")
        client = self.app if api else self.pages
        options: dict[str, Any] = {}
        if method in ("post", "put", "patch"):
            body = row.form(world) if row.form else {}
            if api:
                options = {"data": body, "content_type": "application/json", "headers": {"Idempotency-Key": "matrix"}}
            else:
                options = {"data": body} if method == "post" else {}
        self.asked += 1
        self.reads += method in SAFE
        cookies = dict(client.cookies)
        with transaction.atomic():
            self.begin()
            response: HttpResponse = getattr(client, method)(url, **options)
            if method in SAFE or is_denied(response) or (row.roles is not None and self.actor not in row.roles):
                self._judge_rows(url, method, response)
            transaction.set_rollback(True)
        client.cookies.clear()
        client.cookies.update(cookies)  # who logs out in one request is back for the next
        self._judge(name, row, url, method, response, options)
        return response

    def _judge_rows(self, url: str, method: str, response: HttpResponse) -> None:
        """Reading changes no row, and neither does who was refused."""
        try:
            changed = self.changed()
        except DatabaseError as error:
            self.fault(f"{method} {url[:90]}: {response.status_code}, and a broken transaction ({error})")
            return
        if changed:
            why = "a safe method" if method in SAFE else "a refusal"
            self.fault(
                f"{method} {url[:90]}: {response.status_code}, {why} changed rows of {', '.join(changed)}",
                "B18" if method in SAFE else "B17",
            )

    def begin(self) -> None:
        """Before a request: what this session has counted so far. PostgreSQL hands its counts in once a second at most,
        so that those of the requests before are still among them."""
        with connection.cursor() as cursor:
            self._counted = written(cursor)

    def changed(self) -> list[str]:
        """Tables of which this request changed a row that still differs; sequences and bookkeeping do not count."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
            if not cursor.fetchone()[0]:
                return []  # PostgreSQL gave it no number: nothing was written or locked
            touched = {
                name: hidden
                for (name, hidden), count in written(cursor).items()
                if count > self._counted.get((name, hidden), 0) and name not in BOOKKEEPING
            }
            # What a view wrote and undid again still counts there, so the content decides; but where row policies
            # may hide rows from us, any write does.
            return [
                name for name, hidden in touched.items() if hidden or self._hash(cursor, name) != self._hashes[name]
            ]

    def _hash(self, cursor: Any, table: str) -> str:
        cursor.execute(f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{table}\" t")
        return str(cursor.fetchone()[0])

    def remember(self) -> "Gate":
        """The content of every table, asked before anything is sent."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT relname FROM pg_stat_user_tables")
            for (name,) in cursor.fetchall():
                cursor.execute("SELECT has_table_privilege(%s, 'SELECT')", [f'"{name}"'])
                if cursor.fetchone()[0]:
                    self._hashes[name] = self._hash(cursor, name)
        return self

    def _judge(
        self, name: str, row: Row, url: str, method: str, response: HttpResponse, options: dict[str, Any]
    ) -> None:
        status, where = response.status_code, f"{method} {url[:90]}"
        if status >= 500 and not (name in self.unready and status == 503):
            self.fault(f"{where}: {status}")
        personal = self.actor != "anonymous"
        for fault in header_faults(response, personal=personal):
            self.fault(f"{where}: {status}, {fault}", "B19")
        if url.startswith("/api/") and status >= 400 and response["Content-Type"] != PROBLEM:
            self.fault(f"{where}: {status} as {response['Content-Type']}")
        self._judge_marks(where, response, f"{url} {options.get('data', '')}")
        if row.who == "public" or status == 405:
            return
        if row.who == "app" and self.actor in ("anonymous", "expired", "cookie") and status != 401:
            self.fault(f"{where}: {status}, not 401 for {self.actor}")
        elif row.who == "app" and self.actor == "no_scope" and status != 403:
            self.fault(f"{where}: {status}, not 403 for a token without a scope")
        elif row.who == "app" and self.actor == "client" and row.roles is None and method not in SAFE and status < 400:
            self.fault(f"{where}: {status} for a client that stands for no person")
        elif row.who == "login" and self.actor == "anonymous" and place_of(response) != LOGIN:
            self.fault(f"{where}: {status}, not the login page")

    def _judge_marks(self, where: str, response: HttpResponse, sent: str) -> None:
        """Nothing of somebody else's in what comes back, headers included, but what was sent."""
        text = body_of(response).decode(errors="replace") + str(response.headers)
        for one in self.canaries:
            if self.actor not in one.audience and one.text in text and one.text not in sent:
                self.fault(f"{where}: {response.status_code} shows {one.what} {one.text!r} to {self.actor}")

    def fault(self, text: str, goal: str = "B17") -> None:
        """Note what is wrong with the request that was sent last, under the gate that sees it."""
        self.faults.append(f"{self.actor}: {text}")
        self.failed[goal].add(self.asked)


def gate_for(actor: str, user: Any, rows: dict[str, Row], near: World, far: World, canaries: Any = ()) -> Gate:
    """A gate with the actor's browser and token; sessions and tokens are written now, before anything is judged."""
    alice = near.cast.alice
    made: dict[str, Callable[[], Client]] = {
        "anonymous": lambda: Client(raise_request_exception=False),
        "no_scope": lambda: app_of(alice, scope=""),
        "expired": lambda: app_of(alice, minutes=-1),
        "cookie": lambda: browser(alice),
        "client": lambda: app_of(None),
    }
    app = made[actor]() if actor in made else app_of(user)
    pages = browser(None if actor in made else user)
    return Gate(actor, rows, near, far, pages, app, tuple(canaries)).remember()

"""Every address of the portal, asked by everybody, with own, foreign and missing ids.

The table is held against the resolver: an address without a row fails, so a new page is attacked from its first day.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.security.world import World, app_of, browser, build_world, writes

pytestmark = pytest.mark.django_db

Args = Callable[[World], dict[str, Any]]
NOBODY = uuid.UUID("00000000-0000-4000-8000-000000000000")
MISSING_PK = 2**31 - 1


@dataclass(frozen=True)
class Row:
    """Who may open it (`public`, `login`, `app` by token), what it is about, and who besides its owner has a right."""

    who: str
    own: Args | None = None
    missing: tuple[dict[str, Any], ...] = ()
    owner: str = "alice"
    rightful: frozenset[str] = frozenset()


def _firm(world: World) -> uuid.UUID:
    found = world.cast.sme.organisation_id
    assert found is not None
    return found


_PK = ({"pk": MISSING_PK}, {"pk": 2**70}, {"pk": 0})
_UUID = ({"pk": NOBODY},)
_MEMBER = ({"uuid": NOBODY},)
_RECORD: Args = lambda world: {"pk": world.record.pk}  # noqa: E731
_VOUCHER: Args = lambda world: {"pk": world.voucher}  # noqa: E731
_CAPTURED: Args = lambda world: {"pk": world.captured}  # noqa: E731
_FIRM: Args = lambda world: {"uuid": _firm(world)}  # noqa: E731
_BOB: Args = lambda world: {"uuid": world.cast.bob.person_id}  # noqa: E731
_CITY: Args = lambda world: {"region": "440100"}  # noqa: E731
_NO_CITY = ({"region": "999999"}, {"region": "x" * 5000}, {"region": "\x00"}, {"region": "110000"})
_METRO: Args = lambda world: {"code": "GD-METRO-TRIP", "version": "1.0"}  # noqa: E731
_NO_METHOD = (
    {"code": "NO-SUCH", "version": "1.0"},
    {"code": "GD-METRO-TRIP", "version": "99"},
    {"code": "GD-METRO-TRIP", "version": "\x00"},
    {"code": "x" * 5000, "version": "١"},
)

ROWS: dict[str, Row] = {
    "pages:home": Row("public"),
    "pages:api-docs": Row("public"),
    "pages:healthz": Row("public"),
    "pages:readyz": Row("public"),
    "pages:me": Row("login"),
    "pages:rename": Row("login"),
    "pages:welcome": Row("login"),
    "pages:set-size": Row("public"),
    "pages:set-language": Row("public"),
    "pages:styleguide": Row("public"),
    "accounts:open": Row("login"),
    "accounts:terms": Row("public"),
    "accounts:outbox": Row("public"),
    "accounts:consents": Row("login"),
    "accounts:set-consent": Row("login", None, ({"scene": "no-such-scene"}, {"scene": "x" * 3000})),
    "accounts:household": Row("login"),
    "accounts:household-invite": Row("login"),
    "accounts:meter-bind": Row("login"),
    "accounts:member-end": Row("login", _BOB, _MEMBER),
    "accounts:member-head": Row("login", _BOB, _MEMBER),
    "accounts:invitation-withdraw": Row("login", lambda world: {"pk": world.household_invitation}, _PK),
    "accounts:meter-release": Row("login", lambda world: {"pk": world.cast.meter.pk}, _PK),
    "accounts:invitation-answer": Row("login", lambda world: {"pk": world.invitation_to_carol}, _PK, owner="carol"),
    "accounts:firms": Row("login"),
    "accounts:firm-new": Row("login"),
    "accounts:firm": Row("login", _FIRM, _MEMBER, owner="sme_owner"),
    "accounts:firm-invite": Row("login", _FIRM, _MEMBER, owner="sme_owner"),
    "accounts:firm-meter": Row("login", _FIRM, _MEMBER, owner="sme_owner"),
    "accounts:firm-revoke": Row(
        "login",
        lambda world: {"uuid": _firm(world), "pk": world.clerk.pk},
        ({"uuid": NOBODY, "pk": MISSING_PK}, {"uuid": NOBODY, "pk": 2**70}),
        owner="sme_owner",
    ),
    "accounts:firm-withdraw": Row(
        "login",
        lambda world: {"uuid": _firm(world), "pk": world.firm_invitation},
        ({"uuid": NOBODY, "pk": MISSING_PK}, {"uuid": NOBODY, "pk": 2**70}),
        owner="sme_owner",
    ),
    "account_login": Row("public"),
    "account_request_login_code": Row("public"),
    "account_confirm_login_code": Row("public"),
    "account_login_password": Row("public"),
    "account_signup": Row("public"),
    "account_logout": Row("public"),
    "account_inactive": Row("public"),
    "account_reauthenticate": Row("login"),
    "account_change_password": Row("login"),
    "account_set_password": Row("login"),
    "usersessions_list": Row("login"),
    "behaviors:record-new": Row("login"),
    "behaviors:record-cancel": Row("login", _RECORD, _PK),
    "behaviors:evidence": Row(
        "login",
        lambda world: {"pk": world.evidence.pk},
        _UUID,
        rightful=frozenset({"city_officer", "province_officer"}),
    ),
    "methodologies:list": Row("public"),
    "methodologies:version": Row("public", _METRO, _NO_METHOD),
    "methodologies:source": Row("public", _METRO, _NO_METHOD),
    "credits:record-list": Row("login"),
    "credits:estimate": Row("login"),
    "credits:record-detail": Row("login", _RECORD, _PK),
    "credits:record-trace": Row("login", _RECORD, _PK),
    "credits:statement": Row("login"),
    "merchants:offer-list": Row("public"),
    "merchants:offer-detail": Row("public", lambda world: {"pk": world.exchange.offer.pk}, _UUID),
    "merchants:voucher-list": Row("login"),
    "merchants:voucher-detail": Row("login", _VOUCHER, _UUID),
    "merchants:voucher-qr": Row("login", _VOUCHER, _UUID),
    "merchants:voucher-digits": Row("login", _VOUCHER, _UUID),
    "merchants:voucher-release": Row("login", _VOUCHER, _UUID),
    "merchants:till": Row("login"),
    "merchants:till-capture": Row("login"),
    "merchants:till-refund": Row("login", _CAPTURED, _UUID, owner="cashier"),
    "pilots:staff-home": Row("login"),
    "pilots:province": Row("public"),
    "pilots:dashboard": Row("public", _CITY, _NO_CITY),
    "pilots:counts": Row("public", _CITY, _NO_CITY),
    "pilots:trace": Row("public", _CITY, _NO_CITY),
    "schema": Row("public"),
    "factors": Row("public"),
    "methodologies": Row("public"),
    "methodology-version": Row("public", _METRO, _NO_METHOD),
    "activities": Row("public"),
    "me-records": Row("app"),
    "me-record": Row("app", _RECORD, _PK),
    "me-record-trace": Row("app", _RECORD, _PK),
    "me-account": Row("app"),
    "me-entries": Row("app"),
    "reconciliation": Row("public"),
    "offer-list": Row("public"),
    "voucher-create": Row("app"),
    "voucher": Row("app", _VOUCHER, _UUID),
    "voucher-codes": Row("app", _VOUCHER, _UUID),
    "capture": Row("app"),
    "capture-reversal": Row("app", _CAPTURED, _UUID, owner="cashier"),
    "region-list": Row("public"),
    "dashboard": Row("public", _CITY, _NO_CITY),
    "oauth2_provider:authorize": Row("login"),
    "oauth2_provider:token": Row("public"),
    "oauth2_provider:revoke-token": Row("public"),
    "oauth2_provider:oauth-server-metadata": Row("public"),
}

ACTORS: dict[str, Callable[[World], Any]] = {
    "anonymous": lambda world: None,
    "alice": lambda world: world.cast.alice,
    "carol": lambda world: world.cast.carol,
    "sme_owner": lambda world: world.cast.sme_owner,
    "cashier": lambda world: world.exchange.tills[0],
    "other_cashier": lambda world: world.other_cashier,
    "city_officer": lambda world: world.cast.city_officer,
    "other_city_officer": lambda world: world.other_city_officer,
    "province_officer": lambda world: world.cast.province_officer,
}
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
#: The health of this machine may be 503 when no worker runs.
MAY_BE_UNREADY = {"pages:readyz"}


def named_patterns() -> Iterator[tuple[str, str]]:
    def walk(patterns: list[Any], path: str, space: str) -> Iterator[tuple[str, str]]:
        for one in patterns:
            if isinstance(one, URLResolver):
                below = f"{space}{one.namespace}:" if one.namespace else space
                yield from walk(one.url_patterns, path + str(one.pattern), below)
            elif isinstance(one, URLPattern):
                yield space + (one.name or ""), path + str(one.pattern)

    yield from walk(get_resolver().url_patterns, "", "")


def test_every_address_has_its_row() -> None:
    names = [name for name, _path in named_patterns()]
    assert "" not in names, "an address without a name"
    assert len(set(names)) == len(names), sorted({name for name in names if names.count(name) > 1})
    assert set(names) == set(ROWS)


def text_of(response: HttpResponse) -> str:
    """The answer without what differs on every page: tokens, nonces, the address itself."""
    if response.streaming:  # type: ignore[attr-defined]
        return ""
    text = response.content.decode()
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    text = re.sub(r'nonce="[^"]+"|X-CSRFToken[^}]+', "", text)
    return re.sub(r'name="next" value="[^"]*"', "", text)


class Attack:
    """Requests whose effects are undone at once, each judged by what every answer must be."""

    def __init__(self, actor: str, world: World) -> None:
        user = ACTORS[actor](world)
        self.actor, self.world = actor, world
        self.pages = browser(user)
        self.app = app_of(user) if user is not None else Client(raise_request_exception=False)
        self.faults: list[str] = []

    def ask(self, name: str, row: Row, kwargs: dict[str, Any], method: str) -> HttpResponse:
        url = reverse(name, kwargs=kwargs)
        client = self.app if url.startswith("/api/") else self.pages
        options: dict[str, Any] = {}
        if method in ("post", "put", "patch") and url.startswith("/api/"):
            options = {"data": "{}", "content_type": "application/json", "headers": {"Idempotency-Key": "matrix"}}
        before, cookies = writes(), dict(client.cookies)
        with transaction.atomic():
            response: HttpResponse = getattr(client, method)(url, **options)
            client.cookies.clear()
            client.cookies.update(cookies)  # who logs out in one request is back for the next
            status = response.status_code
            denied = status >= 400 or (status == 302 and "/account/login/" in response["Location"])
            if status >= 500 and not (name in MAY_BE_UNREADY and status == 503):
                self.fault(f"{method} {url[:90]}: {status}")
                transaction.set_rollback(True)
                return response
            if method in ("get", "head", "options", "trace") or denied:
                changed = [table for table, count in writes().items() if count != before.get(table, 0)]
                if denied and "kernel_idempotencykey" in changed:
                    changed.remove("kernel_idempotencykey")  # claimed, and undone with the refusal
                if changed:
                    self.fault(f"{method} {url[:90]}: {status}, changed {changed}")
            self._judge(name, row, url, method, response)
            transaction.set_rollback(True)
        return response

    def _judge(self, name: str, row: Row, url: str, method: str, response: HttpResponse) -> None:
        status = response.status_code
        if url.startswith("/api/") and status >= 400 and response["Content-Type"] != "application/problem+json":
            self.fault(f"{method} {url[:90]}: {status} as {response['Content-Type']}")
        if self.actor != "anonymous" or row.who == "public" or status == 405:
            return
        if row.who == "app" and status != 401:
            self.fault(f"{method} {url[:90]}: {status}, not 401")
        if row.who == "login" and not (status == 302 and response["Location"].startswith("/account/login/")):
            self.fault(f"{method} {url[:90]}: {status}, not the login page")

    def fault(self, text: str) -> None:
        self.faults.append(f"{self.actor}: {text}")


@pytest.mark.parametrize("actor", ACTORS)
def test_nobody_gets_more_than_theirs(actor: str) -> None:
    world = build_world()
    attack = Attack(actor, world)
    for name, row in ROWS.items():
        for method in METHODS if not row.own else ("get", "post", "head", "delete"):
            asked = [attack.ask(name, row, kwargs, method) for kwargs in row.missing]
            if row.own:
                mine = attack.ask(name, row, row.own(world), method)
            elif not row.missing:
                attack.ask(name, row, {}, method)
                continue
            else:
                continue
            entitled = row.who == "public" or actor == row.owner or actor in row.rightful
            if actor == "anonymous" or mine.status_code == 405:
                continue
            if not entitled:
                compare(attack, name, method, mine, asked)
            elif mine.status_code == 404:
                attack.fault(f"{method} {name}: its owner gets 404")
    assert not attack.faults, "\n".join(attack.faults)


def compare(attack: Attack, name: str, method: str, foreign: HttpResponse, missing: list[HttpResponse]) -> None:
    """Somebody else's must look like nobody's; a role that may not do it at all may be told so, for both alike."""
    for other in missing:
        if foreign.status_code not in (403, 404) or other.status_code != foreign.status_code:
            attack.fault(f"{method} {name}: foreign {foreign.status_code}, missing {other.status_code}")
        elif text_of(foreign) != text_of(other):
            attack.fault(f"{method} {name}: foreign and missing read differently")

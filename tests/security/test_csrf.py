"""Nobody acts through somebody's browser (T41): asked of every address that takes a deed, from the resolver."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.security.gate import Row, addresses
from tests.security.test_matrix import ROWS
from tests.security.world import World, browser

UNSAFE = ("post", "put", "patch", "delete")
#: Take no cookie: a client's own credentials are in the body or the header.
BY_CREDENTIALS = {"oauth2_provider:token", "oauth2_provider:revoke-token"}


def csrf_faults(rows: dict[str, Row], world: World, strict: Client) -> list[str]:
    """Every unsafe request of a logged-in browser without the token, one per address and method."""
    found = []
    for one in addresses():
        row = rows.get(one.name)
        if row is None:
            continue  # test_every_address_has_its_policy names it
        exempt = getattr(one.view, "csrf_exempt", False)
        if exempt and not one.path.startswith("api/") and one.name not in BY_CREDENTIALS:
            found.append(
                f"{one.name} is csrf_exempt: only the API (bearer tokens) and {sorted(BY_CREDENTIALS)} may be; "
                "take the decorator off, or add the name with the reason"
            )
        url = reverse(one.name, kwargs=row.own(world) if row.own else row.missing[0] if row.missing else {})
        body = {"data": "{}", "content_type": "application/json"} if one.path.startswith("api/") else {}
        for method in UNSAFE:
            answer = getattr(strict, method)(url, **body)
            if not exempt and answer.status_code != 403:
                found.append(f"{method} {url}: {answer.status_code} without a token, not 403")
            if one.path.startswith("api/") and row.who == "app" and answer.status_code not in (401, 405):
                found.append(f"{method} {url}: {answer.status_code} to a cookie, not 401")
    return found


@pytest.fixture
def strict(world: World) -> Client:
    """Alice's browser, which the framework does not go easy on."""
    client = browser(world.cast.alice)
    client.handler.enforce_csrf_checks = True
    return client


def test_every_deed_asks_for_the_token(world: World, strict: Client) -> None:
    faults = csrf_faults(ROWS, world, strict)
    assert not faults, "\n".join(faults)


def with_token(client: Client, url: str, **headers: str) -> HttpResponse:
    token = "a" * 32
    client.cookies["csrf"] = token
    answer: Any = client.post(url, {"size": "large", "csrfmiddlewaretoken": token}, headers=headers)
    return answer


@pytest.mark.parametrize("place", ["cross-site", "same-site"])
def test_a_token_is_of_no_use_from_elsewhere(place: str, strict: Client) -> None:
    assert with_token(strict, "/preferences/size").status_code == 302  # no browser of today, but no page of others
    assert with_token(strict, "/preferences/size", **{"Sec-Fetch-Site": "same-origin"}).status_code == 302
    assert with_token(strict, "/preferences/size", **{"Sec-Fetch-Site": place}).status_code == 403
    # A link from elsewhere is welcome, and what is sent without a form's token was refused before.
    assert strict.get("/", headers={"Sec-Fetch-Site": place}).status_code == 200
    assert strict.post("/preferences/size", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 403


def test_a_sister_site_is_named_in_the_settings(settings: Any, strict: Client) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://sister.example"]
    sister = {"Sec-Fetch-Site": "same-site", "Origin": "https://sister.example"}
    assert with_token(strict, "/preferences/size", **sister).status_code == 302
    assert with_token(strict, "/preferences/size", **sister | {"Origin": "https://evil.example"}).status_code == 403


def test_a_method_in_a_field_or_a_header_is_no_method(world: World, strict: Client) -> None:
    url = f"/vouchers/{world.voucher}/release"
    assert strict.get(url, {"_method": "POST"}).status_code == 405
    assert strict.get(url, headers={"X-HTTP-Method-Override": "POST"}).status_code == 405


def test_nobody_is_logged_out_by_a_link(strict: Client) -> None:
    strict.get("/account/logout/")
    assert strict.get("/me/").status_code == 200

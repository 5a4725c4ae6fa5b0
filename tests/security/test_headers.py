"""What every answer carries, whatever its status and wherever in the stack it was made (B19)."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from carbon_portal.pages import home
from carbon_portal.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401  (read by name)
from pilots.api.views import RegionListView
from tests.conftest import ROOT
from tests.security.headers import YEAR, directives, header_faults
from tests.security.world import World, app_of, browser

FORM = "application/x-www-form-urlencoded"


def guarded(response: Any, status: int, **kwargs: Any) -> Any:
    assert response.status_code == status, response
    faults = header_faults(response, **kwargs)
    assert not faults, "\n".join(faults)
    return response


def test_pages_redirects_and_refusals(world: World) -> None:
    visitor, strict = Client(raise_request_exception=False), Client(enforce_csrf_checks=True)
    guarded(visitor.get("/"), 200)
    guarded(visitor.get("/me/"), 302)
    guarded(visitor.get("/offers"), 301)  # the slash is added by the framework
    guarded(visitor.get("/healthz?a=%00"), 400)
    guarded(visitor.get("/offers/", headers={"host": "evil.example"}), 400)
    guarded(strict.post("/preferences/size"), 403)
    guarded(visitor.get("/no/such/page"), 404)
    guarded(visitor.get("/preferences/size"), 405)
    guarded(visitor.post("/preferences/size", "size=" + "l" * 3_000_000, content_type=FORM), 413)
    for user in (world.cast.alice, world.cast.city_officer):
        page = browser(user)
        guarded(page.get("/me/"), 200, personal=True)
        guarded(page.get("/me/x.css"), 404, personal=True)  # no cache takes a page for a style sheet (T42)
        guarded(page.get("/healthz?a=%00"), 400, personal=True)
        guarded(page.post("/records/new", {"activity": "metro_trip"}), 422 if user is world.cast.alice else 404,
                personal=True)  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy",
     "Cross-Origin-Resource-Policy", "Permissions-Policy", "Strict-Transport-Security", "Cache-Control", "Vary"],
)  # fmt: skip
def test_a_header_that_is_missing_is_named(name: str, settings: Any, world: World) -> None:
    settings.SECURE_HSTS_SECONDS = YEAR
    answer = browser(world.cast.alice).get("/me/", secure=True)
    assert not header_faults(answer, personal=True, secure=True)
    del answer[name]
    found = header_faults(answer, personal=True, secure=True)
    assert found
    assert all(name in fault for fault in found)


def test_too_many_codes_and_a_full_house(world: World, settings: Any) -> None:
    form = {"phone": "13800138000"}
    guarded(Client().post("/account/login/", form), 302)
    guarded(Client().post("/account/login/", form), 429)  # one code a minute
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"codes_in_all": "1/h/key"}
    seen = [Client().post("/account/login/", {"phone": f"1390013000{n}"}) for n in range(3)]
    guarded(seen[-1], 503)


def test_api_and_tokens(world: World) -> None:
    app, nobody = app_of(world.cast.alice), Client(raise_request_exception=False)
    guarded(app.get("/api/v1/me/records"), 200, personal=True)
    guarded(app.get("/api/v1/me/records/999999"), 404, personal=True)
    guarded(app.post("/api/v1/me/records", "[", content_type="application/json"), 400, personal=True)
    guarded(app.post("/api/v1/me/records", "{}", content_type="text/plain"), 415, personal=True)
    guarded(app.post("/api/v1/me/records", "x" * 3_000_000, content_type="application/json"), 413, personal=True)
    guarded(app_of(world.cast.alice, scope="till").get("/api/v1/me/records"), 403, personal=True)
    guarded(nobody.get("/api/v1/me/records"), 401)
    guarded(nobody.post("/api/v1/regions"), 405)
    guarded(nobody.get("/api/v1/no-such"), 404)
    first = guarded(nobody.get("/api/v1/regions"), 200)
    guarded(nobody.get("/api/v1/regions", headers={"If-None-Match": first["ETag"]}), 304)
    # A cookie opens nothing here, and what is answered to it stays out of caches all the same.
    guarded(browser(world.cast.alice).get("/api/v1/me/records"), 401, personal=True)
    guarded(browser(world.cast.alice).get("/api/v1/regions"), 200, personal=True)
    guarded(nobody.post("/o/token/", {"grant_type": "client_credentials"}), 401)
    guarded(nobody.post("/o/revoke_token/", {"token": "x"}), 401)
    guarded(nobody.get("/o/.well-known/oauth-authorization-server"), 200)
    guarded(browser(world.cast.alice).get("/o/authorize/?client_id=nobody"), 400, personal=True)


def test_files(world: World, planted: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = planted.uploads
    picture = guarded(browser(world.cast.alice).get(f"/evidence/{world.evidence.pk}"), 200, personal=True)
    assert "sandbox" in directives(picture["Content-Security-Policy"])
    assert picture["Content-Disposition"].startswith("attachment")
    visitor = Client()
    for name in ("css/base.css", "js/portal.js", "img/mark.svg"):
        for anybody in (visitor, browser(world.cast.alice)):
            file = guarded(anybody.get(f"/static/{name}"), 200, static=True)
            assert "public" in file["Cache-Control"], "a phone would load it again with every page"
    guarded(visitor.get("/static/css/no-such.css"), 404)
    guarded(browser(world.cast.alice).get("/static/css/no-such.css"), 404, personal=True)
    guarded(visitor.get("/static/../carbon_portal/settings.py"), 404)


def broken(*args: Any, **kwargs: Any) -> HttpResponse:
    raise RuntimeError("the secret of the day")


urlpatterns = [*urlpatterns, path("broken", broken, name="broken")]


def test_faults_of_ours(monkeypatch: pytest.MonkeyPatch, settings: Any, world: World) -> None:
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr(home, "_front", broken)
    monkeypatch.setattr(RegionListView, "get", broken)
    visitor = Client(raise_request_exception=False)
    for url in ("/", "/broken", "/api/v1/regions"):
        answer = guarded(visitor.get(url), 500)
        assert b"secret of the day" not in answer.content
    page = browser(world.cast.alice)
    page.raise_request_exception = False
    guarded(page.get("/broken"), 500, personal=True)


def test_by_tls_for_two_years(settings: Any, world: World) -> None:
    settings.SECURE_HSTS_SECONDS = (
        2 * YEAR
    )  # what settings.py says outside the demo; the start-up guard asks for a year
    settings.SECURE_SSL_REDIRECT = True
    visitor = Client(raise_request_exception=False)
    for url, status in (("/", 200), ("/no-such", 404), ("/api/v1/me/records", 401), ("/static/css/base.css", 200)):
        guarded(visitor.get(url, secure=True), status, secure=True, static=url.startswith("/static"))
    answer = visitor.get("/offers/")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/offers/")
    assert not header_faults(answer, static=True)  # before anybody looked at a cookie
    foreign = guarded(visitor.get("/offers/", headers={"host": "evil.example"}), 400, static=True)
    assert "evil" not in foreign.content.decode()


def test_outside_the_demo_settings_ask_for_tls() -> None:
    names = ("SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE")
    script = f"from carbon_portal import settings; print([getattr(settings, name) for name in {names!r}])"
    environment = {**os.environ, "PORTAL_DEMO": "0", "SECRET_KEY": "k" * 60}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str([2 * YEAR, True, True, True])

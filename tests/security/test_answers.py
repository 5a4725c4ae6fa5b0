"""What every answer carries, errors included; and forms filled in by somebody who means harm."""

import json
import re
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from carbon_portal.pages import home
from merchants.models import Voucher
from pilots.api.views import RegionListView
from tests.security.headers import header_faults
from tests.security.world import NOTE, World, app_of, browser, writes

PROBLEM = "application/problem+json"


def guarded(response: HttpResponse) -> HttpResponse:
    assert not header_faults(response)
    return response


def test_errors_are_pages_for_people_and_problems_for_programs(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("the secret of the day")

    strict = Client(raise_request_exception=False, enforce_csrf_checks=True)
    page = Client(raise_request_exception=False)
    for answer, status in (
        (page.get("/no/such/page"), 404),
        (page.get("/healthz?a=%00"), 400),
        (page.post("/healthz"), 405),
        (page.get("/preferences/size"), 405),
        (strict.post("/preferences/size"), 403),
        (page.get("/offers/", headers={"host": "evil.example"}), 400),
        (
            page.post("/preferences/size", "size=" + "l" * 3_000_000, content_type="application/x-www-form-urlencoded"),
            413,
        ),
    ):
        guarded(answer)
        assert answer.status_code == status, answer.content[:200]
        assert answer["Content-Type"].startswith("text/html")
        assert "<h1" in answer.content.decode()
    for answer, status in (
        (page.get("/api/v1/no-such"), 404),
        (page.post("/api/v1/regions"), 405),
        (page.post("/api/v1/docs/"), 405),
        (page.get("/api/v1/me/records"), 401),
    ):
        guarded(answer)
        assert (answer.status_code, answer["Content-Type"]) == (status, PROBLEM)
        assert json.loads(answer.content)["detail_en"]
    assert page.get("/preferences/size")["Allow"] == "POST"
    monkeypatch.setattr(home, "_front", broken)
    monkeypatch.setattr(RegionListView, "get", broken)
    for url, kind in (("/", "text/html"), ("/api/v1/regions", PROBLEM)):
        answer = guarded(page.get(url))
        assert answer.status_code == 500
        assert answer["Content-Type"].startswith(kind)
        text = answer.content.decode()
        assert not [leak for leak in ("secret of the day", "Traceback", "RuntimeError") if leak in text]


def test_personal_answers_are_not_stored_and_scripts_have_a_nonce(world: World) -> None:
    for url in ("/", "/me/", "/records/", f"/records/{world.record.pk}", "/statement", "/offers/", "/no-such"):
        answer = guarded(browser(world.cast.alice).get(url))
        assert answer["Cache-Control"] == "private, no-store", url
        text = answer.content.decode()
        scripts = [tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag]
        assert all("nonce=" in tag or "application/json" in tag for tag in scripts), scripts
        assert not re.search(r"<[^>]+\s(on\w+|style)=[\"']", text), url
    answer = app_of(world.cast.alice).get("/api/v1/me/account")
    assert guarded(answer)["Cache-Control"] == "private, no-store"


def test_what_a_person_wrote_is_text_everywhere(world: World) -> None:
    for user in (world.cast.alice, world.cast.bob, world.cast.city_officer):
        page = browser(user)
        for url in (
            "/",
            "/me/",
            "/me/household/",
            "/records/",
            f"/records/{world.record.pk}",
            "/dashboards/440100/trace/",
        ):
            text = page.get(url).content.decode()
            assert not [raw for raw in (NOTE, "<img src=x") if raw in text], url


@pytest.mark.parametrize("url", ["/preferences/size", "/preferences/language"])
@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "javascript:alert(1)",
               "http:///evil.example", "\x00", "/\r\nSet-Cookie: a=b", "x" * 9000]
)  # fmt: skip
def test_next_leads_nowhere_else(url: str, target: str, world: World) -> None:
    answer = Client(raise_request_exception=False).post(url, {"next": target, "size": "large", "language": "en"})
    assert answer.status_code in (302, 400)
    if answer.status_code == 302:
        place = answer["Location"]
        assert "evil" not in place
        assert "\n" not in place
        assert not place.startswith(("//", "javascript"))


def test_login_keeps_next_at_home(world: World) -> None:
    page = browser(world.cast.alice)
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        answer = page.get("/account/login/", {"next": target})
        assert "evil" not in answer.get("Location", "")
        assert 'href="https://evil' not in answer.content.decode()


def test_another_persons_account_and_key_are_of_no_use(world: World) -> None:
    carol, offer = browser(world.cast.carol), f"/offers/{world.exchange.offer.pk}/"
    used = Voucher.objects.get(pk=world.voucher)
    before, vouchers = writes(), Voucher.objects.filter(participant=world.cast.alice_account).count()
    records = BehaviorRecord.objects.filter(participant=world.cast.alice_account).count()
    form = {"participant": str(world.cast.alice_account.pk), "request_key": uuid.uuid4().hex}
    assert carol.post(offer, form).status_code < 500
    assert Voucher.objects.filter(participant=world.cast.alice_account).count() == vouchers
    form = {"participant": str(world.cast.carol_account.pk), "request_key": getattr(used, "request_key", "a" * 32)}
    answer = carol.post(offer, form)
    assert str(world.voucher) not in answer.get("Location", "")
    record = {"activity": "metro_trip", "participant": str(world.cast.alice_account.pk), "region": "440106"}
    record |= {"day": clock.today().isoformat(), "start": "00:00", "minutes": "1", "input_distance": "0.5"}
    carol.post("/records/new", record)
    assert BehaviorRecord.objects.filter(participant=world.cast.alice_account).count() == records
    assert "merchants_voucher" not in {name for name, count in writes().items() if count != before.get(name, 0)}


SPELLINGS = [
    "1e3",
    "NaN",
    "-1",
    "+1",
    "１２",
    "1,000",
    "0x10",
    "1_000",
    " ",
    "١٢",
    "1" * 65,
    "\x00",
    "1\x00",
    "12..4",
    "∞",
]


@pytest.mark.parametrize("value", SPELLINGS)
def test_a_number_is_digits_or_refused(value: str, world: World) -> None:
    page = browser(world.cast.carol)
    form = {"activity": "metro_trip", "participant": str(world.cast.carol_account.pk), "region": "442000"}
    form |= {
        "day": clock.today().isoformat(),
        "start": "00:00",
        "minutes": "30",
        "input_distance": value,
        "note": value,
    }
    assert page.post("/records/new", form).status_code == 422
    assert page.post("/records/estimate", form).status_code < 500
    for name in ("day", "start", "minutes", "participant", "region", "activity", "period_start", "meter", "key"):
        assert page.post("/records/new", form | {name: value}).status_code in (302, 422, 400), name
        assert page.post("/records/estimate", form | {name: value}).status_code < 500, name
    for day in ("0001-01-01", "9999-12-31", "2026-02-29", "2030-01-01", "x" * 5000):
        assert page.post("/records/new", form | {"day": day, "input_distance": "3"}).status_code in (422, 302)
        assert page.post("/records/estimate", form | {"day": day, "input_distance": "3"}).status_code < 500
    assert BehaviorRecord.objects.filter(participant=world.cast.carol_account).count() == 0


def test_other_forms_take_junk_without_a_fault(world: World) -> None:
    alice, till = browser(world.cast.alice), browser(world.exchange.tills[0])
    for junk in ("", "\x00", "\ud7ff\uffff", "<script>", "9" * 100_000, "..\\..", "👾" * 500, "GD1.x.y", "12345678"):
        for url, names in (
            ("/me/name/", ("name",)),
            ("/me/household/invite/", ("phone",)),
            ("/me/household/meters/", ("kind", "number")),
            ("/me/firms/new/", ("name", "credit_code", "region")),
            ("/me/consents/travel/", ("granted",)),
        ):
            assert alice.post(url, dict.fromkeys(names, junk)).status_code < 500, (url, junk[:20])
        for key in (junk, uuid.uuid4().hex):
            assert till.post("/till/capture", {"code": junk, "request_key": key}).status_code < 500, junk[:20]
    other = browser(world.other_cashier).post(f"/till/{world.captured}/refund")
    assert other.status_code == 404


def test_the_demos_doors_do_not_exist_elsewhere(settings: Any, world: World) -> None:
    settings.DEMO = False
    page = browser(world.cast.alice)
    assert page.get("/demo/outbox/").status_code == 404
    assert page.get("/staff/styleguide/").status_code == 404
    with pytest.raises(CommandError):
        call_command("demo_token", world.cast.alice.username)

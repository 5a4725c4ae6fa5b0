"""The exchange and the till over HTTP, with real tokens."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import get_access_token_model, get_application_model

from accounts.models import User
from carbon_portal.kernel import clock
from tests.merchants.world import Exchange, build_exchange, give_points
from tests.people import Cast, build_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return build_cast()


@pytest.fixture
def shop(cast: Cast) -> Exchange:
    now = clock.now()
    give_points(cast.alice_account, 100, at=now, year=clock.local_date(now).year)
    return build_exchange(cast, at=now)


def token(user: User, scope: str) -> dict[str, str]:
    """A bearer header of this login with one scope."""
    import hashlib

    application, _ = get_application_model().objects.get_or_create(
        name="tests", client_type="confidential", authorization_grant_type="client-credentials"
    )
    text = uuid.uuid4().hex
    get_access_token_model().objects.create(
        user=user,
        application=application,
        token=text,
        token_checksum=hashlib.sha256(text.encode()).hexdigest(),
        scope=scope,
        expires=clock.now() + dt.timedelta(hours=1),
    )
    return {"Authorization": f"Bearer {text}"}


def post(client: Client, path: str, body: dict[str, Any], headers: dict[str, str], key: str | None = None) -> Any:
    extra = {"Idempotency-Key": key} if key else {}
    return client.post(path, body, content_type="application/json", headers={**headers, **extra})


def test_a_voucher_is_taken_shown_and_redeemed_once(client: Client, cast: Cast, shop: Exchange) -> None:
    me, till = token(cast.alice, "me"), token(shop.tills[0], "till")
    taken = post(client, "/api/v1/me/vouchers", {"offer": str(shop.offer.pk)}, me, "v1")
    assert taken.status_code == 201
    voucher = taken.json()
    shown = client.get(f"/api/v1/me/vouchers/{voucher['uuid']}", headers=me).json()
    assert shown["digits"] == voucher["digits"]
    assert len(shown["digits"]) == 8
    assert shown["qr"].startswith("V.")

    first = post(client, "/api/v1/till/captures", {"code": voucher["digits"]}, till, "c1")
    assert (first.status_code, first.json()["state"]) == (200, "captured")
    again = post(client, "/api/v1/till/captures", {"code": voucher["digits"]}, till, "c1")
    assert again.content == first.content
    other = token(shop.tills[1], "till")
    second = post(client, "/api/v1/till/captures", {"code": voucher["digits"]}, other, "c2")
    assert second.status_code == 409
    assert second.json()["code"] == "already_captured"
    assert "北京路店" in second.json()["detail"]

    refund = f"/api/v1/till/captures/{voucher['uuid']}/reversals"
    assert post(client, refund, {}, till, "r1").json()["state"] == "refunded"
    twice = post(client, refund, {}, till, "r2")
    assert (twice.status_code, twice.json()["code"]) == (409, "already_refunded")
    after = client.get(f"/api/v1/me/vouchers/{voucher['uuid']}", headers=me).json()
    assert (after["state"], after["digits"], after["qr"]) == ("refunded", None, None)


def test_showing_a_voucher_writes_nothing(client: Client, cast: Cast, shop: Exchange) -> None:
    me = token(cast.alice, "me")
    voucher = post(client, "/api/v1/me/vouchers", {"offer": str(shop.offer.pk)}, me, "v1").json()
    from merchants.models import Voucher

    before = Voucher.objects.filter(pk=voucher["uuid"]).values().get()
    client.get(f"/api/v1/me/vouchers/{voucher['uuid']}", headers=me)
    assert Voucher.objects.filter(pk=voucher["uuid"]).values().get() == before


def test_the_same_key_takes_one_voucher_and_another_body_is_a_conflict(
    client: Client, cast: Cast, shop: Exchange
) -> None:
    me = token(cast.alice, "me")
    body = {"offer": str(shop.offer.pk)}
    first = post(client, "/api/v1/me/vouchers", body, me, "k")
    assert post(client, "/api/v1/me/vouchers", body, me, "k").content == first.content
    conflict = post(client, "/api/v1/me/vouchers", {"offer": str(uuid.uuid4())}, me, "k")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_conflict")
    missing = post(client, "/api/v1/me/vouchers", body, me)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_required")


def test_foreign_vouchers_and_wrong_scopes_are_refused(client: Client, cast: Cast, shop: Exchange) -> None:
    voucher = post(client, "/api/v1/me/vouchers", {"offer": str(shop.offer.pk)}, token(cast.alice, "me"), "v").json()
    path = f"/api/v1/me/vouchers/{voucher['uuid']}"
    bob = token(cast.bob, "me")
    assert client.get(path, headers=bob).json()["code"] == "not_found"
    assert client.get(path.replace(voucher["uuid"], str(uuid.uuid4())), headers=bob).json()["code"] == "not_found"
    assert client.get(path, headers=token(cast.alice, "till")).status_code == 403
    assert client.get(path).status_code == 401
    assert post(client, "/api/v1/till/captures", {"code": "12345678"}, bob, "x").status_code == 403
    no_till = post(client, "/api/v1/till/captures", {"code": "12345678"}, token(cast.bob, "till"), "x")
    assert (no_till.status_code, no_till.json()["code"]) == (403, "no_till")


def test_an_unknown_field_is_refused(client: Client, cast: Cast, shop: Exchange) -> None:
    body = {"offer": str(shop.offer.pk), "cost_points": 0}
    answer = post(client, "/api/v1/me/vouchers", body, token(cast.alice, "me"), "u")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "cost_points"


def test_open_offers_are_public(client: Client, shop: Exchange) -> None:
    (offer,) = client.get("/api/v1/offers").json()
    assert (offer["uuid"], offer["remaining"], offer["cost_points"]) == (str(shop.offer.pk), 100, 7)

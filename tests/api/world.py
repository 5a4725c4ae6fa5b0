"""The world of `tests/security` as kinds of clients, each with a token and the addresses of what is its own."""

from typing import Any

import requests
from oauth2_provider.models import Application, get_application_model

from accounts.models import User
from behaviors import activities
from tests.api.gate import Kind
from tests.security.world import World, app_of

SECRET = "a-secret-that-only-this-test-knows"


def token_of(user: User, scope: str) -> str:
    return str(app_of(user, scope).defaults["HTTP_AUTHORIZATION"]).removeprefix("Bearer ")


def system_token(url: str, scope: str) -> str:
    """The token of a city's system, by client credentials from the portal's own endpoint."""
    model: type[Application] = get_application_model()
    client = model.objects.create(
        name="城市系统",
        client_id="city-system",
        client_secret=SECRET,
        client_type=model.CLIENT_CONFIDENTIAL,
        authorization_grant_type=model.GRANT_CLIENT_CREDENTIALS,
    )
    form = {"grant_type": "client_credentials", "scope": scope}
    answer = requests.post(f"{url}/o/token/", data=form, auth=(client.client_id, SECRET), timeout=60)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def public_things() -> dict[str, dict[str, list[Any]]]:
    return {
        "/api/v1/dashboards/{region}": {"path.region": ["440000", "440100", "440106", "442000"]},
        "/api/v1/methodologies/{code}/versions/{version}": {
            "path.code": ["GD-METRO-TRIP"],
            "path.version": ["1.0"],
        },
    }


def record_things() -> dict[str, list[Any]]:
    return {
        "body.activity": sorted(activities.activities()),
        "body.region": ["440106", "440300", "442000"],
        "body.started_at": ["2026-11-20T08:00:00+08:00", "2026-11-19T18:00:00+08:00"],
        "body.ended_at": ["2026-11-20T08:30:00+08:00", "2026-11-19T18:20:00+08:00"],
        "body.occurred_on": ["2026-11-20", "2026-11-19"],
    }


def kinds(world: World, url: str) -> list[Kind]:
    """The clients. `url` is where their tokens come from."""
    cast = world.cast
    me = {
        "/api/v1/me/records/{id}": {"path.id": [world.record.pk]},
        "/api/v1/me/records/{id}/trace": {"path.id": [world.record.pk]},
        "/api/v1/me/vouchers/{id}": {"path.id": [str(world.voucher)]},
        "/api/v1/me/vouchers/{id}/codes": {"path.id": [str(world.voucher)]},
        "POST /api/v1/me/vouchers": {"body.offer": [str(world.exchange.offer.pk)]},
        "POST /api/v1/me/records": record_things(),
    }
    till = {"/api/v1/till/captures/{id}/reversals": {"path.id": [str(world.captured)]}}
    scopes = "me till dashboards behaviors:write"
    return [
        Kind("anyone", public=True, things=public_things()),
        Kind("resident", token_of(cast.alice, "me"), frozenset({"me"}), me),
        Kind(
            "cashier",
            token_of(world.exchange.tills[0], "till"),
            frozenset({"till"}),
            till,
            code_from=(f"{url}/api/v1/me/vouchers/{world.voucher}/codes", token_of(cast.alice, "me")),
        ),
        Kind("nobody", stranger=True, things=me | till),
        Kind("firm", token_of(cast.sme_owner, "me"), stranger=True, things=me),
        Kind("officer", token_of(cast.province_officer, "dashboards"), stranger=True, things=me | till),
        Kind("system", system_token(url, scopes), stranger=True, things=me | till),
    ]

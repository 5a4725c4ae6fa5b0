"""Every operation of the published schema, and the requests that it takes gladly. A new endpoint is in here by itself.

Where a request needs to name something that exists, `THINGS` says what; an operation without what it needs fails the
gate, so nobody can add an endpoint that the gate never really reaches.
"""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from tests.api.gate import Operation, operations
from tests.security.world import World, app_of, writes

PROBLEM = "application/problem+json"
#: What a refused request may touch: its key is claimed, and given back with the refusal.
UNDONE = {"kernel_idempotencykey"}


@dataclass(frozen=True)
class Good:
    """A request that is accepted: who sends it, the address, the body (None: the operation takes none)."""

    operation: Operation
    client: Client
    url: str
    body: dict[str, Any] | None


def published() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator(urlconf=settings.ROOT_URLCONF).get_schema(request=None, public=True)
    return json.loads(json.dumps(found, default=str))


def bodies(world: World) -> dict[str, dict[str, Any]]:
    """A good body for each operation that takes one, by method and path."""
    from carbon_portal.kernel import clock
    from merchants import services as merchants
    from merchants.models import Voucher

    digits, _until = merchants.show_digits(voucher=Voucher.objects.get(pk=world.voucher), at=clock.now())
    return {
        "POST /api/v1/me/records": {
            "activity": "metro_trip",
            "region": "440106",
            "inputs": {"distance": "12.4"},
            "started_at": "2026-11-20T08:00:00+08:00",
            "ended_at": "2026-11-20T08:30:00+08:00",
        },
        "POST /api/v1/me/vouchers": {"offer": str(world.exchange.offer.pk)},
        "POST /api/v1/till/captures": {"code": digits},
    }


def addresses(world: World) -> dict[str, dict[str, Any]]:
    """What stands in a path: this person's own, by path."""
    record, voucher = {"id": world.record.pk}, {"id": world.voucher}
    return {
        "/api/v1/dashboards/{region}": {"region": "440100"},
        "/api/v1/methodologies/{code}/versions/{version}": {"code": "GD-METRO-TRIP", "version": "1.0"},
        "/api/v1/me/records/{id}": record,
        "/api/v1/me/records/{id}/trace": record,
        "/api/v1/me/vouchers/{id}": voucher,
        "/api/v1/me/vouchers/{id}/codes": voucher,
        "/api/v1/till/captures/{id}/reversals": {"id": world.captured},
    }


def good_requests(world: World) -> list[Good]:
    """One request per operation. Fails where an operation's body or address is not known here."""
    schema = published()
    owners = {"me": app_of(world.cast.alice, "me"), "till": app_of(world.exchange.tills[0], "till")}
    owners |= {"dashboards": app_of(world.cast.province_officer, "dashboards")}
    anyone = Client(raise_request_exception=False)
    known, places = bodies(world), addresses(world)
    found = []
    for one in operations(schema):
        label = f"{one.method} {one.path}"
        spec = schema["paths"][one.path][one.method.lower()]
        assert "requestBody" not in spec or label in known, f"tests/hostile/api.py: no good body for {label}"
        assert not one.parameters or one.path in places, f"tests/hostile/api.py: nothing to put into {label}"
        client = next((owners[scope] for scope in sorted(one.scopes) if scope in owners), anyone)
        url = one.path.format(**places.get(one.path, {}))
        found.append(Good(one, client, url, known.get(label) if "requestBody" in spec else None))
    return found


@dataclass
class Answer:
    response: HttpResponse
    changed: set[str]


class Attack:
    """Requests whose effects are undone at once; what is wrong with an answer goes to `faults`."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.requests = 0

    def ask(
        self, good: Good, *, url: str = "", body: Any = None, kind: str = "application/json", **extra: Any
    ) -> Answer:
        self.requests += 1
        method = good.operation.method
        headers = {"Idempotency-Key": f"hostile-{self.requests}"} | extra
        options: dict[str, Any] = {"headers": headers}
        if method != "GET":
            options["content_type"] = kind
            options["data"] = body if isinstance(body, bytes) else json.dumps(body if body is not None else {})
        before = writes()
        with transaction.atomic():
            response: HttpResponse = getattr(good.client, method.lower())(url or good.url, **options)
            changed = {name for name, count in writes().items() if count != before.get(name, 0)}
            transaction.set_rollback(True)
        return Answer(response, changed - UNDONE)

    def refused(self, what: str, answer: Answer, *statuses: int) -> None:
        """A 4xx (one of these, if any are given) with its sentence in both languages, and nothing written."""
        response = answer.response
        wanted = statuses or tuple(range(400, 500))
        if response.status_code not in wanted:
            self.faults.append(f"{what}: {response.status_code}, not {statuses or '4xx'} {response.content[:120]!r}")
        self.sound(what, answer)

    def sound(self, what: str, answer: Answer) -> None:
        """No fault of the server; if it is a refusal, then a sentence and nothing written."""
        response = answer.response
        if response.status_code >= 500:
            self.faults.append(f"{what}: {response.status_code}")
        elif response.status_code >= 400:
            if answer.changed:
                self.faults.append(f"{what}: {response.status_code}, but wrote {sorted(answer.changed)}")
            if response["Content-Type"] != PROBLEM:
                self.faults.append(f"{what}: {response.status_code} as {response['Content-Type']}")
                return
            told = json.loads(response.content)
            if not any("\u4e00" <= letter <= "\u9fff" for letter in told["detail"]) or not told["detail_en"]:
                self.faults.append(f"{what}: no sentence: {told}")

"""Hostile requests against the API: every answer is a problem in two languages, and nothing is written."""

import json
import uuid
from typing import Any

import pytest
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client

from tests.security.world import World, app_of, browser, writes

RECORDS, VOUCHERS, CAPTURES = "/api/v1/me/records", "/api/v1/me/vouchers", "/api/v1/till/captures"
GOOD = {
    "activity": "metro_trip",
    "region": "440106",
    "inputs": {"distance": "12.4"},
    "started_at": "2026-11-20T08:00:00+08:00",
    "ended_at": "2026-11-20T08:30:00+08:00",
}


def refused(response: HttpResponse, status: int, code: str = "") -> dict[str, Any]:
    assert response.status_code == status, (response.status_code, response.content[:300])
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert body["status"] == status
    assert any("\u4e00" <= letter <= "\u9fff" for letter in body["detail"]), body
    assert body["detail_en"]
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in body["detail_en"]), body
    assert "Traceback" not in response.content.decode()
    if code:
        assert body["code"] == code
    return body


def send(client: Client, url: str, data: Any, *, key: str | None = "k", kind: str = "application/json") -> HttpResponse:
    headers = {"Idempotency-Key": key} if key is not None else {}
    text = data if isinstance(data, str | bytes) else json.dumps(data)
    answer: HttpResponse = client.post(url, text, content_type=kind, headers=headers)
    return answer


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""])
def test_other_content_types_are_refused(kind: str, world: World) -> None:
    refused(send(app_of(world.cast.alice), RECORDS, json.dumps(GOOD), kind=kind), 415, "unsupported_media_type")


WRONG: list[tuple[str, Any]] = [
    ("activity", 7),
    ("activity", ["metro_trip"]),
    ("activity", None),
    ("activity", "x" * 5000),
    ("region", 440106),
    ("region", "999999"),
    ("region", "４４０１０６"),
    ("town", "44010"),
    ("inputs", []),
    ("inputs", "12.4"),
    ("inputs", {"distance": 12.4}),
    ("inputs", {"distance": {"a": 1}}),
    ("inputs", {"distance": None}),
    ("inputs", {"distance": "1" * 65}),
    ("inputs", {f"d{number}": "1" for number in range(5000)}),
    ("started_at", "2026-11-20T08:00:00"),
    ("started_at", 1763596800),
    ("started_at", "0001-01-01T00:00:00+14:00"),
    ("started_at", "9999-12-31T23:59:59-12:00"),
    ("started_at", "2026-02-29T08:00:00+08:00"),
    ("ended_at", "9999-12-31T23:59:59Z"),
    ("ended_at", "0001-01-01T00:00:00Z"),
    ("occurred_on", "0000-00-00"),
    ("occurred_on", "9999-12-31"),
    ("note", "n" * 100_000),
    ("note", {"html": 1}),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_wrong_field_is_named_and_nothing_is_written(field: str, value: Any, world: World) -> None:
    client = app_of(world.cast.alice)
    before = writes()
    answer = send(client, RECORDS, GOOD | {field: value})
    assert 400 <= answer.status_code < 500, answer.content[:300]
    refused(answer, answer.status_code)
    changed = {name for name, count in writes().items() if count != before.get(name, 0)}
    assert changed <= {"kernel_idempotencykey"}, changed  # claimed, and undone with the refusal


QUERIES = ["%00", "x" * 100_000, "-1", "0", "99999999999999999999", "1e9", "%ff%fe", "٣", "'; DROP TABLE x--", "..%2f"]


#: These go into one field at a time; the others into all fields at once.
ALONE = ("-1", "99999999999999999999")


@pytest.mark.parametrize("value", QUERIES)
def test_odd_queries_are_no_fault(value: str, world: World) -> None:
    client = app_of(world.cast.alice)
    names = ("cursor", "page_size", "participant", "year", "period", "format", "account", "page", "state", "before")
    names += ("activity", "region", "day", "first", "last", "sector", "area", "next")
    queries = [f"{name}={value}" for name in names]
    paths = (RECORDS, "/api/v1/me/entries", "/api/v1/dashboards/440100", "/api/v1/offers", "/api/v1/activities")
    pages = ("/records/", "/statement", "/dashboards/440100/", "/dashboards/440100/trace/", "/records/new", "/offers/")
    page = browser(world.cast.alice)
    for query in queries if value in ALONE else ["&".join(queries)]:
        for url in paths:
            answer = client.get(f"{url}?{query}")
            assert answer.status_code < 500, (url, query[:80])
            if answer.status_code >= 400:
                refused(answer, answer.status_code)
        for url in pages:
            assert page.get(f"{url}?{query}").status_code < 500, (url, query[:80])


def test_only_a_token_of_the_right_scope_opens(world: World) -> None:
    alice = world.cast.alice
    refused(browser(alice).get(RECORDS), 401, "not_authenticated")  # a session is no token
    refused(app_of(alice, minutes=-1).get(RECORDS), 401)
    refused(app_of(alice, scope="till").get(RECORDS), 403, "forbidden")
    refused(app_of(alice, scope="").get(RECORDS), 403)
    refused(send(app_of(world.exchange.tills[0], scope="me"), CAPTURES, {"code": "12345678"}), 403)
    refused(send(app_of(alice, scope="till"), CAPTURES, {"code": "12345678"}), 403)  # the scope, but no till
    for header in ("Bearer", "Bearer x", "Bearer " + "x" * 9000, "Basic YTpi", "Bearer \xff", "bearer null"):
        refused(Client(raise_request_exception=False, headers={"Authorization": header}).get(RECORDS), 401)
    assert Client().get(f"{RECORDS}?access_token=x").status_code == 401


def test_the_key_of_a_write(world: World) -> None:
    client = app_of(world.cast.alice)
    for key in (None, "", "k" * 129):
        refused(send(client, RECORDS, GOOD, key=key), 400, "idempotency_key_required")
    offer = {"offer": str(world.exchange.offer.pk)}
    first = send(client, VOUCHERS, offer, key="one")
    assert first.status_code == 201, first.content
    again = send(client, VOUCHERS, offer, key="one")
    assert (again.status_code, again.content) == (201, first.content)
    refused(send(client, VOUCHERS, {"offer": str(uuid.uuid4())}, key="one"), 409, "idempotency_conflict")
    other = send(app_of(world.cast.carol), VOUCHERS, offer, key="one")
    assert other.content != first.content  # keys are one's own
    made = send(client, RECORDS, GOOD, key="two")
    assert made.status_code == 201, made.content
    assert send(client, RECORDS, GOOD, key="two").content == made.content
    refused(send(client, RECORDS, GOOD | {"note": "other"}, key="two"), 409, "idempotency_conflict")


def test_the_schema_is_valid_openapi_without_a_warning(tmp_path: Any) -> None:
    target = tmp_path / "schema.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(target))
    text = target.read_text()
    assert text.startswith("openapi: 3.1")

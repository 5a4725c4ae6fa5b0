"""Own records and the list of activities over HTTP."""

import datetime as dt
import json

import pytest
from django.test import Client
from oauth2_provider.models import AccessToken

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from tests.behaviors.cast import library, login, provider, resident, ride

pytestmark = pytest.mark.django_db
URL = "/api/v1/me/records"


@pytest.fixture(autouse=True)
def _library(db):
    library()


@pytest.fixture
def alice(db):
    return resident("Alice")


def client_of(participant, scope="me"):
    token = AccessToken.objects.create(
        user=login(participant.person),
        token=f"token-{participant.public_id}-{scope}",
        scope=scope,
        expires=clock.now() + dt.timedelta(hours=1),
    )
    return Client(headers={"Authorization": f"Bearer {token.token}"})


@pytest.fixture
def api(alice):
    return client_of(alice)


TRIP = {
    "activity": "metro_trip",
    "region": "440106",
    "inputs": {"distance": "12.4"},
    "started_at": "2026-11-20T08:00:00+08:00",
    "ended_at": "2026-11-20T08:30:00+08:00",
}


def post(api, body, key="k1"):
    headers = {"Idempotency-Key": key} if key else {}
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return api.post(URL, text, content_type="application/json", headers=headers)


def test_a_record_is_made_read_and_listed(api, alice):
    created = post(api, TRIP)
    assert created.status_code == 201, created.content
    body = created.json()
    assert (body["state"], body["evidence"], body["channel"]) == ("received", "self_declared", "api")
    assert body["inputs"] == {"distance": "12.4"}
    assert [step["state"] for step in body["timeline"]] == ["received", "checking", "provisional", "final"]
    assert body["timeline"][0]["at"]
    assert body["timeline"][1]["at"] is None
    one = api.get(f"{URL}/{body['id']}").json()
    assert one == body
    page = api.get(URL).json()
    assert [row["id"] for row in page["results"]] == [body["id"]]


def test_the_same_key_and_body_get_the_first_answer(api):
    first, again = post(api, TRIP), post(api, TRIP)
    assert again.content == first.content
    assert again["Idempotent-Replay"] == "true"
    assert BehaviorRecord.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(api):
    post(api, TRIP)
    refused = post(api, TRIP | {"inputs": {"distance": "12.5"}})
    assert refused.status_code == 409
    assert refused.json()["code"] == "idempotency_conflict"
    assert BehaviorRecord.objects.count() == 1


def test_the_key_of_one_person_is_nothing_to_another(api):
    post(api, TRIP)
    assert post(client_of(resident("Bob")), TRIP | {"note": "b"}).status_code == 201


def test_an_overlap_is_stored_and_explained_in_both_languages(api, alice):
    day = dt.date(2026, 11, 20)
    ride(alice, day=day, start=8, minutes=40, provider=provider(), evidence="feed", channel="file")
    body = post(api, TRIP).json()
    assert (body["state"], body["reason"]) == ("duplicate", "overlapping_trip")
    assert "08:00–08:40" in body["reason_text"]
    assert "广州地铁" in body["reason_text"]
    assert "overlaps" in body["reason_text_en"]
    assert body["timeline"][-1]["state"] == "duplicate"


def test_an_unknown_activity_is_stored_as_rejected_with_its_reason(api):
    body = post(api, TRIP | {"activity": "teleport"}).json()
    assert (body["state"], body["reason"]) == ("rejected", "unknown_activity")
    assert body["reason_text"]


def refusals():
    yield "missing activity", {key: value for key, value in TRIP.items() if key != "activity"}
    yield "unknown field", TRIP | {"points": 5}
    for hostile in ("state", "evidence", "participant", "source_record_id", "person", "final_at", "id", "reason"):
        yield f"mass assignment of {hostile}", TRIP | {hostile: "final"}
    yield "number for a string", TRIP | {"inputs": {"distance": 12.4}}
    yield "boolean for a string", TRIP | {"inputs": {"distance": True}}
    yield "null for a string", TRIP | {"inputs": {"distance": None}}
    yield "list for inputs", TRIP | {"inputs": ["12.4"]}
    yield "list for the body", [TRIP]
    yield "undeclared input", TRIP | {"inputs": {"distance": "12.4", "speed": "1"}}
    yield "unknown region", TRIP | {"region": "990000"}
    yield "region as a number", TRIP | {"region": 440106}
    yield "no zone", TRIP | {"started_at": "2026-11-20T08:00:00"}
    yield "time as a number", TRIP | {"started_at": 1763596800}
    yield "year 1", TRIP | {"started_at": "0001-01-01T00:00:00+08:00"}
    yield "year 9999", TRIP | {"ended_at": "9999-12-31T23:59:59-08:00"}
    yield "no end", TRIP | {"ended_at": None}
    yield "future", TRIP | {"started_at": "2099-01-01T00:00:00Z", "ended_at": "2099-01-01T00:10:00Z"}
    yield "bad date", TRIP | {"occurred_on": "2026-13-01"}
    yield "compact date", TRIP | {"occurred_on": "20261120"}
    yield "long note", TRIP | {"note": "x" * 201}
    yield "long input", TRIP | {"inputs": {"distance": "9" * 65}}
    yield "deep", "[" * 100 + "]" * 100
    yield "not JSON", "{"
    yield "NUL", json.dumps(TRIP | {"note": "a\x00"})
    yield "surrogate", '{"note": "\\ud800"}'
    yield "NaN", '{"inputs": {"distance": NaN}}'
    yield "duplicate keys", '{"activity": "a", "activity": "b"}'
    yield "latin-1", '{"note": "é"}'.encode("latin-1")


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in refusals()])
def test_bad_input_is_a_problem_and_writes_nothing(api, body):
    refused = post(api, body)
    assert refused.status_code == 400, refused.content
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"]
    assert not BehaviorRecord.objects.exists()


# T10: stored as it was written, never turned into another number; the engine refuses it.
@pytest.mark.parametrize("value", ["-1", "1e3", "1_000", "１２", "١٢", "NaN", "+5", " 5", "0x10", "9" * 40, "-0"])
def test_a_strange_number_is_stored_as_written_and_judged_later(api, value):
    created = post(api, TRIP | {"inputs": {"distance": value}})
    assert created.status_code == 201
    assert BehaviorRecord.objects.get().inputs == {"distance": value}


def test_a_write_needs_its_key_and_a_token_with_its_scope(api, alice):
    assert post(api, TRIP, key="").json()["code"] == "idempotency_key_required"
    assert Client().get(URL).status_code == 401
    assert client_of(resident("Eve"), scope="till").get(URL).status_code == 403
    cookie = Client()
    cookie.force_login(login(alice.person))
    assert cookie.get(URL).status_code == 401


def test_anothers_record_and_a_missing_one_answer_the_same(api):
    foreign = api.get(f"{URL}/{ride(resident('Bob')).id}")
    missing = api.get(f"{URL}/999999999")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content
    assert api.get(f"{URL}/{'9' * 30}").status_code == 404


def test_activities_are_public_and_answer_to_their_etag():
    response = Client().get("/api/v1/activities")
    codes = [row["code"] for row in response.json()["activities"]]
    assert "metro_trip" in codes
    assert response.json()["activities"][0]["self_declared_per_day"] == 6
    again = Client().get("/api/v1/activities", headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("inputs", [{}, {"distance": ""}, {"distance": "  "}])
def test_a_deed_without_what_it_is_computed_from_is_refused_at_once(api, inputs):
    answer = post(api, TRIP | {"inputs": inputs})
    assert answer.status_code in (400, 422), answer.content
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [("distance", "missing_input")]
    assert not BehaviorRecord.objects.exists()

"""Every operation of the API against everything in inputs.py: refused with a sentence, and nothing written (T25, T27)."""

import json
import urllib.parse
import uuid
from typing import Any

import pytest
from rest_framework import serializers

from tests.api.planted import BELOW
from tests.hostile.api import Attack, Good, good_requests, published
from tests.hostile.inputs import BAD_BODIES, HOSTILE_FIELDS, ODD_TEXTS, SMUGGLED, UNSENDABLE, WRONG_TYPES
from tests.security.world import build_world

pytestmark = pytest.mark.django_db
MEGABYTE = 1024 * 1024
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def attack_with_bodies(attack: Attack, good: Good) -> None:
    """Bodies that nobody may take, wrong sizes, wrong kinds, and fields that are not the sender's to set."""
    label = good.operation.id
    for name, (body, status) in BAD_BODIES.items():
        if body or good.body is not None:
            attack.refused(f"{label}, {name}", attack.ask(good, body=body), status)
    large = b'{"note": "' + b"a" * 8 * MEGABYTE + b'"}'
    attack.refused(f"{label}, 8 MB", attack.ask(good, body=large), 413)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "x", ""):
        if good.body is not None:
            attack.refused(f"{label}, as {kind!r}", attack.ask(good, body=good.body, kind=kind), 415)
    for field, value in HOSTILE_FIELDS.items():
        if field not in (good.body or {}):
            answer = attack.ask(good, body={**(good.body or {}), field: value})
            attack.refused(f"{label}, {field}", answer, 400)
            if answer.response.status_code == 400 and field not in answer.response.content.decode():
                attack.faults.append(f"{label}, {field}: the field is not named")


def attack_with_values(attack: Attack, good: Good, fields: dict[str, dict[str, Any]]) -> None:
    """Each field with values of another type or another alphabet. Texts that have a shape must keep it."""
    shaped = {"format", "pattern", "enum", "minLength"}
    for field, present in (good.body or {}).items():
        for value in WRONG_TYPES:
            if type(value) is not type(present):
                answer = attack.ask(good, body={**(good.body or {}), field: value})
                attack.refused(f"{good.operation.id}, {field}={value!r:.40}", answer)
        free = isinstance(present, str) and not shaped & fields[field].keys()
        for text in [*ODD_TEXTS, *UNSENDABLE]:
            answer = attack.ask(good, body={**(good.body or {}), field: text})
            judge = attack.sound if free and "\x00" not in text else attack.refused
            judge(f"{good.operation.id}, {field}={text!r:.40}", answer)


def attack_address(attack: Attack, good: Good) -> None:
    """The path's parameters and the query: odd texts, smuggled names, far too many, far too long."""
    label, query = good.operation.id, "&" if "?" in good.url else "?"
    for value in [*ODD_TEXTS, *UNSENDABLE] if good.operation.parameters else []:
        text = urllib.parse.quote(value, safe="")
        if text and value.strip("./"):
            url = good.operation.path.format(**dict.fromkeys(good.operation.parameters, text))
            attack.refused(f"{label}, path {value!r:.40}", attack.ask(good, url=url, body=good.body), 400, 404)
    many = "&".join(f"p{number}=1" for number in range(10_000))
    attack.refused(f"{label}, 10 000 parameters", attack.ask(good, url=f"{good.url}{query}{many}", body=good.body), 400)
    for raw in ("a=%00", "%00=a", "cursor=%00", "a[%00]=1", "year=x&year=", "cursor=&cursor="):
        attack.refused(f"{label}, {raw}", attack.ask(good, url=f"{good.url}{query}{raw}", body=good.body), 400)
    for raw in ("a=%ff%fe", "a=%u0000", "=&=&&;", "%", "a=" + "x" * 50_000):
        attack.sound(f"{label}, {raw[:20]}", attack.ask(good, url=f"{good.url}{query}{raw}", body=good.body))


def attack_query(attack: Attack, good: Good, declared: list[dict[str, Any]]) -> None:
    """Declared parameters with odd values; names that are none must change nothing."""
    label = good.operation.id
    for parameter in declared:
        free = parameter["schema"].get("type") == "string" and "enum" not in parameter["schema"]
        for value in [*ODD_TEXTS, *UNSENDABLE]:
            if not value:
                continue  # as if it were not there
            url = f"{good.url}?{parameter['name']}={urllib.parse.quote(value)}"
            answer = attack.ask(good, url=url)
            judge = attack.sound if free else attack.refused
            judge(f"{label}, {parameter['name']}={value!r:.40}", answer)
    plain = attack.ask(good).response.content
    again = attack.ask(good).response.content
    for name, value in SMUGGLED.items():
        answer = attack.ask(good, url=f"{good.url}?{urllib.parse.urlencode({name: value})}")
        attack.sound(f"{label}, {name}", answer)
        if answer.response.status_code == 200 and plain == again != answer.response.content:
            attack.faults.append(f"{label}: ?{name}={value} changed the answer")


def attack_headers(attack: Attack, good: Good) -> None:
    """Headers of other protocols and keys that are none."""
    label = good.operation.id
    for name, value in (
        ("X-HTTP-Method-Override", "DELETE"), ("Content-Encoding", "gzip"), ("Range", "bytes=0-18446744073709551615"),
        ("If-None-Match", '"' + "x" * 5000 + '"'), ("If-Modified-Since", "Fri, 99 Feb 2999"), ("X-Forwarded-For", "\x01"),
        ("Accept-Language", "zh;q=" + "9" * 5000), ("Cookie", "language=" + "x" * 5000), ("Cookie", "session=\x01;;=="),
        ("X-Original-URL", "/api/v1/me/account"), ("Expect", "100-continue"), ("Content-Length", "-1"),
    ):  # fmt: skip
        attack.sound(f"{label}, {name}", attack.ask(good, body=good.body, **{name: value}))
    attack.refused(f"{label}, Accept", attack.ask(good, body=good.body, Accept="text/html"), 406)
    if good.operation.method in WRITES and good.body is not None:
        for key in ("", " ", "k" * 129, "a\x01b", "٣\x00"):
            answer = attack.ask(good, body=good.body, **{"Idempotency-Key": key})
            attack.refused(f"{label}, key {key!r:.20}", answer, 400)


def _properties(schema: dict[str, Any], spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    content = spec.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = content.get("$ref", "").rsplit("/", 1)[-1]
    found: dict[str, dict[str, Any]] = schema["components"]["schemas"].get(name, content).get("properties", {})
    return found


def run_gate(only: str = "/api/v1/") -> Attack:
    """All attacks on every operation below a path."""
    attack, world = Attack(), build_world()
    schema = published()
    for good in good_requests(world):
        if not good.operation.path.startswith(only):
            continue
        spec = schema["paths"][good.operation.path][good.operation.method.lower()]
        attack_address(attack, good)
        attack_headers(attack, good)
        if good.operation.method in WRITES:
            attack_with_bodies(attack, good)
            attack_with_values(attack, good, _properties(schema, spec))
        else:
            attack_query(attack, good, [one for one in spec.get("parameters", []) if one["in"] == "query"])
    return attack


def test_every_operation_refuses_what_is_not_a_request() -> None:
    attack = run_gate()
    assert not attack.faults, f"{len(attack.faults)} of {attack.requests}:\n" + "\n".join(attack.faults[:60])
    assert attack.requests > 1_500


def test_the_good_requests_are_accepted() -> None:
    """Else the gate would prove nothing: it would attack a door that nobody can open."""
    attack, world = Attack(), build_world()
    for good in good_requests(world):
        answer = attack.ask(good, body=good.body)
        assert answer.response.status_code in (200, 201, 202), (good.operation.id, answer.response.content)


def test_the_gate_shuts_on_planted_faults(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.hostile import api

    settings.ROOT_URLCONF = "tests.api.planted"
    real = api.bodies
    monkeypatch.setattr(api, "bodies", lambda world: real(world) | {f"POST {BELOW}gullible": {"number": 1}})
    faults = "\n".join(run_gate(BELOW).faults)
    for fault in ("planted_breaks, number='-0': 500", "planted_gullible, list: 200", "planted_gullible, is_staff: 200"):
        assert fault in faults, (fault, faults[:2000])


def test_every_serializer_names_its_fields() -> None:
    """T25: no `__all__`, no `exclude`, and what comes in refuses unknown names."""

    def below(kind: type) -> list[type]:
        return [one for direct in kind.__subclasses__() for one in (direct, *below(direct))]

    ours = ("accounts", "behaviors", "credits", "merchants", "methodologies", "pilots", "carbon_portal")
    published()  # imports every view
    found = [one for one in below(serializers.ModelSerializer) if one.__module__.split(".")[0] in ours]
    assert found
    for one in found:
        meta = one.Meta  # type: ignore[attr-defined]
        assert isinstance(meta.fields, tuple), one
        assert not hasattr(meta, "exclude"), one


def test_a_body_of_an_operation_is_closed() -> None:
    schema = published()
    for path, item in schema["paths"].items():
        for method, one in item.items():
            for media in one.get("requestBody", {}).get("content", {}).values():
                name = media["schema"].get("$ref", "").rsplit("/", 1)[-1]
                body = schema["components"]["schemas"].get(name, media["schema"])
                assert body.get("additionalProperties") is False or media["schema"] == {}, (method, path)


def test_a_foreign_idempotency_key_is_only_ones_own() -> None:
    attack, world = Attack(), build_world()
    for good in good_requests(world):
        if good.operation.method in WRITES and good.body is not None:
            key = {"Idempotency-Key": uuid.uuid4().hex}
            answer = attack.ask(good, body=json.dumps(good.body).encode(), **key)
            assert answer.response.status_code < 400

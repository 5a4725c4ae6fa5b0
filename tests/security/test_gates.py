"""The gates see what they are there for: each is shown a violation, and says what to do about it."""

from typing import Any

import pytest
from django.urls import path

from tests.security import violations
from tests.security.gate import Gate, Row, policy_faults
from tests.security.test_csrf import csrf_faults
from tests.security.test_matrix import ROWS
from tests.security.world import browser

RECORD = {"own": lambda world: {"pk": world.record.pk}, "missing": ({"pk": 2**31 - 1},)}
OBJECT, DOOR = Row("login", **RECORD), Row("login")
PLANTED = {
    "violation-well": OBJECT,
    "violation-leaks": OBJECT,
    "violation-forbids": OBJECT,
    "violation-lists": DOOR,
    "violation-points-to": DOOR,
    "violation-writes": Row("public"),
    "violation-writes-and-refuses": Row("public"),
    "violation-undoes": Row("public"),
    "violation-bare": Row("public"),
    "violation-loose": Row("public"),
    "violation-opens": DOOR,
    "violation-breaks": Row("public"),
    "violation-unguarded": DOOR,
    "violation-api": Row("app"),
}


@pytest.fixture(autouse=True)
def _violations(settings: Any) -> None:
    settings.ROOT_URLCONF = violations.__name__


def run(planted: Any, actor: str, *names: str, methods: tuple[str, ...] = ("get",), row: Row | None = None) -> Gate:
    rows = {f"violation-{name}": row or PLANTED[f"violation-{name}"] for name in names}
    gate: Gate = planted.gate(actor, rows).run(methods=methods)
    return gate


def test_an_address_without_a_policy_is_named_with_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = policy_faults(ROWS)
    assert len(faults) == len(PLANTED)
    assert all("has no policy" in fault and "to ROWS in tests/security/test_matrix.py" in fault for fault in faults)
    assert any("Row('app')" in fault for fault in faults)
    assert not policy_faults(ROWS | PLANTED)
    gone = policy_faults(ROWS | PLANTED | {"gone": DOOR})
    assert gone == ["ROWS has a policy for 'gone', which no pattern is called any more: remove the row."]
    hasty = policy_faults(ROWS | PLANTED | {"violation-leaks": DOOR})
    assert [fault for fault in hasty if "nobody tests the 404" in fault]


def test_an_address_without_a_name_and_two_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.urls import clear_url_caches

    more = [path("nameless", violations.opens), path("again", violations.opens, name="violation-opens")]
    monkeypatch.setattr(violations, "urlpatterns", [*violations.urlpatterns, *more])
    clear_url_caches()
    faults = policy_faults(ROWS | PLANTED)
    clear_url_caches()
    assert any("/nameless has no name" in fault for fault in faults)
    assert any("two patterns are named 'violation-opens'" in fault for fault in faults)


def test_what_is_well_done_passes(planted: Any) -> None:
    for actor in ("anonymous", "resident", "alice", "city_officer", "newcomer"):
        gate = run(planted, actor, "well", "undoes", methods=("get", "head", "options", "post"))
        assert gate.asked > 4
        assert not gate.faults


@pytest.mark.parametrize(
    ("name", "method", "sentence"),
    [
        ("leaks", "get", "foreign (near) 200, missing 404; the view must fetch with the right built in"),
        ("leaks", "get", "shows note of a record 'Qz71Note' to resident"),
        ("forbids", "get", "foreign (near) 403, missing 404"),
        ("lists", "get", "shows number of a voucher"),
        ("points-to", "get", "shows public id of a resident"),
        ("writes", "get", "200, a safe method changed rows of merchants_offer"),
        ("writes", "head", "200, a safe method changed rows of merchants_offer"),
        ("writes", "options", "200, a safe method changed rows of merchants_offer"),
        ("writes-and-refuses", "post", "403, a refusal changed rows of merchants_offer"),
        ("bare", "get", "no Content-Security-Policy"),
        ("loose", "get", "script-src is [\"'self'\", \"'unsafe-inline'\"]"),
        ("loose", "get", "object-src is None, not"),
        ("loose", "get", "inline code without the nonce of script-src: <script>"),
        ("loose", "get", "inline attribute: <p style="),
        ("loose", "get", "Referrer-Policy is 'unsafe-url'"),
        ("breaks", "get", "500"),
    ],
)
def test_a_violation_is_seen(name: str, method: str, sentence: str, planted: Any) -> None:
    gate = run(planted, "resident", name, methods=(method,))
    assert any(sentence in fault for fault in gate.faults), gate.faults
    assert any(gate.failed.values())


def test_an_open_door_is_seen(planted: Any) -> None:
    assert any("200, not the login page" in fault for fault in run(planted, "anonymous", "opens").faults)
    for actor in ("anonymous", "expired", "cookie"):
        assert any("200, not 401" in fault for fault in run(planted, actor, "api", row=Row("app")).faults), actor
    assert any("200, not 403" in fault for fault in run(planted, "no_scope", "api").faults)
    for_staff = Row("login", roles=frozenset({"auditor"}))
    assert any("a role that may not" in fault for fault in run(planted, "resident", "opens", row=for_staff).faults)
    assert not run(planted, "auditor", "opens", row=for_staff).faults
    nobody = Row("login", roles=frozenset({"resident"}))
    refused = run(planted, "resident", "writes-and-refuses", row=nobody)
    assert any("403 to a role that may" in fault for fault in refused.faults)
    lost = run(planted, "alice", "well", row=Row("login", lambda world: {"pk": 1 << 30}, ({"pk": 7 << 28},)))
    assert any("to who has a right to it" in fault for fault in lost.faults)


def test_a_view_that_takes_deeds_without_a_token_is_seen(world: Any) -> None:
    strict = browser(world.cast.alice)
    strict.handler.enforce_csrf_checks = True
    faults = csrf_faults({"violation-unguarded": DOOR}, world, strict)
    assert len(faults) == 1
    assert "violation-unguarded is csrf_exempt" in faults[0]
    assert not csrf_faults({"violation-opens": DOOR}, world, strict)

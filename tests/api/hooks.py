"""What schemathesis loads beside its own checks (SCHEMATHESIS_HOOKS)."""

import os
import re
from typing import Any

import requests
import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

PROBLEM = "application/problem+json"
#: The sender's own words, and names of things, are repeated in quotation marks whatever their language.
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|'[^']*'")
_HAN = re.compile(r"[\u4e00-\u9fff]")
CAPTURES = "/api/v1/till/captures"


@schemathesis.check
def refusals_are_sentences(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """Every refusal is a problem (RFC 9457) that says in both languages what was wrong, and tells nothing inside."""
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return None
    kind = response.headers.get("content-type", [""])[0]
    assert kind.split(";")[0] == PROBLEM, f"{response.status_code} as {kind}"
    body = response.json()
    assert body["status"] == response.status_code
    assert _HAN.search(body["detail"]), body
    english = _QUOTED.sub("", body["detail_en"])
    assert english, body
    assert not _HAN.search(english), body
    assert "Traceback" not in response.text
    return None


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    """schemathesis' check for ignored authorisation knows bearer tokens, not OAuth 2, which is where ours come from."""
    for scheme in raw_schema.get("components", {}).get("securitySchemes", {}).values():
        if scheme.get("type") == "oauth2":
            scheme.pop("flows", None)
            scheme.update(type="http", scheme="bearer")


_digits: list[str] = []


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Codes live two minutes, so a till that is to redeem something gets one from the voucher's owner as it asks."""
    where = os.environ.get("GATE_CODE_URL")
    if not where or case.path != CAPTURES or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    headers = {"Authorization": f"Bearer {os.environ['GATE_CODE_TOKEN']}"}
    answer = requests.post(where, headers=headers, timeout=60)
    if answer.status_code == 200:
        _digits.append(answer.json()["digits"])
    case.body = {"code": _digits[-1]}

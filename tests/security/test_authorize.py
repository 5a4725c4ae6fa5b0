"""The page on which a person allows an app, in the portal's own face (OAuth 2, authorisation code with PKCE)."""

import base64
import hashlib
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from oauth2_provider.models import get_application_model

from tests.people import ALICE_PHONE, resident
from tests.security.world import browser

VERIFIER = "a-verifier-of-more-than-forty-three-characters-for-tests"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def asked(db: None) -> dict[str, str]:
    application = get_application_model().objects.create(
        name="骑行助手",
        client_id="rides",
        client_type="public",
        authorization_grant_type="authorization-code",
        redirect_uris="https://rides.example/back",
    )
    return {
        "response_type": "code",
        "client_id": application.client_id,
        "redirect_uri": "https://rides.example/back",
        "scope": "me",
        "state": "s1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-hans", ["让“骑行助手”使用您的账户？", "读写本人的记录、账户和兑换券", "不授权", "将返回 rides.example"]),
        (
            "en",
            ["Let “骑行助手” use your account?", "Read and write one’s own records", "Do not allow", "You return to"],
        ),
    ],
)
def test_the_page_says_who_asks_for_what(asked: dict[str, str], language: str, words: list[str]) -> None:
    client = browser(resident(ALICE_PHONE))
    client.cookies["language"] = language
    answer = client.get(f"/o/authorize/?{urlencode(asked)}")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f'<html lang="{"zh-Hans" if language == "zh-hans" else "en"}"' in page
    for word in words:
        assert word in page
    assert "oauth2_provider.css" not in page
    assert "form-action 'self' https://rides.example" in answer["Content-Security-Policy"]


def test_allowing_leads_back_with_a_code_and_refusing_without(asked: dict[str, str]) -> None:
    client = browser(resident(ALICE_PHONE))
    for choice, wanted in (({"allow": "1"}, "code"), ({}, "error")):
        answer = client.post("/o/authorize/", asked | choice)
        assert answer.status_code == 302
        back = urlsplit(answer["Location"])
        assert (back.scheme, back.netloc, back.path) == ("https", "rides.example", "/back")
        assert wanted in parse_qs(back.query)


@pytest.mark.parametrize("wrong", [{"client_id": "nobody"}, {"redirect_uri": "https://elsewhere.example/"}])
def test_a_wrong_request_is_explained_and_goes_nowhere(asked: dict[str, str], wrong: dict[str, str]) -> None:
    client = browser(resident(ALICE_PHONE))
    client.cookies["language"] = "en"
    answer = client.get(f"/o/authorize/?{urlencode(asked | wrong)}")
    assert answer.status_code == 400
    assert "The request for permission is wrong" in answer.content.decode()
    assert "elsewhere.example" not in answer["Content-Security-Policy"]

"""The composition root's pages: front, home, preferences, health, API page, error answers."""

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from accounts.constants import Role
from carbon_portal.pages.errors import server_error
from tests.people import build_cast, staff

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def test_a_visitor_learns_what_this_is(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "三步开始" in page
    assert reverse("account_signup") in page


def test_a_new_resident_is_told_how_to_earn_the_first_grams(client: Client) -> None:
    cast = build_cast()
    client.force_login(cast.carol, backend=BACKEND)
    answer = client.get("/")
    assert answer.context["points"] == "0"
    assert "怎样获得第一笔减碳量" in answer.content.decode()


def test_staff_without_an_account_go_to_their_desk(client: Client) -> None:
    client.force_login(staff("zs", Role.CITY_OFFICER, name="林经办", region="442000"), backend=BACKEND)
    assert client.get("/")["Location"] == "/staff/"
    assert client.get("/staff/")["Location"] == "/dashboards/442000/"


def test_residents_have_no_staff_desk(client: Client) -> None:
    client.force_login(build_cast().bob, backend=BACKEND)
    assert client.get("/staff/").status_code == 403


def test_preferences_are_cookies_and_lead_back(client: Client) -> None:
    answer = client.post(reverse("pages:set-language"), {"language": "en", "next": "/offers/"})
    assert answer["Location"] == "/offers/"
    assert "Rewards" in client.get("/offers/").content.decode()
    client.post(reverse("pages:set-size"), {"size": "large", "next": "/"})
    assert 'data-size="large"' in client.get("/").content.decode()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_preferences_lead_to_no_other_site(client: Client, target: str) -> None:
    assert client.post(reverse("pages:set-size"), {"size": "large", "next": target})["Location"] == "/"


def test_the_process_is_healthy_and_readiness_names_what_is_missing(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    from django.core.cache import cache

    cache.delete("worker:heartbeat")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": True, "broker": True, "worker": False}
    from carbon_portal.kernel.tasks import heartbeat

    heartbeat()
    assert client.get("/readyz").status_code == 200


def test_the_api_page_lists_every_operation_of_the_schema(client: Client) -> None:
    schema = client.get("/api/v1/schema/?format=json").json()
    assert schema["openapi"].startswith("3.1")
    page = client.get(reverse("pages:api-docs")).content.decode()
    for path, item in schema["paths"].items():
        for method in item:
            assert f"{method.upper()} {path}" in page


def test_a_missing_page_and_a_missing_endpoint_answer_in_their_own_form(client: Client) -> None:
    page = client.get("/nothing-here/")
    assert page.status_code == 404
    assert "text/html" in page["Content-Type"]
    problem = client.get("/api/v1/nothing-here")
    assert problem.status_code == 404
    assert problem["Content-Type"] == "application/problem+json"
    assert {"code", "detail", "detail_en", "status"} <= set(problem.json())


@pytest.mark.parametrize(
    ("language", "missing", "broken"),
    [("zh-hans", "没有找到这一页", "系统出错了"), ("en", "Page not found", "Something went wrong")],
)
def test_error_pages_are_titled_in_the_page_s_language(
    client: Client, rf: RequestFactory, language: str, missing: str, broken: str
) -> None:
    client.cookies["language"] = language
    answer = client.get("/no/such/page")
    assert (answer.status_code, answer.content.decode().partition("<title>")[2][: len(missing)]) == (404, missing)
    with translation.override(language):
        answer = server_error(rf.get("/"))
    assert (answer.status_code, answer.content.decode().partition("<title>")[2][: len(broken)]) == (500, broken)

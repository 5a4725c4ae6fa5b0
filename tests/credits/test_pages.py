"""The resident's pages of records, traces and points, and the same over HTTP."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oauth2_provider.models import AccessToken, Application

from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from credits import services
from credits.services import undo_reversed
from merchants.services import release_voucher, take_voucher
from tests.merchants.world import build_exchange
from tests.people import build_cast

from .cases import AT, ON, prepare, records

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    prepare()
    return build_cast()


@pytest.fixture
def alice(client, cast):
    client.force_login(cast.alice, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text(response) -> str:
    return response.content.decode()


def test_the_list_shows_state_grams_and_points_and_says_when_it_is_empty(alice, cast):
    assert "还没有记录" in text(alice.get("/records/"))
    final, waiting = records({"participant": cast.alice_account}, {"participant": cast.alice_account})
    BehaviorRecord.objects.filter(pk=waiting).update(state="under_review")
    services.quantify_pending(at=AT)
    page = text(alice.get("/records/"))
    assert "233 克" in page
    assert "+2 碳币" in page
    assert "人工复核" in page
    assert f"/records/{final}" in page
    assert "没有符合条件的记录" in text(alice.get("/records/?state=rejected"))
    assert alice.get("/records/?page=abc&state=nonsense&account=x").status_code == 200


def test_a_record_on_sample_figures_says_so_in_the_list_and_on_its_page(alice, cast, django_assert_max_num_queries):
    """The province's metro rests on one, Guangzhou's does not; many records ask no more than one."""
    sample, plain = records(
        {"participant": cast.alice_account}, {"participant": cast.alice_account, "region": "440106"}
    )
    services.quantify_pending(at=AT)
    page = text(alice.get("/records/"))
    assert page.count("示例数据") == 1
    assert "示例数据" in text(alice.get(f"/records/{sample}"))
    assert "示例数据" in text(alice.get(f"/records/{sample}/trace"))
    assert "示例数据" not in text(alice.get(f"/records/{plain}"))
    assert alice.get(f"/api/v1/me/records/{sample}/trace", **bearer(cast.alice)).json()["sample"] is True
    with CaptureQueriesContext(connection) as few:
        alice.get("/records/")
    records(*[{"participant": cast.alice_account, "inputs": {"distance": str(n)}} for n in range(3, 15)])
    services.quantify_pending(at=AT)
    with django_assert_max_num_queries(len(few)):
        assert text(alice.get("/records/")).count("示例数据") > 5


def test_a_record_says_where_it_stands_and_why(alice, cast):
    (pk,) = records({"participant": cast.alice_account})
    before = text(alice.get(f"/records/{pk}"))
    assert "已收到" in before
    assert "通常 1 分钟内出结果" in before
    assert "撤销这条记录" in before
    assert "还没有计算结果" in text(alice.get(f"/records/{pk}/trace"))
    services.quantify_pending(at=AT)
    after = text(alice.get(f"/records/{pk}"))
    assert "233" in after
    assert "按规定比例计入" in after
    assert "撤销这条记录" not in after


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"inputs": {"distance": "-1"}}, "小于方法学规定的最小值"),
        ({"on": dt.date(2024, 1, 1)}, "不在该方法学的适用范围内"),
        ({"evidence": "feed", "inputs": {"distance": "10"}}, "全额计入"),
    ],
)
def test_the_reason_is_a_sentence(alice, cast, row, sentence):
    (pk,) = records({"participant": cast.alice_account, **row})
    services.quantify_pending(at=AT)
    assert sentence in text(alice.get(f"/records/{pk}"))


def test_the_trace_can_be_followed_with_a_calculator(alice, cast):
    (pk,) = records({"participant": cast.alice_account})
    services.quantify_pending(at=AT)
    page = text(alice.get(f"/records/{pk}/trace"))
    for part in (
        "乘行里程",
        "10 × 46.7",
        "467",
        "50%",
        "233 克",
        "示例值",
        "GD-METRO-TRIP",
        "上限 120 公里",
        "SHA-256",
    ):
        assert part in page, part


def test_another_persons_record_and_a_missing_one_give_the_same_answer(client, cast):
    (pk,) = records({"participant": cast.alice_account})
    client.force_login(cast.bob, backend="django.contrib.auth.backends.ModelBackend")
    for path in (f"/records/{pk}", f"/records/{pk}/trace"):
        foreign, missing = client.get(path), client.get(path.replace(str(pk), "999999999"))
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert "46.7" not in text(foreign)
    assert client.get("/records/99999999999999999999").status_code == 404


def test_visitors_are_sent_to_the_login(client, cast):
    for path in ("/records/", "/statement", "/records/1"):
        assert client.get(path).status_code == 302


def test_the_estimate_while_typing(alice, cast):
    form = {"activity": "metro_trip", "participant": str(cast.alice_account.pk), "region": "440605"}
    form["day"] = clock.today().isoformat()
    good = alice.post("/records/estimate", {**form, "input_distance": "10"})
    assert good.status_code == 200
    assert "233" in text(good)
    assert text(good).startswith("<output") or "<output" in text(good)
    assert "不是数字" in text(alice.post("/records/estimate", {**form, "input_distance": "1e9"}))
    assert "填好后" in text(alice.post("/records/estimate", {**form, "input_distance": " "}))
    hostile = {"activity": "x\x00y", "input_distance": "1" * 5000, "day": "yesterday", "region": "<b>"}
    assert alice.post("/records/estimate", {**form, **hostile}).status_code == 200
    foreign = {**form, "participant": str(cast.bob_account.pk), "input_distance": "10"}
    assert alice.post("/records/estimate", foreign).status_code == 404
    assert BehaviorRecord.objects.count() == 0


def test_the_statement_lists_every_line_and_sums_to_the_balance(alice, cast):
    assert "还没有碳币变动" in text(alice.get("/statement"))
    records({"participant": cast.alice_account}, {"participant": cast.alice_account, "evidence": "feed"})
    services.quantify_pending(at=AT)
    page = text(alice.get("/statement"))
    assert "减碳发放" in page
    assert "2027年12月31日" in page
    assert "+7" in page  # 233 + 467 g
    assert alice.get("/statement?cursor=zzz").status_code == 400
    assert alice.get("/statement?year=1&account=nobody").status_code == 200


def test_the_statement_names_the_record_and_the_offer(alice, cast):
    (trip,) = records({"participant": cast.alice_account})
    services.quantify_pending(at=AT)
    shop = build_exchange(cast, cost=1, at=AT)
    voucher = take_voucher(offer=shop.offer, participant=cast.alice_account, request_key="k", at=AT)
    release_voucher(voucher=voucher, at=AT)
    page = text(alice.get("/statement"))
    assert f'<a class="t" href="/records/{trip}">减碳发放</a><span class="s">地铁出行 · ' in page
    for line in ("兑换预留", "兑换退回"):
        assert f'<a class="t" href="/vouchers/{voucher.pk}/">{line}</a><span class="s">中杯咖啡 · ' in page
    both = records({"participant": cast.alice_account}, {"participant": cast.alice_account})
    services.quantify_pending(at=AT)
    assert "地铁出行等 2 条记录" in text(alice.get("/statement"))
    BehaviorRecord.objects.filter(id=both[0]).update(state="reversed", closed_at=AT)
    undo_reversed(at=AT)
    page = text(alice.get("/statement"))
    assert f'<a class="t" href="/records/{both[0]}">减碳更正</a><span class="s">地铁出行 · ' in page
    alice.cookies["language"] = "en"
    assert "Medium coffee · " in text(alice.get("/statement"))


def test_the_statement_names_the_method_of_a_record_without_asking_for_each_line(
    alice, cast, django_assert_max_num_queries
):
    """A trip in Foshan is counted by the province's metro method, one in Guangzhou by the city's."""
    province, city = "/methodologies/GD-METRO-TRIP/1.0/", "/methodologies/GZ-METRO-RIDE/1.0/"
    (trip,) = records({"participant": cast.alice_account})
    services.quantify_pending(at=AT)
    assert f'<a href="{province}">广东省地铁出行减碳量核算方法（示例）（第 1.0 版）</a>' in text(
        alice.get("/statement")
    )
    with CaptureQueriesContext(connection) as few:
        alice.get("/statement")
    for number in range(6):
        records({"participant": cast.alice_account, "region": "440106", "on": ON - dt.timedelta(days=number)})
        services.quantify_pending(at=AT)
    records({"participant": cast.alice_account}, {"participant": cast.alice_account, "region": "440106"})
    services.quantify_pending(at=AT)
    with django_assert_max_num_queries(len(few)):
        page = text(alice.get("/statement"))
    assert page.count(f'href="{city}"') >= 6
    assert "（第 1.0 版）等 2 个版本" in page
    BehaviorRecord.objects.filter(id=trip).update(state="reversed", closed_at=AT)
    undo_reversed(at=AT)
    undone = text(alice.get("/statement")).split("减碳更正")[1].split("</li>")[0]
    assert f'href="{province}"' in undone
    alice.cookies["language"] = "en"
    assert "(version 1.0) and others, 2 versions in all" in text(alice.get("/statement"))


def test_the_pages_speak_english(alice, cast):
    (pk,) = records({"participant": cast.alice_account})
    services.quantify_pending(at=AT)
    alice.cookies["language"] = "en"
    page = text(alice.get(f"/records/{pk}"))
    assert "only a share of the result" in page


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def bearer(user, scope: str = "me") -> dict[str, str]:
    application, _ = Application.objects.get_or_create(
        name="app", client_type="public", authorization_grant_type="authorization-code", redirect_uris="https://a.test/"
    )
    expires = clock.now() + dt.timedelta(hours=1)
    token = AccessToken.objects.create(
        user=user, application=application, token=f"{user.pk}-{scope}", expires=expires, scope=scope
    )
    return {"HTTP_AUTHORIZATION": f"Bearer {token.token}"}


def test_account_entries_and_trace_over_http(client, cast):
    (pk,) = records({"participant": cast.alice_account})
    services.quantify_pending(at=AT)
    mine = bearer(cast.alice)
    account = client.get("/api/v1/me/account", **mine).json()["accounts"][0]
    assert (account["final_g"], account["spendable_points"], account["records"]) == (233, 2, 1)
    assert account["points"][0]["expires_on"] == "2027-12-31"
    entries = client.get("/api/v1/me/entries", **mine).json()
    assert [(row["kind"], row["points"], row["balance_points"]) for row in entries["results"]] == [("award", 2, 2)]
    body = client.get(f"/api/v1/me/records/{pk}/trace", **mine).json()
    assert body["trace"]["reduction_g"] == 233
    assert body["trace"]["parameters"]["saving_per_km"]["confidence"] == "sample"

    other = bearer(cast.bob)
    assert client.get(f"/api/v1/me/records/{pk}/trace", **other).status_code == 404
    assert client.get("/api/v1/me/account", **bearer(cast.carol, "till")).status_code == 403
    assert client.get("/api/v1/me/account").status_code == 401
    assert client.get("/api/v1/me/entries?year=20x6", **mine).json()["code"] == "invalid_input"
    assert client.get("/api/v1/me/entries?cursor=%00", **mine).status_code == 400


def test_the_reconciliation_is_public_and_balances(client, cast):
    records({"participant": cast.alice_account})
    services.quantify_pending(at=AT)
    body = client.get("/api/v1/reconciliation").json()
    assert body["final_g"] == body["uncertifiable_g"] == 233
    assert body["difference_g"] == 0

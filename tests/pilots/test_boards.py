"""Dashboards: any two ways of adding up agree, every figure's trace holds the same grams, strangers see no records."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.constants import Role
from credits import services
from pilots import boards, selectors
from pilots.forms import read_cut
from pilots.selectors import Cut
from tests.credits.cases import AT, ON, prepare, records, resident
from tests.people import staff

pytestmark = pytest.mark.django_db
PROVINCE = Cut(region="440000", first=dt.date(2026, 1, 1), last=dt.date(2026, 12, 31))


@pytest.fixture
def deeds() -> None:
    """Six records in three cities, two months, three activities, two evidence grades; one of them is 0 g."""
    prepare()
    foshan, guangzhou, zhongshan = resident("440605"), resident("440100"), resident("442000")
    october = dt.date(2026, 10, 3)
    records(
        {"participant": foshan},
        {"participant": foshan, "on": october, "evidence": "feed"},
        {"participant": guangzhou, "region": "440100", "evidence": "feed"},
        {"participant": guangzhou, "region": "440106", "activity": "shared_bike_trip", "inputs": {"distance": "5"}},
        {"participant": zhongshan, "region": "442000", "activity": "electric_bus_trip", "inputs": {"distance": "8"}},
        {"participant": zhongshan, "region": "442000", "activity": "old_clothes", "inputs": {"weight": "1"}, "on": ON},
    )
    services.quantify_pending(at=AT, until_empty=True)


def test_totals_by_any_two_paths_agree_to_the_gram(deeds: None) -> None:
    whole, count = selectors.total_g(PROVINCE)
    assert whole > 0
    assert count == 6
    for dimension in selectors.DIMENSIONS:
        rows = selectors.by(PROVINCE, dimension)
        assert sum(row["reduction_g"] for row in rows) == whole
        assert sum(row["records"] for row in rows) == count
    assert sum(selectors.by_city(PROVINCE).values()) == whole
    assert sum(sum(month.values()) for month in selectors.by_month(PROVINCE).values()) == whole
    assert len(selectors.by_city(PROVINCE)) == 21


def links(value: object) -> list[str]:
    """Every address that a board offers."""
    if isinstance(value, dict):
        return [link for key, part in value.items() for link in ([part] if key == "href" else links(part))]
    if isinstance(value, list):
        return [link for part in value for link in links(part)]
    return []


def cut_of(link: str) -> Cut:
    parts = urlsplit(link)
    region = parts.path.strip("/").split("/")[1]
    assert parse_qs(parts.query)
    return read_cut(region, QueryDict(parts.query), PROVINCE)


def test_each_figure_traces_to_reductions_of_the_same_sum(deeds: None) -> None:
    city = Cut(region="440100", first=PROVINCE.first, last=PROVINCE.last)
    shown = [
        boards.cities_map(PROVINCE, "zh-hans"),
        boards.months_by_sector(PROVINCE),
        boards.counties_bars(city, "zh-hans"),
        *(boards.breakdown(PROVINCE, dimension, "en") for dimension in ("activity", "sector", "subject", "evidence")),
    ]
    traced = [link for link in links(shown) if "/trace/" in link]
    assert len(traced) > 40
    for link in traced:
        proof = selectors.proof(cut_of(link))
        assert proof.difference_g == 0, link
        assert proof.total_records == proof.summed_records, link


def test_a_city_figure_without_district_traces_to_those_records_only(deeds: None) -> None:
    city = Cut(region="440100", first=PROVINCE.first, last=PROVINCE.last)
    own = selectors.total_g(Cut("440100", city.first, city.last, exact=True))
    assert own[1] == 1
    assert dict(selectors.by_county(city))["440100"] == own[0]
    assert selectors.total_g(city)[1] == 2


def leaves(cut: Cut) -> list[Cut]:
    """The pieces that can be summed at once, down from a cut that cannot."""
    if selectors.is_summed_at_once(cut):
        return [cut]
    return [leaf for part in selectors.parts(cut) for leaf in leaves(part.cut)]


@pytest.mark.parametrize("at_once", [0, 1, 2])
def test_a_large_figure_falls_into_parts_that_add_up_and_are_each_summed(
    deeds: None, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(selectors, "SUMMED_AT_ONCE", at_once)
    pieces = leaves(PROVINCE)
    proofs = [selectors.proof(piece) for piece in pieces]
    assert len(pieces) > 2
    assert sum(proof.summed_records for proof in proofs) == selectors.total_g(PROVINCE)[1] == 6
    assert sum(proof.summed_g for proof in proofs) == selectors.total_g(PROVINCE)[0]
    assert all(proof.difference_g == 0 for proof in proofs)


def test_the_trace_of_a_large_figure_leads_to_its_parts(
    deeds: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "SUMMED_AT_ONCE", 5)
    page = client.get(f"/dashboards/440000/trace/?from={PROVINCE.first}&to={PROVINCE.last}")
    assert page.status_code == 200
    assert "proof" not in page.context
    months = page.context["parts"]["rows"]
    assert len(months) == 2
    for cell, *_rest in months:
        assert client.get(cell["href"]).context["proof"].difference_g == 0


def test_everybody_sees_sums_and_only_the_areas_staff_see_records(deeds: None, client: Client) -> None:
    page = f"/dashboards/442000/trace/?from={PROVINCE.first}&to={PROVINCE.last}"
    public = client.get(page)
    assert public.status_code == 200
    assert public.context["rows"] == []
    for username, region, allowed in (("zs", "442000", True), ("gz", "440100", False), ("gd", "440000", True)):
        role = Role.PROVINCE_OFFICER if region == "440000" else Role.CITY_OFFICER
        client.force_login(
            staff(username, role, name=username, region=region), backend="django.contrib.auth.backends.ModelBackend"
        )
        rows = client.get(page).context["rows"]
        assert bool(rows) is allowed, username


@pytest.mark.parametrize(
    "query",
    [
        "period=decade", "from=2026-13-01", "to=2026-1-1", "sector=magic", "state=maybe", "evidence=magic", "before=-1",
        "activity=" + "x" * 50, "subject=<b>", "from=二〇二六",
    ],
)  # fmt: skip
def test_an_unreadable_filter_is_refused_with_a_sentence(client: Client, query: str) -> None:
    path = "/dashboards/440000/" + ("" if query.startswith("period") else "trace/")
    answer = client.get(f"{path}?{query}")
    assert answer.status_code == 400
    assert "看不懂筛选条件" in answer.content.decode()


@pytest.mark.parametrize("region", ["110000", "000000", "44", "441900001", "abc", "449999"])
def test_no_board_for_what_is_no_area(client: Client, region: str) -> None:
    assert client.get(f"/dashboards/{region}/").status_code == 404
    assert client.get(f"/api/v1/dashboards/{region}").status_code == 404


def test_an_empty_area_says_so(client: Client) -> None:
    answer = client.get("/dashboards/445300/")
    assert answer.status_code == 200
    assert "还没有终算的记录" in answer.content.decode()


def test_the_api_gives_the_same_figures(deeds: None, client: Client) -> None:
    answer = client.get("/api/v1/dashboards/440000?period=all").json()
    assert answer["reduction_g"] == selectors.total_g(PROVINCE)[0]
    assert sum(row["reduction_g"] for row in answer["by_month"]) == answer["reduction_g"]
    assert len(answer["by_city"]) == 21


def test_regions_have_an_etag(client: Client) -> None:
    first = client.get("/api/v1/regions")
    assert {row["code"] for row in first.json()} >= {"440000", "440100", "442000"}
    again = client.get("/api/v1/regions", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304


def test_map_classes_rise() -> None:
    for largest in (0, 1, 3, 7, 100, 10**9):
        limits = boards.bounds(largest)
        assert limits == sorted(limits)
        assert len(set(limits)) == 4
        assert limits[0] >= 1
    assert boards.bounds(11_240) == [1_000, 2_500, 5_000, 8_000]  # and a reader can keep them in mind


def test_days_of_a_period() -> None:
    today = dt.date(2026, 11, 22)
    assert selectors.period_days("month", today) == (dt.date(2026, 11, 1), today)
    assert selectors.period_days("year", today) == (dt.date(2026, 1, 1), today)
    assert selectors.period_days("all", today)[0] == dt.date(2015, 1, 1)


def test_points_are_the_same_by_accrual_and_by_ledger(deeds: None, client: Client) -> None:
    for region in ("440000", "440100", "442000"):
        rows = selectors.points_by_year(region)
        assert rows
        assert all(row["awarded_points"] == row["posted_points"] for row in rows)
    (whole,) = selectors.points_by_year("440000")
    assert whole["awarded_points"] == selectors.awarded_points("440000", first_year=2026, last_year=2026) > 0
    assert client.get("/dashboards/440000/counts/").status_code == 200
    assert client.get("/dashboards/445300/counts/").status_code == 200


def test_every_headline_figure_leads_somewhere(deeds: None, client: Client) -> None:
    page = client.get("/dashboards/440000/").content.decode()
    assert page.count('href="/dashboards/440000/counts/"') == 3
    assert page.count('class="v num"><a href=') == 4

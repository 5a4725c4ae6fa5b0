"""What everybody may see of methods: catalogue, version, comparison, cities, maturity, PDF, and the mirror of the API."""

import datetime as dt
import hashlib
import json
import re
import shutil
import subprocess
import sys

import pytest
from django.test import Client

from carbon_portal.kernel import clock
from methodologies import paper, selectors, services
from methodologies.models import MethodologyVersion
from methodologies.selectors import cities, maturity
from tests.methodologies.review_world import draft_version
from tests.withdrawing import withdraw

AT = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 20)

pytestmark = pytest.mark.django_db


@pytest.fixture
def library():
    """The shipped library, as every installation has it."""
    services.sync_library(at=AT)


@pytest.fixture
def two_versions(tmp_path):
    """GD-METRO-TRIP with a second version: another value, another formula line, a limit, a sentence."""
    for name in ("factors.yaml", "gd-metro-trip.yaml"):
        shutil.copy(services.LIBRARY / name, tmp_path / name)
    text = (tmp_path / "gd-metro-trip.yaml").read_text(encoding="utf-8")
    changes = [
        ('version: "1.0"', 'version: "2.0"'),
        ("effective_from: 2025-01-01", "effective_from: 2026-06-01"),
        ('value: "46.7"', 'value: "50"'),
        ("distance * saving_per_km", "max(distance * saving_per_km, 0)"),
    ]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    text = re.sub(r"expect: (\d+)", lambda match: f"expect: {int(match[1]) * 500 // 467}", text)
    (tmp_path / "gd-metro-trip-2.yaml").write_text(text, encoding="utf-8")
    report = services.sync_library(at=AT, folder=tmp_path)
    assert sorted(report.published) == ["GD-METRO-TRIP@1.0", "GD-METRO-TRIP@2.0"]


def get(path, **query):
    return Client().get(path, query)


def text_of(response):
    """What a reader sees, without tags."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body))


def codes(response):
    return set(re.findall(r'href="/methodologies/([A-Z0-9-]+)/[^/"]+/"', response.content.decode()))


# -- catalogue ---------------------------------------------------------------------------------------------------------


def test_the_catalogue_finds_by_word_sector_city_and_state(library):
    everything = codes(get("/methodologies/"))
    assert len(everything) == MethodologyVersion.objects.count() == 16
    assert codes(get("/methodologies/", q="地铁 均值法")) == {"GZ-METRO-RIDE"}
    assert codes(get("/methodologies/", q="metro-trip")) == {"GD-METRO-TRIP", "SZ-METRO-TRIP"}
    assert codes(get("/methodologies/", q="黄莹")) == {"GZ-METRO-RIDE"}, "words of the text are found too"
    assert codes(get("/methodologies/", sector="water")) == {"GD-HOUSEHOLD-WATER"}
    here = codes(get("/methodologies/", city="440300"))
    assert "SZ-METRO-TRIP" in here
    assert "GD-OLD-CLOTHES" in here
    assert "GZ-METRO-RIDE" not in here
    assert codes(get("/methodologies/", state="superseded")) == set()
    assert codes(get("/methodologies/", sector="transport", city="440100", q="metro")) == {
        "GZ-METRO-RIDE",
        "GD-METRO-TRIP",
    }


def test_a_search_without_a_result_says_so_and_shows_the_way_back(library):
    response = get("/methodologies/", q="没有这样的方法")
    assert response.status_code == 200
    assert "没有找到符合条件的方法学" in text_of(response)
    assert 'href="/methodologies/"' in response.content.decode()


def test_an_empty_library_says_so():
    assert "还没有发布的方法学" in text_of(get("/methodologies/"))


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/methodologies/", {"q": "x" * 61}),
        ("/methodologies/", {"q": "a\x07b"}),
        ("/methodologies/", {"sector": "nonsense"}),
        ("/methodologies/", {"city": "110000"}),
        ("/methodologies/", {"city": "' OR 1=1 --"}),
        ("/methodologies/", {"state": "draft"}),
        ("/methodologies/GD-METRO-TRIP/compare/", {"a": "9.9"}),
        ("/methodologies/GD-METRO-TRIP/compare/", {"b": "<script>"}),
        ("/methodologies/cities/", {"on": "yesterday"}),
        ("/methodologies/cities/", {"on": "2026-02-30"}),
        ("/methodologies/cities/", {"activity": "flying"}),
        ("/methodologies/cities/", {"a": "999999"}),
        ("/methodologies/cities/", {"activity": "metro_trip", "in_distance": "1" * 65}),
        ("/methodologies/cities/", {"activity": "metro_trip", "in_distance": "1\x07"}),
    ],
)
def test_a_query_that_no_page_wrote_is_refused_in_words(library, path, query):
    response = get(path, **query)
    assert response.status_code == 400
    assert "看不懂网址里的" in text_of(response)


@pytest.mark.parametrize("page", ["0", "-1", "9" * 30, "x", ""])
def test_a_page_that_is_not_there_shows_one_that_is(library, page):
    assert get("/methodologies/", page=page).status_code == 200


MARK = "示例数据"


def test_two_versions_side_by_side_say_that_a_figure_is_a_sample(two_versions):
    assert MARK in text_of(get("/methodologies/GD-METRO-TRIP/compare/"))


def test_pages_of_cities_say_so_where_a_figure_is_a_sample_and_nowhere_else(library):
    """The metro of the province stands on one, Guangzhou's and Shenzhen's do not."""
    assert MARK in text_of(get("/methodologies/GD-METRO-TRIP/1.0/cities/"))
    assert MARK not in text_of(get("/methodologies/GZ-METRO-RIDE/1.0/cities/"))
    for pair, times in ((("440600", "440700"), 2), (("440100", "440600"), 1), (("440100", "440300"), 0)):
        page = text_of(get("/methodologies/cities/", activity="metro_trip", a=pair[0], b=pair[1]))
        assert page.count(MARK) == times, pair


def test_the_list_and_each_version_tell_programs_what_is_a_sample(library, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        listed = get("/api/v1/methodologies").json()["methodologies"]
    found = {one["code"]: one["sample"] for one in listed}
    assert found["GD-METRO-TRIP"] is True
    assert found["GZ-METRO-RIDE"] is False
    for version in selectors.shown_versions():
        assert found[version.methodology_id] == selectors.uses_sample(selectors.program_for(version))
    one = get("/api/v1/methodologies/GD-METRO-TRIP/versions/1.0").json()
    assert one["sample"] is True


def test_a_shared_factor_that_is_a_sample_marks_what_uses_it_and_itself(tmp_path):
    """As one query finds it, and as the program does."""
    for name in ("factors.yaml", "gd-heat-pump-water-heater.yaml", "gd-old-clothes.yaml"):
        shutil.copy(services.LIBRARY / name, tmp_path)
    factors = (tmp_path / "factors.yaml").read_text(encoding="utf-8")
    for known in ("official", "press", "register", "derived", "memory"):
        factors = factors.replace(f"confidence: {known}", "confidence: sample")
    (tmp_path / "factors.yaml").write_text(factors, encoding="utf-8")
    services.sync_library(at=AT, folder=tmp_path)
    versions = {one.methodology_id: one for one in selectors.shown_versions()}
    assert selectors.sample_versions([one.pk for one in versions.values()]) == {
        one.pk for one in versions.values() if selectors.uses_sample(selectors.program_for(one))
    }
    assert len(selectors.sample_versions(one.pk for one in versions.values())) == 1
    page = text_of(get("/factors/"))
    assert page.count(MARK) == 1 + len(selectors.factor_library().factors)


def test_the_shipped_factors_are_no_samples(library):
    assert MARK not in text_of(get("/factors/"))


def test_the_catalogue_asks_as_often_for_many_as_for_few(library, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        get("/methodologies/")


# -- a version ---------------------------------------------------------------------------------------------------------


def test_the_page_of_every_shipped_version_holds_the_formula_that_runs(library):
    for version in selectors.shown_versions():
        response = get(f"/methodologies/{version.methodology_id}/{version.version}/")
        assert response.status_code == 200, version
        html = response.content.decode()
        program = selectors.program_for(version)
        assert html.count("<math ") == len(program.document.steps), version
        assert version.sha256 in html


def test_sample_figures_are_marked_on_the_page_in_the_list_and_on_paper(library):
    assert "示例数据" in text_of(get("/methodologies/GD-METRO-TRIP/1.0/"))
    assert "示例数据" not in text_of(get("/methodologies/SZ-METRO-TRIP/1.0/"))
    listed = get("/methodologies/", q="GD-METRO-TRIP")
    assert "示例数据" in text_of(listed)
    assert "示例数据" not in text_of(get("/methodologies/", q="SZ-METRO-TRIP"))


def test_the_yaml_is_what_was_synced_and_both_hashes_can_be_checked_by_anyone(library):
    original = (services.LIBRARY / "sz-metro-trip.yaml").read_bytes()
    response = get("/methodologies/SZ-METRO-TRIP/1.0/document.yaml")
    assert response.content == original
    page = get("/methodologies/SZ-METRO-TRIP/1.0/").content.decode()
    assert hashlib.sha256(original).hexdigest() in page
    program = re.search(r'python3 -c &quot;(.*?)&quot;</pre>|python3 -c "(.*?)"</pre>', page, re.DOTALL)
    answer = get("/api/v1/methodologies/SZ-METRO-TRIP/versions/1.0").content
    told = subprocess.run(
        [sys.executable, "-c", (program[1] or program[2])], input=answer, capture_output=True, check=True
    )
    version = MethodologyVersion.objects.get(methodology_id="SZ-METRO-TRIP")
    assert told.stdout.decode().strip() == version.sha256


def test_an_unchanged_file_is_not_sent_twice(library):
    for name in ("document.yaml", "document.pdf"):
        path = f"/methodologies/SZ-METRO-TRIP/1.0/{name}"
        etag = get(path)["ETag"]
        again = Client().get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")


def test_examples_are_worked_out_step_by_step(library):
    text = text_of(get("/methodologies/GD-HOUSEHOLD-POWER/1.0/"))
    assert "1.8 × 0.4419" in text
    assert "= 0.79542 千克 CO₂e" in text


def test_the_old_version_stays_open_and_names_the_new_one(two_versions):
    old = get("/methodologies/GD-METRO-TRIP/1.0/")
    assert "有更新的版本" in text_of(old)
    assert "46.7" in text_of(old)
    assert 'href="/methodologies/GD-METRO-TRIP/2.0/"' in old.content.decode()
    assert "/methodologies/GD-METRO-TRIP/compare/?a=1.0&amp;b=2.0" in old.content.decode()


def test_a_draft_is_nobodys_to_read(two_versions):
    MethodologyVersion.objects.create(
        methodology_id="GD-METRO-TRIP", version="3.0", state="draft", effective_from=TODAY, sha256="0" * 64,
        source="x", document={}, title_zh="草案", certifiable=False, created_at=AT,
    )  # fmt: skip
    for name in ("", "cities/", "document.yaml", "document.pdf"):
        assert get(f"/methodologies/GD-METRO-TRIP/3.0/{name}").status_code == 404
    assert get("/methodologies/GD-METRO-TRIP/compare/", b="3.0").status_code == 400


def test_a_version_open_to_comment_is_read_by_all_with_its_way_and_applies_to_nothing(two_versions):
    version = draft_version(
        code="GD-METRO-TRIP", version="3.0", region="440000", activity="metro_trip",
        edits=(("distance * saving_per_km", "distance * saving_per_km * 1"),),
    )  # fmt: skip
    steps = ["submitted", "in_review", "expert_review", "joint_signing", "public_comment"]
    for step in steps:
        note = "reduction 一行改写" if step == "submitted" else ""
        services.enter(version=version, state=step, at=AT, note=note)
    text = text_of(get("/methodologies/GD-METRO-TRIP/3.0/"))
    assert "尚未生效的文稿" in text
    assert "省级受理" in text
    assert "公示中" in text_of(get("/methodologies/", state="public_comment"))
    compared = text_of(get("/methodologies/GD-METRO-TRIP/compare/", a="1.0", b="3.0"))
    assert "reduction 一行改写" in compared
    assert "修订说明没有提到" not in compared
    assert get("/api/v1/methodologies/GD-METRO-TRIP/versions/3.0").status_code == 404
    assert {one.version.version for one in maturity.maturity_list(on=TODAY)} == {"2.0"}


# -- paper -------------------------------------------------------------------------------------------------------------


def test_every_shipped_version_becomes_a_pdf_and_the_same_bytes_again(library):
    for version in selectors.shown_versions():
        path = f"/methodologies/{version.methodology_id}/{version.version}/document.pdf"
        first = get(path)
        assert first.status_code == 200, version
        assert first.content.startswith(b"%PDF-"), version
    assert get(path).content == first.content


def test_characters_without_a_glyph_are_named_not_dropped():
    assert paper.drawable("广州𠮷₂") == "广州〔U+20BB7〕₂"


def test_the_font_is_the_recorded_one():
    recorded = dict(
        line.split()[::-1] for line in (paper.FONTS / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    )
    assert recorded == {
        name: hashlib.sha256((paper.FONTS / name).read_bytes()).hexdigest()
        for name in ("PortalSansSC-Regular.otf", "characters.txt", "LICENSE")
    }
    assert "SIL OPEN FONT LICENSE" in (paper.FONTS / "LICENSE").read_text(encoding="utf-8")


# -- comparison --------------------------------------------------------------------------------------------------------


def test_two_versions_stand_side_by_side_with_text_and_numbers(two_versions):
    response = get("/methodologies/GD-METRO-TRIP/compare/")
    text = text_of(response)
    assert "行（reduction）有改动，修订说明没有提到。" in text
    assert "+7.066381…%" in text
    assert "精确值 +3300/467%" in text
    assert "2026-06-01" in text
    assert text_of(get("/methodologies/GD-METRO-TRIP/compare/", a="1.0", b="2.0")) == text


def test_one_version_alone_and_the_same_twice_are_said(library):
    assert "只有一个版本" in text_of(get("/methodologies/SZ-METRO-TRIP/compare/"))
    assert get("/methodologies/NO-SUCH/compare/").status_code == 404


# -- cities ------------------------------------------------------------------------------------------------------------


def test_the_same_ride_in_two_cities_gives_what_the_engine_gives(library):
    found = cities.same_deed(activity="metro_trip", cities=("440100", "440300"), on=TODAY, given={"distance": "10"})
    assert (found.left.reduction_g, found.right.reduction_g) == (515, 467)
    text = text_of(get("/methodologies/cities/", activity="metro_trip", a="440100", b="440300", in_distance="10"))
    assert "515 克" in text
    assert "467 克" in text
    assert "适用的方法学不同" in text
    assert "参数“saving_per_ride”：广州市 515.5 克 CO₂e，深圳市 没有这个参数。" in text


def test_two_cities_under_one_document_are_told_which_parameter_differs(library, monkeypatch):
    same = cities.same_deed(activity="old_clothes", cities=("440100", "442000"), on=TODAY, given={"weight": "3"})
    assert same.one_document
    assert same.parameters == ()
    text = text_of(get("/methodologies/cities/", activity="old_clothes", a="440100", b="442000", in_weight="3"))
    assert "同一份方法学、同一组参数，结果相同" in text


@pytest.mark.parametrize("given", ["-1", "1e9", "一", "999999"])
def test_a_value_that_can_not_be_computed_is_explained_in_both_cities(library, given):
    response = get("/methodologies/cities/", activity="metro_trip", in_distance=given)
    assert response.status_code == 200
    assert text_of(response).count("0 克") >= 2


def test_a_day_before_any_method_says_so(library):
    assert "这一天没有生效的方法学" in text_of(get("/methodologies/cities/", on="1999-01-01"))


def test_the_province_sees_which_city_still_has_to_supply_a_value(library):
    version = selectors.shown_version(code="GD-HOUSEHOLD-POWER", version="1.0")
    needs = cities.local_needs(selectors.program_for(version), on=TODAY)
    assert [one.table.name for one in needs.by_region] == ["local_baseline"]
    assert needs.by_region[0].having("shared") == 21
    assert needs.fixed == ()
    text = text_of(get("/methodologies/GD-HOUSEHOLD-POWER/1.0/cities/"))
    assert "沿用省级 21" in text


def test_a_city_document_lists_what_was_measured_there_alone(library):
    version = selectors.shown_version(code="GZ-METRO-RIDE", version="1.0")
    needs = cities.local_needs(selectors.program_for(version), on=TODAY)
    assert [table.name for table in needs.fixed] == ["saving_per_ride"]
    assert "只对本地测定的数值" in text_of(get("/methodologies/GZ-METRO-RIDE/1.0/cities/"))


# -- maturity ----------------------------------------------------------------------------------------------------------


def test_no_shipped_method_claims_more_than_points(library):
    found = maturity.maturity_list(on=TODAY)
    assert len(found) == 16
    assert {one.level for one in found} == {"points"}
    for one in found:
        lacking = {test.code for test in one.tests if test.outcome != "passed"}
        assert {"two_people", "simulation", "registry", "offset_rules"} <= lacking


def test_a_test_that_does_not_exist_never_counts_as_passed(library):
    version = selectors.shown_version(code="SZ-METRO-TRIP", version="1.0")
    found = maturity.maturity_of(version, on=TODAY)
    passed = tuple(
        maturity.MaturityTest(test.code, test.level, "absent" if test.outcome == "absent" else "passed")
        for test in found.tests
    )
    best = maturity.Maturity(version, passed)
    assert best.level == "poolable"
    assert not best.reaches("certifiable")
    assert best.reaches("points")


def test_a_method_that_is_not_yet_in_force_has_no_level(library):
    version = selectors.shown_version(code="SZ-METRO-TRIP", version="1.0")
    assert maturity.maturity_of(version, on=dt.date(2000, 1, 1)).level == ""


def test_the_maturity_page_says_what_is_missing(library):
    text = text_of(get("/methodologies/maturity/"))
    assert "随系统发布，没有经过两人审批程序。" in text
    assert "登记簿还没有建成" in text


# -- the mirror --------------------------------------------------------------------------------------------------------


def test_a_city_mirrors_the_whole_library_and_the_second_time_nothing_is_sent(library):
    client = Client()
    kept: dict[str, tuple[str, bytes]] = {}

    def mirror():
        """Fetch what changed, as a city system would; returns how many answers were new."""
        fresh = 0
        paths = ["/api/v1/factors", "/api/v1/methodologies"]
        while paths:
            path = paths.pop(0)
            known = {"If-None-Match": kept[path][0]} if path in kept else {}
            answer = client.get(path, headers=known)
            if answer.status_code == 304:
                assert answer.content == b""
            else:
                assert answer.status_code == 200
                fresh += 1
                kept[path] = (answer["ETag"], answer.content)
            if path == "/api/v1/methodologies":
                listed = json.loads(kept[path][1])["methodologies"]
                paths += [f"/api/v1/methodologies/{one['code']}/versions/{one['version']}" for one in listed]
        return fresh

    count = MethodologyVersion.objects.count()
    assert mirror() == count + 2
    assert mirror() == 0
    for path, (_etag, body) in kept.items():
        if "/versions/" in path:
            one = json.loads(body)
            canonical = json.dumps(one["document"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert hashlib.sha256(canonical.encode()).hexdigest() == one["sha256"], path
    version = selectors.shown_version(code="SZ-METRO-TRIP", version="1.0")
    withdraw(version, sunset_on=clock.today())
    assert mirror() == 2, "the list and the one version that changed"


def test_the_order_of_the_lists_is_the_same_every_time(library):
    first = get("/api/v1/methodologies").content
    assert get("/api/v1/methodologies").content == first
    assert Client().get("/api/v1/methodologies", headers={"If-None-Match": "*"}).status_code == 304

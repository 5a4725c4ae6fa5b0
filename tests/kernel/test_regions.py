"""The province's divisions: counts, known changes, and the questions the platform asks of them."""

import subprocess
import sys
from collections import Counter

import pytest

from carbon_portal.kernel import regions
from carbon_portal.kernel.regions import (
    UnknownRegion,
    ancestry,
    area_path,
    by_slug,
    children,
    cities,
    city_of,
    covers,
    find,
    region,
)

# Counties and districts per city as of the national table of 2023; 东莞 and 中山 have none.
COUNTIES = {
    "广州": 11,
    "韶关": 10,
    "深圳": 9,
    "珠海": 3,
    "汕头": 7,
    "佛山": 5,
    "江门": 7,
    "湛江": 9,
    "茂名": 5,
    "肇庆": 8,
    "惠州": 5,
    "梅州": 8,
    "汕尾": 4,
    "河源": 6,
    "阳江": 4,
    "清远": 8,
    "东莞": 0,
    "中山": 0,
    "潮州": 3,
    "揭阳": 5,
    "云浮": 5,
}


def test_counts():
    kinds = Counter(r.kind for r in regions.all_regions())
    assert kinds == {"province": 1, "city": 21, "county": 122, "town": 55}
    assert {c.short_name: sum(k.kind == "county" for k in children(c.code)) for c in cities()} == COUNTIES
    suffixes = Counter(r.name[-1] for r in regions.all_regions() if r.kind == "county")
    assert suffixes == {"区": 65, "市": 20, "县": 37}  # 34 counties and 3 autonomous counties


def test_towns_stand_only_in_the_two_cities_without_counties():
    towns = [r for r in regions.all_regions() if r.kind == "town"]
    assert Counter((t.parent, t.name.endswith("街道")) for t in towns) == {
        ("441900", True): 4,
        ("441900", False): 28,
        ("442000", True): 8,
        ("442000", False): 15,
    }
    assert all(len(t.code) == 9 and t.six == t.parent for t in towns)
    assert all(len(r.code) == 6 for r in regions.all_regions() if r.kind != "town")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("440117", "从化区"),
        ("440118", "增城区"),
        ("440310", "坪山区"),
        ("440311", "光明区"),
        ("440309", "龙华区"),
        ("440904", "电白区"),
        ("441204", "高要区"),
        ("441403", "梅县区"),
        ("441704", "阳东区"),
        ("441803", "清新区"),
        ("445103", "潮安区"),
        ("445203", "揭东区"),
        ("445303", "云安区"),
        ("442000007", "民众街道"),
        ("442000008", "南朗街道"),
        ("442000118", "小榄镇"),
    ],
)
def test_changes_of_the_last_years_are_in(code, name):
    assert region(code).name == name


@pytest.mark.parametrize(
    "code",
    [
        "440184",
        "440183",
        "440116",
        "440923",
        "441283",
        "442000104",
        "442000100",
        "441901",
        "450100",
        "441900401",
        "",
        "4401",
        "440106 ",
    ],
)
def test_what_is_gone_or_never_was_is_refused(code):
    assert find(code) is None
    with pytest.raises(UnknownRegion) as caught:
        region(code)
    assert caught.value.code == "unknown_region"
    assert "GB/T 2260" in caught.value.detail
    assert "GB/T 2260" in caught.value.detail_en


@pytest.mark.parametrize(
    ("code", "short", "english", "slug"),
    [
        ("440000", "广东", "Guangdong", "guangdong"),
        ("440100", "广州", "Guangzhou", "guangzhou"),
        ("440106", "天河", "Tianhe District", "tianhe"),
        ("440112", "黄埔", "Huangpu District", "guangzhou-huangpu"),
        ("442000101", "黄圃", "Huangpu Town", "zhongshan-huangpu"),
        ("440232", "乳源", "Ruyuan Yao Autonomous County", "ruyuan"),
        ("441422", "大埔", "Dabu County", "dabu"),
        ("445303", "云安", "Yun'an District", "yun-an"),
        ("445322", "郁南", "Yunan County", "yunan"),
        ("441502", "城区", "Chengqu District", "shanwei-chengqu"),
        ("442000105", "古镇", "Guzhen Town", "guzhen"),
        ("441900126", "麻涌", "Machong Town", "machong"),
    ],
)
def test_names(code, short, english, slug):
    r = region(code)
    assert (r.short_name, r.name_en, r.slug) == (short, english, slug)
    assert by_slug(slug) is r
    assert area_path(code) == f"/c/{slug}/"


def test_every_slug_is_unique_and_fit_for_an_address():
    slugs = [r.slug for r in regions.all_regions()]
    assert len(set(slugs)) == len(slugs)
    assert all(s.replace("-", "").isascii() and s.replace("-", "").isalpha() and s.islower() for s in slugs)
    assert by_slug("442000") is region("442000")
    assert by_slug("atlantis") is None


def test_every_parent_is_the_wider_unit():
    for r in regions.all_regions():
        if r.kind == "province":
            assert r.parent == ""
        else:
            assert covers(r.parent, r.code)
            assert not covers(r.code, r.parent)


def test_ancestry_runs_from_narrow_to_wide():
    assert [r.code for r in ancestry("440106")] == ["440106", "440100", "440000"]
    assert [r.code for r in ancestry("442000118")] == ["442000118", "442000", "440000"]
    assert [r.code for r in ancestry("440000")] == ["440000"]
    assert ancestry("000000") == ()


def test_city_of():
    assert city_of("440106").code == city_of("440100").code == "440100"
    assert city_of("441900121").name == "东莞市"
    assert city_of("440000") is None
    assert city_of("000000") is None


def test_children():
    assert [c.code for c in children("000000")] == ["440000"]
    assert len(children("440000")) == 21
    assert len(children("441900")) == 32
    assert len(children("442000")) == 23
    assert children("440106") == ()


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("000000", "110101", True),
        ("440000", "440106", True),
        ("440000", "442000118", True),
        ("440000", "450100", False),
        ("440100", "440106", True),
        ("440100", "440300", False),
        ("440100", "440000", False),
        ("440106", "440106", True),
        ("440106", "440100", False),
        ("441900", "441900121", True),
        ("441900", "442000", False),
        ("441900121", "441900", False),
        ("441900121", "441900121", True),
        ("440000", "000000", False),
        ("000000", "000000", True),
    ],
)
def test_covers(outer, inner, expected):
    assert covers(outer, inner) is expected


@pytest.mark.parametrize(
    "bad", ["", "44", "44000", "4400000", "\uff14\uff14\uff10\uff11\uff10\uff10", "440100;", "abcdef", None]
)
def test_covers_refuses_what_is_no_code(bad):
    with pytest.raises(UnknownRegion):
        covers(bad, "440100")
    with pytest.raises(UnknownRegion):
        covers("440100", bad)


def test_sorting_by_pinyin_needs_no_collation():
    names = [c.short_name for c in sorted(cities(), key=lambda r: r.sort_key)]
    assert names[:4] == ["潮州", "东莞", "佛山", "广州"]
    assert names[-4:] == ["湛江", "肇庆", "中山", "珠海"]


def test_importable_without_django():
    code = (
        "import sys; import carbon_portal.kernel.regions as r; r.region('440100'); assert 'django' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

"""Display of value and time: exact, cut towards zero, in both languages, never through a float."""

import datetime as dt
from pathlib import Path

import polib
import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from carbon_portal.kernel.templatetags import portal

PARTS = Path(__file__).resolve().parents[2] / "locale" / "parts"


def render(source: str, **context: object) -> str:
    return Template("{% load portal %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("grams", "shown"),
    [
        (0, "0 克"),
        (999, "999 克"),
        (1_000, "1 千克"),
        (2_420, "2.42 千克"),
        (999_999, "999.999 千克"),
        (1_000_000, "1 吨"),
        (48_620_000_001, "48,620.000001 吨"),
        (-1_500, "−1.5 千克"),
    ],
)
def test_grams_are_exact(grams, shown):
    assert portal.grams(grams) == shown


@pytest.mark.parametrize(("grams", "shown"), [(999_999, "999.9 千克"), (1_999, "1.9 千克"), (-1_999, "−1.9 千克")])
def test_shortened_grams_never_show_more_than_there_is(grams, shown):
    assert portal.grams(grams, 1) == shown


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_every_gram_can_be_read_back(grams):
    number, unit = portal.mass(grams)
    exponent = {"克": 0, "千克": 3, "吨": 6}[unit]
    whole, _, decimals = number.replace(",", "").replace(portal.MINUS, "-").partition(".")
    assert int(whole + decimals.ljust(exponent, "0")) == grams


def test_every_unit_has_an_english_name():
    english = {entry.msgid: entry.msgstr for entry in polib.pofile(str(PARTS / "face.po"))}
    assert [english[portal.mass(grams).unit] for grams in (1, 1_000, 1_000_000)] == ["g", "kg", "t"]


def test_dates_are_written_as_the_language_does():
    with translation.override("en"):
        assert portal.local_date(dt.date(2026, 11, 21)) == "21 Nov 2026"
        assert portal.local_date(dt.date(2026, 11, 21), "short") == "21 Nov"


@pytest.mark.parametrize("show", [portal.grams, portal.points, portal.count, portal.fen])
@pytest.mark.parametrize("value", [1.5, True, "1.5", dt.date(2026, 1, 1)])
def test_anything_but_a_whole_number_is_refused(show, value):
    with pytest.raises((TypeError, ValueError)):
        show(value)


@pytest.mark.parametrize("show", [portal.grams, portal.points, portal.count, portal.fen])
def test_nothing_known_is_a_dash(show):
    assert show(None) == "–"


def test_points_money_and_digits():
    assert portal.points(1_286) == "1,286"
    assert portal.points(24, "+") == "+24"
    assert portal.points(-200, "+") == "−200"
    assert portal.fen(123_405) == "¥1,234.05"
    assert portal.fen(-5) == "−¥0.05"
    assert portal.digits("48217730") == "4821 7730"


def test_large_counts_in_ten_thousands_and_in_english_whole():
    assert str(portal.count_parts(9_999)) == "9,999"
    assert portal.count_parts(3_268_999, 1) == ("326.8", "万")
    assert portal.count_parts(486_999_999) == ("4.86", "亿")
    with translation.override("en"):
        assert portal.count_parts(3_268_999) == ("3,268,999", "")


def test_share_is_cut_and_dashes_without_a_whole():
    assert portal.share(1, 3) == "33.3%"
    assert portal.share(2, 3) == "66.6%"
    assert portal.share(5, 0) == "–"


def test_times_are_shanghais():
    evening = dt.datetime(2026, 11, 21, 16, 30, 5, tzinfo=dt.UTC)
    assert portal.local_date(evening) == "2026年11月22日"
    assert portal.local_date(evening, "iso") == "2026-11-22"
    assert portal.local_time(evening) == "00:30"
    assert portal.local_time(evening, "seconds") == "00:30:05"
    assert portal.local_datetime(evening, "short") == "11月22日 00:30"
    assert portal.local_date("2026-11-21") == "2026年11月21日"
    assert portal.local_month(dt.date(2026, 2, 1)) == "2026年2月"
    assert portal.local_time(dt.date(2026, 2, 1)) == portal.local_date("no date") == "–"


def test_icons_are_hidden_unless_named_and_names_are_escaped():
    assert 'aria-hidden="true"' in render('{% icon "leaf" %}')
    named = render('{% icon "leaf" label %}', label='<b>"')
    assert 'role="img"' in named
    assert "<b>" not in named


def test_capture_gives_a_layout_what_a_block_says():
    assert render("{% capture tab %} home {% endcapture %}[{{ tab }}]") == "[home]"
    with pytest.raises(TemplateSyntaxError):
        Template("{% load portal %}{% capture %}{% endcapture %}")


def test_query_changes_one_parameter_and_keeps_the_rest(rf):
    request = rf.get("/?city=440100&page=3&sort=a%26b")
    assert render("{% query page=4 sort=None %}", request=request) == "?city=440100&amp;page=4"

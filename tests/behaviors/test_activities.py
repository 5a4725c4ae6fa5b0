"""The list of deeds loads, is complete, and refuses what it does not know."""

import re
from pathlib import Path

import pytest

from behaviors.activities import BadActivityList, UnknownActivity, activities, activity, find, for_subject, parse

GOOD = """
walk_trip:
  title: {zh: 步行, en: Walk}
  hint: {zh: 提示, en: Hint}
  sector: transport
  identity: interval
  subject: person
  correction_hours: 0
  self_declared_per_day: 2
  icon: footprints
  prefill_speed_kmh: 5
  max_speed_kmh: 12
"""


def test_the_list_covers_the_seven_domains():
    assert {a.sector for a in activities().values()} >= {
        "electricity",
        "water",
        "gas",
        "transport",
        "vehicles",
        "waste",
        "carbon_sink",
    }
    assert len(activities()) >= 12


def test_every_icon_is_in_the_sprite():
    sprite = (Path(__file__).parents[2] / "static" / "img" / "icons.svg").read_text(encoding="utf-8")
    assert {a.icon for a in activities().values()} <= set(re.findall(r'id="([a-z0-9-]+)"', sprite))


def test_only_old_clothes_have_a_correction_window():
    assert {a.code: a.correction_hours for a in activities().values() if a.correction_hours} == {"old_clothes": 24}


def test_identities():
    kinds = {a.code: a.identity for a in activities().values()}
    assert kinds["metro_trip"] == kinds["shared_bike_trip"] == kinds["ev_trip"] == "interval"
    assert kinds["household_electricity"] == kinds["distributed_pv"] == "meter_period"
    assert kinds["old_clothes"] == "item_serial"
    assert activity("household_electricity").max_period_days == 1
    assert {a.code for a in for_subject("organisation")} == {"distributed_pv", "forest_increment"}


def test_a_stranger_is_refused_by_name():
    assert find("flying") is None
    with pytest.raises(UnknownActivity) as caught:
        activity("flying")
    assert "flying" in caught.value.detail
    assert "flying" in caught.value.detail_en


def test_duration_is_suggested_from_the_distance():
    metro = activity("metro_trip")  # 35 km/h
    assert metro.prefill_minutes(35_000) == 60
    assert metro.prefill_minutes(10_000) == 18  # 17.14 minutes
    assert metro.prefill_minutes(0) == 1
    assert activity("old_clothes").prefill_minutes(1000) is None


def test_too_fast_is_more_than_the_limit():
    bike = activity("shared_bike_trip")  # 30 km/h
    assert not bike.is_too_fast(5_000, 600)
    assert bike.is_too_fast(5_001, 600)
    assert bike.is_too_fast(1, 0)
    assert not activity("household_gas").is_too_fast(1, 0)


def test_texts_are_there_in_both_languages():
    a = activity("metro_trip")
    assert (a.title.in_language("zh-hans"), a.title.in_language("en"), a.title.in_language(None)) == (
        "地铁出行",
        "Metro trip",
        "地铁出行",
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("identity: interval", "identity: gps", "identity must be one of"),
        ("sector: transport", "sector: travel", "sector must be one of"),
        ("subject: person", "subject: cat", "subject must be one of"),
        ("  icon: footprints\n", "", "missing icon"),
        ("  max_speed_kmh: 12\n", "", "missing max_speed_kmh"),
        ("max_speed_kmh: 12", "max_speed_kmh: 12\n  max_period_days: 3", "max_period_days has no place"),
        ("max_speed_kmh: 12", "max_speed_kmh: 4", "above max_speed_kmh"),
        ("correction_hours: 0", "correction_hours: 1.5", "correction_hours must be a whole number"),
        ("correction_hours: 0", "correction_hours: true", "correction_hours must be a whole number"),
        ("self_declared_per_day: 2", "self_declared_per_day: -1", "self_declared_per_day must be a whole number"),
        ("{zh: 步行, en: Walk}", "{zh: 步行}", "title needs a text"),
        ("walk_trip", "Walk-Trip", "a code is 3 to 40"),
        ("icon: footprints", 'icon: "<b>"', "icon must be"),
    ],
)
def test_a_faulty_list_is_refused_with_its_key(old, new, says):
    assert parse(GOOD)["walk_trip"].max_speed_kmh == 12
    with pytest.raises(BadActivityList, match=says):
        parse(GOOD.replace(old, new))

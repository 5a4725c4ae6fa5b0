"""The library's golden examples against arithmetic that shares nothing with the engine.

Each method is written here a second time, in fractions, with its numbers typed from the sources and not read from the
documents. So a slip in a document, in its example or in the engine shows as a difference between two people's sums.
"""

from collections import Counter
from fractions import Fraction as F
from math import floor
from pathlib import Path
from typing import Any

import pytest
import yaml

from behaviors.activities import activities, activity
from carbon_portal.kernel.regions import covers, region

LIBRARY = Path(__file__).parents[2] / "methodologies" / "library"

Given = dict[str, str]


def grid(on: str) -> F:
    """Guangdong's average factor by activity date, kg/kWh."""
    return F("0.4715") if on < "2024-12-20" else F("0.4403") if on < "2025-12-31" else F("0.4419")


def number(given: Given, name: str) -> F:
    return F(given[name])


def ev(given: Given, on: str) -> F:
    litres = {"compact": F(6, 100), "midsize": F(75, 1000), "large": F(9, 100)}[given["vehicle"]]
    power = {"compact": F(13, 100), "midsize": F(16, 100), "large": F(20, 100)}[given["vehicle"]]
    return 1000 * number(given, "distance") * max(F(0), litres * F("2.37") - power * grid(on))


def water(given: Given) -> F:
    wanted = F(15, 100) * number(given, "members") * number(given, "days")
    return 1000 * max(F(0), wanted - number(given, "water_use")) * F(168, 1000)


# Grams by hand, without history and without limits.
BY_HAND: dict[str, Any] = {
    "SZ-METRO-TRIP": lambda g, on: number(g, "distance") * F(467, 10),
    "GD-METRO-TRIP": lambda g, on: number(g, "distance") * F(467, 10),
    "GZ-METRO-RIDE": lambda g, on: F(5155, 10),
    "SZ-EBUS-TRIP": lambda g, on: number(g, "distance") * F(269, 10),
    "GD-EBUS-TRIP": lambda g, on: number(g, "distance") * F(269, 10),
    "GD-SHARED-BIKE": lambda g, on: number(g, "distance") * F(3388, 100),
    "GD-SHARED-EBIKE": lambda g, on: number(g, "distance") * F(3501, 100),
    "GD-EV-TRIP": ev,
    "SZ-HOUSEHOLD-POWER": lambda g, on: 1000 * (F(25, 10) - number(g, "daily_use") * F(25, 80)),
    "GD-HOUSEHOLD-POWER": lambda g, on: 1000 * (8 - number(g, "daily_use")) * grid(on),
    "GD-HOUSEHOLD-GAS": lambda g, on: (
        1000 * max(F(0), F(6, 10) * number(g, "days") - number(g, "gas_use")) * F("2.1622")
    ),
    "GD-HOUSEHOLD-WATER": lambda g, on: water(g),
    "GD-HEAT-PUMP-WATER": lambda g, on: 1000 * number(g, "hot_water") * (50 - 12) * grid(on),
    "GD-OLD-CLOTHES": lambda g, on: number(g, "weight") * 3600,
    "GD-DISTRIBUTED-PV": lambda g, on: 1000 * number(g, "generation") * (3 * F("0.8042") + F("0.2135")) / 4,
    "GD-FOREST-INCREMENT": lambda g, on: (
        10**6 * number(g, "area") * max(F(0), number(g, "increment") - F("3.32")) * number(g, "years")
    ),
}


def documents() -> list[dict[str, Any]]:
    """The documents with every scalar as text; the portal's own loader is not used here."""
    paths = sorted(p for p in LIBRARY.glob("*.yaml") if p.name != "factors.yaml")
    return [yaml.load(p.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) for p in paths]


EXAMPLES = [
    pytest.param(document["code"], example, id=f"{document['code']}-{index}")
    for document in documents()
    for index, example in enumerate(document["examples"])
]


def test_every_document_has_its_sum_by_hand():
    assert {d["code"] for d in documents()} == set(BY_HAND)


@pytest.mark.parametrize(("code", "example"), [e for e in EXAMPLES if "expect" in e.values[1]])
def test_the_example_agrees_with_the_sum_by_hand(code, example):
    assert floor(BY_HAND[code](example["given"], example["on"])) == int(example["expect"])


@pytest.mark.parametrize("document", documents(), ids=lambda d: d["code"])
def test_every_document_has_three_examples_with_sources_and_a_refusal(document):
    examples = document["examples"]
    assert len(examples) >= 3
    assert any("refuse" in e for e in examples)
    assert all(e["source"] for e in examples)


@pytest.mark.parametrize("document", documents(), ids=lambda d: d["code"])
def test_a_document_that_uses_sample_values_says_so_in_its_basis(document):
    """A reader of the text alone must learn that a number is illustrative."""
    confidences = {
        entry["confidence"]
        for parameter in document["parameters"].values()
        for table in parameter.get("values", {}).values()
        for entry in ([table] if "value" in table else table.values())
    }
    if "sample" in confidences:
        assert "示例值" in document["chapters"]["basis"]
    assert "official" not in confidences  # none was read in an official table, so none may be certified
    assert document["certifiable"] == "false"


def test_the_combined_margin_is_the_weighted_one():
    factors = yaml.load((LIBRARY / "factors.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    om, bm, cm = (F(next(iter(factors[f"grid.{k}.south"]["values"].values()))["value"]) for k in ("om", "bm", "cm"))
    assert cm == F(3, 4) * om + F(1, 4) * bm == F("0.656525")


def test_natural_gas_follows_from_its_defaults():
    """T42: 389.31 GJ per 10 000 m3, 15.3 tC/TJ, 99 % oxidised: 21.6219 t, with the last digit's tolerance."""
    by_hand = F("389.31") * F("15.3") / 1000 * F("0.99") * F(44, 12)
    assert abs(by_hand - F("21.6219")) < F(1, 10**4)
    factors = yaml.load((LIBRARY / "factors.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    stored = F(factors["fuel.natural_gas"]["values"]["2024-01-01"]["value"])
    assert abs(10 * stored - F("21.6219")) <= F(2, 10**4)


# T-G3: numbers that fill the web and must not enter the library as a factor.
FOLK = {"0.997", "0.785", "0.19"}


def test_no_folk_factor_is_in_the_library():
    factors = yaml.load((LIBRARY / "factors.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    entries = [entry for factor in factors.values() for entry in factor["values"].values()]
    assert all(entry["source"] for entry in entries)
    assert not FOLK & {entry["value"] for entry in entries}


@pytest.mark.parametrize("document", documents(), ids=lambda d: d["code"])
def test_the_document_measures_a_deed_on_the_list(document):
    deed = activity(document["activity"])
    assert deed.sector == document["sector"]
    kind = {"person": "resident", "household": "household", "organisation": "sme"}[deed.subject]
    assert kind in document["participants"]


def test_at_most_one_code_per_deed_and_issuing_region():
    """methodology-format.md, section 9: the narrowest region must name one code, never two."""
    places = Counter((d["activity"], d["region"]) for d in documents())
    assert max(places.values()) == 1


def test_every_deed_has_a_methodology_everywhere_in_the_province():
    assert {d["activity"] for d in documents() if d["region"] == "440000"} == set(activities())


def test_the_narrowest_region_wins_for_the_metro():
    def code(place: str) -> str:
        candidates = [d for d in documents() if d["activity"] == "metro_trip" and covers(d["region"], place)]
        return max(candidates, key=lambda d: len(d["region"].rstrip("0")))["code"]

    assert (code("440106"), code("440304"), code("440605"), code("442000")) == (
        "GZ-METRO-RIDE",
        "SZ-METRO-TRIP",
        "GD-METRO-TRIP",
        "GD-METRO-TRIP",
    )


@pytest.mark.parametrize("document", documents(), ids=lambda d: d["code"])
def test_the_document_covers_the_last_year_and_lies_where_it_says(document):
    assert document["effective_from"] <= "2025-11-30"
    place = region(document["region"])
    assert place.kind == {"provincial": "province", "city": "city"}[document["level"]]
    assert all(len(text.strip()) >= 12 for text in document["chapters"].values())
    assert len(document["chapters"]) == 11

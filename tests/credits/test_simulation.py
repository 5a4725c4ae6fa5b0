"""A document over stored records: the same grams as the real thing, and nothing written."""

import datetime as dt
import random
import re
from collections import Counter, defaultdict
from fractions import Fraction

import pytest

from behaviors.models import BehaviorRecord
from credits import services
from credits.models import Reduction
from credits.simulation import reading
from credits.simulation.figures import shown
from credits.simulation.report import Asked, simulate
from methodologies.engine import load_document
from methodologies.models import MethodologyVersion

from .cases import AT, prepare, records, resident

pytestmark = pytest.mark.django_db

FIRST, LAST = dt.date(2026, 10, 1), dt.date(2026, 11, 19)
TODAY = AT.date()
METRO = "GD-METRO-TRIP"


def source_of(code: str = METRO) -> str:
    return MethodologyVersion.objects.get(methodology_id=code).source


def asked(source: str | None = None, **changes) -> Asked:
    given = {"source": source or source_of(), "region": "440000", "first": FIRST, "last": LAST, "today": TODAY}
    return Asked(**{**given, **changes})


def trips(people, count: int, *, seed: int = 1, regions=("440605", "441302", "442000")) -> list[int]:
    """Trips of these people in an order that is not that of their days, some of them refused."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        inputs = {"distance": draw.choice(["3", "12.5", "40", "7.25", "119", "0.5", "130", "", "1e3", "８"])}
        rows.append(
            {
                "participant": draw.choice(people),
                "on": LAST - dt.timedelta(days=draw.randrange(8)),
                "region": draw.choice(regions),
                "evidence": draw.choice(["feed", "proof", "self_declared"]),
                "inputs": inputs,
            }
        )
    return records(*rows)


def stored() -> dict[int, int]:
    return dict(Reduction.objects.values_list("record_id", "reduction_g"))


def test_the_version_in_force_gives_the_grams_that_are_booked() -> None:
    prepare()
    people = [resident() for _ in range(12)]
    for seed in range(4):  # four arrivals, each with days all over the period
        trips(people, 60, seed=seed)
        services.quantify_pending(at=AT + dt.timedelta(minutes=seed), until_empty=True)

    report = simulate(asked())

    assert report["records"] == BehaviorRecord.objects.count() == 240
    assert report["draft"] == report["base"]
    assert report["draft"]["grams"] == sum(stored().values()) == report["booked_g"] > 0
    refused = BehaviorRecord.objects.filter(state="rejected").values_list("reason", flat=True)
    counted = defaultdict(int)
    for reason in [*refused, *Reduction.objects.values_list("reason", flat=True)]:
        counted[reason] += 1
    assert report["draft"]["reasons"] == dict(sorted(counted.items()))
    assert {"not_a_number", "missing_input", "above_max", "over_limit"} <= set(counted)
    assert report["people"] == {"same": 12, "gainers": 0, "gainers_g": 0, "losers": 0, "losers_g": 0}
    assert sum(row["draft_g"] for row in report["cities"]) == report["draft"]["grams"]
    assert sum(row["draft_g"] for row in report["months"]) == report["draft"]["grams"]
    assert sum(row["draft_g"] for row in report["households"]) == report["draft"]["grams"]
    points = sum(sum(g) // 100 for g in by_person().values())
    assert report["draft"]["points"] == points


def by_person() -> dict[object, list[int]]:
    found = defaultdict(list)
    for person, grams in Reduction.objects.values_list("participant_id", "reduction_g"):
        found[person].append(grams)
    return found


def draft_of(*changes: tuple[str, str], code: str = METRO) -> str:
    """The library's document with other words in it."""
    source = source_of(code).replace('version: "1.0"', 'version: "9.0"')
    for before, after in changes:
        assert before in source, before
        source = source.replace(before, after)
    return source


def by_hand(factor: str, *, most_km: int = 120, most_records: int = 6) -> dict[int, int]:
    """Metro grams of every record, written anew from the document's words: no line of the engine."""
    left: dict[object, list[Fraction]] = defaultdict(lambda: [Fraction(most_km), Fraction(most_records)])
    found: dict[int, int] = {}
    rows = BehaviorRecord.objects.values_list(
        "provisional_at", "closed_at", "occurred_on", "id", "participant_id", "evidence", "inputs"
    )
    for *_, on, pk, person, evidence, inputs in sorted(rows, key=lambda r: (r[0] or r[1], r[2], str(r[3]).encode())):
        text = str(inputs.get("distance") or "")
        if (
            not re.fullmatch(r"[0-9]{1,12}([.][0-9]{1,3})?", text, re.ASCII)
            or not Fraction("0.1") <= Fraction(text) <= 120
        ):
            continue
        day = left[person, on]
        if day[0] <= 0:
            found[pk] = 0
            continue
        km = min(Fraction(text), day[0])
        day[0] -= km
        grams = int(int(km * Fraction(factor)) * Fraction(1, 2 if evidence == "self_declared" else 1))
        if day[1] <= 0:
            grams = 0
        day[1] -= grams > 0
        found[pk] = grams
    return found


def a_year_of_trips(people: int = 12) -> None:
    prepare()
    those = [resident() for _ in range(people)]
    for seed in range(4):
        trips(those, 60, seed=seed)
        services.quantify_pending(at=AT + dt.timedelta(minutes=seed), until_empty=True)


def test_a_draft_gives_what_a_pocket_calculator_gives() -> None:
    a_year_of_trips()
    assert by_hand("46.7") == stored()

    report = simulate(asked(draft_of(('value: "46.7"', 'value: "61.3"'), ('max: "6"', 'max: "2"'))))

    hand = by_hand("61.3", most_records=2)
    owner = dict(BehaviorRecord.objects.values_list("id", "participant_id"))
    mine, theirs = Counter(), Counter()
    for pk, grams in hand.items():
        mine[owner[pk]] += grams
        theirs[owner[pk]] += stored()[pk]
    assert report["draft"]["grams"] == sum(hand.values())
    assert report["base"]["grams"] == sum(stored().values())
    assert report["draft"]["points"] == sum(grams // 100 for grams in mine.values())
    changes = [mine[person] - theirs[person] for person in set(owner.values())]
    gained = [one for one in changes if one > 0]
    assert report["people"]["gainers"] in (len(gained), None)
    regions = Counter()
    for pk, region in BehaviorRecord.objects.values_list("id", "region"):
        regions[region[:4] + "00"] += hand.get(pk, 0)
    assert {row["key"]: row["draft_g"] for row in report["cities"]} == dict(regions)


def test_a_document_against_another_document() -> None:
    a_year_of_trips()
    one, other = draft_of(('value: "46.7"', 'value: "50"')), draft_of(('value: "46.7"', 'value: "20"'))
    report = simulate(asked(one, against=other))
    assert report["draft"]["grams"] == sum(by_hand("50").values())
    assert report["base"]["grams"] == sum(by_hand("20").values())
    assert report["booked_g"] is None
    assert report["people"]["losers"] == 0


def test_many_slices_give_the_report_of_one(monkeypatch) -> None:
    a_year_of_trips()
    draft = draft_of(('value: "46.7"', 'value: "61.3"'))
    whole = simulate(asked(draft))
    monkeypatch.setattr(reading, "_estimate", lambda wanted: 240)
    monkeypatch.setattr(reading, "SLICE_BYTES", 4000)
    parts: list[tuple[int, int]] = []
    sliced = simulate(asked(draft), lambda done, of: parts.append((done, of)))
    assert parts[-1][1] > 3
    for report in (whole, sliced):
        report.pop("run")
        report.pop("gaming")  # asks about a sample, which depends on the order of reading
    assert sliced == whole


def test_own_mean_looks_back_on_what_had_arrived() -> None:
    """Household electricity: 12 kWh after three days of 20 are a saving of 8, told late or not."""
    prepare()
    homes = [resident(kind="household") for _ in range(6)]
    use = {"activity": "household_electricity", "evidence": "feed"}
    draw = random.Random(5)
    for seed in range(3):
        rows = [
            {
                **use,
                "participant": home,
                "on": LAST - dt.timedelta(days=draw.randrange(12)),
                "inputs": {"daily_use": draw.choice(["6.2", "12", "20", "9.75", "31"])},
            }
            for home in homes
            for _ in range(8)
        ]
        records(*rows)
        services.quantify_pending(at=AT + dt.timedelta(minutes=seed), until_empty=True)
    report = simulate(asked(source_of("GD-HOUSEHOLD-POWER")))
    assert report["draft"]["grams"] == report["base"]["grams"] == sum(stored().values())
    reasons = Counter(Reduction.objects.values_list("reason", flat=True))
    assert report["draft"]["reasons"] == dict(sorted(reasons.items()))
    assert {"not_enough_history", "over_limit"} <= set(reasons)
    own = report["gaming"]["own_average"]
    assert own["window_days"] == 7
    by_own = sum(
        grams for pk, grams in stored().items() if Fraction(BehaviorRecord.objects.get(pk=pk).inputs["daily_use"]) > 8
    )
    assert own["grams"] == by_own > 0


def test_a_city_is_judged_by_what_its_people_do_elsewhere_too() -> None:
    """The day's 120 km are for the whole province: 100 km in Huizhou leave 20 for Foshan."""
    prepare()
    for person in [resident() for _ in range(5)]:
        records({"participant": person, "region": "441302", "inputs": {"distance": "100"}, "evidence": "feed"})
        records({"participant": person, "region": "440605", "inputs": {"distance": "50"}, "evidence": "feed"})
    services.quantify_pending(at=AT)
    report = simulate(asked(region="440600"))
    assert (report["records"], report["participants"]) == (5, 5)
    assert report["draft"]["grams"] == report["booked_g"] == 5 * 934


def test_a_limit_of_a_year_knows_what_came_before_the_period() -> None:
    prepare()
    people = [resident() for _ in range(5)]
    for on in (
        dt.date(2026, 3, 1),
        dt.date(2026, 4, 1),
        dt.date(2026, 5, 1),
        dt.date(2026, 6, 1),
        dt.date(2026, 11, 2),
    ):
        records(
            *[
                {"participant": p, "on": on, "activity": "old_clothes", "inputs": {"weight": "45"}, "evidence": "feed"}
                for p in people
            ]
        )
    services.quantify_pending(at=AT)
    report = simulate(asked(source_of("GD-OLD-CLOTHES"), first=dt.date(2026, 11, 1)))
    assert report["draft"]["grams"] == 5 * 20 * 3600  # 200 kg a year, 180 of them used by June


def test_a_city_with_its_own_method_keeps_it() -> None:
    prepare()
    people = [resident() for _ in range(5)]
    records(
        *[{"participant": p, "region": region, "evidence": "feed"} for p in people for region in ("440106", "440605")]
    )
    services.quantify_pending(at=AT)
    report = simulate(asked(draft_of(('value: "46.7"', 'value: "50"'))))
    assert report["records"] == 5
    assert report["left_out"] == {"narrower_rule": 5}


def test_a_draft_of_next_year_is_run_as_if_it_were_in_force() -> None:
    a_year_of_trips()
    draft = draft_of(
        ("effective_from: 2025-01-01", "effective_from: 2027-03-01"),
        ('2025-01-01: {value: "46.7"', '2027-03-01: {value: "50"'),
    )
    report = simulate(asked(draft))
    assert report["as_if"] is True
    assert report["draft"]["grams"] == sum(by_hand("50").values())


def test_a_field_that_records_do_not_have_is_told_and_can_be_left_out() -> None:
    a_year_of_trips()
    field = "inputs:\n  family: {type: integer, unit: person, min: 1, max: 12, label: {zh: 户内人数, en: People}}\n"
    draft = draft_of(
        ("inputs:\n", field),
        (
            '  - {on: 2026-03-01, region: "440605", given: {distance: "10"}, expect: 467, source: 10 × 46.7}',
            '  - {on: 2026-03-01, region: "440605", given: {distance: "10", family: "2"}, expect: 467, source: 10 × 46.7}',
        ),
    )
    report = simulate(asked(draft))
    (missing,) = [one for one in report["missing"] if one["input"] == "family"]
    assert (missing["records"], missing["share"]) == (240, "100.0")
    assert report["draft"]["grams"] == 0
    left = simulate(asked(draft, exclude_missing=True))
    assert left["records"] == 0
    assert left["left_out"] == {"missing_input": 240}


def test_fewer_than_five_people_are_nobody_s_business() -> None:
    a_year_of_trips(people=4)
    report = simulate(asked())
    assert report["few"] is True
    assert report["draft"] is report["base"] is report["participants"] is None
    assert "cities" not in report


def test_a_small_city_hides_among_others_and_the_sum_stays() -> None:
    def group(people: int, grams: int) -> Counter:
        return Counter(participants=people, records=people, draft_g=grams, base_g=grams)

    rows = shown({"a": group(9, 90), "b": group(2, 7), "c": group(6, 60)})
    assert [row["key"] for row in rows] == ["a", "others"]
    assert rows[1] == {"key": "others", "groups": 2, "participants": None, "records": 8, "draft_g": 67, "base_g": 67}
    assert [row["key"] for row in shown({"a": group(9, 90), "c": group(6, 60)})] == ["a", "c"]


def test_one_deed_in_two_and_a_step_are_found() -> None:
    """200 g for every trip, and 500 more from 10 km on."""
    a_year_of_trips()
    draft = draft_of(
        ("reduction: distance * saving_per_km", "reduction: distance * saving_per_km + where(distance >= far, much, 0) + bonus"),
        ("parameters:\n", 'parameters:\n  far: {unit: km, values: {2025-01-01: {value: "10", source: t, confidence: sample, best_before: 2027-12-31}}}\n  much: {unit: g_co2e, values: {2025-01-01: {value: "500", source: t, confidence: sample, best_before: 2027-12-31}}}\n  bonus: {unit: g_co2e, values: {2025-01-01: {value: "200", source: t, confidence: sample, best_before: 2027-12-31}}}\n'),
    )  # fmt: skip
    gaming = simulate(asked(draft))["gaming"]
    (jump,) = [one for one in gaming["cliffs"] if one["kind"] == "jump"]
    assert (jump["input"], jump["at"]) == ("distance", "10")
    assert 500 <= jump["jump_g"] <= 501
    (split,) = gaming["splitting"]
    assert split["input"] == "distance"
    assert split["twice_g"] > split["once_g"]
    plain = simulate(asked())["gaming"]
    assert plain["splitting"] == []
    assert [one for one in plain["cliffs"] if one["kind"] == "jump"] == []


def test_columns_by_number_give_what_texts_give() -> None:
    import numpy as np

    from methodologies.engine import Coded, Columns, compile

    prepare()
    program = compile(load_document(source_of(), name="metro"))
    texts = ["3", "", None, "1e3", "12.5", "8.12345", "-1", "121", "3"]
    few = list(dict.fromkeys(texts))
    fixed = {
        "record": np.arange(9), "participant": np.arange(9), "occurred_on": np.full(9, 20000), "region": np.full(9, 440605),
        "evidence": np.zeros(9, dtype=np.int64),
    }  # fmt: skip
    plain = program.evaluate(Columns(inputs={"distance": texts}, **fixed))
    coded = program.evaluate(Columns(inputs={"distance": Coded(few, np.array([few.index(t) for t in texts]))}, **fixed))
    assert coded.reason.tolist() == plain.reason.tolist()
    assert coded.reduction_g.tolist() == plain.reduction_g.tolist()

"""Section 2: what loads, and what is refused with the document, the key and the line."""

from __future__ import annotations

import copy
import datetime
import json
from typing import Any

import pytest

from methodologies import engine
from methodologies.engine import loader

from .documents import BASE, SOURCE, base, load, refusals, value

TEXT = json.dumps(BASE, ensure_ascii=False, indent=1)


def told(source: Any) -> str:
    problems = refusals(source)
    assert problems
    assert all(problem.message_zh and problem.message_en for problem in problems)
    assert all(problem.where.startswith("test.yaml: ") and "line " in problem.where for problem in problems)
    return " | ".join(f"{problem.where}: {problem.message_en}" for problem in problems)


def test_the_whole_document_loads_and_has_its_identity() -> None:
    document = load(BASE)
    assert document.code == "EXAMPLE-METRO"
    assert document.effective_from == datetime.date(2026, 1, 1)
    import hashlib

    canonical = json.dumps(BASE, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert document.sha256 == hashlib.sha256(canonical).hexdigest()


def test_identity_ignores_layout_and_quotes_of_dates() -> None:
    plain = TEXT.replace('"2026-01-01"', "2026-01-01")
    assert plain != TEXT
    assert engine.load_document(plain, name="x").sha256 == load(BASE).sha256
    assert engine.load_document("\ufeff" + TEXT.replace("\n", "\r\n"), name="x").sha256 == load(BASE).sha256
    assert engine.load_document(b"\xef\xbb\xbf" + TEXT.encode(), name="x").sha256 == load(BASE).sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"format": 1,', '"format": 1, "format": 1,', "twice"),
        ('"format": 1,', '"format": !!int 1,', "tag"),
        ('"format": 1,', '"format": ! 1,', "tag"),
        ('"format": 1,', '"format": &a 1,', "anchor"),
        ('"format": 1,', '"format": *a ,', "alias"),
        ('"format": 1,', '"format": 1.0,', "float"),
        ('"format": 1,', '"format": 1e3,', "float"),
        ('"format": 1,', '"format": .inf,', "float"),
        ('"format": 1,', '"format": .nan,', "float"),
        ('"format": 1,', '"format": .5,', "float"),
        ('"format": 1,', '"format": 2,', "format 1"),
        ('"format": 1,', '"format": true,', "format 1"),
        ('"format": 1,', '"format": "1",', "format 1"),
        ('"format": 1,', '"format": 1, "colour": 3,', "unknown key 'colour'"),
        ('"format": 1,', '"format": 1, "<<": {},', "unknown key"),
        ('"format": 1,', '"format": 1, [a]: 1,', "key must be text"),
        ('"format": 1,', '"format": 1, {a: 1}: 1,', "key must be text"),
        ('"format": 1,', '"format": 1, true: 1,', "must be text"),
        ('"version": "1.0"', '"version": 1.0', "float"),
        ('"version": "1.0"', '"version": 1', "text belongs here"),
        ('"max": "200"', '"max": "1e3"', "is not a number"),
        ('"max": "200"', '"max": "２００"', "is not a number"),
        ('"max": "200"', '"max": "1_000"', "is not a number"),
        ('"max": "200"', '"max": 1_000', "is not a number"),
        ('"max": "200"', '"max": 0x10', "is not a number"),
        ('"max": "200"', '"max": "NaN"', "is not a number"),
        ('"max": "200"', '"max": " 5"', "is not a number"),
        ('"max": "200"', '"max": "5\\n"', "is not a number"),
        ('"max": "200"', '"max": "+5"', "is not a number"),
        ('"max": "200"', '"max": "1234567890123"', "is not a number"),
        ('"max": "200"', '"max": 1234567890123', "is not a number"),
        ('"max": "200"', '"max": "0.05"', "min is above max"),
        ('"max": "200"', '"max": true', "in quotes"),
        ('"places": 3', '"places": 13', "from 0 to 12"),
        ('"region": "440000"', '"region": 440000', "six-digit"),
        ('"region": "440000"', '"region": "44000"', "six-digit"),
        ('"certifiable": false', '"certifiable": no', "true or false"),
        ('"sector": "transport"', '"sector": "banking"', "one of these"),
        ('"effective_from": "2026-01-01"', '"effective_from": "2026-1-1"', "a date"),
        ('"effective_from": "2026-01-01"', '"effective_from": 2026-02-30', "a date"),
        ('"code": "EXAMPLE-METRO"', '"code": "ab"', "form"),
        ('"self_declared": "0.5"', '"self_declared": "1.5"', "between 0 and 1"),
        ('"unit": "km"', '"unit": "mile"', "unknown unit"),
        ('"unit": "km"', '"unit": "km*"', "ends too early"),
    ],
)
def test_it_refuses(old: str, new: str, said: str) -> None:
    assert old in TEXT
    assert said in told(TEXT.replace(old, new, 1))


def test_it_refuses_a_second_document_and_text_that_is_no_yaml() -> None:
    assert "one document" in told(TEXT + "\n---\nformat: 1\n")
    assert "not valid YAML" in told("a: [")
    assert "not valid YAML" in told("a: \x00")
    assert "one mapping" in told("")
    assert "one mapping" in told("- 1")
    assert "UTF-8" in told(TEXT.encode("utf-16"))
    assert "UTF-8" in told("\ud800")


def test_nesting_of_twelve_is_read_and_of_thirteen_refused() -> None:
    deep = "{a: " * 12 + "1" + "}" * 12
    assert loader.read(deep, name="x").data
    assert "nesting" in told("{a: " * 13 + "1" + "}" * 13)
    assert "nesting" in told("[" * 100_000)


def test_size_is_limited_to_256_kib() -> None:
    just = TEXT + " " * (256 * 1024 - len(TEXT.encode()))
    assert engine.load_document(just, name="x").code
    assert "256 KiB" in told(just + " ")


def test_plain_scalars_are_null_true_false_integers_and_dates_and_the_rest_is_text() -> None:
    text = "{on: yes, b: 007, c: 0x10, d: 1_000, e: ~, f: null, g: 2026-01-01, h: 2026-02-30, i: -5, j: No, k: 1:30, l: +5, m: }"
    assert loader.read(text, name="x").data == {
        "on": "yes", "b": "007", "c": "0x10", "d": "1_000", "e": "~", "f": None, "g": datetime.date(2026, 1, 1),
        "h": "2026-02-30", "i": -5, "j": "No", "k": "1:30", "l": "+5", "m": None,
    }  # fmt: skip


@pytest.mark.parametrize("key", [key for key in BASE if key != "limits"])
def test_every_key_of_the_example_is_required(key: str) -> None:
    assert repr(key) in told(base(**{key: None}))


def test_limits_history_and_chapters_may_be_absent_or_empty() -> None:
    for empty in ([], None):
        assert not refusals(base(limits=empty))
    assert not refusals(TEXT.replace('"limits": []', '"limits": '))
    assert not refusals(base(chapters={"scope": "x"}, history={}))
    assert "unknown key" in told(base(chapters={"scoop": "x"}))


@pytest.mark.parametrize("name", ["record", "where", "min", "Region", "9a", "a-b", "a" * 41, "", "evidence", "records"])
def test_names_are_refused(name: str) -> None:
    data = base()
    data["parameters"][name] = data["parameters"]["baseline"]
    assert "not allowed" in told(data)


def test_names_are_unique_over_all_four_kinds() -> None:
    data = base()
    data["parameters"]["distance"] = data["parameters"]["baseline"]
    assert "already used in inputs" in told(data)
    assert "already used in parameters" in told(
        base(steps={"baseline": "distance", "reduction": "distance * baseline"})
    )
    history = {
        "own": {"of": "distance", "window": 7, "unit": "day", "statistic": "mean", "minimum": 3, "otherwise": "refuse"}
    }
    assert not refusals(base(history=history))
    assert "already used" in told(base(history={"baseline": history["own"]}))


def test_an_option_that_is_also_a_declared_name_is_refused() -> None:
    data = base()
    data["inputs"]["vehicle"]["options"]["baseline"] = {"zh": "x"}
    data["parameters"]["project"]["values"]["2026-01-01"]["baseline"] = value("1")
    assert "both an option and a declared name" in told(data)


def test_choice_tables_must_cover_every_option_at_every_start() -> None:
    data = base()
    data["parameters"]["project"]["values"]["2026-06-01"] = {"electric": value("3")}
    assert "'diesel' is missing" in told(data)
    data["parameters"]["project"]["values"]["2026-06-01"] = {
        "electric": value("3"),
        "diesel": value("3"),
        "gas": value("1"),
    }
    assert "unknown key 'gas'" in told(data)


def test_sixty_inputs_and_parameters_and_sixty_steps_and_no_more() -> None:
    data = base()
    for number in range(60 - 5):
        data["parameters"][f"p{number}"] = data["parameters"]["baseline"]
    assert not refusals(data)
    data["parameters"]["one_more"] = data["parameters"]["baseline"]
    assert "the limit is 60" in told(data)
    steps = {f"s{number}": "distance" for number in range(59)}
    last = {"reduction": "distance * baseline"}
    assert not refusals(base(steps={**steps, **last}))
    assert "the limit is 60" in told(base(steps={**steps, "more": "distance", **last}))


@pytest.mark.parametrize("key", ["value", "source", "confidence", "best_before"])
def test_every_value_has_its_pedigree(key: str) -> None:
    data = base()
    del data["parameters"]["baseline"]["values"]["2026-01-01"][key]
    assert repr(key) in told(data)


def test_an_integer_may_stand_for_a_whole_quantity_and_texts_may_have_other_languages() -> None:
    data = base(limits=[{"measure": "distance", "per": "day", "max": 120}])
    data["inputs"]["distance"]["min"] = 0
    data["parameters"]["baseline"]["values"]["2026-01-01"]["value"] = 104
    data["title"]["fr"] = "exemple"
    assert not refusals(data)
    del data["title"]["zh"]
    assert "(zh) is missing" in told(data)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"measure": "vehicle", "per": "day", "max": "1"}, "neither a numeric input"),
        ({"measure": "speed", "per": "day", "max": "1"}, "neither a numeric input"),
        ({"measure": "distance", "per": "hour", "max": "1"}, "day, week, month, year"),
        ({"measure": "distance", "max": "1"}, "'per' is missing"),
    ],
)
def test_limits_are_refused(limit: dict[str, Any], said: str) -> None:
    assert said in told(base(limits=[limit]))


def test_examples_have_either_a_result_or_a_refusal_and_known_inputs() -> None:
    good = {"on": "2026-03-01", "region": "440300", "given": {"distance": "10", "vehicle": "electric"}, "expect": 720}
    assert not refusals(base(examples=[good]))
    assert "either expect or refuse" in told(base(examples=[{**good, "refuse": "below_min"}]))
    assert "one of these" in told(
        base(examples=[{**{k: v for k, v in good.items() if k != "expect"}, "refuse": "tired"}])
    )
    assert "unknown key 'speed'" in told(base(examples=[{**good, "given": {"speed": "1"}}]))


def test_all_problems_of_a_document_are_named_at_once() -> None:
    data = copy.deepcopy(BASE)
    data["sector"], data["level"], data["code"] = "x", "y", "z"
    assert len(refusals(data)) == 3
    assert SOURCE["confidence"] == "official"


def test_a_message_names_the_key_and_the_line() -> None:
    problem = refusals(TEXT.replace('"places": 3', '"places": "three"'))[0]
    line = next(number for number, text in enumerate(TEXT.splitlines(), 1) if '"places"' in text)
    assert problem.where == f"test.yaml: inputs.distance.places (line {line})"

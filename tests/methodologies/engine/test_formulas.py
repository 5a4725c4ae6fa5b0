"""Sections 3 and 4: the grammar, its limits, units, rounding, and hostile texts of which none is evaluated."""

from __future__ import annotations

import random
import time

import pytest

from methodologies import engine
from methodologies.engine import language
from methodologies.engine.units import parse_unit

from .documents import base, pure, refusals, run, value


@pytest.mark.parametrize(
    "text",
    [
        "1", "a", "-a", "--a", "a - -b", "(a)", "a+b*c/2", "min(a, b)", "max(a,b,c,1)", "clip(a, 0, 1)",
        "where(a < b, 1, 2)", "where(a == b, where(b != c, 1, 2), 3)", " a + b ", "1000000", "a\n", "min(a,b) * (a - 1)",
        "+".join(["a"] * 40), "(" * 12 + "a" + ")" * 12, "-" * 12 + "a",
    ],
)  # fmt: skip
def test_valid_formulas_parse(text: str) -> None:
    assert language.parse(text)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1), ("a b", 3), ("a ** b", 4), ("a // b", 4), ("1.5", 2), ("1e3", 2), ("0x10", 2), ("1_000", 2), ("007", 1),
        ("1000001", 1), ("a.b", 2), ("a[0]", 2), ("'a'", 1), ('"a"', 1), ("a = b", 3), ("f(a)", 1), ("min(a)", 1), ("min()", 5),
        ("clip(a, 1)", 1), ("where(a, 1, 2)", 8), ("where(a < b < c, 1, 2)", 13), ("a < b", 3), ("(a < b) * 2", 4),
        ("where((a < b), 1, 2)", 10), ("where(a < b, 1)", 1), ("a if b else c", 3), ("lambda: 1", 7), ("a; b", 2), ("a # b", 3),
        ("a\nb", 2), ("min(a, b=1)", 9), ("min(*a)", 5), ("a and b", 3), ("not a", 5), ("~a", 1), ("a % 2", 3), ("a ^ 2", 3),
        ("a @ b", 3), ("+a", 1), ("(a", 3), ("a)", 2), ("ａ", 1), ("１", 1), ("a × b", 3), ("__import__('os')", 12), ("a\\", 2),
        ("a\u00a0+ b", 2), ("a,b", 2), ("min(a,,b)", 7), ("[a]", 1), ("{a}", 1), ("a <> b", 3), ("a!", 2), ("$a", 1),
    ],
)  # fmt: skip
def test_whatever_is_not_listed_is_refused_with_its_column(text: str, column: int) -> None:
    with pytest.raises(language.FormulaError) as caught:
        language.parse(text)
    assert caught.value.column == column


def test_length_nodes_and_depth_are_limited() -> None:
    assert language.parse("a" + " " * 499)
    for text in (
        "a" + " " * 500,
        "+".join(["a"] * 41),
        "(" * 13 + "a" + ")" * 13,
        "-" * 13 + "a",
        "min(a, " * 13 + "a" + ")" * 13,
        "(" * 100_000,
        "-" * 100_000 + "a",
    ):
        with pytest.raises(language.FormulaError):
            language.parse(text)


HOSTILE_PARTS = [
    "__import__('os').system('id')", "open('/etc/passwd').read()", "().__class__.__bases__[0]", "exec('1')", "eval('1')",
    "9**9**9", "[x for x in a]", "(lambda: 1)()", "f'{a}'", "a.__class__", "globals()", "a:=1", "yield a", "await a",
    "print(a)", "1 if a else 2", "{a: 1}", "a or b", "import os", "min.__doc__", "%s" % ("9" * 400), "\x00", "a\u202eb",
    "getattr(a, b)", "${a}", "{{a}}", "`a`", "a|b", "a&b", "a<<b", "1e999", "0b1", "'a'*9", "...", "*a", "**a",
]  # fmt: skip


def test_five_hundred_hostile_formulas_are_refused_at_once_and_none_is_evaluated() -> None:
    chance = random.Random(26)
    frames = ["{}", "a + {}", "min(a, {})", "where(a < {}, 1, 2)", "({})", "-{}", "{} * a", "clip({}, 0, 1)"]
    texts = {frame.format(part) for part in HOSTILE_PARTS for frame in frames}
    while len(texts) < 520:
        texts.add(chance.choice(frames).format(chance.choice(HOSTILE_PARTS)) + chance.choice(HOSTILE_PARTS))
    assert len(texts) >= 500
    slowest = 0.0
    for text in texts:
        began = time.process_time()
        with pytest.raises(language.FormulaError):
            language.parse(text)
        slowest = max(slowest, time.process_time() - began)
    assert slowest < 1


def test_random_texts_either_parse_or_are_refused_and_never_break() -> None:
    chance = random.Random(5)
    letters = "ab01 +-*/(),<>=!._'\"[]{}#\n\t\\&|^%@:;~`$minwhercp五"
    parsed = refused = 0
    for _ in range(20_000):
        text = "".join(chance.choice(letters) for _ in range(chance.randint(0, 24)))
        try:
            parsed += bool(language.parse(text))
        except language.FormulaError as exc:
            refused += exc.column >= 1
    assert parsed + refused == 20_000
    assert parsed > 0


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({"reduction": "speed * baseline"}, "not declared"),
        ({"reduction": "reduction * baseline"}, "comes later"),
        ({"reduction": "later * 1", "later": "distance * baseline"}, "comes later"),
        ({"reduction": "vehicle * baseline"}, "choice input"),
        ({"reduction": "where(vehicle < electric, distance, distance) * baseline"}, "by == or !="),
        ({"reduction": "where(vehicle == steam, distance, distance) * baseline"}, "an option of 'vehicle'"),
        ({"reduction": "where(vehicle == 1, distance, distance) * baseline"}, "an option of 'vehicle'"),
        ({"reduction": "where(vehicle == vehicle, distance, distance) * baseline"}, "an option of 'vehicle'"),
        ({"reduction": "electric * baseline"}, "not declared"),
        ({"reduction": "distance + baseline"}, "different units: km and g_co2e/km"),
        ({"reduction": "distance"}, "has the unit km, but output.unit is g_co2e"),
        ({"reduction": "distance * baseline + 1"}, "different units"),
        ({"reduction": "min(distance, 5) * baseline"}, "different units"),
        ({"reduction": "clip(distance, 0, 5) * baseline"}, "different units"),
        ({"reduction": "where(distance > 1, distance, distance) * baseline"}, "different units"),
        ({"reduction": "where(distance > 0, distance, 1) * baseline"}, "different units"),
        ({"zero": "0", "reduction": "max(zero, distance * baseline)"}, "different units"),
        ({"reduction": "distance * distance / distance"}, "has the unit km"),
    ],
)
def test_formulas_are_refused_for_names_and_units(steps: dict[str, str], said: str) -> None:
    problems = refusals(base(steps=steps))
    assert any(said in problem.message_en for problem in problems), problems


def test_zero_fits_any_unit_and_a_number_is_pure() -> None:
    for formula in (
        "max(distance, 0) * baseline",
        "where(0 < distance, distance * baseline, 0)",
        "clip(distance * 2, 0, distance) * baseline / 1",
        "where(vehicle == electric, distance, 0) * baseline",
        "where(diesel != vehicle, distance, 0) * baseline",
        "0",
    ):
        assert not refusals(base(steps={"reduction": formula})), formula


def test_units_combine_and_never_convert() -> None:
    assert parse_unit("t_co2e/(ha*year)") == parse_unit("t_co2e/ha/year")
    assert parse_unit("kWh*g_co2e/kWh") == parse_unit("g_co2e")
    assert parse_unit("kg_co2e") != parse_unit("kg")
    assert parse_unit("m2") != parse_unit("m*m")
    assert parse_unit("person*trip/person") == parse_unit("trip")
    for text in ("", "kg_co2", "km^2", "2", "km km", "km//m", "(km", "k m", "1km", "公里", "km)"):
        with pytest.raises(ValueError, match=r"."):
            parse_unit(text)


def test_output_is_scaled_to_grams_before_the_only_rounding() -> None:
    data = base()
    data["parameters"]["baseline"]["unit"] = "kg_co2e/km"
    data["parameters"]["baseline"]["values"]["2026-01-01"]["value"] = "0.0123456"
    data |= {
        "steps": {"reduction": "distance * baseline"},
        "output": {"step": "reduction", "unit": "kg_co2e", "round": "floor"},
    }
    assert run(data, [{"distance": "10", "vehicle": "electric"}]) == [(123, 123, "")]
    data["output"]["unit"] = "t_co2e"
    assert "has the unit kg_co2e, but output.unit is t_co2e" in refusals(data)[0].message_en


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("floor", [0, 0, 0, 1, 2, 2, -1, -1, -1, -2]),
        ("ceil", [0, 1, 1, 2, 3, 3, 0, 0, 0, -1]),
        ("half_even", [0, 0, 0, 2, 2, 3, 0, 0, -1, -2]),
        ("half_up", [0, 0, 1, 2, 3, 3, 0, 0, -1, -1]),
    ],
)
def test_rounding(how: str, expected: list[int]) -> None:
    numbers = ["0", "0.49", "0.5", "1.5", "2.5", "2.51", "-0.49", "-0.5", "-0.51", "-1.5"]
    rows = [{"a": number, "b": "0", "c": "0", "participant": number} for number in numbers]
    found = run(pure({"x": "a"}, round=how), rows)
    assert [(grams, reason) for grams, _, reason in found] == [
        (max(number, 0), "out_of_range" if number < 0 else "no_saving" if number == 0 else "") for number in expected
    ]


def test_errors_travel_with_values_and_an_unchosen_branch_spoils_nothing() -> None:
    late = {"late": {"unit": "1", "values": {"2026-06-01": value("2")}}}

    def reason(formula: str, a: str = "1", b: str = "0") -> str:
        return run(pure({"x": formula}, parameters=late), [{"a": a, "b": b, "c": "5"}])[0][2]

    assert reason("a / b") == "division_by_zero"
    assert reason("b / b") == "division_by_zero"
    assert reason("0 * (a / b)") == "division_by_zero"
    assert reason("max(a, a / b)") == "division_by_zero"
    assert reason("where(b == 0, a, a / b)") == ""
    assert reason("where(b != 0, a, a / b)") == "division_by_zero"
    assert reason("where(a / b > 0, 1, 1)") == "division_by_zero"
    assert reason("where(a / b > 0, late, late)") == "division_by_zero"
    assert reason("late * a") == "no_parameter_at_date"
    assert reason("late / b") == "no_parameter_at_date"
    assert reason("where(a > 0, a, late)") == ""
    assert run(pure({"unused": "late / b", "x": "a"}, parameters=late), [{"a": "3", "b": "0", "c": "0"}]) == [
        (3, 3, "")
    ]


def test_exact_thirds_are_not_lost() -> None:
    rows = [{"a": "10", "b": "3", "c": "0"}]
    assert run(pure({"x": "a / b * b"}), rows) == [(10, 10, "")]
    assert run(pure({"x": "a / -b * -b"}), rows) == [(10, 10, "")]
    assert run(pure({"x": "(1 / b + 1 / b + 1 / b) * a"}), rows) == [(10, 10, "")]


def test_results_beyond_int64_are_out_of_range_and_the_largest_is_kept() -> None:
    wide = {"type": "integer", "unit": "1", "min": "0", "max": "999999999999", "label": {"zh": "x"}}
    data = pure({"x": "a * b + c"}, dict.fromkeys("abc", wide))
    # 2**63 - 1 = 9223372036854775807 = 92233720368 * 100000000 + 54775807
    rows = [
        {"a": "92233720368", "b": "100000000", "c": "54775807"},
        {"a": "92233720368", "b": "100000000", "c": "54775808"},
    ]
    assert run(data, rows) == [(2**63 - 1, 2**63 - 1, ""), (0, 0, "out_of_range")]


def test_a_bound_beyond_ten_to_the_sixty_is_refused_however_it_grows() -> None:
    fine = {"type": "decimal", "unit": "1", "places": 12, "min": "0", "max": "999999999999", "label": {"zh": "x"}}
    assert not refusals(pure({"x": "a * a"}, {"a": fine}))
    assert "10^60" in refusals(pure({"x": "a * a * a"}, {"a": fine}))[0].message_en
    for seed in ("a", "a / 1000000", "1 / (a + 1)", "1 / 3"):
        steps = {"s0": seed} | {f"s{n}": f"s{n - 1} * s{n - 1}" for n in range(1, 59)}
        began = time.process_time()
        assert "10^60" in refusals(pure(steps, {"a": fine}))[0].message_en
        assert time.process_time() - began < 2


def test_engine_needs_no_django() -> None:
    import subprocess
    import sys

    code = "import sys, methodologies.engine; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert engine.CODES[0] == ""


@pytest.mark.parametrize(("unit", "gram", "refused"), [("g_co2e", "1", 0), ("t_co2e", "1", 0), ("g_co2e", "2", 1)])
def test_the_bound_is_on_the_steps_not_on_their_result_in_grams(unit: str, gram: str, refused: int) -> None:
    number = {"type": "integer", "unit": "1", "min": 0, "max": 999_999_999_999, "label": {"zh": "数"}}
    data = pure({"out": "a * b * c * d * e"}, dict.fromkeys("abcde", number))
    data["parameters"]["gram"] = {"unit": unit, "values": {"2026-01-01": value(gram)}}
    data["output"]["unit"] = unit
    assert len(refusals(data)) == refused
    if not refused:
        rows = [dict.fromkeys("abcde", text) for text in ("999999999999", "2")]
        small = 32 * (1 if unit == "g_co2e" else 1_000_000)
        assert run(data, rows) == [(0, 0, "out_of_range"), (small, small, "")]

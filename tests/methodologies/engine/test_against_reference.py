"""int64 plan == object plan == a slow evaluator with fractions, over random documents and tables."""

from __future__ import annotations

import random
from typing import Any

import pytest

from methodologies import engine

from . import reference
from .documents import columns, program, pure, results, value

OPTIONS = ("red", "green", "blue")


def formula(chance: random.Random, names: list[str], depth: int) -> str:
    """A random valid formula over pure numbers."""
    if depth == 0 or chance.random() < 0.15:
        return chance.choice([*names, *names, *names, str(chance.choice([0, 1, 2, 3, 7, 10, 100]))])

    def inner() -> str:
        return formula(chance, names, depth - 1)

    kind = chance.random()
    if kind < 0.5:
        return f"({inner()} {chance.choice('+-*/')} {inner()})"
    if kind < 0.6:
        return f"-{inner()}"
    if kind < 0.75:
        return f"{chance.choice(['min', 'max'])}({', '.join(inner() for _ in range(chance.choice([2, 2, 3])))})"
    if kind < 0.82:
        return f"clip({inner()}, {inner()}, {inner()})"
    if kind < 0.9:
        return f"where(colour {chance.choice(['==', '!='])} {chance.choice(OPTIONS)}, {inner()}, {inner()})"
    return f"where({inner()} {chance.choice(['<', '<=', '>', '>=', '==', '!='])} {inner()}, {inner()}, {inner()})"


def decimal(chance: random.Random, places: int, high: int) -> str:
    whole = chance.randint(-high, high) if chance.random() < 0.3 else chance.randint(0, high)
    rest = "".join(chance.choice("0123456789") for _ in range(chance.randint(0, places)))
    return f"{whole}.{rest}" if rest else str(whole)


def document(chance: random.Random) -> dict[str, Any]:
    wide = chance.random() < 0.5
    low = chance.choice(["-20", "0", "0.5"])
    highs = ["20", "12.5", "30"] if not wide else ["20000", "999999999.5"]
    inputs: dict[str, Any] = {
        name: {
            "type": "decimal", "unit": "1", "places": chance.choice([2, 6, 12] if wide else [0, 1, 2]), "min": low,
            "max": chance.choice(highs), "label": {"zh": name},
        }
        for name in ("a", "b")
    }  # fmt: skip
    inputs["n"] = {"type": "integer", "unit": "1", "min": "0", "max": "9", "label": {"zh": "n"}}
    inputs["colour"] = {"type": "choice", "options": {o: {"zh": o} for o in OPTIONS}, "label": {"zh": "色"}}
    parameters: dict[str, Any] = {
        "late": {"unit": "1", "values": {"2026-02-15": value(decimal(chance, 2, 9)), "2026-04-01": value("3")}},
        "place": {
            "unit": "1",
            "by": "region",
            "values": {
                "2026-01-01": {"440100": value("1.25"), "440106": value("2"), "440300": value(decimal(chance, 1, 5))},
                "2026-03-01": {"440000": value("4"), "440100": value("0")},
            },
        },
        "shade": {
            "unit": "1",
            "by": "colour",
            "values": {"2025-01-01": {o: value(decimal(chance, 2, 20)) for o in OPTIONS}},
        },
        "fixed": {"unit": "1", "values": {"2020-01-01": value(decimal(chance, 2, 30))}},
    }
    history = {
        "past": {
            "of": chance.choice("ab"), "window": chance.choice([3, 7, 40]), "unit": "day", "minimum": chance.choice([0, 1, 2]),
            "statistic": chance.choice(["mean", "sum", "count", "min", "max"]), "otherwise": chance.choice(["refuse", "fixed"]),
        }
    }  # fmt: skip
    names = [*"abn", *parameters, *(["past"] if chance.random() < 0.6 else [])]
    steps: dict[str, str] = {}
    for number in range(chance.randint(1, 3)):
        steps[f"s{number}"] = formula(chance, [*names, *steps], chance.randint(1, 4 if wide else 3))
    steps["result"] = chance.choice(["{0}", "max({0}, 0)", "where({0} < 0, -{0}, {0})", "max({0}, 0) * 100"]).format(
        list(steps)[-1]
    )
    limits = [
        {"measure": m, "per": chance.choice(["day", "day", "week", "month", "year"]), "max": chance.choice(tops)}
        for m, tops in (
            ("a", ["5", "17.25", "0"]),
            ("n", ["12", "4"]),
            ("records", ["1", "3"]),
            ("reduction", ["7", "100", "5000"]),
        )
        if chance.random() < 0.35
    ]
    if chance.random() < 0.2 and limits:
        limits.append({**limits[0], "per": "month", "max": "20"})
    return pure(
        steps, inputs, parameters=parameters, history=history, limits=limits,
        round=chance.choice(["floor", "half_even", "half_up", "ceil"]),
        evidence={"feed": "1", "proof": chance.choice(["1", "0.75"]), "self_declared": "0.5"},
    )  # fmt: skip


def table(chance: random.Random, data: dict[str, Any], count: int) -> list[dict[str, Any]]:
    rows = []
    for number in range(count):
        row = {
            "record": f"{chance.choice(['r', 'R', '记'])}{number}",
            "participant": chance.choice("pqrs"),
            "on": chance.choice(["2025-12-31", *(f"2026-{m:02}-{d:02}" for m in (2, 3) for d in range(1, 29))]),
            "region": chance.choice(["440106", "440103", "440100", "440300", "440305", "441900", "440000", "110000"]),
            "evidence": chance.choice(["", "feed", "proof", "self_declared"]),
            "colour": chance.choice([*OPTIONS] * 6 + ["", "pink"]),
        }
        for name in ("a", "b", "n"):
            places = data["inputs"][name].get("places", 0)
            row[name] = decimal(chance, places, chance.choice([20, 20, 20, 10**9]) if places > 2 else 20)
            if chance.random() < 0.1:
                row[name] = data["inputs"][name][chance.choice(["min", "max"])]
            if chance.random() < 0.06:
                row[name] = chance.choice(
                    ["", "x", "1e3", "+5", " 5", "１２", "1.2345", "NaN", "99999", "-0", "1_0", "5.", ".5"]
                )
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", range(200))
def test_random_documents_give_the_same_grams_and_reasons_in_both_plans_and_the_reference(seed: int) -> None:
    chance = random.Random(seed)
    data = document(chance)
    rows = table(chance, data, 60)
    try:
        made = program(data)
    except engine.DocumentError as exc:
        if any("10^60" in problem.message_en or "nodes" in problem.message_en for problem in exc.problems):
            return
        raise
    names = list(data["inputs"])
    outcome = made.evaluate(columns(rows, names))
    expected = reference.evaluate(data, rows)
    for number, row in enumerate(rows):
        assert results(outcome)[number] == expected[number], (number, row, data["steps"], data["limits"])
    made.wide = True
    assert results(made.evaluate(columns(rows, names))) == expected
    stored = [outcome.dependencies(row) for row in range(len(rows))]
    assert results(made.rebuild(columns(rows, names), stored)) == expected


def test_most_random_documents_run_on_int64_and_some_need_python_integers() -> None:
    fits = []
    for seed in range(100):
        try:
            fits.append(program(document(random.Random(seed))).fits_int64)
        except engine.DocumentError:
            continue
    assert fits.count(True) > 20
    assert fits.count(False) > 15

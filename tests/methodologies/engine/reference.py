"""A slow second evaluator that shares no code with the engine: plain data, fractions, one row after the other."""

from __future__ import annotations

import ast
import datetime
import math
import operator
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

NUMBER = re.compile(r"-?[0-9]{1,12}(\.([0-9]{1,12}))?", re.ASCII)
ORDER = [
    "missing_input",
    "not_a_number",
    "unknown_option",
    "too_many_places",
    "below_min",
    "above_max",
    "not_in_force",
    "no_parameter_at_date",
    "no_parameter_for_region",
    "not_enough_history",
    "division_by_zero",
    "out_of_range",
]
COMPARE = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip


class Wrong:
    """A value that can't be had: the set of reasons that travel with it."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = set(reasons)


def evaluate(data: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, str]]:
    found: list[Any] = [None] * len(rows)
    checked = {number: _checks(data, row) for number, row in enumerate(rows)}
    history: dict[str, list[tuple[datetime.date, dict[str, Any]]]] = defaultdict(list)
    for number, row in enumerate(rows):
        if not checked[number]:
            history[row["participant"]].append((datetime.date.fromisoformat(row["on"]), _read(data, row)))
    used: dict[Any, Fraction] = defaultdict(Fraction)
    for number in sorted(checked, key=lambda n: (rows[n]["on"], rows[n]["record"].encode())):
        if checked[number]:
            found[number] = (0, 0, min(checked[number], key=ORDER.index))
        else:
            found[number] = _row(data, rows[number], history[rows[number]["participant"]], used)
    return found


def _read(data: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: row[name] if declared["type"] == "choice" else Fraction(row[name])
        for name, declared in data["inputs"].items()
    }


def _checks(data: Mapping[str, Any], row: Mapping[str, Any]) -> set[str]:
    reasons = set()
    for name, declared in data["inputs"].items():
        text = row[name]
        if not text:
            reasons.add("missing_input")
        elif declared["type"] == "choice":
            if text not in declared["options"]:
                reasons.add("unknown_option")
        elif not (match := NUMBER.fullmatch(text)):
            reasons.add("not_a_number")
        elif len(match[2] or "") > declared.get("places", 0):
            reasons.add("too_many_places")
        elif Fraction(text) < Fraction(declared["min"]):
            reasons.add("below_min")
        elif Fraction(text) > Fraction(declared["max"]):
            reasons.add("above_max")
    if row["on"] < data["effective_from"] or row["region"][:2] != data["region"][:2]:
        reasons.add("not_in_force")
    return reasons


def _start(day: datetime.date, per: str) -> datetime.date:
    if per == "week":
        return day - datetime.timedelta(days=day.weekday())
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[per]


def _row(
    data: Mapping[str, Any], row: Mapping[str, Any], history: Any, used: dict[Any, Fraction]
) -> tuple[int, int, str]:
    day = datetime.date.fromisoformat(row["on"])
    values = _read(data, row)
    names = _constants(data, row, day, history)

    def slot(limit: Mapping[str, Any]) -> Any:
        return row["participant"], limit["measure"], limit["per"], _start(day, limit["per"])

    def left(limit: Mapping[str, Any]) -> Fraction:
        return Fraction(limit["max"]) - used[slot(limit)]

    limited = False
    first = _formula(data, {**names, **values})
    for limit in data["limits"]:
        if limit["measure"] in data["inputs"]:
            if left(limit) <= 0:
                if isinstance(first, Wrong) and first.reasons - {"division_by_zero"}:
                    return 0, 0, min(first.reasons, key=ORDER.index)
                return 0, 0, "over_limit"
            if values[limit["measure"]] > left(limit):
                values[limit["measure"]], limited = left(limit), True
    exact = _formula(data, {**names, **values})
    if isinstance(exact, Wrong):
        return 0, 0, min(exact.reasons, key=ORDER.index)
    exact *= {"g_co2e": 1, "kg_co2e": 1000, "t_co2e": 10**6}[data["output"]["unit"]]
    rounding = {
        "floor": math.floor,
        "ceil": math.ceil,
        "half_even": round,
        "half_up": lambda number: math.floor(number + Fraction(1, 2)),
    }
    computed = rounding[data["output"]["round"]](exact)
    if not 0 <= computed < 2**63:
        return 0, 0, "out_of_range"
    share = Fraction(data["evidence"][row["evidence"] or "feed"])
    grams, over = math.floor(computed * share), False
    for limit in data["limits"]:
        if limit["measure"] == "records" and left(limit) < 1:
            grams, over = 0, True
    for limit in data["limits"]:
        if limit["measure"] == "reduction" and grams > left(limit):
            grams = max(math.floor(left(limit)), 0)
            limited, over = limited or grams > 0, over or grams == 0
    for limit in {slot(limit): limit for limit in data["limits"]}.values():
        asked = {"records": int(grams > 0), "reduction": grams}
        used[slot(limit)] += asked[limit["measure"]] if limit["measure"] in asked else values[limit["measure"]]
    marks = [(over, "over_limit"), (not computed, "no_saving"), (limited, "limited"), (share < 1, "self_declared")]
    return computed, grams, next((reason for applies, reason in marks if applies), "")


def _constants(data: Mapping[str, Any], row: Mapping[str, Any], day: datetime.date, history: Any) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, parameter in data["parameters"].items():
        names[name] = _parameter(parameter, row, day)
    for name, one in data.get("history", {}).items():
        past = [
            inputs[one["of"]]
            for on, inputs in history
            if datetime.timedelta() < day - on <= datetime.timedelta(one["window"])
        ]
        statistic = {"mean": lambda p: sum(p) / Fraction(len(p)), "sum": sum, "count": len, "min": min, "max": max}
        needed = one["minimum"] if one["statistic"] in ("sum", "count") else max(one["minimum"], 1)
        if len(past) >= needed:
            names[name] = Fraction(statistic[one["statistic"]](past))
        elif one["otherwise"] == "refuse":
            names[name] = Wrong("not_enough_history")
        else:
            names[name] = names[one["otherwise"]]
    return names


def _parameter(parameter: Mapping[str, Any], row: Mapping[str, Any], day: datetime.date) -> Any:
    starts = [start for start in parameter["values"] if start <= day.isoformat()]
    if not starts:
        return Wrong("no_parameter_at_date")
    table = parameter["values"][max(starts)]
    if "by" not in parameter:
        return Fraction(table["value"])
    keys = [row[parameter["by"]]]
    if parameter["by"] == "region":
        keys = [keys[0], keys[0][:4] + "00", keys[0][:2] + "0000"]
    for key in keys:
        if key in table:
            return Fraction(table[key]["value"])
    return Wrong("no_parameter_for_region")


def _formula(data: Mapping[str, Any], names: dict[str, Any]) -> Any:
    options = {o for declared in data["inputs"].values() for o in declared.get("options", {})}
    names = {**{option: option for option in options}, **names}
    for step, formula in data["steps"].items():
        names[step] = _tree(ast.parse(formula, mode="eval").body, names)
    return names[data["output"]["step"]]


def _tree(node: Any, names: dict[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return Fraction(node.value)
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.Call) and node.func.id == "where":
        test, yes, no = node.args
        left, right = _tree(test.left, names), _tree(test.comparators[0], names)
        chosen = None
        wrong = _wrong(left, right)
        if not wrong:
            chosen = yes if COMPARE[type(test.ops[0])](left, right) else no
            return _tree(chosen, names)
        # Which branch is taken is unknown; the reasons of the comparison are what the row has.
        return wrong
    if isinstance(node, ast.UnaryOp):
        inner = _tree(node.operand, names)
        return inner if isinstance(inner, Wrong) else -inner
    parts = [node.left, node.right] if isinstance(node, ast.BinOp) else node.args
    values = [_tree(part, names) for part in parts]
    wrong = _wrong(*values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and values[1] == 0:
        return Wrong("division_by_zero", *(wrong.reasons if wrong else ()))
    if wrong:
        return wrong
    if isinstance(node, ast.BinOp):
        operators = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
        return operators[type(node.op)](*values)
    if node.func.id == "clip":
        return min(max(values[0], values[1]), values[2])
    return {"min": min, "max": max}[node.func.id](values)


def _wrong(*values: Any) -> Wrong | None:
    reasons = set().union(*(value.reasons for value in values if isinstance(value, Wrong)))
    return Wrong(*reasons) if reasons else None

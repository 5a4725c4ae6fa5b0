"""Small documents for tests: one that is whole, and ways to change it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from methodologies import engine

SOURCE = {"source": "table", "confidence": "official", "best_before": "2027-12-31"}


def value(number: str, **more: Any) -> dict[str, Any]:
    return {"value": number, **SOURCE, **more}


BASE: dict[str, Any] = {
    "format": 1,
    "code": "EXAMPLE-METRO",
    "version": "1.0",
    "title": {"zh": "示例", "en": "Example"},
    "sector": "transport",
    "activity": "metro_trip",
    "level": "provincial",
    "region": "440000",
    "effective_from": "2026-01-01",
    "participants": ["resident", "household"],
    "certifiable": False,
    "use": "consumption",
    "additionality": "waived",
    "gases": ["CO2"],
    "source": {"issuer": "issuer", "document": "document", "number": "1", "published": "2026-01-01"},
    "inputs": {
        "distance": {
            "type": "decimal", "unit": "km", "places": 3, "min": "0.1", "max": "200", "label": {"zh": "里程"},
        },
        "vehicle": {"type": "choice", "options": {"electric": {"zh": "电"}, "diesel": {"zh": "柴"}}, "label": {"zh": "车型"}},
    },
    "parameters": {
        "baseline": {"unit": "g_co2e/km", "values": {"2026-01-01": value("104")}},
        "project": {
            "unit": "g_co2e/km",
            "by": "vehicle",
            "values": {"2026-01-01": {"electric": value("32"), "diesel": value("57.3")}},
        },
        "local_share": {
            "unit": "1",
            "by": "region",
            "values": {"2026-01-01": {"440000": value("1"), "440100": value("0.9")}},
        },
    },
    "steps": {"saving": "distance * (baseline - project) * local_share", "reduction": "max(saving, 0)"},
    "output": {"step": "reduction", "unit": "g_co2e", "round": "floor"},
    "limits": [],
    "evidence": {"feed": "1", "proof": "1", "self_declared": "0.5"},
    "examples": [],
}  # fmt: skip


def base(**changes: Any) -> dict[str, Any]:
    """The whole document with some top-level keys replaced (None removes a key)."""
    data = copy.deepcopy(BASE)
    for key, new in changes.items():
        if new is None:
            data.pop(key)
        else:
            data[key] = new
    return data


def pure(steps: Mapping[str, str], inputs: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A document over pure numbers whose last step is multiplied into grams by the parameter ``gram``."""
    inputs = inputs or {
        name: {"type": "decimal", "unit": "1", "places": 2, "min": "-50", "max": "50", "label": {"zh": name}}
        for name in ("a", "b", "c")
    }
    parameters = {"gram": {"unit": "g_co2e", "values": {"2026-01-01": value("1")}}, **changes.pop("parameters", {})}
    last = list(steps)[-1]
    return base(
        inputs=dict(inputs),
        parameters=parameters,
        steps={**steps, "grams": f"{last} * gram"},
        output={"step": "grams", "unit": "g_co2e", "round": changes.pop("round", "floor")},
        **changes,
    )


def load(data: Mapping[str, Any], name: str = "test.yaml") -> engine.Document:
    """Load plain data through the real loader: JSON is YAML whose texts are all quoted."""
    return engine.load_document(json.dumps(data, ensure_ascii=False), name=name)


def program(data: Mapping[str, Any], factors: engine.FactorLibrary | None = None) -> engine.Program:
    return engine.compile(load(data), factors)


def columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> engine.Columns:
    """Rows as columns; what a row leaves out has a default that passes."""
    return engine.Columns(
        record=[row.get("record", f"r{number:04}") for number, row in enumerate(rows)],
        participant=[row.get("participant", "p") for row in rows],
        occurred_on=[row.get("on", "2026-03-02") for row in rows],
        region=[row.get("region", "440300") for row in rows],
        evidence=[row.get("evidence", "") for row in rows],
        inputs={name: [row.get(name) for row in rows] for name in names},
    )


def run(data: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], **more: Any) -> list[tuple[int, int, str]]:
    """Evaluate rows and return (computed_g, reduction_g, reason) for each, after both plans agreed."""
    made = program(data)
    table = columns(rows, list(data["inputs"]))
    outcome = made.evaluate(table, **more)
    made.wide = True
    wide = made.evaluate(table, **more)
    found = results(outcome)
    assert found == results(wide)
    stored = [outcome.dependencies(row) for row in range(len(rows))]
    assert found == results(made.rebuild(table, json.loads(json.dumps(stored))))
    return found


def results(outcome: engine.Outcome) -> list[tuple[int, int, str]]:
    return list(zip(outcome.computed_g.tolist(), outcome.reduction_g.tolist(), outcome.reason.tolist(), strict=True))


def refusals(source: str | bytes | Mapping[str, Any]) -> list[engine.Problem]:
    """Return the problems for which a document is refused at loading or compiling; empty when it is accepted."""
    try:
        if isinstance(source, Mapping):
            program(source)
        else:
            engine.compile(engine.load_document(source, name="test.yaml"))
    except engine.DocumentError as exc:
        return exc.problems
    return []

"""Peers of the formula engine, each on the metro formula over the same rows; run by .venv-bench's interpreter.

Reads one order a line, ``{"peer": "openfisca", "rows": 100000}``, and answers with rows a second and the sum of grams,
which the caller compares. Floats are the peers' own way; only sums are compared, to a millionth.
"""

import json
import sys
import time
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import numpy as np

SEED = 20260301
GRADES = ("feed", "proof", "self_declared")

Work = Callable[[], float]


def rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances in thousandths of a kilometre and evidence grades, as bench_engine.py makes them, all of them valid."""
    random = np.random.default_rng(SEED)
    return random.integers(100, 120_001, count), random.integers(0, 3, count)


def decimals(count: int) -> Work:
    """One record at a time in decimal arithmetic, with the checks that a careful programmer writes."""
    distance, evidence = rows(count)
    texts = [f"{value / 1000:.3f}" for value in distance.tolist()]
    grades = [GRADES[number] for number in evidence.tolist()]
    shares = {"feed": Decimal(1), "proof": Decimal(1), "self_declared": Decimal("0.5")}
    per_km, low, high = Decimal("46.7"), Decimal("0.1"), Decimal(120)

    def work() -> float:
        total = 0
        for text, grade in zip(texts, grades, strict=True):
            value = Decimal(text)
            if low <= value <= high:
                total += int((value * per_km).quantize(Decimal(1), ROUND_HALF_UP) * shares[grade])
        return total

    return work


def cel(count: int) -> Work:
    """cel-python, compiled once, evaluated per record."""
    import celpy

    environment = celpy.Environment()
    ast = environment.compile("distance < 0.1 || distance > 120.0 ? 0.0 : distance * 46.7 * share")
    program = environment.program(ast)
    distance, evidence = rows(count)
    shares = (1.0, 1.0, 0.5)
    records = [
        {"distance": celpy.celtypes.DoubleType(value / 1000), "share": celpy.celtypes.DoubleType(shares[grade])}
        for value, grade in zip(distance.tolist(), evidence.tolist(), strict=True)
    ]

    def work() -> float:
        return sum(float(program.evaluate(record)) for record in records)

    return work


def openfisca(count: int, *, indexed: bool = True) -> Work:
    """OpenFisca-Core: the share as a parameter indexed by an enum (its idiom), or as arithmetic on the grade."""
    from openfisca_core import periods
    from openfisca_core.entities import build_entity
    from openfisca_core.indexed_enums import Enum
    from openfisca_core.parameters import ParameterNode
    from openfisca_core.simulations import SimulationBuilder
    from openfisca_core.taxbenefitsystems import TaxBenefitSystem
    from openfisca_core.variables import Variable

    class Grade(Enum):
        feed = "feed"
        proof = "proof"
        self_declared = "self_declared"

    trip = build_entity(key="trip", plural="trips", label="trip", is_person=True)

    class distance(Variable):
        value_type, entity, definition_period, label = float, trip, periods.DateUnit.DAY, "km"

    class evidence(Variable):
        value_type, entity, definition_period, label = Enum, trip, periods.DateUnit.DAY, "grade"
        possible_values, default_value = Grade, Grade.feed

    class reduction(Variable):
        value_type, entity, definition_period, label = float, trip, periods.DateUnit.DAY, "g"

        def formula(trips, period, parameters):
            far, grade = trips("distance", period), trips("evidence", period)
            node = parameters(period)
            share = node.share[grade] if indexed else np.where(grade == 2, 0.5, 1.0)
            return np.where((far < 0.1) | (far > 120), 0, far * node.per_km * share)

    system = TaxBenefitSystem([trip])
    values = {"2025-01-01": {"value": 46.7}}
    shares = {
        grade: {"values": {"2025-01-01": {"value": share}}} for grade, share in zip(GRADES, (1, 1, 0.5), strict=True)
    }
    system.parameters = ParameterNode("", data={"per_km": {"values": values}, "share": shares})
    for variable in (distance, evidence, reduction):
        system.add_variable(variable)
    far, grade = rows(count)
    simulation = SimulationBuilder().build_default_simulation(system, count=count)
    simulation.set_input("distance", "2026-01-05", far / 1000)
    simulation.set_input("evidence", "2026-01-05", grade.astype(np.int16))

    def work() -> float:
        simulation.delete_arrays("reduction")
        return float(simulation.calculate("reduction", "2026-01-05").sum(dtype=np.float64))

    return work


PEERS: dict[str, Callable[[int], Work]] = {
    "openfisca": openfisca,
    "openfisca-arithmetic": lambda count: openfisca(count, indexed=False),
    "decimal": decimals,
    "cel": cel,
}


def main() -> None:
    made: dict[tuple[str, int], Work] = {}
    for line in sys.stdin:
        order = json.loads(line)
        key = order["peer"], order["rows"]
        if key not in made:
            made[key] = PEERS[order["peer"]](order["rows"])
        began = time.perf_counter()
        total = made[key]()
        print(json.dumps([order["rows"] / (time.perf_counter() - began), total]), flush=True)


if __name__ == "__main__":
    main()

"""What `bin/bench` promises to whoever reads its results: the shape of a row, and an end by 1 only where a goal was missed."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.bench import __main__ as command
from tests.bench.harness import Bench, Row, comparison, interleaved, row_of, summary

SHAPE = {"goal", "ratio", "target", "better", "met", "ours", "against", "rounds"}
SIDE = {"name", "unit", "median", "min", "max"}


def row(ratio: float | None, target: float | None, better: Any = "higher") -> Row:
    return Row("P0", summary("ours", "1/s", [3.0]), summary("peer", "1/s", [2.0]), ratio, target, better)


def bench(rounds: int) -> Bench:
    return Bench(rounds=rounds, var=Path("nowhere"), peers=None, start_services=lambda: "")


@pytest.mark.parametrize(
    ("ratio", "target", "better", "met"),
    [
        (1.5, 1.5, "higher", True),
        (1.49, 1.5, "higher", False),
        (1.0, 1.0, "lower", True),
        (1.01, 1.0, "lower", False),
        (1.5, None, "higher", None),
        (None, 1.5, "higher", None),
    ],
)
def test_a_goal_is_met_missed_or_neither(
    ratio: float | None, target: float | None, better: Any, met: bool | None
) -> None:
    assert row(ratio, target, better).as_json()["met"] is met


def test_a_row_has_always_the_same_shape_and_goes_through_json() -> None:
    for one in (row(1.23456, 1.0), row(None, 1.0), row(0.5, None, "lower")):
        told = json.loads(json.dumps(one.as_json()))
        assert told.keys() == SHAPE
        assert told["ours"].keys() == told["against"].keys() == SIDE
        assert told["better"] in ("higher", "lower")
    assert row(1.23456, 1.0).as_json()["ratio"] == 1.2346


def test_the_ratio_is_the_median_of_the_rounds_and_each_other_round_begins_with_the_peer() -> None:
    order: list[str] = []
    values = {"ours": iter([2.0, 9.0, 4.0]), "peer": iter([1.0, 1.0, 1.0])}

    def side(name: str) -> Any:
        return name, lambda: (order.append(name), next(values[name]))[1]

    told = bench(3).compare("P0", side("ours"), side("peer"), target=4.0).as_json()
    assert (told["ratio"], told["met"], told["rounds"]) == (4.0, True, [[2.0, 1.0], [9.0, 1.0], [4.0, 1.0]])
    assert told["ours"] == {"name": "ours", "unit": "1/s", "median": 4.0, "min": 2.0, "max": 9.0}
    assert order == ["ours", "peer", "peer", "ours", "ours", "peer"]


def test_sides_measured_together_make_the_same_row() -> None:
    told = row_of("P0", {"ours": [2.0, 6.0], "peer": [1.0, 2.0]}, "ours", "peer", target=3.0, unit="rows/s").as_json()
    assert (told["ratio"], told["met"], told["rounds"]) == (2.5, False, [[2.0, 1.0], [6.0, 2.0]])


def test_a_peer_that_is_not_installed_is_no_missed_goal() -> None:
    told = comparison("P0", [{"ours": 3.0}], "ours", "peer", target=4.0).as_json()
    assert told.keys() == SHAPE
    assert (told["met"], told["ratio"], told["against"]["median"]) == (None, None, None)
    assert command.line(told).startswith("P0   reported not measured")
    assert command.line(told).endswith("against peer (not found)")


def test_a_first_round_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    values, checkpoints = iter(range(100)), []
    monkeypatch.setattr(Bench, "checkpoint", lambda self: checkpoints.append(1))
    found = interleaved(bench(2), {"ours": lambda: next(values), "peer": lambda: next(values)})
    assert [sorted(one.values()) for one in found] == [[2, 3], [4, 5]]
    assert len(checkpoints) == 6


@pytest.mark.parametrize(
    ("rows", "end"),
    [
        ([row(2.0, 1.0)], 0),
        ([row(2.0, None), row(None, 1.0)], 0),
        ([row(2.0, 1.0), row(0.5, 1.0)], 1),
    ],
)
def test_the_command_ends_with_one_only_where_a_goal_was_missed(
    rows: list[Row], end: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    results = [one.as_json() for one in rows]
    monkeypatch.setattr(command, "run", lambda names, rounds: asked.append((names, rounds)) or results)
    monkeypatch.setattr(command, "os", SimpleNamespace(environ=dict[str, str]()))
    file = tmp_path / "results.json"
    monkeypatch.setattr(sys, "argv", ["bin/bench", "verify", "--rounds", "2", "--json", str(file)])
    assert command.main() == end
    assert asked == [(["verify"], 2)]
    assert json.loads(file.read_text(encoding="utf-8")) == results


def test_an_unknown_name_is_refused_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bin/bench", "novel"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "no such benchmark: novel" in capsys.readouterr().err
    assert {"verify", "faults", "kills", "pipeline"} <= set(command.names())

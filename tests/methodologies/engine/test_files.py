"""Section 10: check and evaluate over files, row-level traps, and exit codes."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path

import pytest

from methodologies import engine

from .documents import base

TODAY = datetime.date(2026, 11, 22)
HEAD = "record,participant,occurred_on,region,evidence,distance,vehicle\n"
GOOD = "a,p,2026-03-01,440300,,10,electric\n"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "metro.yaml"
    path.write_text(json.dumps(base(limits=[{"measure": "distance", "per": "day", "max": "15"}])), encoding="utf-8")
    return path


def evaluate(document: Path, table: str | bytes, **more: object) -> tuple[int, str, str]:
    file = document.with_name("table.csv")
    file.write_bytes(table.encode() if isinstance(table, str) else table)
    out, err = io.StringIO(), io.StringIO()
    code = engine.evaluate_file(document, file, out=out, err=err, **more)
    return code, out.getvalue(), err.getvalue()


def test_every_row_has_an_outcome_in_the_order_of_the_input(document: Path) -> None:
    rows = "b,p,2026-03-01,440300,,10,electric\n" + GOOD + "c,p,soon,440300,feed,10,electric\nd,,,,,,\n"
    code, out, err = evaluate(document, HEAD + rows)
    assert (code, err) == (0, "")
    assert (
        out
        == "record,computed_g,reduction_g,reason\nb,360,360,limited\na,720,720,\nc,0,0,not_a_number\nd,0,0,missing_input\n"
    )


def test_marks_of_other_systems_do_not_matter(document: Path) -> None:
    plain = evaluate(document, HEAD + GOOD)
    assert evaluate(document, b"\xef\xbb\xbf" + (HEAD + GOOD).replace("\n", "\r\n").encode()) == plain
    assert evaluate(document, (HEAD + GOOD).rstrip("\n") + "\n\n") == plain
    quoted = HEAD + '"a","p","2026-03-01","440300","","10","electric"\n'
    assert evaluate(document, quoted) == plain
    swapped = (
        "vehicle,note,record,participant,occurred_on,region,evidence,distance\nelectric,hi,a,p,2026-03-01,440300,,10\n"
    )
    assert evaluate(document, swapped) == plain


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "record"),
        ("record,participant\n", "occurred_on"),
        (HEAD.replace(",vehicle", ""), "vehicle"),
        (HEAD.replace("vehicle", "distance"), "vehicle"),
        (HEAD.replace("\n", ",distance\n") + GOOD, "twice"),
        (HEAD + GOOD + GOOD, "twice"),
        (HEAD.encode() + "中".encode("gb18030"), "UTF-8"),
    ],
)
def test_a_table_that_can_not_be_read_ends_with_one_and_one_sentence(document: Path, table: str, said: str) -> None:
    code, out, err = evaluate(document, table)
    assert (code, out) == (1, "")
    assert said in err


def test_a_short_row_lacks_its_cells_and_a_long_row_is_not_trusted(document: Path) -> None:
    code, out, _ = evaluate(document, HEAD + "a,p,2026-03-01,440300,,10\nb,p,2026-03-01,440300,,1,5,electric\n")
    assert code == 0
    assert out.splitlines()[1:] == ["a,0,0,missing_input", "b,0,0,not_a_number"]


def test_a_long_row_keeps_its_record_wherever_the_column_stands(document: Path) -> None:
    head = "vehicle,distance,region,occurred_on,evidence,participant,record\n"
    rows = "".join(f"electric,10,440300,2026-03-01,,p,{record},surplus\n" for record in "ab")
    code, out, err = evaluate(document, head + rows)
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == ["a,0,0,not_a_number", "b,0,0,not_a_number"]


def test_output_goes_to_a_file_and_a_row_can_be_explained(document: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    code, out, _ = evaluate(document, HEAD + GOOD, output=target, explain="a")
    assert code == 0
    assert target.read_text() == "record,computed_g,reduction_g,reason\na,720,720,\n"
    assert json.loads(out)["steps"][0]["formula_with_numbers"] == "10 * (104 - 32) * 1"
    assert evaluate(document, HEAD + GOOD, output=target, explain="1")[1] == out
    code, _, err = evaluate(document, HEAD + GOOD, explain="7")
    assert code == 1
    assert "no record or row '7'" in err
    assert engine.evaluate_file(document, tmp_path / "none.csv", out=io.StringIO(), err=io.StringIO()) == 1
    assert engine.evaluate_file(tmp_path / "none.yaml", target, out=io.StringIO(), err=io.StringIO()) == 1


def check(path: Path, **more: object) -> tuple[int, str]:
    out = io.StringIO()
    return engine.check_files([path], today=TODAY, out=out, **more), out.getvalue()


def test_check_passes_with_warnings_and_fails_with_errors(document: Path) -> None:
    code, out = check(document)
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()[:-1]] == ["warning"] * 12  # eleven chapters, the examples
    document.write_text("format: 1.5")
    code, out = check(document)
    assert code == 1
    assert "float" in out
    assert check(document.with_name("absent.yaml"))[0] == 1


def test_check_runs_the_examples_and_names_the_one_that_fails(document: Path) -> None:
    example = {"on": "2026-03-01", "region": "440300", "given": {"distance": "10", "vehicle": "electric"}}
    good = [
        {**example, "expect": 720},
        {**example, "given": {"distance": "100", "vehicle": "electric"}, "expect": 7200},  # beyond the limit: none here
        {**example, "on": "2025-12-31", "refuse": "not_in_force"},
        {**example, "given": {"vehicle": "electric"}, "refuse": "missing_input"},
        {**example, "region": "4403", "refuse": "unknown_option"},
    ]
    document.write_text(json.dumps(base(examples=good)))
    assert check(document)[0] == 0
    for wrong in ({**example, "expect": 721}, {**example, "refuse": "below_min"}, {**good[2], "refuse": "above_max"}):
        document.write_text(json.dumps(base(examples=[*good, wrong])))
        code, out = check(document)
        assert code == 1
        assert "example 6" in out


def test_what_blocks_publication_is_a_warning(document: Path) -> None:
    data = base(certifiable=True)
    data["parameters"]["baseline"]["values"]["2026-01-01"] |= {"confidence": "sample", "best_before": "2026-11-21"}
    document.write_text(json.dumps(data))
    code, out = check(document)
    assert code == 0
    assert "past its best-before, 2026-11-21" in out
    assert "certifiable: true needs official" in out
    assert "certifiable: true" not in check(document, demo=True)[1]


@pytest.mark.parametrize(("late", "warned"), [("2026-01-01", False), ("2026-10-01", True), ("2027-01-01", True)])
def test_a_value_that_holds_today_or_later_is_past_its_best_before_an_older_one_is_history(
    document: Path, late: str, warned: bool
) -> None:
    data = base()
    values = data["parameters"]["baseline"]["values"]
    entry = values["2026-01-01"]
    for start in ("2026-01-01", "2026-10-01", "2027-01-01"):
        values[start] = {**entry, "best_before": "2026-11-01" if start == late else "2028-11-01"}
    document.write_text(json.dumps(data))
    code, out = check(document)
    assert code == 0
    assert ("past its best-before, 2026-11-01" in out) is warned


FACTOR = """{code}:
  title: {{zh: 甲}}
  unit: g_co2e/km
  values:
    2024-01-01: {{value: "{value}", data_year: 2021, source: s, confidence: official, best_before: 2027-12-31}}
"""


def test_factors_beside_the_document_come_before_those_of_the_product(document: Path) -> None:
    data = base()
    data["parameters"]["baseline"] = {"factor": "Own-1.metro", "unit": "g_co2e/km"}
    document.write_text(json.dumps(data))
    code, out = check(document)
    assert code == 1
    assert "Own-1.metro" in out
    beside = document.with_name("factors.yaml")
    beside.write_text(FACTOR.format(code="Own-1.metro", value="132"))
    assert check(document)[0] == 0
    assert evaluate(document, HEAD + GOOD)[1].splitlines()[1] == "a,1000,1000,"
    # What it does not hold is still found in the product's library.
    data["parameters"]["grid"] = {"factor": "grid.average.guangdong"}
    document.write_text(json.dumps(data))
    assert check(document)[0] == 0
    # A broken one is named by the documents that need it, and does not trouble the others.
    beside.write_text("Own-1.metro: 5")
    code, out = check(document)
    assert code == 1
    assert "factors.yaml" in out
    assert evaluate(document, HEAD + GOOD)[0] == 1
    document.write_text(json.dumps(base()))
    assert check(document)[0] == 0


def test_factors_yaml_is_checked_as_the_library(tmp_path: Path) -> None:
    path = tmp_path / "factors.yaml"
    entry = '{value: "1", data_year: 2021, source: s, confidence: official, best_before: 2026-01-01}'
    path.write_text(f"a.b: {{title: {{zh: 甲}}, unit: kg_co2e/kWh, values: {{2024-01-01: {entry}}}}}")
    code, out = check(path)
    assert code == 0
    assert "past its best-before" in out
    path.write_text(f"a.b: {{title: {{zh: 甲}}, unit: kg_co2e/mile, values: {{2024-01-01: {entry}}}}}")
    assert check(path)[0] == 1
    path.write_text(path.read_text().replace("data_year: 2021, ", ""))
    assert "data_year" in check(path)[1]


def test_the_library_of_the_product_passes() -> None:
    library = Path(__file__).resolve().parents[3] / "methodologies" / "library"
    out = io.StringIO()
    assert engine.check_files(sorted(library.glob("*.yaml")), today=TODAY, out=out) == 0, out.getvalue()

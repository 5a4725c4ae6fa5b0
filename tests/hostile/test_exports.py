"""What leaves as a table runs in no spreadsheet (T11, T48)."""

import csv
import io
from pathlib import Path

import pytest
from django.core.management import call_command

from carbon_portal.kernel.cells import guarded
from methodologies.engine.table import evaluate_file
from tests.behaviors.cast import LIBRARY, library, resident
from tests.hostile.tables import HEADER, rows

STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
ORDERS = ["1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://127.0.0.1","x")']
PAYLOADS = [start + order for start in STARTS for order in ORDERS]


def harmless(cell: str) -> bool:
    return not cell.startswith(STARTS)


def test_there_are_thirty_orders_and_each_is_guarded() -> None:
    assert len(PAYLOADS) == 30
    for payload in PAYLOADS:
        assert guarded(payload) == f"'{payload}"
        assert harmless(guarded(payload))


@pytest.mark.django_db
def test_the_list_of_refused_rows_runs_nothing(tmp_path: Path) -> None:
    library("metro_trip")
    alice = resident("Alice")
    good = rows(alice.public_id, 1)[0]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADER)
    for payload in PAYLOADS:
        writer.writerow([payload, *good[1:]])
        writer.writerow([good[0], *good[1:6], payload, payload])
    path, errors = tmp_path / "in.csv", tmp_path / "errors.csv"
    path.write_text(out.getvalue(), encoding="utf-8")
    call_command("import_behaviors", str(path), errors=errors, stdout=io.StringIO(), stderr=io.StringIO())
    with errors.open(encoding="utf-8-sig", newline="") as stream:
        told = list(csv.reader(stream))
    assert len(told) > len(PAYLOADS)
    assert [cell for row in told for cell in row if not harmless(cell)] == []


def test_the_table_of_an_evaluation_runs_nothing(tmp_path: Path) -> None:
    """Grams may be negative numbers, which are no orders; everything else is guarded."""
    document = LIBRARY / "gd-metro-trip.yaml"
    table, target = tmp_path / "in.csv", tmp_path / "out.csv"
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["record", "participant", "occurred_on", "region", "evidence", "distance"])
        writer.writerows([payload, "p", "2026-11-20", "440106", "feed", "3"] for payload in PAYLOADS)
    evaluate_file(document, table, output=target, explain=None, out=io.StringIO(), err=io.StringIO())
    with target.open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert len(cells) >= 4 * len(PAYLOADS)
    assert [cell for cell in cells if not harmless(cell) and not cell.lstrip("-").isdigit()] == []

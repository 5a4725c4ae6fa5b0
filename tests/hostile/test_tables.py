"""Tables by people who mean harm (B15, T47): each refusal by row and column in Chinese, no half imports, little memory."""

import io
import os
import random
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from behaviors.errors import UnreadableFile
from behaviors.intake import tables, xlsx_child
from behaviors.intake.rows import RowReader
from behaviors.models import BehaviorRecord, DeedKey, IntakeBatch
from carbon_portal.kernel import clock
from tests.behaviors.cast import library, resident
from tests.hostile.tables import bent_csv, bent_xlsx, harmful, rows, strange

SEED = int(os.environ.get("API_SEED") or 20261122)
COUNT = int(os.environ.get("HOSTILE_TABLES") or 60)
LIMIT_KB = 300 * 1024
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def alice(db: None) -> Any:
    library("metro_trip")
    return resident("Alice")


def bring(path: Path, content: bytes) -> tuple[dict[str, int], str]:
    """What the receipt counted and what was said. CommandError when the file as a whole is refused."""
    path.write_bytes(content)
    out, err = io.StringIO(), io.StringIO()
    call_command("import_behaviors", str(path), stdout=out, stderr=err)
    told = dict(line.split(": ", 1) for line in out.getvalue().splitlines() if ": " in line)
    return {name: int(told[name]) for name in ("received", "accepted", "rejected", "duplicates")}, err.getvalue()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_bent_files_are_read_honestly_or_not_at_all(kind: str, alice: Any, tmp_path: Path) -> None:
    dice = random.Random(f"{SEED}{kind}")
    make = bent_csv if kind == "csv" else bent_xlsx
    refused = 0
    for number in range(COUNT):
        before = (BehaviorRecord.objects.count(), DeedKey.objects.count(), IntakeBatch.objects.count())
        what = f"API_SEED={SEED}, {kind} {number}"
        try:
            counts, said = bring(tmp_path / f"{number}.{kind}", make(dice, alice.public_id))
        except CommandError as error:
            refused += 1
            assert HAN.search(str(error)), what
            assert before == (BehaviorRecord.objects.count(), DeedKey.objects.count(), IntakeBatch.objects.count()), (
                what
            )
            continue
        assert counts["received"] == counts["accepted"] + counts["rejected"] + counts["duplicates"], what
        assert BehaviorRecord.objects.count() - before[0] <= counts["accepted"] + counts["duplicates"], what
        named = [line for line in said.splitlines() if re.match(r"第 \d+ 行 \S+", line)]
        assert len(named) >= min(counts["rejected"], 1), (what, said[:500])
        assert all(HAN.search(line) for line in named), what
    assert 0 < refused < COUNT


def read(path: Path, content: bytes) -> list[tuple[int, list[str]]]:
    path.write_bytes(content)
    with tables.open_table(path) as table:
        return list(table.rows)


@pytest.mark.django_db
def test_what_was_built_to_do_harm_is_refused_in_words(tmp_path: Path) -> None:
    for name, content in harmful("R00000001").items():
        with pytest.raises(UnreadableFile) as refused:
            as_an_import_would(tmp_path / "in", content)
        assert HAN.search(refused.value.detail), name
        assert refused.value.detail_en, name
    assert not Path("/tmp/slipped").exists()


def as_an_import_would(path: Path, content: bytes) -> None:
    """Read to the last row; the names of the columns are judged by the reader of rows."""
    read(path, content)
    with tables.open_table(path) as table:
        RowReader(table.columns, provider=None, activity="", at=clock.now())


def test_what_only_looks_strange_is_read_to_its_last_row(tmp_path: Path) -> None:
    for name, content in strange("R00000001").items():
        assert [cells[0] for _number, cells in read(tmp_path / "in", content)] == [
            row[0] for row in rows("R00000001")
        ], name
    assert not Path("/tmp/slipped").exists()


READER = """
import runpy, sys
sys.argv = [{child!r}, {path!r}]
try:
    runpy.run_path({child!r}, run_name="__main__")
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    sys.stderr.write("\\n" + peak.split()[1])
"""


def test_the_reader_of_workbooks_takes_no_more_than_300_mb(tmp_path: Path) -> None:
    """Asked directly, without the checks before it: a far cell asks for a rectangle of gigabytes."""
    cases = harmful("R00000001") | strange("R00000001")
    for name in (
        "a cell in row 999 999",
        "billion laughs",
        "zip bomb in the sheet",
        "lying dimension",
        "boasting dimension",
    ):
        path = tmp_path / "in.xlsx"
        path.write_bytes(cases[name])
        code = READER.format(child=xlsx_child.__file__, path=str(path))
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=600
        )
        last = done.stderr.decode().rsplit("\n", 1)[-1]
        # A reader that was stopped by its limit at once could not tell; it had less than its limit.
        assert not last.isdigit() or int(last) <= LIMIT_KB, (name, last)
        assert last.isdigit() or done.returncode < 0, (name, done.stderr[-300:])


def test_the_importing_process_stays_small(tmp_path: Path) -> None:
    code = """
import sys, pathlib
sys.path.insert(0, {root!r})
import os; os.environ["DJANGO_SETTINGS_MODULE"] = "carbon_portal.settings"
import django; django.setup()
from behaviors.errors import UnreadableFile
from behaviors.intake import tables
for path in sorted(pathlib.Path({folder!r}).iterdir()):
    try:
        with tables.open_table(path) as table:
            for _row in table.rows: pass
    except UnreadableFile: pass
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""
    folder = tmp_path / "files"
    folder.mkdir()
    for number, content in enumerate([*harmful("R1").values(), *strange("R1").values()]):
        (folder / f"{number:03d}").write_bytes(content)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code.format(root=str(root), folder=str(folder))],
        capture_output=True, text=True, timeout=600, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) <= LIMIT_KB
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > 0

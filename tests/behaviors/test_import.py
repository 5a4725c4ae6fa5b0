"""Files of records: what is good is stored once, what is bad is named by row and column."""

import csv
import datetime as dt
import io
import random
import re
import zipfile

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from accounts.models import Meter
from behaviors.activities import activities
from behaviors.models import BehaviorRecord, DeedKey, IntakeBatch, IntakeError, TripInterval
from carbon_portal.kernel.cells import guarded
from tests.behaviors.cast import NOON, TODAY, firm, household, library, provider, resident, ride

pytestmark = pytest.mark.django_db
HEADER = ["source_record_id", "participant", "activity", "region", "started_at", "ended_at", "distance", "note"]


@pytest.fixture(autouse=True)
def _library(db, monkeypatch):
    library()
    monkeypatch.setattr("carbon_portal.kernel.clock.now", lambda: NOON)


@pytest.fixture
def alice(db):
    return resident("Alice")


def trip(alice, number=1, hour=8, **changes):
    row = {
        "source_record_id": f"T{number}",
        "participant": alice.public_id,
        "activity": "metro_trip",
        "region": "440106",
        "started_at": f"2026-11-20 {hour:02d}:00",
        "ended_at": f"2026-11-20 {hour:02d}:30",
        "distance": "12.4",
        "note": "",
    }
    return row | changes


def as_csv(rows, header=None, encoding="utf-8"):
    out = io.StringIO()
    writer = csv.DictWriter(out, header or list(dict.fromkeys(key for row in rows for key in row)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def as_xlsx(rows):
    book = openpyxl.Workbook()
    sheet = book.active
    header = list(dict.fromkeys(key for row in rows for key in row))
    sheet.append(header)
    for row in rows:
        sheet.append([row.get(name) for name in header])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


class Told(dict):
    """The receipt as printed, and what was said beside it."""

    said = ""


def run(tmp_path, content, name="in.csv", **options):
    path = tmp_path / name
    path.write_bytes(content)
    out, err = io.StringIO(), io.StringIO()
    call_command("import_behaviors", str(path), stdout=out, stderr=err, **options)
    told = Told(line.split(": ", 1) for line in out.getvalue().splitlines())
    told.said = err.getvalue()
    return told


def counts(told):
    return tuple(int(told[name]) for name in ("received", "accepted", "rejected", "duplicates"))


def test_a_good_file_becomes_records_with_a_receipt(tmp_path, alice):
    csg = provider("gz-metro")
    told = run(tmp_path, as_csv([trip(alice, 1), trip(alice, 2, 9, note="a\tb\\c, “d”")]), provider="gz-metro")
    # A tab can't be shown, so the second row is refused by name.
    assert counts(told) == (2, 1, 1, 0)
    assert "第 3 行 note" in told.said
    record = BehaviorRecord.objects.get()
    assert (record.state, record.channel, record.evidence) == ("received", "file", "feed")
    assert (record.provider_id, str(record.batch_id)) == (csg.pk, told["batch"])
    assert record.started_at == dt.datetime(2026, 11, 20, 0, 0, tzinfo=dt.UTC)
    assert record.inputs == {"distance": "12.4"}
    assert record.window_ends_at == record.received_at == NOON
    assert IntakeBatch.objects.get().status == "done"
    assert TripInterval.objects.count() == DeedKey.objects.count() == 1


def test_what_a_file_stores_equals_what_the_page_stores(tmp_path, alice):
    run(tmp_path, as_csv([trip(alice, note='备注\\n, "x"', evidence="proof")]))
    stored = BehaviorRecord.objects.get()
    told = ride(
        alice,
        key="T1",
        started_at=stored.started_at,
        ended_at=stored.ended_at,
        note='备注\\n, "x"',
        evidence="proof",
    )
    assert told.id == stored.id  # same source key, same content hash


def test_the_same_file_again_prints_the_first_receipt(tmp_path, alice):
    content = as_csv([trip(alice, 1), trip(alice, 2, 9), trip(alice, 3, activity="BUS_99")])
    first, again = run(tmp_path, content), run(tmp_path, content, name="renamed.csv")
    assert dict(first) == dict(again)
    assert "没有重复入库" in again.said
    assert BehaviorRecord.objects.count() == 2
    assert IntakeBatch.objects.count() == 1


def test_the_same_rows_in_another_file_are_duplicates(tmp_path, alice):
    run(tmp_path, as_csv([trip(alice, 1)]))
    told = run(tmp_path, as_csv([trip(alice, 1), trip(alice, 1), trip(alice, 2, 9)]))
    assert counts(told) == (3, 1, 0, 2)


def test_the_same_number_with_other_content_is_named(tmp_path, alice):
    run(tmp_path, as_csv([trip(alice, 1)]))
    told = run(tmp_path, as_csv([trip(alice, 1, distance="13"), trip(alice, 2, 9), trip(alice, 2, 10)]))
    assert counts(told) == (3, 1, 2, 0)
    assert "第 2 行 source_record_id" in told.said
    assert "第 4 行 source_record_id" in told.said


def test_overlaps_are_stored_and_name_the_record_that_stands(tmp_path, alice):
    page = ride(alice, start=8, minutes=40, day=dt.date(2026, 11, 20))
    told = run(tmp_path, as_csv([trip(alice, 1, 8), trip(alice, 2, 10), trip(alice, 3, 10)]))
    assert counts(told) == (3, 1, 0, 2)
    found = {r.source_record_id: r for r in BehaviorRecord.objects.filter(channel="file")}
    assert (found["T1"].state, found["T1"].reason, found["T1"].duplicate_of) == (
        "duplicate",
        "overlapping_trip",
        page.id,
    )
    assert found["T3"].duplicate_of == found["T2"].id
    assert found["T3"].closed_at == NOON


def test_meters_and_serials_count_once_across_files(tmp_path, alice):
    family = household(alice.person)
    reading = {
        "source_record_id": "M1",
        "participant": family.public_id,
        "activity": "household_electricity",
        "region": "440106",
        "meter": "0300000001",
        "period_start": "2026/11/19",
        "period_end": "2026-11-19",
        "daily_use": "5.20",
    }
    bag = {
        "source_record_id": "B1",
        "participant": alice.public_id,
        "activity": "old_clothes",
        "region": "440106",
        "occurred_on": "2026-11-19",
        "item_serial": "BAG-1",
        "weight": "3",
    }
    rows = [
        reading,
        reading | {"source_record_id": "M2"},
        bag,
        bag | {"source_record_id": "B2", "item_serial": "bag-1"},
    ]
    assert counts(run(tmp_path, as_csv(rows), provider=provider().code)) == (4, 2, 0, 2)
    late = BehaviorRecord.objects.get(source_record_id="B1")
    assert late.window_ends_at == NOON + dt.timedelta(hours=24)
    assert BehaviorRecord.objects.get(source_record_id="M2").reason == "same_deed"


def test_a_meter_of_another_family_is_stored_as_rejected(tmp_path, alice):
    family, other = household(alice.person), household(resident("Li").person)
    Meter.objects.create(
        kind="electricity", number="0300000001", household=other.household, region="440106", bound_on=TODAY
    )
    row = {
        "source_record_id": "M1",
        "participant": family.public_id,
        "region": "440106",
        "meter": "0300000001",
        "period_start": "2026-11-19",
        "period_end": "2026-11-19",
        "daily_use": "5",
    }
    told = run(tmp_path, as_csv([row]), activity="household_electricity", provider=provider().code)
    assert counts(told) == (1, 0, 1, 0)
    assert BehaviorRecord.objects.get().reason == "meter_of_another"


def test_self_declared_rows_keep_to_the_days_number(tmp_path, alice):
    ride(alice, day=dt.date(2026, 11, 20), start=1)
    rows = [trip(alice, n, 8 + n, evidence="self_declared") for n in range(8)]
    told = run(tmp_path, as_csv(rows))
    assert counts(told) == (8, 5, 3, 0)
    assert "第 9 行 evidence" in told.said
    assert counts(run(tmp_path, as_csv(rows[:5], header=[*rows[0], "town"]))) == (5, 0, 0, 5)


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"participant": "R404"}, "participant", "没有编号"),
        ({"participant": ""}, "participant", "缺少参与者"),
        ({"activity": "BUS_99"}, "activity", "不在代码表中"),
        ({"activity": "metro"}, "activity", "最接近：metro_trip"),
        ({"region": "999999"}, "region", "行政区"),
        ({"started_at": "yesterday"}, "started_at", "不是日期"),
        ({"started_at": "45981"}, "started_at", "2025-11-20"),
        ({"started_at": "2026-02-30 08:00"}, "started_at", "不是日期"),
        ({"started_at": "2099-01-01 08:00", "ended_at": "2099-01-01 09:00"}, "started_at", "还没有到"),
        ({"started_at": "0001-01-01"}, "started_at", "年份"),
        ({"ended_at": "2026-11-20 07:00"}, "ended_at", "晚于开始"),
        ({"ended_at": ""}, "ended_at", "结束时间"),
        ({"source_record_id": ""}, "source_record_id", "1 到 128"),
        ({"source_record_id": "x" * 129}, "source_record_id", "1 到 128"),
        ({"note": "x" * 201}, "note", "最多 200"),
        ({"note": "a\x00b"}, "note", "不能显示"),
        ({"weight": "3"}, "weight", "现行方法学没有"),
        ({"provider": "nobody"}, "provider", "没有代码"),
        ({"evidence": "gold"}, "evidence", "证据等级"),
        ({"town": "442000001"}, "town", "镇街"),
        ({"occurred_on": "2026-11-19"}, "occurred_on", "不一致"),
    ],
)
def test_a_refused_row_is_named_by_row_and_column_and_the_others_stand(tmp_path, alice, change, column, words):
    out = tmp_path / "errors.csv"
    rows = [trip(alice, 1, 9), trip(alice, 2, 10) | change]
    assert counts(run(tmp_path, as_csv(rows), errors=str(out))) == (2, 1, 1, 0)
    (line,) = list(csv.DictReader(out.open(encoding="utf-8-sig")))
    assert (line["row"], line["column"]) == ("3", column)
    assert words in line["message"]
    assert line["message_en"].isascii() or "“" in line["message_en"]
    error = IntakeError.objects.get()
    assert (error.row, error.column, error.code) == (3, column, line["code"])


def test_a_firm_is_told_that_it_rides_no_metro(tmp_path, alice):
    told = run(tmp_path, as_csv([trip(firm(alice.person))]))
    assert counts(told) == (1, 0, 1, 0)
    assert "第 2 行 participant" in told.said


# T10: stored as written, for the engine to refuse; never another number.
@pytest.mark.parametrize("value", ["-1", "1e3", "1_000", "１２", "١٢", "NaN", "+5", "=1+1", "9" * 40])
def test_a_strange_number_in_a_cell_is_kept_as_text(tmp_path, alice, value):
    run(tmp_path, as_csv([trip(alice, distance=value)]))
    assert BehaviorRecord.objects.get().inputs == {"distance": value}


def test_a_dry_run_writes_nothing(tmp_path, alice):
    told = run(tmp_path, as_csv([trip(alice, 1), trip(alice, 2, 8)]), dry_run=True)
    assert counts(told) == (2, 1, 0, 1)
    assert told["batch"] == "-"
    assert not BehaviorRecord.objects.exists()
    assert not IntakeBatch.objects.exists()


def test_a_run_that_was_cut_off_is_finished_by_the_next(tmp_path, alice, monkeypatch):
    from behaviors.services import imports

    monkeypatch.setattr(imports, "CHUNK_ROWS", 2)
    real, calls = imports._store_chunk, []

    def dies_at_the_third(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)

    content = as_csv(
        [trip(alice, n, n + 1, evidence="feed") for n in range(7)] + [trip(alice, 9, activity="BUS", evidence="feed")]
    )
    monkeypatch.setattr(imports, "_store_chunk", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, content)
    assert BehaviorRecord.objects.count() == 4
    monkeypatch.setattr(imports, "_store_chunk", real)
    monkeypatch.setattr("carbon_portal.kernel.clock.now", lambda: NOON + dt.timedelta(minutes=1))
    assert counts(run(tmp_path, content)) == (8, 7, 1, 0)
    assert BehaviorRecord.objects.count() == 7
    assert IntakeBatch.objects.count() == 1


# -- encodings and workbooks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "words"), [("utf-8", "UTF-8"), ("utf-8-sig", "BOM"), ("gbk", "GBK"), ("gb18030", "GBK")]
)
def test_the_encoding_is_recognised_and_said(tmp_path, alice, encoding, words):
    told = run(tmp_path, as_csv([trip(alice, note="上班路上")], encoding=encoding))
    assert counts(told) == (1, 1, 0, 0)
    assert words in told.said
    assert BehaviorRecord.objects.get().note == "上班路上"


def test_a_workbook_is_read_with_its_dates_and_numbers(tmp_path, alice):
    row = trip(alice, 1, distance=12.4, region=440106, source_record_id=77)
    row |= {"started_at": dt.datetime(2026, 11, 20, 8, 0), "ended_at": dt.datetime(2026, 11, 20, 8, 30)}
    assert counts(run(tmp_path, as_xlsx([row]), name="in.xlsx")) == (1, 1, 0, 0)
    record = BehaviorRecord.objects.get()
    assert (record.source_record_id, record.region, record.inputs) == ("77", "440106", {"distance": "12.4"})
    assert record.started_at == dt.datetime(2026, 11, 20, 0, 0, tzinfo=dt.UTC)


def test_a_workbooks_number_that_lost_digits_and_a_bare_serial_are_said(tmp_path, alice):
    rows = [trip(alice, 1, source_record_id=12345678901234567890), trip(alice, 2, started_at=45981.3)]
    told = run(tmp_path, as_xlsx(rows), name="in.xlsx")
    assert counts(told) == (2, 0, 2, 0)
    assert "第 2 行 source_record_id" in told.said
    assert "丢失" in told.said
    assert "第 3 行 started_at" in told.said
    assert "2025-11-20" in told.said


def rezip(content, change):
    """The workbook with its parts changed by `change(name, bytes) -> bytes | None`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            data = change(entry.filename, source.read(entry))
            if data is not None:
                target.writestr(entry.filename, data)
    return out.getvalue()


def with_part(content, name, data):
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as target:
        target.writestr(name, data)
    return out.getvalue()


def sheet_part(pattern, replacement):
    def change(name, data):
        return re.sub(pattern, replacement, data, count=1) if "worksheets/sheet1" in name else data

    return change


HOSTILE_BOOKS = {
    "macros": lambda good: with_part(good, "xl/vbaProject.bin", b"x"),
    "zip bomb": lambda good: with_part(good, "xl/media/zeros.bin", b"\0" * 60_000_000),
    "ratio": lambda good: with_part(good, "xl/media/zeros.bin", b"\0" * 5_000_000),
    "many parts": lambda good: (
        rezip(good, lambda n, d: d)
        and __import__("functools").reduce(lambda acc, i: with_part(acc, f"p{i}", b""), range(200), good)
    ),
    "no workbook": lambda good: rezip(good, lambda n, d: None if n == "xl/workbook.xml" else d),
    "no sheet": lambda good: rezip(good, lambda n, d: None if "sheet1" in n else d),
    "far row": lambda good: rezip(good, sheet_part(rb'r="A2"', b'r="A9999999"')),
    "far column": lambda good: rezip(good, sheet_part(rb'r="A2"', b'r="XFD2"')),
    "billion laughs": lambda good: rezip(
        good, sheet_part(rb"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet')
    ),
    "external entity": lambda good: rezip(
        good, sheet_part(rb"<worksheet", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet')
    ),
    "broken xml": lambda good: rezip(good, sheet_part(rb"</row>", b"</row")),
    "half": lambda good: good[: len(good) // 2],
    "no central directory": lambda good: good[:-40],
    "only the magic": lambda good: b"PK\x03\x04",
    "old xls": lambda good: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
}


@pytest.mark.parametrize("name", HOSTILE_BOOKS)
def test_a_hostile_workbook_is_refused_in_words(tmp_path, alice, name):
    content = HOSTILE_BOOKS[name](as_xlsx([trip(alice)]))
    with pytest.raises(CommandError) as refused:
        run(tmp_path, content, name="in.xlsx")
    assert "。" in str(refused.value)
    assert not BehaviorRecord.objects.exists()
    assert not IntakeBatch.objects.exists()


def test_a_lying_dimension_hides_no_rows(tmp_path, alice):
    rows = [trip(alice, n, n) for n in range(1, 6)]
    content = rezip(as_xlsx(rows), sheet_part(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"'))
    assert counts(run(tmp_path, content, name="in.xlsx")) == (5, 5, 0, 0)


UNREADABLE = {
    "empty": b"",
    "header only": b"source_record_id,participant,activity,region\n",
    "missing columns": b"source_record_id,participant\n1,2\n",
    "column twice": b"source_record_id,source_record_id\n1,2\n",
    "unknown column": "来源,participant\n1,2\n".encode(),
    "near miss": b"source_record_id,participant,activity,Region\n1,2,3,4\n",
    "semicolons": b"source_record_id;participant;activity;region\n1;2;3;4\n",
    "open quote": b'source_record_id,participant,activity,region\n"1,2,3,4\n',
    "quote inside": b'source_record_id,participant,activity,region\n"1"x,2,3,4\n',
    "utf-16": "source_record_id,participant,activity,region\n1,2,3,4\n".encode("utf-16"),
    "no encoding": b"source_record_id,participant,activity,region\n\xff\xff,2,3,4\n",
    "a million columns": b"a," * 1_000_000 + b"b\n1\n",
    "a huge cell": b"source_record_id,participant,activity,region\n" + b"x" * 200_000 + b",2,3,4\n",
    "binary": bytes(range(256)) * 20,
    "image": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_is_said_and_leaves_nothing(tmp_path, name):
    with pytest.raises(CommandError) as refused:
        run(tmp_path, UNREADABLE[name])
    assert "。" in str(refused.value)
    assert not IntakeBatch.objects.exists()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("seed", range(40))
def test_mutated_files_never_break_the_import(tmp_path, alice, kind, seed):
    """Bytes of a good file cut, doubled, replaced: a receipt that adds up, or a sentence; never anything else."""
    good = (as_csv if kind == "csv" else as_xlsx)([trip(alice, n, n, note="备注") for n in range(1, 9)])
    chance = random.Random(f"{kind}-{seed}")
    data = bytearray(good)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(data))
        action = chance.randrange(4)
        if action == 0:
            data[place] = chance.choice(b'\x00"\n\r,\xff\xe4=;09')
        elif action == 1:
            del data[place : place + chance.randrange(1, 40)]
        elif action == 2:
            data[place:place] = data[place : place + chance.randrange(1, 200)]
        else:
            data[place:place] = chance.choice([b'""', b"\n\n", b",,,,,,,,,,", b"\xef\xbb\xbf", b"\x00", b"'", b"1e999"])
        if not data:
            data = bytearray(b",")
    try:
        told = run(tmp_path, bytes(data), name=f"in.{kind}")
    except CommandError as refused:
        sentence, told = str(refused), None
    if told is None:
        assert "。" in sentence
        assert not IntakeBatch.objects.exists()
        return
    received, accepted, rejected, duplicates = counts(told)
    assert received == accepted + rejected + duplicates
    assert BehaviorRecord.objects.filter(state="received").count() <= accepted
    for error in IntakeError.objects.all():
        assert error.row >= 2
        assert error.column
        assert "。" in error.message


@pytest.mark.parametrize("options", [{"provider": "nobody"}, {"activity": "nothing"}])
def test_wrong_options_are_said(tmp_path, alice, options):
    with pytest.raises(CommandError):
        run(tmp_path, as_csv([trip(alice)]), **options)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(CommandError, match="打不开"):
        call_command("import_behaviors", str(tmp_path / "nothing.csv"))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1", "＋1", "－1", "＠x"])
def test_exports_carry_no_formulas(cell):
    assert guarded(cell) == f"'{cell}"
    assert guarded("12") == "12"


def test_an_error_list_runs_no_formula(tmp_path, alice):
    out = tmp_path / "errors.csv"
    run(tmp_path, as_csv([trip(alice, source_record_id="=cmd|'/C calc'!A0", participant="=1+1")]), errors=str(out))
    for line in csv.reader(out.open(encoding="utf-8-sig")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in line)


def test_generated_records_are_the_same_each_time_and_import(tmp_path, alice):
    household(resident("Chen").person)
    firm(resident("He").person)
    files = [tmp_path / f"{number}.csv" for number in range(3)]
    for path, seed in zip(files, (7, 7, 8), strict=True):
        call_command("generate_records", count=5000, seed=seed, out=path, until=dt.date(2026, 11, 20))
    one, two, other = (path.read_bytes() for path in files)
    assert one == two != other
    received, accepted, rejected, duplicates = counts(run(tmp_path, one))
    assert received == accepted + rejected + duplicates == 5000
    assert accepted > 4700  # what a careful feed would have sent
    told = [[*csv.DictReader(path.open(encoding="utf-8"))] for path in files[1:]]
    assert {row["activity"] for row in told[0]} == set(activities())
    assert len({row["occurred_on"] or row["period_end"] or row["started_at"][:10] for row in told[0]}) > 350
    states = set(BehaviorRecord.objects.values_list("state", "reason"))
    assert {("received", ""), ("under_review", "too_fast"), ("duplicate", "overlapping_trip")} <= states
    reasons = set(IntakeError.objects.values_list("code", flat=True))
    assert {"unknown_participant", "bad_date"} <= reasons


def test_more_records_than_the_people_can_carry_are_refused(tmp_path, alice):
    with pytest.raises(CommandError, match="最多可生成 8082 条"):
        call_command("generate_records", count=10**9, out=tmp_path / "x.csv", stdout=io.StringIO())

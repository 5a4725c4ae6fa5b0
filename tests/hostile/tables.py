"""Hostile tables, made by code: good ones bent in a hundred ways, and those that were built to do harm."""

import io
import random
import zipfile
from collections.abc import Callable

import openpyxl
from openpyxl.utils.exceptions import IllegalCharacterError

HEADER = ["source_record_id", "participant", "activity", "region", "started_at", "ended_at", "distance", "note"]


def rows(participant: str, count: int = 5) -> list[list[str]]:
    return [
        [
            f"T{n}",
            participant,
            "metro_trip",
            "440106",
            f"2026-11-{10 + n:02d} 08:00",
            f"2026-11-{10 + n:02d} 08:30",
            "12.4",
            "",
        ]
        for n in range(count)
    ]


def as_csv(table: list[list[str]]) -> bytes:
    return "\r\n".join(",".join(row) for row in [HEADER, *table]).encode()


def as_xlsx(table: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [HEADER, *table]:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


CELLS = ["", "１２.４", "١٢", "1_000", "1e3", "-0", "NaN", "12,4", "=1+1", "@SUM(A1)", "\t=1", "0001-01-01 00:00", "9999-12-31 23:59",
         "2026-02-30 08:00", "2026/11/10", "46345.333", "T1", "x" * 5000, "\x00", "\x1b[2J", '"', "'", "\u202e", "\ufeff", "深圳", "440106000",
         "metro_trip;DROP TABLE", "<script>", "👾", "null", "12.4000000000000000001", "-12.4", "1e400"]  # fmt: skip


def bent_table(dice: random.Random, participant: str) -> list[list[str]]:
    table = rows(participant)
    for _ in range(dice.randint(1, 4)):
        row = dice.choice(table)
        row[dice.randrange(len(row))] = dice.choice(CELLS)
    return table


def bent_csv(dice: random.Random, participant: str) -> bytes:
    """A good CSV with other cells, cut, in another encoding, or with bytes changed."""
    data = as_csv(bent_table(dice, participant))
    match dice.randrange(10):
        case 0:
            return data[: dice.randrange(len(data))]
        case 1:
            return data.decode().encode("gb18030")
        case 2:
            return data.decode().encode(dice.choice(["utf-16", "utf-16-be", "utf-32", "utf-7"]))
        case 3:
            return b"\xef\xbb\xbf" + data
        case 4:
            place = dice.randrange(len(data))
            return data[:place] + dice.randbytes(dice.randint(1, 20)) + data[place:]
        case 5:
            return data.replace(b"\r\n", dice.choice([b"\r", b"\n", b"\n\n", b"\r\n,,,,,,,,,\r\n"]))
        case 6:
            return data.replace(b",", dice.choice([b";", b"\t", b",,", b'","']))
        case 7:
            return data.replace(b"T2", b'"T2')
        case 8:
            return data.replace(
                HEADER[dice.randrange(8)].encode(), dice.choice([b"", b"note", b"state", b"=1", b"id"]), 1
            )
        case _:
            return data


def bent_xlsx(dice: random.Random, participant: str) -> bytes:
    """A good workbook with other cells, cut, with bytes changed, or with its parts changed."""
    try:
        data = as_xlsx(bent_table(dice, participant))
    except IllegalCharacterError:  # openpyxl itself refuses some cells
        data = as_xlsx(rows(participant))
    match dice.randrange(7):
        case 0:
            return data[: dice.randrange(4, len(data))]
        case 1:
            changed = bytearray(data)
            for _ in range(dice.randint(1, 30)):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
            return bytes(changed)
        case 2:
            return rewritten(data, lambda name, part: part[: dice.randrange(len(part))] if "sheet1" in name else part)
        case 3:
            return rewritten(data, lambda name, part: part.replace(b"<c ", b"<x ") if "sheet1" in name else part)
        case 4:
            return rewritten(
                data, lambda name, part: None if name == dice.choice(["xl/styles.xml", "xl/workbook.xml"]) else part
            )
        case 5:
            return rewritten(data, lambda name, part: dice.randbytes(50) if "sharedStrings" in name else part)
        case _:
            return data


def rewritten(data: bytes, change: Callable[[str, bytes], bytes | None], **more: bytes) -> bytes:
    """The archive with its parts changed; None leaves a part out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            part = change(name, old.read(name))
            if part is not None:
                new.writestr(name, part)
        for name, part in more.items():
            new.writestr(name.replace("__", "/"), part)
    return out.getvalue()


def _sheet(data: bytes, text: bytes) -> bytes:
    return rewritten(data, lambda name, part: text if name == "xl/worksheets/sheet1.xml" else part)


def _in_sheet(data: bytes, old: bytes, new: bytes) -> bytes:
    return rewritten(data, lambda name, part: part.replace(old, new, 1) if name == "xl/worksheets/sheet1.xml" else part)


_BOOK = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
) + b"]>"  # fmt: skip


def harmful(participant: str) -> dict[str, bytes]:
    """Tables that were built to do harm. Each is refused whole, in words."""
    good, plain = as_xlsx(rows(participant)), as_csv(rows(participant))
    one_cell = b'<row r="%d"><c r="%s%d" t="inlineStr"><is><t>x</t></is></c></row></sheetData></worksheet>'
    return {
        "empty": b"",
        "nul": b"\0" * 1000,
        "html as xlsx": b"<html><table><tr><td>1</td></tr></table></html>",
        "old xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512,
        "zip of nothing": b"PK\x05\x06" + b"\0" * 18,
        "zip magic alone": b"PK\x03\x04",
        "zip bomb": rewritten(good, lambda name, part: part, xl__bomb=b"\0" * 60_000_000),
        "zip bomb in the sheet": _sheet(good, _BOOK + b" " * 80_000_000 + b"</sheetData></worksheet>"),
        "zip of 300 entries": rewritten(good, lambda name, part: part, **{f"x{n}": b"x" for n in range(300)}),
        "macros": rewritten(good, lambda name, part: part, **{"xl__vbaProject.bin": b"x"}),
        "excel 4 macros": rewritten(good, lambda name, part: part, **{"xl__macrosheets__sheet1.xml": b"<x/>"}),
        "billion laughs": _sheet(good, _LAUGHS + _BOOK + b'<row r="1"><c r="A1"><v>&j;</v></c></row></sheetData></worksheet>'),
        "external entity": _sheet(good, b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _BOOK + b"&e;"),
        "external entity in strings": rewritten(
            good,
            lambda name, part: part,
            **{"xl__sharedStrings.xml": b'<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:9/">]><sst>&e;</sst>'},
        ),
        "external entity in the book": rewritten(
            good, lambda name, part: b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>" + part if name == "xl/workbook.xml" else part
        ),
        "a cell at the end of the world": _sheet(good, _BOOK + one_cell % (1_048_576, b"XFD", 1_048_576)),
        "a cell in row 999 999": _sheet(good, _BOOK + one_cell % (999_999, b"CU", 999_999)),
        "a million names": ",".join(f"c{n}" for n in range(200_000)).encode(),
        "a cell of 10 MB": plain + b"\r\nT9," + b"x" * 10_000_000,
        "an open quote": plain + b'\r\n"T9' + b",x\r\n" * 100_000,
        "utf-16": plain.decode().encode("utf-16"),
        "utf-32": plain.decode().encode("utf-32"),
        "neither utf-8 nor gbk": plain + b"\xff\xff\x80\x80",
        "semicolons": plain.replace(b",", b";"),
        "a column twice": plain.replace(b"note", b"distance"),
        "a formula for a name": plain.replace(b"note", b"=cmd|' /C calc'!A0"),
    }  # fmt: skip


def strange(participant: str) -> dict[str, bytes]:
    """Tables that are honest at heart, however they look: every good row of them is read."""
    good, plain = as_xlsx(rows(participant)), as_csv(rows(participant))
    start = b"<sheetData>"
    return {
        "lying dimension": _in_sheet(good, b'<dimension ref="A1:H6"', b'<dimension ref="A1:A1"'),
        "boasting dimension": _in_sheet(good, b'<dimension ref="A1:H6"', b'<dimension ref="A1:XFD1048576"'),
        "no dimension": _in_sheet(good, b'<dimension ref="A1:H6"/>', b""),
        "formats for a million rows": _in_sheet(
            good, start, b'<cols><col min="1" max="16384" width="9"/></cols>' + start
        ),
        "gbk": plain.decode().encode("gb18030"),
        "bom": b"\xef\xbb\xbf" + plain,
        "empty lines": plain.replace(b"\r\n", b"\r\n\r\n\r\n"),
        "a million empty rows": plain + b"\r\n" * 900_000,
        "a link outside": rewritten(good, lambda name, part: part, **{"xl__externalLinks__externalLink1.xml": b"<x/>"}),
        "zip slip": rewritten(good, lambda name, part: part, **{"..__..__..__tmp__slipped": b"x"}),
    }

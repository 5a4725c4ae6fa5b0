"""CSV and XLSX as a header and numbered rows of text. Whatever can't be read at all is refused before a row is used."""

import codecs
import csv
import json
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from behaviors.errors import UnreadableFile

MAX_BYTES = 512 * 1024 * 1024
MAX_COLUMNS = 100
MAX_ROWS = 1_000_000
MAX_CELL = 4_000
XLSX_ENTRIES = 200
XLSX_UNPACKED = 50 * 1024 * 1024
XLSX_RATIO = 100
XLSX_SECONDS = 60
# Cells past row 999 999 or past column CZ: the reader would fill the rectangle up to them.
_FAR = re.compile(rb"""\br=["'](?:[A-Z]*[0-9]{7,}|(?:[A-Z]{3,}|[D-Z][A-Z])[0-9]+)["']""")

Row = tuple[int, list[str]]


@dataclass
class Table:
    """`rows` are numbered as a spreadsheet does: the header is row 1. `notes` is what the reader had to decide."""

    columns: list[str]
    rows: Iterator[Row]
    notes: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """The table in a file, by what its bytes are, not by its name. Errors: UnreadableFile."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise UnreadableFile(
            f"文件 {path.name} 打不开，请核对路径和权限。", f"The file {path.name} can't be opened: {error.strerror}."
        ) from error
    if size == 0:
        raise UnreadableFile("文件是空的（0 字节）。", "The file is empty (0 bytes).")
    if size > MAX_BYTES:
        raise UnreadableFile("文件超过 512 MB，请拆成几份。", "The file is larger than 512 MB. Split it.")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableFile(
            "这是旧版 .xls 或加密的工作簿，请另存为不加密的 .xlsx 或 CSV。",
            "This is an old .xls or an encrypted workbook. Save it as a plain .xlsx or as CSV.",
        )
    with _xlsx(path) if head.startswith(b"PK") else _csv(path) as table:
        yield table


# -- CSV ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _csv(path: Path) -> Iterator[Table]:
    encoding, notes = _encoding(path)
    csv.field_size_limit(MAX_CELL)
    # A first pass over the whole file: a table that breaks off in the middle is refused whole, not half imported.
    with path.open(encoding=encoding, newline="") as stream:
        for number, _cells in _numbered(csv.reader(stream, strict=True)):
            if number > MAX_ROWS + 1:
                raise UnreadableFile(f"超过 {MAX_ROWS} 行，请拆成几份。", f"More than {MAX_ROWS} rows. Split the file.")
    with path.open(encoding=encoding, newline="") as stream:
        rows = _numbered(csv.reader(stream, strict=True))
        _number, header = next(rows, (1, []))
        yield Table(_header(header), _filled(rows), notes)


def _encoding(path: Path) -> tuple[str, list[tuple[str, str]]]:
    with path.open("rb") as stream:
        head = stream.read(64)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in head:
        raise UnreadableFile(
            "文件是 UTF-16 编码或不是文本。请另存为“CSV UTF-8(逗号分隔)”。",
            "The file is UTF-16 or no text. Save it as CSV UTF-8 (comma separated).",
        )
    bad = _first_bad_row(path, "utf-8")
    if bad is None:
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig", [("按 UTF-8（带 BOM）读取。", "Read as UTF-8 (with BOM).")]
        return "utf-8", [("按 UTF-8 读取。", "Read as UTF-8.")]
    if not head.startswith(codecs.BOM_UTF8) and _first_bad_row(path, "gb18030") is None:
        return "gb18030", [("不是 UTF-8，按 GBK(GB 18030)读取。", "Not UTF-8; read as GBK (GB 18030).")]
    raise UnreadableFile(
        f"第 {bad} 行有无法识别的字符，既不是 UTF-8 也不是 GBK。请另存为“CSV UTF-8”。",
        f"Row {bad} has bytes that are neither UTF-8 nor GBK. Save the file as CSV UTF-8.",
    )


def _first_bad_row(path: Path, encoding: str) -> int | None:
    """The line of the first byte that the encoding does not know, None if there is none."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = 1
    with path.open("rb") as stream:
        while True:
            block = stream.read(1 << 20)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return lines + error.object[: error.start].count(b"\n")
            if not block:
                return None
            lines += block.count(b"\n")


def _numbered(reader: Iterator[list[str]]) -> Iterator[Row]:
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "有一格过长" if "field limit" in str(error) else "引号不成对或格式已损坏"
            raise UnreadableFile(
                f"第 {number} 行{reason}，整个文件没有导入。请改正后重试。",
                f"Row {number} can't be read ({error}); nothing was imported. Correct it and try again.",
            ) from error
        yield number, cells


# -- XLSX --------------------------------------------------------------------------------------------------------------


@contextmanager
def _xlsx(path: Path) -> Iterator[Table]:
    _check_archive(path)
    with tempfile.TemporaryFile("w+", encoding="ascii", prefix="intake-") as spool:
        _read_in_child(path, spool)
        spool.seek(0)
        rows = ((number, json.loads(line)) for number, line in enumerate(spool, start=1))
        _number, header = next(rows, (1, []))
        notes = [("读取第一张工作表；公式取保存时的结果。", "Read the first sheet; formulas by their saved results.")]
        yield Table(_header(header), _filled(rows), notes)


def _check_archive(path: Path) -> None:
    """Judge the workbook by its central directory and by where its cells lie, before anything is built of it (T47)."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(entries, path.stat().st_size)
            total = 0
            for entry in entries:
                total = _scan(archive, entry, total)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, EOFError, ValueError) as error:
        raise _damaged_workbook() from error  # NotImplementedError (an odd compression) is a RuntimeError


def _check_entries(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = {entry.filename for entry in entries}
    if any("vbaProject" in name or "macrosheets" in name for name in names):
        raise UnreadableFile(
            "不接受带宏的工作簿（.xlsm）。请另存为 .xlsx。", "Workbooks with macros (.xlsm) are refused."
        )
    if "xl/workbook.xml" not in names:
        raise UnreadableFile("这不是 .xlsx 工作簿。请用 .xlsx 或 CSV。", "This is no .xlsx workbook. Use .xlsx or CSV.")
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > XLSX_ENTRIES or unpacked > XLSX_UNPACKED or unpacked > size * XLSX_RATIO:
        raise _too_large()


def _scan(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, total: int) -> int:
    """Count what really comes out, and refuse entities and cells far out."""
    tail = b""
    with archive.open(entry) as stream:
        while block := stream.read(1 << 20):
            total += len(block)
            if total > XLSX_UNPACKED:
                raise _too_large()
            seen = tail + block
            if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen:
                raise _damaged_workbook()
            far = _FAR.search(seen) if entry.filename.startswith("xl/worksheets/") else None
            if far:
                place = far[0].decode("ascii")
                raise UnreadableFile(
                    f"工作表的单元格超出范围（{place}）。最多 {MAX_COLUMNS} 列、{MAX_ROWS} 行，请删除多余的行和列。",
                    f"A cell lies too far out ({place}). At most {MAX_COLUMNS} columns and {MAX_ROWS} rows.",
                )
            tail = block[-64:]
    return total


def _read_in_child(path: Path, spool: IO[str]) -> None:
    child = Path(__file__).with_name("xlsx_child.py")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(child), str(path)],
            stdin=subprocess.DEVNULL,
            stdout=spool,
            stderr=subprocess.PIPE,
            timeout=XLSX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_large() from error
    if done.returncode != 0:
        raise _too_large() if done.returncode < 0 or b"MemoryError" in done.stderr else _damaged_workbook()


def _too_large() -> UnreadableFile:
    return UnreadableFile(
        "工作簿解压后过大，没有读取。请拆成几份，或另存为 CSV。",
        "The workbook is too large when unpacked and was not read. Split it, or save it as CSV.",
    )


def _damaged_workbook() -> UnreadableFile:
    return UnreadableFile(
        "工作簿已损坏，无法读取。请用表格软件打开后另存为 .xlsx 或 CSV。",
        "The workbook is damaged. Open it in a spreadsheet program and save it as .xlsx or CSV.",
    )


# -- both --------------------------------------------------------------------------------------------------------------


def _header(cells: list[str]) -> list[str]:
    columns = [cell.strip() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    if len(columns) > MAX_COLUMNS:
        raise UnreadableFile(
            f"第 1 行有 {len(columns)} 列，最多 {MAX_COLUMNS} 列。",
            f"Row 1 has {len(columns)} columns; at most {MAX_COLUMNS}.",
        )
    if not columns:
        raise UnreadableFile("第 1 行没有列名。", "Row 1 has no column names.")
    if len(columns) == 1 and re.search(r"[;\t|]", columns[0]):
        raise UnreadableFile("第 1 行只有一列。请用逗号分隔各列。", "Row 1 has one column. Separate columns by commas.")
    for place, name in enumerate(columns, start=1):
        if not name:
            raise UnreadableFile(f"第 1 行第 {place} 列没有列名。", f"Row 1, column {place} has no name.")
        if columns.count(name) > 1:
            raise UnreadableFile(f"第 1 行的列名“{name[:40]}”重复。", f"Row 1: the column “{name[:40]}” appears twice.")
    return columns


def _filled(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows that say something; empty lines keep their number and are passed over."""
    return ((number, cells) for number, cells in rows if any(cells))

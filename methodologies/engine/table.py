"""``methodology check`` and ``evaluate`` without Django: files in, a table or messages out, and the exit code."""

from __future__ import annotations

import csv
import datetime
import io
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from carbon_portal.kernel.cells import guarded

from . import document as d
from .check import check_document, check_factors
from .columns import Columns
from .problems import DocumentError, Problem, error
from .program import Program, compile
from .schema import load_document, load_factors

FACTORS_FILE = Path(__file__).resolve().parent.parent / "library" / "factors.yaml"
HEAD = ("record", "participant", "occurred_on", "region", "evidence")
_UNREADABLE = "\ufffd"  # no number, date or option: a row whose cells do not line up is refused as not_a_number


def shared_factors(path: Path | None = None) -> d.FactorLibrary | None:
    """Return the factor library of the product, or None when there is no file. Raises DocumentError."""
    path = path or FACTORS_FILE
    return load_factors(path.read_bytes(), name=path.name) if path.exists() else None


def factors_for(document: d.Document, file: Path) -> d.FactorLibrary | None:
    """Return the factors that a document in a file may refer to, None when it refers to none. Raises DocumentError.

    A factors.yaml in the document's own folder comes first; the product's library answers for what it does not hold.
    """
    if all(parameter.factor is None for parameter in document.parameters.values()):
        return None
    beside = file.resolve().with_name(FACTORS_FILE.name)
    shared = shared_factors()
    if beside == FACTORS_FILE or not beside.is_file():
        return shared
    own = load_factors(beside.read_bytes(), name=str(beside))
    return own if shared is None else replace(own, factors={**shared.factors, **own.factors})


def check_files(
    files: Iterable[str | Path],
    *,
    today: datetime.date,
    demo: bool = False,
    out: TextIO | None = None,
    factors: d.FactorLibrary | None = None,
) -> int:
    """Print one message per problem and return 0, or 1 when a file has an error. Warnings do not fail."""
    out = out or sys.stdout
    failed = False
    for file in map(Path, files):
        problems = check_file(file, today=today, demo=demo, factors=factors)
        errors = sum(problem.level == "error" for problem in problems)
        failed = failed or bool(errors)
        for problem in problems:
            out.write(f"{problem}\n")
        if not errors:
            out.write(f"{file}: 通过 ok ({len(problems)} 条警告 warnings)\n")
    return int(failed)


def check_file(
    file: Path, *, today: datetime.date, demo: bool = False, factors: d.FactorLibrary | None = None
) -> list[Problem]:
    """Return the problems of one file; factors.yaml, known by its name, is checked as the factor library."""
    try:
        source = file.read_bytes()
    except OSError as exc:
        return [error(str(file), f"文件无法读取:{exc.strerror}。", f"the file can't be read: {exc.strerror}.")]
    if file.name == "factors.yaml":
        return check_factors(source, name=str(file), today=today)
    library = factors
    if library is None:
        try:
            library = factors_for(load_document(source, name=str(file)), file)
        except DocumentError as exc:
            return exc.problems
        except OSError as exc:
            return [error(str(exc.filename), f"文件无法读取:{exc.strerror}。", f"it can't be read: {exc.strerror}.")]
    return check_document(source, name=str(file), factors=library, today=today, demo=demo)


class TableError(ValueError):
    """A table as a whole can't be evaluated: a column is missing, a record stands there twice, it is no CSV."""


def read_table(source: bytes, *, name: str, inputs: Sequence[str]) -> Columns:
    """Return a CSV file as columns, every cell as it was written. Raises TableError."""
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise TableError(
            f"{name}: 文件不是 UTF-8 编码,请转存为 UTF-8。 The file is not UTF-8; save it as UTF-8."
        ) from exc
    csv.field_size_limit(2**31 - 1)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as exc:
        raise TableError(f"{name}: 不是有效的 CSV 文件({exc})。 This is not valid CSV ({exc}).") from exc
    head = rows[0] if rows else []
    missing = [column for column in (*HEAD, *inputs) if column not in head]
    if missing:
        listed = ", ".join(missing)
        raise TableError(f"{name}: 缺少列 {listed},请补上。 The column {listed} is missing; add it.")
    doubled = sorted({column for column in (*HEAD, *inputs) if head.count(column) > 1})
    if doubled:
        listed = ", ".join(doubled)
        raise TableError(f"{name}: 列 {listed} 重复。 The column {listed} stands there twice.")
    body = rows[1:]
    found = {column: _column(body, column, head) for column in (*HEAD, *inputs)}
    _refuse_doubled(found["record"], name)
    return Columns(
        record=found["record"],
        participant=found["participant"],
        occurred_on=found["occurred_on"],
        region=found["region"],
        evidence=found["evidence"],
        inputs={column: found[column] for column in inputs},
    )


def _column(body: list[list[str]], column: str, head: list[str]) -> list[str]:
    index, width = head.index(column), len(head)
    cells = [row[index] if index < len(row) else "" for row in body]
    if column in ("record", "participant"):
        return cells
    # Surplus cells mean that the others may stand in the wrong columns: such a row has no readable number.
    return [
        _UNREADABLE if len(row) > width and any(row[width:]) else cell for row, cell in zip(body, cells, strict=True)
    ]


def _refuse_doubled(records: list[str], name: str) -> None:
    seen: set[str] = set()
    for record in records:
        if record and record in seen:
            raise TableError(
                f"{name}: 记录 {record[:60]} 出现两次,请只保留一条。 "
                f"The record {record[:60]} stands there twice; keep one."
            )
        seen.add(record)


def evaluate_file(
    file: str | Path,
    table: str | Path,
    *,
    output: str | Path | None = None,
    explain: str | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    factors: d.FactorLibrary | None = None,
) -> int:
    """Evaluate a CSV table under one document; return 0, or 1 with a message on ``err``.

    ``explain`` is a record, or the number of a row (1 is the first after the head) when no record has that name.
    """
    out, err = out or sys.stdout, err or sys.stderr
    file, table = Path(file), Path(table)
    try:
        document = load_document(file.read_bytes(), name=str(file))
        program = compile(document, factors if factors is not None else factors_for(document, file))
        columns = read_table(table.read_bytes(), name=str(table), inputs=tuple(document.inputs))
        row = _row(columns, explain) if explain is not None else None
        text, trace = _evaluated(program, columns, row)
        if output is not None:
            Path(output).write_text(text, encoding="utf-8", newline="")
        else:
            out.write(text)
    except (DocumentError, TableError) as exc:
        err.write(f"{exc}\n")
        return 1
    except OSError as exc:
        err.write(f"{exc.filename}: 无法读写:{exc.strerror}。 It can't be read or written: {exc.strerror}.\n")
        return 1
    if trace is not None:
        out.write(json.dumps(trace, ensure_ascii=False, indent=2) + "\n")
    return 0


def _evaluated(program: Program, columns: Columns, row: int | None) -> tuple[str, dict[str, Any] | None]:
    outcome = program.evaluate(columns)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["record", "computed_g", "reduction_g", "reason"])
    writer.writerows(
        zip(
            map(guarded, columns.record),
            outcome.computed_g.tolist(),
            outcome.reduction_g.tolist(),
            outcome.reason.tolist(),
            strict=True,
        )
    )
    return buffer.getvalue(), None if row is None else program.explain(columns, row, outcome)


def _row(columns: Columns, wanted: str) -> int:
    records = list(columns.record)
    if wanted in records:
        return records.index(wanted)
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(records):
        return int(wanted[:9]) - 1
    raise TableError(f"没有记录或行“{wanted[:60]}”。 There is no record or row {wanted[:60]!r}.")

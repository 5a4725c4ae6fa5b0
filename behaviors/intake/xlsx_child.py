"""Reads the first sheet of a workbook and writes its rows as JSON lines. Run as a process of its own, within limits.

    python -I xlsx_child.py FILE.xlsx > rows.jsonl

A workbook that asks for more memory or time than it may have ends this process, never the one that started it.
"""

import datetime as dt
import json
import resource
import sys
from typing import Any

#: Beyond what the interpreter and the reader take: the largest workbook that is let in here needs about half.
MEMORY_BYTES = 256 << 20
CPU_SECONDS = 30
PRECISE_DIGITS = 15
#: Stands in a cell whose number has lost digits; no text of a workbook holds a NUL.
LOST_PRECISION = "\x00precision"


def text(value: Any) -> str:
    """A cell as the text that a person sees: 12.4, 2026-11-21, 2026-11-21T08:00:00."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        if abs(value) >= 10**PRECISE_DIGITS:
            return LOST_PRECISION
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(timespec="seconds")
    return str(value)


def _taken() -> int:
    """Bytes of address space in use. Where the system does not tell, as much as a reader usually has."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 128 << 20


def main(path: str) -> int:
    from python_calamine import CalamineError, CalamineWorkbook

    limit = _taken() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheet = workbook.get_sheet_by_index(0)
            for row in sheet.iter_rows():
                sys.stdout.write(json.dumps([text(value) for value in row], ensure_ascii=True))
                sys.stdout.write("\n")
    except (CalamineError, OSError, ValueError, LookupError, OverflowError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}"[:300])
        return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))

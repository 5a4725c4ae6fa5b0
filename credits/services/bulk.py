"""Set-based statements: many rows, one round trip, no ORM per row."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values


def rows(sql: str, params: Any = None) -> list[tuple[Any, ...]]:
    """All rows of one statement."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def execute(sql: str, params: Any = None) -> int:
    """Run one statement; the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def values(sql: str, items: Sequence[Sequence[Any]], *, template: str | None = None, fetch: bool = False) -> list[Any]:
    """One statement with `VALUES %s` over all items."""
    if not items:
        return []
    with connection.cursor() as cursor:
        result = execute_values(cursor.cursor, sql, items, template=template, page_size=len(items), fetch=fetch)
        return result or []


def next_ids(sequence: str, count: int) -> list[int]:
    """Draw `count` ids from a sequence, rising."""
    return [row[0] for row in rows("SELECT nextval(%s) FROM generate_series(1, %s)", [sequence, count])]


def array(items: Iterable[object]) -> str:
    """An array literal for `unnest(%s::bigint[])`: one constant for the parser instead of one expression an element."""
    return "{" + ",".join(map(str, items)) + "}"


def texts(items: Sequence[str]) -> str:
    """As `array`, for texts of any content."""
    quoted = {item: '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in set(items)}
    return "{" + ",".join(map(quoted.__getitem__, items)) + "}"


NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy(table: str, columns: Sequence[str], items: Iterable[Sequence[Any]]) -> None:
    """COPY rows in; None is NULL, text is escaped."""
    _copy(
        table,
        columns,
        ("\t".join("\\N" if cell is None else str(cell).translate(_ESCAPES) for cell in item) for item in items),
    )


def copy_columns(table: str, columns: dict[str, Sequence[object]]) -> None:
    """COPY columns of equal length in, as they are: numbers, ids, dates and codes, which need no escape."""
    texts_of = (items if items and isinstance(items[0], str) else list(map(str, items)) for items in columns.values())
    _copy(table, list(columns), map("\t".join, zip(*texts_of, strict=True)))


def _copy(table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    buffer = io.StringIO("\n".join(lines))
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", buffer)

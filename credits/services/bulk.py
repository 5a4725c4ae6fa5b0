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


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy(table: str, columns: Sequence[str], items: Iterable[Sequence[Any]]) -> None:
    """COPY rows in; None is NULL, text is escaped."""
    buffer = io.StringIO()
    for item in items:
        buffer.write("\t".join("\\N" if cell is None else str(cell).translate(_ESCAPES) for cell in item))
        buffer.write("\n")
    buffer.seek(0)
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", buffer)

"""The frame of `manage.py verify`: every check in one snapshot, read only."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from . import documents, exchange, grams, ledger, points

FIRST_OFFENDERS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check: how many rows offend, and the first of them."""

    id: str
    title_zh: str
    title_en: str
    count: int
    offenders: list[list[str]]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title_zh,
            "title_en": self.title_en,
            "violations": self.count,
            "offenders": self.offenders,
        }


def all_checks() -> list[Any]:
    """Every check that is one SQL statement, by id."""
    found = [*ledger.CHECKS, *points.CHECKS, *exchange.CHECKS, *grams.CHECKS]
    ids = [check.id for check in found] + [documents.ID]
    if len(set(ids)) != len(ids):
        raise RuntimeError("two checks share an id")
    return found


def run() -> Iterator[Finding]:
    """Ask everything within one REPEATABLE READ snapshot, so that what is posted meanwhile does not matter."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield from ask(cursor)


def ask(cursor: Any) -> Iterator[Finding]:
    """Ask everything through this cursor."""
    for check in all_checks():
        started = time.perf_counter()
        cursor.execute(check.sql)
        yield _finding(check.id, check.title_zh, check.title_en, cursor.fetchall(), started)
    started = time.perf_counter()
    yield _finding(documents.ID, documents.TITLE_ZH, documents.TITLE_EN, documents.offenders(cursor), started)


def _finding(name: str, title_zh: str, title_en: str, rows: list[tuple[Any, ...]], started: float) -> Finding:
    shown = [[str(cell) for cell in row] for row in rows[:FIRST_OFFENDERS]]
    return Finding(name, title_zh, title_en, len(rows), shown, time.perf_counter() - started)

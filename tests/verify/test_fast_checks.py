"""The questions about single accounts and records read by index: no table of the books is read whole for one deed."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from carbon_portal.workflows.verify import run, scope

pytestmark = pytest.mark.django_db
#: Some dozens of rows, however many deeds there are.
SMALL = {"methodologies_methodologyversion", "methodologies_methodology"}


def read_whole(kind: Any, sql: str) -> set[str]:
    """The tables that a prepared statement of `run.fast` has no other way to read than from end to end.

    Test tables are small, so PostgreSQL is told to avoid that: where it does so all the same, no index leads to the rows.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(scope.prepare("asked", kind, sql))
        asking = scope.execute("asked", kind)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {asking}", [None] * asking.count("%s"))
        plan = cursor.fetchone()[0][0]["Plan"]
        cursor.execute("DEALLOCATE asked")
    return set(_read_whole(plan)) - SMALL


def _read_whole(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for below in plan.get("Plans", ()):
        yield from _read_whole(below)


@pytest.mark.parametrize("name", scope.TABLES)
def test_no_question_about_a_part_reads_a_table_of_the_books_whole(name: Any) -> None:
    assert read_whole(name, scope.together(name, run.all_checks())) == set()


def test_neither_does_the_question_for_the_keys_of_records() -> None:
    assert read_whole("records", scope.unseen("records", scope.KEYS)) == set()


def test_a_question_that_reads_a_table_whole_is_seen() -> None:
    either = "SELECT id FROM ledger_holdresolution WHERE entry_id = ANY ($1) OR captured_points = ANY ($1)"
    assert read_whole("records", either) == {"ledger_holdresolution"}

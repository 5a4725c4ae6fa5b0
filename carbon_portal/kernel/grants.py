"""What `portal_web` and `portal_worker` may do, granted anew after each migration by the owner of the tables.

Neither owns a table, neither may truncate, and neither may update or delete on append-only tables (integrity: L4).
Nor does a setting of a session switch triggers off: django-pgtrigger asks a function of its own first, which reads the
setting `pgtrigger.ignore`, and a setting is anybody's to make. Here that function says no, always.
"""

from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections

from .faults import crash_point

ROLES = "portal_web, portal_worker"
# Each migration that adds a trigger brings the library's function back; this runs after all of them.
NO_TRIGGER_IS_IGNORED = """
    CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) RETURNS BOOLEAN
    LANGUAGE sql IMMUTABLE AS 'SELECT FALSE'
"""


def on_post_migrate(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Run once per app by Django; cheap and the same each time."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        if not _owns_tables_with_roles(cursor):
            return
        crash_point("migrate:grants")
        for statement in statements():
            cursor.execute(statement)


def _owns_tables_with_roles(cursor: Any) -> bool:
    """True where this session may grant and the roles exist (a test or an operator may migrate as somebody else)."""
    cursor.execute("SELECT count(*) = 2 FROM pg_roles WHERE rolname IN ('portal_web', 'portal_worker')")
    return bool(cursor.fetchone()[0])


def statements() -> list[str]:
    """The grants in order: everything to both, then taken back where the model says so."""
    result = [
        NO_TRIGGER_IS_IGNORED,
        f"GRANT USAGE ON SCHEMA public TO {ROLES}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLES}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLES}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {ROLES}",
    ]
    for model in apps.get_models(include_auto_created=True):
        if not getattr(model, "append_only", False):
            continue
        table = f'"{model._meta.db_table}"'
        result.append(_if_exists(model._meta.db_table, f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {ROLES}"))
        columns = getattr(model, "column_insert_grants", ())
        if columns:
            listed = ", ".join(f'"{column}"' for column in columns)
            result.append(_if_exists(model._meta.db_table, f"REVOKE INSERT ON {table} FROM {ROLES}"))
            result.append(_if_exists(model._meta.db_table, f"GRANT INSERT ({listed}) ON {table} TO {ROLES}"))
    return result


def _if_exists(table: str, statement: str) -> str:
    """post_migrate runs after each app, when tables of later apps may not stand yet."""
    return f"DO $$ BEGIN IF to_regclass('public.{table}') IS NOT NULL THEN {statement}; END IF; END $$"

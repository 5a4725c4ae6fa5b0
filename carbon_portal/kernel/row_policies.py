"""The SQL of row policies, for migrations: what a table under `kernel.scope` carries."""

#: Whether a row's region is in scope. The sub-select lets the server ask once per statement, not once per row.
IN_REGIONS = "region = ANY ((SELECT row_scope_regions())::text[])"


def enable(table: str, *, read: str, write: str) -> str:
    """Policies of a table: who may see a row, and who may add, change (to what) or remove one. The owner too."""
    return f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY row_read ON {table} FOR SELECT USING ({read});
    CREATE POLICY row_add ON {table} FOR INSERT WITH CHECK ({write});
    CREATE POLICY row_change ON {table} FOR UPDATE USING ({write}) WITH CHECK ({write});
    CREATE POLICY row_remove ON {table} FOR DELETE USING ({write});
    """


def disable(table: str) -> str:
    """The way back."""
    return f"""
    DROP POLICY row_read ON {table};
    DROP POLICY row_add ON {table};
    DROP POLICY row_change ON {table};
    DROP POLICY row_remove ON {table};
    ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
    ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
    """


def key(column: str) -> str:
    """Whether this row was named by its key (`kernel.scope.admitting`)."""
    return f"{column} = ANY ((SELECT row_scope_keys())::text[])"

"""What is written once: refused change by trigger for everybody, and by grant for the application's roles."""

import pgtrigger
from django.db import models

NO_TRUNCATE = pgtrigger.Trigger(
    name="no_truncate",
    operation=pgtrigger.Truncate,
    when=pgtrigger.Before,
    level=pgtrigger.Statement,
    func="RAISE EXCEPTION '% is append-only: TRUNCATE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
)
APPEND_ONLY_TRIGGERS = [
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
    NO_TRUNCATE,
]


# In a trigger's function: whether the session acts as the owner of the table, who migrates; a superuser always does.
# A role that would first have to take the owner's with SET ROLE does not.
BY_OWNER = "pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')"


class AppendOnly(models.Model):
    """Base of tables whose rows are facts. A child's Meta inherits from `AppendOnly.Meta`.

    `column_insert_grants` names the only columns that the application may supply; the others are the database's own.
    """

    append_only = True
    column_insert_grants: tuple[str, ...] = ()

    class Meta:
        abstract = True
        triggers = APPEND_ONLY_TRIGGERS

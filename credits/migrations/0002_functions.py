"""The claims' counter is written by its trigger with the owner's rights; an index serves the sweep of undone records."""

from django.db import migrations

DEFINER = """
ALTER FUNCTION pgtrigger_count_claims_bc56d() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
"""
INVOKER = """
ALTER FUNCTION pgtrigger_count_claims_bc56d() SECURITY INVOKER RESET search_path;
"""
# Records reversed after they had been quantified: few, and found without reading the months' partitions.
INDEX = """
CREATE INDEX record_to_undo ON behaviors_behaviorrecord (id) WHERE state = 'reversed' AND provisional_at IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0001_initial"),
        ("behaviors", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(DEFINER, INVOKER),
        migrations.RunSQL(INDEX, "DROP INDEX record_to_undo"),
    ]

from django.db import migrations

from carbon_portal.kernel.row_policies import IN_REGIONS, disable, enable, key

# Everybody whom a person may act for: themselves, the family, the firm.
FUNCTIONS = """
CREATE FUNCTION row_scope_participants() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT array_agg(uuid) FROM accounts_participant
    WHERE person_id = row_scope_person()
       OR household_id = ANY (row_scope_households())
       OR organisation_id = ANY (row_scope_firms()) $$;
"""

OWN = f"""EXISTS (SELECT 1 FROM behaviors_behaviorrecord r WHERE r.id = record_id AND r.occurred_on = record_on
                AND r.participant_id = ANY ((SELECT row_scope_participants())::uuid[]))
    OR {IN_REGIONS}"""


class Migration(migrations.Migration):
    """A picture shows itself to those whose record it proves and to staff of its area alone."""

    dependencies = [("behaviors", "0002_duplicate_of"), ("accounts", "0003_row_level")]

    operations = [
        migrations.RunSQL(FUNCTIONS, "DROP FUNCTION row_scope_participants()"),
        migrations.RunSQL(
            enable("behaviors_evidence", read=f"{OWN} OR {key('original_sha256')}", write=OWN),
            disable("behaviors_evidence"),
        ),
    ]

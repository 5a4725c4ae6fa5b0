from django.db import migrations

from carbon_portal.kernel.row_policies import IN_REGIONS, disable, enable, key

# What the settings of kernel.scope say, and what follows from who the person is. The tables asked here (memberships,
# invitations, logins) stand under no policy themselves.
FUNCTIONS = """
CREATE FUNCTION row_scope_person() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.person', true), '')::uuid $$;

CREATE FUNCTION row_scope_regions() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_to_array(current_setting('app.regions', true), ',') $$;

CREATE FUNCTION row_scope_keys() RETURNS text[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT string_to_array(current_setting('app.keys', true), ',') $$;

-- The family one lives in now.
CREATE FUNCTION row_scope_households() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT array_agg(household_id) FROM accounts_householdmember
    WHERE person_id = row_scope_person() AND left_on IS NULL $$;

-- The firms one acts for now.
CREATE FUNCTION row_scope_firms() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT array_agg(organisation_id) FROM accounts_membership
    WHERE person_id = row_scope_person() AND is_active AND organisation_id IS NOT NULL
      AND role IN ('sme_owner', 'sme_clerk') $$;

-- Families that ask one to join: an open invitation to one's own verified phone.
CREATE FUNCTION row_scope_invited_to() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT array_agg(i.household_id) FROM accounts_invitation i JOIN accounts_user u ON u.phone = i.phone
    WHERE u.person_id = row_scope_person() AND u.phone_verified
      AND i.answered_at IS NULL AND i.household_id IS NOT NULL $$;

-- People whose names one is shown: of the same family (those who left signed invitations and entered records), of the
-- same firm or shop, and whoever invites one.
CREATE FUNCTION row_scope_company() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT array_agg(x.person_id) FROM (
    SELECT m.person_id FROM accounts_householdmember m WHERE m.household_id = ANY (row_scope_households())
    UNION
    SELECT theirs.person_id FROM accounts_membership mine
      JOIN accounts_membership theirs USING (organisation_id)
     WHERE mine.person_id = row_scope_person() AND mine.is_active
    UNION
    SELECT i.invited_by_id FROM accounts_invitation i JOIN accounts_user u ON u.phone = i.phone
     WHERE u.person_id = row_scope_person() AND u.phone_verified AND i.answered_at IS NULL
   ) x $$;
"""

DROP_FUNCTIONS = """
DROP FUNCTION row_scope_company();
DROP FUNCTION row_scope_invited_to();
DROP FUNCTION row_scope_firms();
DROP FUNCTION row_scope_households();
DROP FUNCTION row_scope_keys();
DROP FUNCTION row_scope_regions();
DROP FUNCTION row_scope_person();
"""

OWN_HOUSEHOLD = "= ANY ((SELECT row_scope_households())::uuid[])"
OWN_PERSON = f"uuid = (SELECT row_scope_person()) OR {IN_REGIONS} OR {key('uuid::text')}"
OWN_FAMILY = f"uuid {OWN_HOUSEHOLD} OR {IN_REGIONS} OR {key('uuid::text')}"
OWN_METER = (
    f"household_id {OWN_HOUSEHOLD} OR organisation_id = ANY ((SELECT row_scope_firms())::uuid[]) OR {IN_REGIONS}"
)
# A consent has no region of its own: it is where its person is, who may move.
OWN_CONSENT = f"""person_id = (SELECT row_scope_person())
    OR EXISTS (SELECT 1 FROM accounts_person p WHERE p.uuid = person_id AND p.{IN_REGIONS})"""

BY_NUMBER = key("kind || ':' || number")

POLICIES = {
    "accounts_person": {
        "read": f"{OWN_PERSON} OR uuid = ANY ((SELECT row_scope_company())::uuid[])",
        "write": OWN_PERSON,
    },
    "accounts_household": {
        "read": f"{OWN_FAMILY} OR uuid = ANY ((SELECT row_scope_invited_to())::uuid[])",
        "write": OWN_FAMILY,
    },
    "accounts_meter": {"read": f"{OWN_METER} OR {BY_NUMBER}", "write": OWN_METER},
    "accounts_consent": {"read": OWN_CONSENT, "write": OWN_CONSENT},
}


class Migration(migrations.Migration):
    """People, families, meters and consents show themselves to their own and to staff of their area alone."""

    dependencies = [("accounts", "0002_invitation")]

    operations = [
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        *(migrations.RunSQL(enable(table, **rules), disable(table)) for table, rules in POLICIES.items()),
    ]

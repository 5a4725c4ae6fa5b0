"""T1: every tenant row has its area, and the row policies stand (integrity.md 1.1)."""

# ruff: noqa: S608 - every statement is ours; nothing from outside enters it

from carbon_portal.kernel import regions

from .check import Check

_KNOWN = ", ".join(f"'{code}'" for code in sorted({area.six for area in regions.all_regions()}))

CHECKS = (
    Check(
        "V63",
        "每一行属于本省的一个行政区，照片与其记录同区",
        "Each tenant row lies in a division of the province, and a picture where its record does",
        f"""
        SELECT x.row, x.region FROM (
            SELECT 'person:' || uuid AS row, region FROM accounts_person
             UNION ALL SELECT 'household:' || uuid, region FROM accounts_household
             UNION ALL SELECT 'meter:' || id, region FROM accounts_meter
             UNION ALL SELECT 'participant:' || uuid, region FROM accounts_participant
             UNION ALL SELECT 'organisation:' || uuid, region FROM accounts_organisation
             UNION ALL SELECT 'evidence:' || uuid, region FROM behaviors_evidence
             UNION ALL SELECT 'record:' || id, region FROM behaviors_behaviorrecord
             UNION ALL SELECT 'proposal:' || number, region FROM methodologies_proposal
        ) x WHERE x.region NOT IN ({_KNOWN})
        UNION ALL
        SELECT 'evidence:' || e.uuid, e.region FROM behaviors_evidence e
          JOIN behaviors_behaviorrecord r ON r.id = e.record_id AND r.occurred_on = e.record_on
         WHERE r.region <> e.region
        UNION ALL
        SELECT 'proposal contact:' || p.number, c.region FROM methodologies_proposalcontact c
          JOIN methodologies_proposal p ON p.id = c.proposal_id WHERE c.region <> p.region
        """,
    ),
    Check(
        "V63b",
        "行级安全的策略都在并启用，网页角色不能绕过",
        "The row policies stand and are switched on, and the web role can't pass them by",
        """
        SELECT t.name, c.relrowsecurity, c.relforcerowsecurity, p.commands
          FROM (VALUES ('accounts_person'), ('accounts_household'), ('accounts_meter'), ('accounts_consent'),
                       ('behaviors_evidence'), ('methodologies_proposalcontact'), ('accounts_notification')) t (name)
          LEFT JOIN pg_class c ON c.oid = to_regclass(t.name)
          CROSS JOIN LATERAL (SELECT string_agg(cmd, ',' ORDER BY cmd) AS commands FROM pg_policies
                               WHERE tablename = t.name) p
         WHERE c.relrowsecurity IS NOT TRUE OR c.relforcerowsecurity IS NOT TRUE
            OR p.commands IS DISTINCT FROM 'DELETE,INSERT,SELECT,UPDATE'
         UNION ALL
        SELECT rolname, rolsuper, rolbypassrls, NULL FROM pg_roles
         WHERE rolname = 'portal_web' AND (rolsuper OR rolbypassrls)
        """,
    ),
)

"""What cities said of the province's values: of this text, by their own officers, where the province had a value."""

from .check import Check

CHECKS = (
    Check(
        "V42l",
        "各市确认沿用省级数值：由本市经办人对已在全省发布的同一份内容作出，省级有数值而本市没有，并有审计记录",
        "A city goes by the province's values by its own officer's word on just this published text, where the province"
        " has a value and the city none, and the word stands in the audit trail",
        """
        SELECT v.methodology_id || '@' || v.version, c.region FROM methodologies_localconfirmation c
          JOIN methodologies_methodologyversion v ON v.id = c.version_id
          JOIN methodologies_methodology m ON m.code = v.methodology_id
         WHERE c.content_sha256 <> v.sha256 OR m.region <> '440000' OR c.region !~ '^44[0-9]{2}00$'
            OR c.region = '440000'
            OR NOT EXISTS (SELECT FROM methodologies_publication p WHERE p.version_id = v.id AND p.at <= c.at)
            OR NOT EXISTS (
                SELECT FROM accounts_membership s
                 WHERE s.role = 'city_officer' AND s.region = c.region AND s.created_at <= c.at
                   AND (s.person_id = c.person OR EXISTS (
                        SELECT FROM accounts_delegation d
                         WHERE d.principal_id = s.person_id AND d.deputy_id = c.person AND d.role = s.role
                           AND (c.at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN d.starts_on AND d.ends_on)))
            OR NOT EXISTS (
                SELECT FROM jsonb_each(v.document -> 'parameters') p
                 CROSS JOIN LATERAL (
                       SELECT t.value AS regions FROM jsonb_each(p.value -> 'values') t
                        WHERE t.key::date <= greatest(v.effective_from, (c.at AT TIME ZONE 'Asia/Shanghai')::date)
                        ORDER BY t.key::date DESC LIMIT 1) now
                 WHERE p.value ->> 'by' = 'region' AND jsonb_exists(now.regions, '440000')
                   AND NOT jsonb_exists(now.regions, c.region))
            OR NOT EXISTS (
                SELECT FROM kernel_auditevent e
                 WHERE e.target = 'methodology:' || v.methodology_id || '@' || v.version AND e.region = c.region
                   AND e.verb = 'methodology.province_values_used' AND e.actor = c.person
                   AND e.data ->> 'sha256' = c.content_sha256)
         ORDER BY 1, 2
        """,
    ),
)

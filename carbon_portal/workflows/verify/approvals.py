"""R8: two people, two roles, the content that was shown (integrity.md 1.1). Its own SQL over kernel and accounts."""

from .check import Check

# Deputies and principals count as one person while a delegation ran between the request and the decision.
_LINKED = """
    EXISTS (SELECT FROM accounts_delegation d
             WHERE (d.principal_id, d.deputy_id) IN ((a.approver, p.person), (p.person, a.approver))
               AND d.starts_on <= (a.decided_at AT TIME ZONE 'Asia/Shanghai')::date
               AND d.ends_on >= (r.opened_at AT TIME ZONE 'Asia/Shanghai')::date
               AND d.created_at <= a.decided_at AND (d.ended_at IS NULL OR d.ended_at > r.opened_at))
"""

CHECKS = (
    Check(
        "V27",
        "提交人、起草人和审定人是不同的人、不同的职责，代办视同本人",
        "Initiator, authors and decider are different people in different roles; a deputy counts as the principal",
        f"""
        SELECT 'approval:' || a.uid, 'same person' FROM kernel_approval a
         WHERE a.basis <> 'founding' AND (a.initiator IS NULL OR a.approver IS NULL OR a.initiator = a.approver
                                          OR a.approver_for = a.initiator)
         UNION ALL
        SELECT 'approval:' || a.uid, 'same role' FROM kernel_approval a
         WHERE a.basis <> 'founding' AND (a.initiator_role = a.approver_role OR a.initiator_role = ''
                                          OR a.approver_role = '')
         UNION ALL
        SELECT 'approval:' || a.uid, 'an author' FROM kernel_approval a
          JOIN kernel_approvalrequest r ON r.id = a.request_id
         WHERE a.approver = ANY (r.barred) OR a.approver_for = ANY (r.barred)
         UNION ALL
        SELECT DISTINCT 'approval:' || a.uid, 'a deputy or principal' FROM kernel_approval a
          JOIN kernel_approvalrequest r ON r.id = a.request_id
         CROSS JOIN LATERAL unnest(r.barred || r.initiator) p (person)
         WHERE {_LINKED}
         UNION ALL
        SELECT 'request:' || r.uid, 'one person or role twice' FROM kernel_approvalrequest r
          JOIN kernel_approval a ON a.request_id = r.id
         GROUP BY r.uid HAVING count(*) > least(count(DISTINCT a.approver), count(DISTINCT a.approver_role))
        """,  # noqa: S608 - nothing from outside enters it
    ),
    Check(
        "V27b",
        "每个决定对应其申请的内容，申请的结果与决定相符",
        "Each decision is about what its request asks for, and each request's end is what its decisions make it",
        """
        SELECT 'approval:' || a.uid, 'without its request' FROM kernel_approval a
          LEFT JOIN kernel_approvalrequest r ON r.id = a.request_id
         WHERE a.basis <> 'founding'
           AND (r.id IS NULL OR (a.kind, a.subject, a.content_sha256, a.initiator, a.initiator_role)
                IS DISTINCT FROM (r.kind, r.subject, r.content_sha256, r.initiator, r.initiator_role)
                OR a.decided_at < r.opened_at OR a.decided_at > r.closed_at)
         UNION ALL
        SELECT 'request:' || r.uid, r.state FROM kernel_approvalrequest r
          LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE a.approved) AS given,
                                    count(*) FILTER (WHERE NOT a.approved) AS refused
                               FROM kernel_approval a WHERE a.request_id = r.id) x ON true
         WHERE (r.state = 'approved') <> (x.given >= r.needed AND x.refused = 0)
            OR (r.state = 'returned') <> (x.refused > 0)
         UNION ALL
        SELECT 'open:' || r.kind || ' ' || r.subject, count(*)::text FROM kernel_approvalrequest r
         WHERE r.state = 'open' GROUP BY r.kind, r.subject HAVING count(*) > 1
        """,
    ),
    Check(
        "V27c",
        "审定人在前一日或更早已有该职责，代办有据",
        "Each decider, or whom they stood in for, held the role in that area since the day before at the latest",
        """
        SELECT 'approval:' || a.uid, a.approver_role FROM kernel_approval a
          JOIN kernel_approvalrequest r ON r.id = a.request_id
         WHERE NOT EXISTS (
                SELECT FROM accounts_membership m LEFT JOIN accounts_organisation o ON o.uuid = m.organisation_id
                 WHERE m.person_id = coalesce(a.approver_for, a.approver) AND m.role = a.approver_role
                   AND (m.created_at AT TIME ZONE 'Asia/Shanghai')::date
                       < (a.decided_at AT TIME ZONE 'Asia/Shanghai')::date
                   AND r.region LIKE regexp_replace(coalesce(nullif(m.region, ''), o.region), '(00){1,2}$', '') || '%')
            OR (a.approver_for IS NOT NULL AND NOT EXISTS (
                SELECT FROM accounts_delegation d
                 WHERE d.principal_id = a.approver_for AND d.deputy_id = a.approver AND d.role = a.approver_role
                   AND (a.decided_at AT TIME ZONE 'Asia/Shanghai')::date BETWEEN d.starts_on AND d.ends_on
                   AND (d.created_at AT TIME ZONE 'Asia/Shanghai')::date
                       < (a.decided_at AT TIME ZONE 'Asia/Shanghai')::date
                   AND (d.ended_at IS NULL OR d.ended_at > a.decided_at)))
        """,
    ),
    Check(
        "V27e",
        "因子的每个新数值都经两人、两种职责审定，内容与审定时一致",
        "Each new value of a factor was approved by two people in two roles, and says what they approved",
        r"""
        SELECT 'vintage:' || v.factor || '@' || v.valid_from FROM methodologies_factorvintage v
         WHERE v.state = 'adopted'
           AND (v.content_sha256 <> encode(sha256(convert_to(concat_ws(E'\n', v.factor, v.unit, v.value, v.data_year,
                    v.valid_from, v.source_document, v.source_page, v.confidence, v.best_before, v.why, v.replaces,
                    v.replaces_from), 'UTF8')), 'hex')
                OR NOT EXISTS (
                    SELECT FROM kernel_approvalrequest r
                      JOIN kernel_approval a ON a.request_id = r.id AND a.approved
                     WHERE r.kind = 'factors.vintage' AND r.subject = 'factor:' || v.factor AND r.state = 'approved'
                       AND r.content_sha256 = v.content_sha256
                     GROUP BY r.id
                    HAVING count(DISTINCT a.approver) >= 2 AND count(DISTINCT a.approver_role) >= 2))
        """,
    ),
    Check(
        "V27d",
        "每个申请、每个决定都有审计记录",
        "Each request and each decision stands in the audit trail",
        """
        SELECT 'approval:' || a.uid FROM kernel_approval a JOIN kernel_approvalrequest r ON r.id = a.request_id
         WHERE NOT EXISTS (SELECT FROM kernel_auditevent e
                            WHERE e.target = 'approval:' || r.uid AND e.verb = 'approval.decided'
                              AND e.actor = a.approver AND e.data ->> 'decision' = a.uid::text)
         UNION ALL
        SELECT 'request:' || r.uid FROM kernel_approvalrequest r
         WHERE NOT EXISTS (SELECT FROM kernel_auditevent e
                            WHERE e.target = 'approval:' || r.uid AND e.verb = 'approval.requested'
                              AND e.actor = r.initiator)
        """,
    ),
)

"""Checks of accruals: grams become points once (L7), by the rule, through the ledger."""

# ruff: noqa: S608 - every statement is ours; nothing from outside enters it

from .check import Check

_WITH_COUNTED = """
            WITH counted AS (
                SELECT i.*, x.record_id FROM credits_accrualitem i JOIN credits_reduction x ON x.id = i.reduction_id
                 WHERE NOT EXISTS (SELECT FROM credits_reduction later
                                    WHERE later.record_id = x.record_id AND later.reason = 'reversed')
            )"""

CHECKS = [
    Check(
        id="V7",
        scope="records",
        title_zh="每条终算的减碳量只计一次碳币，或在排队",
        title_en="Each final reduction of more than 0 g has earned once or waits for funds, never both or neither",
        sql="""
            SELECT x.id, x.record_id FROM credits_reduction x
              JOIN behaviors_behaviorrecord r ON r.id = x.record_id AND r.occurred_on = x.record_on
              LEFT JOIN credits_accrualitem i ON i.reduction_id = x.id
              LEFT JOIN credits_queuedaward q ON q.reduction_id = x.id
              -- What a recomputation adds to what the earlier revisions had earned; nothing is ever taken away.
              LEFT JOIN LATERAL (
                SELECT sum(coalesce(ei.credited_g, eq.credited_g)) AS g FROM credits_reduction e
                  LEFT JOIN credits_accrualitem ei ON ei.reduction_id = e.id
                  LEFT JOIN credits_queuedaward eq ON eq.reduction_id = e.id
                 WHERE x.revision > 1 AND x.dependencies->'recomputation' IS NOT NULL
                   AND e.record_id = x.record_id AND e.revision < x.revision) earlier ON true
             CROSS JOIN LATERAL (SELECT greatest(x.reduction_g - coalesce(earlier.g, 0), 0) AS g) due
             WHERE (i.reduction_id IS NOT NULL AND q.reduction_id IS NOT NULL)
                OR (coalesce(i.credited_g, q.credited_g) <> due.g AND (r.state <> 'reversed' OR earlier.g IS NULL))
                OR (r.state = 'final' AND due.g > 0 AND i.reduction_id IS NULL AND q.reduction_id IS NULL
                    AND x.revision = (SELECT max(y.revision) FROM credits_reduction y WHERE y.record_id = x.record_id))
                OR (r.state NOT IN ('final', 'reversed') AND (i.reduction_id IS NOT NULL OR q.reduction_id IS NOT NULL))
             ORDER BY x.id
        """,
    ),
    Check(
        id="V7f",
        scope="records",
        title_zh="重算从不减少已计碳币的克数",
        title_en="A recomputation never lowers the grams that have earned points or wait for funds",
        sql="""
            SELECT x.record_id, sum(coalesce(i.credited_g, q.credited_g)), max(x.reduction_g)
              FROM credits_reduction x
              JOIN behaviors_behaviorrecord r
                ON r.id = x.record_id AND r.occurred_on = x.record_on AND r.state = 'final'
              LEFT JOIN credits_accrualitem i ON i.reduction_id = x.id
              LEFT JOIN credits_queuedaward q ON q.reduction_id = x.id
             WHERE x.record_id IN (SELECT record_id FROM credits_reduction
                                    WHERE revision > 1 AND dependencies->'recomputation' IS NOT NULL)
               AND x.revision >= (SELECT min(y.revision) - 1 FROM credits_reduction y WHERE y.record_id = x.record_id
                                     AND y.dependencies->'recomputation' IS NOT NULL)
             GROUP BY x.record_id
            HAVING coalesce(sum(coalesce(i.credited_g, q.credited_g)), 0) < max(x.reduction_g)
             ORDER BY 1
        """,
    ),
    Check(
        id="V7b",
        scope="participants",
        title_zh="累计克数等于各条之和",
        title_en="The grams of an accrual are the sum of its items that stand",
        sql=_WITH_COUNTED
        + """
            SELECT a.id, a.credited_g, coalesce(sum(c.credited_g), 0) FROM credits_pointsaccrual a
              LEFT JOIN counted c ON c.accrual_id = a.id
             GROUP BY a.id, a.credited_g
            HAVING a.credited_g <> coalesce(sum(c.credited_g), 0)
             ORDER BY a.id
        """,
    ),
    Check(
        id="V7c",
        scope="participants",
        title_zh="发放的碳币与账本一致",
        title_en="The points of an accrual are those of the ledger's awards to that participant and year",
        sql="""
            WITH posted AS (
                SELECT a.address, sum(l.amount) AS points FROM ledger_ledgerline l
                  JOIN ledger_ledgerentry e ON e.id = l.entry_id AND e.kind IN ('award', 'award_correction')
                  JOIN ledger_ledgeraccount a ON a.id = l.account_id AND a.address LIKE 'participant:%'
                 GROUP BY a.address
            ), awarded AS (
                SELECT format('participant:%s:points:%s', participant_id, year) AS address,
                       sum(awarded_points) AS points FROM credits_pointsaccrual GROUP BY 1)
            SELECT address, p.points, w.points FROM posted p FULL JOIN awarded w USING (address)
             WHERE coalesce(p.points, 0) <> coalesce(w.points, 0) ORDER BY 1
        """,
    ),
    Check(
        id="V7d",
        scope="participants",
        title_zh="碳币按规则由累计克数得出",
        title_en="Points follow the rule: never fewer than the grams entitle to, never more than all items ever did",
        sql="""
            SELECT a.id, a.credited_g, a.awarded_points FROM credits_pointsaccrual a
              JOIN credits_pointsrule r ON r.id = a.rule_id
              LEFT JOIN (SELECT accrual_id, sum(credited_g) AS g FROM credits_accrualitem GROUP BY 1) i
                     ON i.accrual_id = a.id
             WHERE a.awarded_points < a.credited_g * r.num / r.den
                OR a.awarded_points > coalesce(i.g, 0) * r.num / r.den
             ORDER BY a.id
        """,
    ),
    Check(
        id="V7e",
        scope="records",
        title_zh="每条的参与者、年份、入账都对得上",
        title_en="Each item belongs to its participant's accrual, and its entry paid that participant",
        sql="""
            WITH paid AS MATERIALIZED (
                SELECT DISTINCT e.uid, c.address FROM ledger_ledgerentry e
                  JOIN ledger_ledgerline l ON l.entry_id = e.id AND l.amount > 0
                  JOIN ledger_ledgeraccount c ON c.id = l.account_id AND c.address LIKE 'participant:%'
                 WHERE e.kind = 'award')
            SELECT i.reduction_id, i.entry FROM credits_accrualitem i
              LEFT JOIN credits_reduction x ON x.id = i.reduction_id
              LEFT JOIN credits_pointsaccrual a ON a.id = i.accrual_id
              LEFT JOIN paid p ON p.uid = i.entry
                              AND p.address = 'participant:' || x.participant_id || ':points:' || a.year
             WHERE x.id IS NULL OR a.id IS NULL OR a.participant_id <> x.participant_id
                OR (i.entry IS NOT NULL AND p.uid IS NULL)
             ORDER BY 1
        """,
    ),
    Check(
        id="V11",
        scope="accounts",
        title_zh="碳币池的支出不超过注资",
        title_en="No pool has paid more than was put in, and each pool that paid exists",
        sql="""
            SELECT 'pool:' || p.uid, p.points FROM (
                SELECT split_part(a.address, ':', 2) AS uid, sum(l.amount) AS points,
                       bool_or(l.amount < 0) AS has_paid
                  FROM ledger_ledgeraccount a JOIN ledger_ledgerline l ON l.account_id = a.id
                 WHERE a.address LIKE 'pool:%' GROUP BY 1
            ) p LEFT JOIN credits_fundedpool f ON f.uuid::text = p.uid
             WHERE p.points < 0 OR (p.has_paid AND f.uuid IS NULL)
             ORDER BY 1
        """,
    ),
    Check(
        id="V11b",
        title_zh="碳币池各格互不越界",
        title_en="Points that were spread stay in their pool, and no account of a pool is beyond its slots",
        sql="""
            SELECT a.address, l.entry_id FROM ledger_ledgerentry e
              JOIN ledger_ledgerline l ON l.entry_id = e.id
              JOIN ledger_ledgeraccount a ON a.id = l.account_id
             WHERE e.kind = 'pool_spread'
               AND split_part(a.address, ':', 2) <> split_part(e.idempotency_key, ':', 2)
             UNION
            SELECT a.address, NULL FROM ledger_ledgeraccount a
             WHERE split_part(a.address, ':', 1) = 'pool'
               AND a.address !~ '^pool:[0-9a-f-]{36}(:slot:([0-9]|[12][0-9]|3[01]))?$'
             ORDER BY 1, 2
        """,
    ),
]

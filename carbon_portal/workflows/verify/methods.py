"""The way of methods: what is published went there step by step, by people who may, and lies as it was decided."""

from .check import Check

_AFTER = (
    ("draft", "submitted"),
    ("returned", "submitted"),
    ("submitted", "in_review"),
    ("submitted", "returned"),
    ("in_review", "expert_review"),
    ("in_review", "returned"),
    ("expert_review", "joint_signing"),
    ("expert_review", "returned"),
    ("joint_signing", "public_comment"),
    ("joint_signing", "returned"),
    ("public_comment", "approved"),
    ("public_comment", "returned"),
    ("approved", "published"),
    ("approved", "returned"),
    ("published", "superseded"),
    ("published", "withdrawn"),
)
_PAIRS = ", ".join(f"('{before}', '{after}')" for before, after in _AFTER)

CHECKS = [
    Check(
        id="V42e",
        title_zh="方法学的每一步都按顺序，最后一步就是现在的状态",
        title_en="Each method went step by step, and its last step is its state",
        sql=f"""
            WITH walked AS (
                SELECT s.version_id, s.id, s.state, s.content_sha256,
                       lag(s.state) OVER one AS before, lead(s.id) OVER one AS later
                  FROM methodologies_stage s WINDOW one AS (PARTITION BY s.version_id ORDER BY s.id))
            SELECT v.methodology_id || '@' || v.version, w.before, w.state FROM walked w
              JOIN methodologies_methodologyversion v ON v.id = w.version_id
             WHERE (w.before IS NULL AND w.state NOT IN ('draft', 'submitted', 'superseded', 'withdrawn'))
                OR (w.before IS NOT NULL AND (w.before, w.state) NOT IN ({_PAIRS}))
                OR (w.later IS NULL AND v.state <> w.state AND w.state IN
                    ('submitted', 'public_comment', 'approved', 'published', 'superseded', 'withdrawn'))
                OR (w.later IS NULL AND w.state IN ('in_review', 'expert_review', 'joint_signing')
                    AND v.state <> 'in_review')
                OR (w.later IS NULL AND w.state IN ('draft', 'returned') AND v.state <> 'draft')
                OR (w.later IS NULL AND w.state NOT IN ('draft', 'returned') AND w.content_sha256 <> v.sha256)
             ORDER BY 1, w.id
        """,  # noqa: S608  (made of the constants above)
    ),
    Check(
        id="V42f",
        title_zh="经审查发布的版本：受理、表决、公示答复、编号齐全，且是同一份内容",
        title_en="What was published by review was accepted, voted on, commented and numbered, all for one text",
        sql="""
            SELECT v.methodology_id || '@' || v.version, p.content_sha256 FROM methodologies_methodologyversion v
              LEFT JOIN methodologies_publication p ON p.version_id = v.id
             WHERE EXISTS (SELECT FROM methodologies_stage s WHERE s.version_id = v.id AND s.state = 'published')
               AND (p.id IS NULL OR p.content_sha256 <> v.sha256 OR p.effective_from <> v.effective_from
                    OR p.effective_from < p.published_on + 30
                    OR NOT EXISTS (SELECT FROM kernel_approval a WHERE a.uid = p.approval AND a.approved
                                      AND a.kind = 'methodology.approve' AND a.content_sha256 = v.sha256)
                    OR NOT EXISTS (SELECT FROM methodologies_acceptance x
                                     JOIN methodologies_stage s ON s.id = x.stage_id
                                    WHERE s.version_id = v.id AND x.accepted AND x.missing = 0
                                      AND x.content_sha256 = v.sha256)
                    OR NOT EXISTS (SELECT FROM methodologies_simulationonfile f
                                    WHERE f.version_id = v.id AND f.sha256 = v.sha256)
                    OR EXISTS (SELECT FROM methodologies_publiccomment c JOIN methodologies_stage s ON s.id = c.stage_id
                                WHERE s.version_id = v.id
                                  AND NOT EXISTS (SELECT FROM methodologies_commentreply r WHERE r.comment_id = c.id))
                    OR 2 * (SELECT count(*) FROM methodologies_opinion o
                              JOIN methodologies_declaration d ON d.id = o.declaration_id
                              JOIN methodologies_reviewexpert e ON e.id = d.expert_id
                              JOIN methodologies_stage s ON s.id = e.stage_id
                             WHERE s.version_id = v.id AND NOT d.conflicted AND o.content_sha256 = v.sha256
                               AND o.verdict <> 'disagree')
                       <= (SELECT count(*) FROM methodologies_opinion o
                              JOIN methodologies_declaration d ON d.id = o.declaration_id
                              JOIN methodologies_reviewexpert e ON e.id = d.expert_id
                              JOIN methodologies_stage s ON s.id = e.stage_id
                             WHERE s.version_id = v.id AND NOT d.conflicted AND o.content_sha256 = v.sha256))
             ORDER BY 1
        """,
    ),
    Check(
        id="V42k",
        title_zh="停用的版本都有经审定的停用计划，最后一日和后继版本一致",
        title_en="What is out of force ended by an approved plan, on its day and with its successor",
        sql=r"""
            SELECT x.methodology_id || '@' || x.version, x.sunset_on FROM methodologies_methodologyversion x
             WHERE (x.state = 'withdrawn' OR x.sunset_on IS NOT NULL) AND NOT EXISTS (
                   SELECT FROM methodologies_withdrawal w
                     LEFT JOIN methodologies_methodologyversion s ON s.id = w.successor_id
                     JOIN kernel_approval a ON a.kind = 'methodology.withdraw' AND a.subject = 'withdrawal:' || w.uid
                    WHERE w.version_id = x.id AND w.sunset_on = x.sunset_on
                      AND w.successor_id IS NOT DISTINCT FROM x.successor_id
                      AND a.approved AND a.basis = 'four_eyes' AND a.content_sha256 = encode(sha256(convert_to(
                          '{"reason":' || to_json(w.reason)::text || ',"sha256":"' || x.sha256 || '","successor":"'
                          || coalesce(s.methodology_id || '@' || s.version, '') || '","sunset_on":"' || w.sunset_on
                          || '","version":"' || x.methodology_id || '@' || x.version || '"}', 'UTF8')), 'hex'))
             ORDER BY 1
        """,
    ),
    Check(
        id="V42g",
        title_zh="审定人不是起草、报送或论证这份内容的人",
        title_en="Who approved a method neither wrote, forwarded nor reviewed it",
        sql="""
            SELECT a.subject, a.approver FROM kernel_approval a
              JOIN methodologies_methodologyversion v
                ON a.subject = 'methodology:' || v.methodology_id || '@' || v.version
             WHERE a.kind = 'methodology.approve' AND a.basis = 'four_eyes'
               AND (EXISTS (SELECT FROM methodologies_stage s WHERE s.version_id = v.id
                               AND s.state IN ('draft', 'submitted') AND s.person = a.approver)
                    OR EXISTS (SELECT FROM methodologies_reviewexpert e JOIN methodologies_stage s ON s.id = e.stage_id
                                WHERE s.version_id = v.id AND e.person = a.approver))
             ORDER BY 1
        """,
    ),
]

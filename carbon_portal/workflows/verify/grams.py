"""Checks of records, reductions, limits, daily totals and claims: Q2 to Q9, R4 and D3, written against the tables.

Nothing here calls the services or reads what they remember about themselves, save the amounts used that a reduction
stores (V43b), which are held against the limits' rows and against the grams (V43c).
"""

# ruff: noqa: S608 - every statement is ours; nothing from outside enters it

from .check import Check

# The revision that counts: the newest of each record.
_WITH_NEWEST = """
            WITH newest AS (
                SELECT x.* FROM credits_reduction x
                 WHERE NOT EXISTS (SELECT FROM credits_reduction later
                                    WHERE later.record_id = x.record_id AND later.revision > x.revision)
            )"""

CHECKS = [
    Check(
        id="V41",
        scope="records",
        title_zh="每条减碳量都有对应的记录，内容一致",
        title_en="Each reduction has its record, with the same participant, day, place, activity and evidence",
        sql="""
            SELECT x.id, x.record_id FROM credits_reduction x
              LEFT JOIN behaviors_behaviorrecord r ON r.id = x.record_id AND r.occurred_on = x.record_on
             WHERE r.id IS NULL OR (r.participant_id, r.region, r.activity) <> (x.participant_id, x.region, x.activity)
             ORDER BY x.id
        """,
    ),
    Check(
        id="V41b",
        scope="records",
        title_zh="已算出的记录都有减碳量，未算或未通过的没有",
        title_en="Records that were quantified have a reduction, the others have none",
        sql="""
            SELECT r.id, r.state FROM behaviors_behaviorrecord r
              LEFT JOIN (SELECT DISTINCT record_id FROM credits_reduction) x ON x.record_id = r.id
             WHERE (r.state IN ('provisional', 'final') OR (r.state = 'reversed' AND r.provisional_at IS NOT NULL))
                   <> (x.record_id IS NOT NULL)
             ORDER BY r.id
        """,
    ),
    Check(
        id="V41c",
        scope="records",
        title_zh="每条记录只有一个来源编号，编号指向记录",
        title_en="Each record has one source key, and each key, trip and picture its record",
        sql="""
            SELECT r.id, 'record without a source key' FROM behaviors_behaviorrecord r
             WHERE NOT EXISTS (SELECT FROM behaviors_deedkey k
                                WHERE k.record_id = r.id AND k.record_on = r.occurred_on AND k.kind = 'source'
                                  AND k.content_sha256 = r.content_sha256)
            UNION ALL
            SELECT record_id, 'record with several source keys' FROM behaviors_deedkey
             WHERE kind = 'source' GROUP BY record_id HAVING count(*) > 1
            UNION ALL
            SELECT p.record_id, p.kind FROM (
                SELECT record_id, record_on, 'key without record' AS kind FROM behaviors_deedkey
                UNION ALL SELECT record_id, record_on, 'trip without record' FROM behaviors_tripinterval
                UNION ALL SELECT record_id, record_on, 'picture without record' FROM behaviors_evidence) p
              LEFT JOIN behaviors_behaviorrecord r ON r.id = p.record_id AND r.occurred_on = p.record_on
             WHERE r.id IS NULL
             ORDER BY 1
        """,
    ),
    Check(
        id="V41e",
        scope="records",
        title_zh="每条减碳量所依据的内容与指纹、版本相符",
        title_en="What each reduction rests on has its fingerprint, is of its version, and is complete",
        sql="""
            SELECT b.id, b.sha256 FROM credits_basis b
             WHERE b.sha256 <> encode(sha256(convert_to(b.content, 'UTF8')), 'hex')
            UNION ALL
            SELECT x.first, b.sha256
              FROM (SELECT min(id) AS first, basis_id, methodology_version_id,
                           jsonb_array_length(dependencies->'left') AS lefts,
                           jsonb_array_length(dependencies->'used') AS useds
                      FROM credits_reduction WHERE reason <> 'reversed' GROUP BY 2, 3, 4, 5) x
              LEFT JOIN credits_basis b ON b.id = x.basis_id
              LEFT JOIN methodologies_methodologyversion v ON v.id = x.methodology_version_id
             WHERE (b.content::jsonb->>'methodology' = v.sha256
                    AND jsonb_array_length(b.content::jsonb->'limits') = x.lefts
                    AND jsonb_array_length(b.content::jsonb->'limits') = x.useds) IS NOT TRUE
             ORDER BY 1
        """,
    ),
    Check(
        id="V41d",
        scope="records",
        title_zh="时间与状态相符",
        title_en="A record's times fit its state",
        sql="""
            SELECT id, state FROM behaviors_behaviorrecord
             WHERE (state IN ('provisional', 'final') AND provisional_at IS NULL)
                OR (state = 'final') <> (final_at IS NOT NULL AND state <> 'reversed')
                OR (state IN ('rejected', 'duplicate', 'reversed')) <> (closed_at IS NOT NULL)
                OR (state = 'final' AND final_at < window_ends_at)
             ORDER BY id
        """,
    ),
    Check(
        id="V42",
        scope="records",
        title_zh="所用版本是行为当日适用的版本",
        title_en="The version used is the one in force for the deed's day and place",
        sql="""
            SELECT x.id, x.methodology_version_id, fit.id FROM (
                SELECT DISTINCT ON (activity, region, record_on, methodology_version_id, code, sector)
                       activity, region, record_on, methodology_version_id, code, sector, id, created_at
                  FROM credits_reduction WHERE revision = 1) x
              LEFT JOIN LATERAL (
                SELECT v.id, m.code, m.sector FROM methodologies_methodology m
                  JOIN methodologies_methodologyversion v ON v.methodology_id = m.code
                 WHERE m.activity = x.activity
                   AND m.region IN (x.region, left(x.region, 4) || '00', left(x.region, 2) || '0000', '000000')
                   AND v.state IN ('published', 'superseded', 'withdrawn') AND v.effective_from <= x.record_on
                   AND (v.published_at <= x.created_at OR v.id = x.methodology_version_id)
                   AND (v.state <> 'withdrawn' OR v.sunset_on >= x.record_on OR v.id = x.methodology_version_id)
                 ORDER BY m.region = x.region DESC, m.region = left(x.region, 4) || '00' DESC,
                          m.region = left(x.region, 2) || '0000' DESC, v.effective_from DESC, v.id DESC
                 LIMIT 1) fit ON true
             WHERE (fit.id, fit.code, fit.sector) IS DISTINCT FROM (x.methodology_version_id, x.code, x.sector)
             ORDER BY x.id
        """,
    ),
    Check(
        id="V42b",
        title_zh="已发布的版本都有对应内容的审定",
        title_en="Each published version has an approval of just this content",
        sql="""
            SELECT v.methodology_id || '@' || v.version FROM methodologies_methodologyversion v
             WHERE v.state IN ('published', 'superseded', 'withdrawn')
               AND (v.published_at IS NULL OR NOT EXISTS (
                    SELECT FROM kernel_approval a
                     WHERE (a.kind, a.basis) IN (('methodology.publish', 'founding'),
                                                 ('methodology.approve', 'four_eyes'))
                       AND a.subject = 'methodology:' || v.methodology_id || '@' || v.version
                       AND a.approved AND a.content_sha256 = v.sha256))
             ORDER BY 1
        """,
    ),
    Check(
        id="V42j",
        title_zh="随系统发布只用于数据库里还没有的方法学",
        title_en="Only a code that had no version yet was published as part of the installation",
        sql="""
            SELECT a.subject FROM kernel_approval a
             WHERE a.basis = 'founding' AND a.kind = 'methodology.publish' AND EXISTS (
                   SELECT FROM methodologies_methodologyversion v
                     JOIN methodologies_methodologyversion o ON o.methodology_id = v.methodology_id AND o.id < v.id
                    WHERE a.subject = 'methodology:' || v.methodology_id || '@' || v.version
                      AND o.published_at IS DISTINCT FROM v.published_at)
             UNION
            SELECT a.subject FROM kernel_approval a
             WHERE a.basis = 'founding' AND (a.kind <> 'methodology.publish' OR EXISTS (
                   SELECT FROM kernel_approvalrequest r WHERE r.kind = 'methodology.approve' AND r.subject = a.subject)
                   OR NOT EXISTS (
                   SELECT FROM methodologies_methodologyversion v
                    WHERE a.subject = 'methodology:' || v.methodology_id || '@' || v.version
                      AND v.published_at = a.decided_at))
             ORDER BY 1
        """,
    ),
    Check(
        id="V42c",
        title_zh="同一行为同一地区同时只有一个方法学生效",
        title_en="Per activity and issuing region one code is in force at a time",
        sql="""
            SELECT a.code, b.code FROM methodologies_methodology a JOIN methodologies_methodology b
                ON a.code < b.code AND (a.activity, a.region) = (b.activity, b.region) AND a.in_force && b.in_force
             ORDER BY 1
        """,
    ),
    Check(
        id="V43",
        scope="records",
        title_zh="减碳量不为负，也不多于算出的量",
        title_en="Grams are never negative and never more than was computed",
        sql="""
            SELECT id, computed_g, reduction_g FROM credits_reduction
             WHERE reduction_g < 0 OR reduction_g > computed_g ORDER BY id
        """,
    ),
    Check(
        id="V43b",
        scope="participants",
        title_zh="上限用量等于各条减碳量所用之和",
        title_en="What each limit has been used by is what the reductions used",
        sql=_WITH_NEWEST
        + """
            , declared AS MATERIALIZED (
                SELECT b.id AS basis_id, (l.item->>'measure') || '/' || (l.item->>'per') AS limit_key,
                       l.item->>'per' AS per, (l.place - 1)::int AS place
                  FROM credits_basis b
                 CROSS JOIN LATERAL jsonb_array_elements(b.content::jsonb->'limits') WITH ORDINALITY l (item, place))
            , used AS (
                SELECT n.participant_id, n.code, l.limit_key,
                       CASE l.per WHEN 'day' THEN n.record_on ELSE date_trunc(l.per, n.record_on)::date END
                           AS period_start,
                       sum((n.dependencies->'used'->>l.place)::numeric) AS used
                  FROM newest n JOIN declared l ON l.basis_id = n.basis_id
                 WHERE n.reason <> 'reversed' GROUP BY 1, 2, 3, 4)
            SELECT concat_ws(' ', participant_id, code, limit_key, period_start), l.used, u.used
              FROM credits_limitusage l FULL JOIN used u USING (participant_id, code, limit_key, period_start)
             WHERE coalesce(l.used, 0) <> coalesce(u.used, 0) ORDER BY 1
        """,
    ),
    Check(
        id="V43c",
        scope="participants",
        title_zh="次数和克数上限没有被超过",
        title_en="No limit on records or grams is exceeded, counted from the reductions themselves",
        sql=_WITH_NEWEST
        + """
            , tops AS (
                SELECT v.id, v.methodology_id AS code, (t->>'measure') || '/' || (t->>'per') AS limit_key,
                       min((t->>'max')::numeric) AS top
                  FROM methodologies_methodologyversion v
                  CROSS JOIN LATERAL jsonb_array_elements(v.document->'limits') t
                 WHERE t->>'measure' IN ('records', 'reduction') AND jsonb_typeof(v.document->'limits') = 'array'
                 GROUP BY 1, 2, 3)
            -- A period with a result under a version that has no such limit is not bound by it.
            SELECT concat_ws(' ', n.participant_id, k.code, k.limit_key, p.start),
                   sum(CASE WHEN k.limit_key LIKE 'records/%' THEN (n.reduction_g > 0)::int
                            ELSE n.reduction_g END), max(u.top)
              FROM newest n JOIN (SELECT DISTINCT code, limit_key FROM tops) k ON k.code = n.code
              LEFT JOIN tops u ON u.id = n.methodology_version_id AND u.limit_key = k.limit_key
             CROSS JOIN LATERAL (
                SELECT CASE split_part(k.limit_key, '/', 2) WHEN 'day' THEN n.record_on
                       ELSE date_trunc(split_part(k.limit_key, '/', 2), n.record_on)::date END) p (start)
             GROUP BY n.participant_id, k.code, k.limit_key, p.start
            HAVING bool_and(u.top IS NOT NULL OR n.reduction_g = 0)
               AND sum(CASE WHEN k.limit_key LIKE 'records/%' THEN (n.reduction_g > 0)::int
                            ELSE n.reduction_g END) > max(u.top)
             ORDER BY 1
        """,
    ),
    Check(
        id="V44",
        scope="records",
        title_zh="证据比例向下取整",
        title_en="The evidence share is applied as published and rounded down",
        sql="""
            WITH shares AS MATERIALIZED (
                SELECT v.id, e.key AS grade, e.value::numeric AS share
                  FROM methodologies_methodologyversion v
                 CROSS JOIN LATERAL jsonb_each_text(v.document->'evidence') e)
            SELECT x.id, x.computed_g, x.reduction_g FROM credits_reduction x
              JOIN shares s ON s.id = x.methodology_version_id AND s.grade = x.evidence
             CROSS JOIN LATERAL (SELECT floor(x.computed_g * s.share) AS g) share
             WHERE x.reason <> 'reversed'
               AND (x.reduction_g > share.g OR (x.reason IN ('', 'self_declared') AND x.reduction_g <> share.g))
             ORDER BY x.id
        """,
    ),
    Check(
        id="V44b",
        scope="records",
        title_zh="自行申报和不可核证方法学的克数不可核证",
        title_en="Self-declared grams, and those of uncertifiable methods, are marked uncertifiable",
        sql="""
            SELECT x.id FROM credits_reduction x
              JOIN methodologies_methodologyversion v ON v.id = x.methodology_version_id
             WHERE x.certifiable <> (v.certifiable AND x.evidence <> 'self_declared') ORDER BY x.id
        """,
    ),
    Check(
        id="V45",
        scope="records",
        title_zh="每条记录每次更正只有一个结果，次序连续",
        title_en="One result per record and revision, numbered from 1 without a gap",
        sql="""
            SELECT record_id, count(*), max(revision) FROM credits_reduction GROUP BY record_id
            HAVING count(*) <> max(revision) OR min(revision) <> 1 OR count(DISTINCT revision) <> count(*)
             ORDER BY record_id
        """,
    ),
    Check(
        id="V47",
        scope="participants",
        title_zh="同一人没有重叠的行程",
        title_en="No person is in two places at once",
        sql="""
            SELECT a.record_id, b.record_id FROM behaviors_tripinterval a JOIN behaviors_tripinterval b
                ON a.person_id = b.person_id AND a.record_id < b.record_id AND a.period && b.period
             ORDER BY 1
        """,
    ),
    Check(
        id="V48",
        scope="records",
        title_zh="发生日期是北京时间的日期",
        title_en="The day of a deed is its Asia/Shanghai date",
        sql="""
            SELECT id, occurred_on, started_at FROM behaviors_behaviorrecord
             WHERE started_at IS NOT NULL AND (started_at AT TIME ZONE 'Asia/Shanghai')::date <> occurred_on
             ORDER BY id
        """,
    ),
    Check(
        id="V49",
        scope="records",
        title_zh="撤销后的结果为 0 克",
        title_en="An undoing is a further revision of 0 g, of a record that was reversed",
        sql="""
            SELECT x.id FROM credits_reduction x LEFT JOIN behaviors_behaviorrecord r
                ON r.id = x.record_id AND r.occurred_on = x.record_on
             WHERE x.reason = 'reversed'
               AND (x.reduction_g <> 0 OR x.revision = 1 OR r.state IS DISTINCT FROM 'reversed')
             ORDER BY x.id
        """,
    ),
    Check(
        id="V49b",
        scope="records",
        title_zh="每次更正都写明来由，与审定的预览一致",
        title_en="Each later revision is an undoing, or names the approved recomputation that gave just this result",
        sql="""
            SELECT x.id, x.record_id, x.revision FROM credits_reduction x
              LEFT JOIN credits_recomputation j ON j.id = (x.dependencies->>'recomputation')::bigint
              LEFT JOIN credits_recomputationline l ON l.recomputation_id = j.id AND l.record_id = x.record_id
              LEFT JOIN credits_reduction b ON b.record_id = x.record_id AND b.revision = x.revision - 1
              LEFT JOIN methodologies_methodologyversion v ON v.id = x.methodology_version_id
             WHERE x.revision > 1 AND x.reason <> 'reversed'
               AND (j.state IN ('running', 'done') AND j.version_id = x.methodology_version_id AND NOT l.stands
                    AND (l.before_id, l.before_g, l.computed_g, l.new_g, l.new_reason)
                        = (b.id, b.reduction_g, x.computed_g, x.reduction_g, x.reason)
                    AND v.published_at <= x.created_at AND j.code = x.code
                    AND x.record_on BETWEEN j.first AND j.last
                    AND EXISTS (SELECT FROM kernel_approval a
                                 WHERE a.kind = 'methodology.recompute' AND a.subject = 'recomputation:' || j.uuid
                                   AND a.content_sha256 = j.content_sha256 AND a.approved)) IS NOT TRUE
             ORDER BY x.id
        """,
    ),
    Check(
        id="V49c",
        title_zh="重算的差额逐条相加，等于审定的数",
        title_en="What a recomputation changed, revision by revision, is what its parts and its approved numbers say",
        sql="""
            WITH written AS (
                SELECT (x.dependencies->>'recomputation')::bigint AS job, x.participant_id,
                       sum(x.reduction_g - b.reduction_g) AS g
                  FROM credits_reduction x JOIN credits_reduction b
                    ON b.record_id = x.record_id AND b.revision = x.revision - 1
                 WHERE x.revision > 1 AND x.dependencies->'recomputation' IS NOT NULL GROUP BY 1, 2
            ), lines AS (
                SELECT recomputation_id AS job, participant_id, sum(new_g - before_g) FILTER (WHERE NOT stands) AS g
                  FROM credits_recomputationline GROUP BY 1, 2
            ), parts AS (
                SELECT p.recomputation_id AS job, p.participant_id, p.change_g, coalesce(l.g, 0) AS lines_g,
                       CASE WHEN p.outcome = 'applied' THEN p.change_g ELSE 0 END AS due_g
                  FROM credits_recomputationpart p
                  LEFT JOIN lines l ON (l.job, l.participant_id) = (p.recomputation_id, p.participant_id))
            SELECT 'recomputation:' || coalesce(p.job, w.job), coalesce(p.participant_id, w.participant_id)::text,
                   p.due_g, w.g
              FROM parts p FULL JOIN written w USING (job, participant_id)
             WHERE coalesce(p.due_g, 0) <> coalesce(w.g, 0) OR p.change_g <> p.lines_g
             UNION ALL
            SELECT 'recomputation:' || j.id, 'approved numbers', (j.numbers->>'change_g')::bigint, sum(p.change_g)
              FROM credits_recomputation j JOIN credits_recomputationpart p ON p.recomputation_id = j.id
             WHERE j.previewed_at IS NOT NULL
             GROUP BY j.id, j.numbers HAVING (j.numbers->>'change_g')::bigint IS DISTINCT FROM sum(p.change_g)
             ORDER BY 1
        """,
    ),
    Check(
        id="V50",
        scope="days",
        title_zh="每日汇总等于记录和减碳量之和",
        title_en="The daily totals are the sums of records and reductions",
        sql=_WITH_NEWEST
        + """
            , sums AS (
                SELECT n.region, n.record_on AS day, n.activity, n.code, n.sector, n.subject, n.evidence, n.certifiable,
                       CASE WHEN r.state <> 'reversed' THEN r.state
                            WHEN r.final_at IS NULL THEN 'provisional' ELSE 'final' END AS state,
                       count(*) AS records, count(*) FILTER (WHERE n.reduction_g = 0) AS zeros, sum(n.reduction_g) AS g
                  FROM newest n JOIN behaviors_behaviorrecord r ON r.id = n.record_id AND r.occurred_on = n.record_on
                 WHERE n.reason <> 'reversed' AND r.state IN ('provisional', 'final', 'reversed')
                 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9)
            SELECT concat_ws(' ', region, day, activity, code, sector, subject, evidence, certifiable, state),
                   t.records, s.records, t.reduction_g, s.g
              FROM credits_dailytotal t
              FULL JOIN sums s USING (region, day, activity, code, sector, subject, evidence, certifiable, state)
             WHERE (coalesce(t.records, 0), coalesce(t.zero_records, 0), coalesce(t.reduction_g, 0))
                   <> (coalesce(s.records, 0), coalesce(s.zeros, 0), coalesce(s.g, 0))
             ORDER BY 1
        """,
    ),
    Check(
        id="V23",
        scope="records",
        title_zh="每一克至多使用一次",
        title_en="The claims on a reduction never exceed its grams, and the counter is their sum",
        sql="""
            WITH sums AS (SELECT c.reduction_id, x.record_id, x.revision, sum(c.grams) AS grams
                            FROM credits_claim c JOIN credits_reduction x ON x.id = c.reduction_id GROUP BY 1, 2, 3)
            SELECT x.id, x.reduction_g, sums.grams, c.claimed_g FROM credits_reduction x
              LEFT JOIN sums ON sums.reduction_id = x.id
              LEFT JOIN credits_claimedgrams c ON c.reduction_id = x.id
              LEFT JOIN LATERAL (SELECT sum(e.grams) AS grams FROM sums e
                                  WHERE e.record_id = x.record_id AND e.revision < x.revision) earlier
                     ON x.revision > 1 AND x.reason <> 'reversed'
             WHERE coalesce(sums.grams, 0) + coalesce(earlier.grams, 0) > x.reduction_g
                OR coalesce(sums.grams, 0) <> coalesce(c.claimed_g, 0)
                OR c.limit_g <> x.reduction_g - coalesce(earlier.grams, 0)
             ORDER BY x.id
        """,
    ),
    Check(
        id="V60",
        title_zh="没有记录滞留超过 10 分钟",
        title_en="No record waits to be computed for more than ten minutes",
        sql="""
            SELECT id, state, received_at FROM behaviors_behaviorrecord
             WHERE state IN ('received', 'checking')
               AND coalesce(claimed_at, received_at) < transaction_timestamp() - interval '10 minutes'
             ORDER BY id
        """,
    ),
]

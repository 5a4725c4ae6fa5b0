"""Verifications on a sample: each sample drawn again, each report counted again, the verifier apart (R8, T35)."""

from .check import Check

CHECKS = [
    Check(
        id="V42h",
        title_zh="核查的样本按公布的名单和随机数重抽，结果一致",
        title_en="Each sample drawn again from its frame and its number is the one stored, and the frame came first",
        sql=r"""
            WITH tickets AS (
                SELECT v.uuid, v.sample_size, n::bigint AS record_id,
                       encode(sha256(convert_to(encode(sha256(convert_to(v.frame, 'UTF8')), 'hex')
                              || E'\n' || d.seed || E'\n' || n, 'UTF8')), 'hex') AS ticket
                  FROM credits_verification v JOIN credits_verificationdraw d ON d.verification_id = v.uuid
                 CROSS JOIN LATERAL unnest(string_to_array(rtrim(v.frame, E'\n'), E'\n')) n),
            ranked AS (
                SELECT t.*, row_number() OVER (PARTITION BY t.uuid ORDER BY t.ticket COLLATE "C", t.record_id) AS place
                  FROM tickets t)
            SELECT 'verification:' || coalesce(r.uuid, s.verification_id), 'place ' || coalesce(r.place, s.place)
              FROM (SELECT * FROM ranked WHERE place <= sample_size) r
              FULL JOIN credits_sampledrecord s ON s.verification_id = r.uuid AND s.place = r.place
             WHERE (r.record_id, r.ticket) IS DISTINCT FROM (s.record_id, s.ticket::text)
             UNION ALL
            SELECT 'verification:' || v.uuid, 'frame' FROM credits_verification v
             WHERE v.frame_sha256 <> encode(sha256(convert_to(v.frame, 'UTF8')), 'hex')
                OR v.frame_count <> cardinality(string_to_array(rtrim(v.frame, E'\n'), E'\n'))
                OR v.sample_size <> least(v.frame_count,
                                          greatest(ceil(v.frame_count::numeric * v.percent / 100), v.minimum))
             UNION ALL
            SELECT 'verification:' || v.uuid, 'number of ' || d.published_on FROM credits_verification v
              JOIN credits_verificationdraw d ON d.verification_id = v.uuid
             WHERE d.published_on <= (v.frozen_at AT TIME ZONE 'Asia/Shanghai')::date
                OR d.published_on > (d.drawn_at AT TIME ZONE 'Asia/Shanghai')::date
             UNION ALL
            SELECT 'verification:' || s.verification_id, 'no record ' || s.record_id FROM credits_sampledrecord s
             WHERE NOT EXISTS (SELECT FROM behaviors_behaviorrecord b
                                WHERE b.id = s.record_id AND b.occurred_on = s.record_on)
        """,
    ),
    Check(
        id="V42i",
        title_zh="核查报告的各项数目与逐条结果一致，每项都有结果",
        title_en="The counts of each report are those of its answers, and no check lacks one",
        sql="""
            WITH newest AS (
                SELECT DISTINCT ON (a.sampled_id, a.question) s.verification_id, a.sampled_id, a.question, a.result
                  FROM credits_verificationanswer a JOIN credits_sampledrecord s ON s.id = a.sampled_id
                 ORDER BY a.sampled_id, a.question, a.revision DESC),
            by_record AS (
                SELECT verification_id, sampled_id, count(*) AS answered,
                       count(*) FILTER (WHERE result = 'yes') AS yes, count(*) FILTER (WHERE result = 'no') AS no,
                       count(*) FILTER (WHERE result = 'unclear') AS unclear,
                       count(*) FILTER (WHERE result = 'n_a') AS n_a
                  FROM newest GROUP BY verification_id, sampled_id),
            summed AS (
                SELECT verification_id, sum(answered) AS answered, sum(yes) AS yes, sum(no) AS no,
                       sum(unclear) AS unclear, sum(n_a) AS n_a, count(*) FILTER (WHERE no > 0) AS wrong,
                       count(*) FILTER (WHERE no = 0 AND unclear > 0) AS open
                  FROM by_record GROUP BY verification_id)
            SELECT 'verification:' || v.uuid FROM credits_verificationreport r
              JOIN credits_verification v ON v.uuid = r.verification_id
              LEFT JOIN summed x ON x.verification_id = v.uuid
             WHERE (r.yes, r.no, r.unclear, r.not_applicable, r.records_wrong, r.records_unclear)
                   IS DISTINCT FROM (x.yes, x.no, x.unclear, x.n_a, x.wrong, x.open)
                OR x.answered IS DISTINCT FROM v.sample_size * cardinality(v.questions)
                OR r.content_sha256 <> encode(sha256(convert_to(r.content, 'UTF8')), 'hex')
                OR (r.content::jsonb #>> '{counts,records_wrong}')::bigint <> r.records_wrong
                OR r.content::jsonb #>> '{frame,sha256}' <> v.frame_sha256
        """,
    ),
    Check(
        id="V42m",
        title_zh="撤回的核查没有任何结果，撤回以后不再抽样，也没有人再接手",
        title_en="A verification that was withdrawn has no answer, and nobody drew or took it afterwards",
        sql="""
            SELECT 'verification:' || w.verification_id FROM credits_verificationwithdrawal w
              LEFT JOIN credits_verificationdraw d ON d.verification_id = w.verification_id
             WHERE d.drawn_at > w.at
                OR EXISTS (SELECT FROM credits_verifierdeclaration x
                            WHERE x.verification_id = w.verification_id AND x.at > w.at)
                OR EXISTS (SELECT FROM credits_verificationanswer a JOIN credits_sampledrecord s ON s.id = a.sampled_id
                            WHERE s.verification_id = w.verification_id)
                OR EXISTS (SELECT FROM credits_verificationreport r WHERE r.verification_id = w.verification_id)
        """,
    ),
    Check(
        id="V27f",
        title_zh="核查员不是发起或抽样的人，名单里没有其本人、家庭或企业的记录，有冲突的不核查",
        title_en="The verifier neither opened nor drew it, holds nothing in the frame, and declared no conflict",
        sql=r"""
            SELECT 'verification:' || v.uuid, d.person FROM credits_verifierdeclaration d
              JOIN credits_verification v ON v.uuid = d.verification_id
              LEFT JOIN credits_verificationdraw w ON w.verification_id = v.uuid
             WHERE d.person = v.opened_by OR d.person = w.drawn_by
             UNION
            SELECT 'verification:' || v.uuid, d.person FROM credits_verifierdeclaration d
              JOIN credits_verification v ON v.uuid = d.verification_id
             CROSS JOIN LATERAL unnest(string_to_array(rtrim(v.frame, E'\n'), E'\n')) n
              JOIN behaviors_behaviorrecord b ON b.id = n::bigint
             WHERE NOT d.conflicted AND b.person_id = d.person
             UNION
            SELECT 'verification:' || v.uuid, d.person FROM credits_verifierdeclaration d
              JOIN credits_verification v ON v.uuid = d.verification_id
              JOIN accounts_participant p ON p.person_id = d.person
              JOIN behaviors_behaviorrecord b ON b.participant_id = p.uuid AND b.occurred_on BETWEEN v.first AND v.last
             WHERE NOT d.conflicted AND b.id::text = ANY (string_to_array(v.frame, E'\n'))
             UNION
            SELECT 'verification:' || s.verification_id, a.person FROM credits_verificationanswer a
              JOIN credits_sampledrecord s ON s.id = a.sampled_id
             WHERE NOT EXISTS (SELECT FROM credits_verifierdeclaration d WHERE d.verification_id = s.verification_id
                                  AND d.person = a.person AND NOT d.conflicted)
             UNION
            SELECT 'verification:' || r.verification_id, r.signed_by FROM credits_verificationreport r
             WHERE NOT EXISTS (SELECT FROM credits_verifierdeclaration d WHERE d.verification_id = r.verification_id
                                  AND d.person = r.signed_by AND NOT d.conflicted)
        """,
    ),
]

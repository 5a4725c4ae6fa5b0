"""Checks of the ledger, L1 to L9 of integrity.md (L7, one earning per reduction, is asked beside the accruals).

Written against the tables, not against the services: the guards in the database could be switched off by a superuser,
a restore or a careless migration, and these questions would still find what came of it.
"""

from .check import Check

CHECKS = [
    Check(
        id="V1",
        scope="entries",
        title_zh="每笔账按单位相加为零",
        title_en="Each entry sums to zero in each unit",
        sql="""
            SELECT entry_id, unit, sum(amount) FROM ledger_ledgerline
             GROUP BY entry_id, unit HAVING sum(amount) <> 0 ORDER BY entry_id
        """,
    ),
    Check(
        id="V1b",
        scope="entries",
        title_zh="每笔账的行数齐全、连号",
        title_en="Each entry has all of its lines, numbered from 1",
        sql="""
            SELECT e.id, e.line_count, coalesce(l.n, 0)
              FROM ledger_ledgerentry e
              LEFT JOIN (SELECT entry_id, count(*) AS n, min(line_no) AS first_no, max(line_no) AS last_no
                           FROM ledger_ledgerline GROUP BY entry_id) l ON l.entry_id = e.id
             WHERE l.n IS DISTINCT FROM e.line_count OR l.first_no <> 1 OR l.last_no <> l.n OR l.n < 2
             ORDER BY e.id
        """,
    ),
    Check(
        id="V1c",
        scope="entries",
        title_zh="每一行都有所属的账目和账户",
        title_en="Each line has its entry and its account",
        sql="""
            SELECT l.entry_id, l.line_no, l.account_id
              FROM ledger_ledgerline l
              LEFT JOIN ledger_ledgerentry e ON e.id = l.entry_id
              LEFT JOIN ledger_ledgeraccount a ON a.id = l.account_id
             WHERE e.id IS NULL OR a.id IS NULL ORDER BY l.entry_id, l.line_no
        """,
    ),
    Check(
        id="V2",
        scope="accounts",
        title_zh="有下限的账户不低于零",
        title_en="No bounded account is below zero",
        sql="""
            SELECT a.address, a.balance FROM ledger_ledgeraccount a
             WHERE split_part(a.address, ':', 1) IN ('participant', 'pool', 'voucher')
               AND (a.balance < 0 OR NOT a.bounded)
             ORDER BY a.address
        """,
    ),
    Check(
        id="V2b",
        scope="accounts",
        title_zh="账户的下限、年份和单位由地址决定",
        title_en="The floor, the year and the unit of an account follow from its address",
        sql="""
            SELECT a.address, a.bounded, a.points_year, a.unit FROM ledger_ledgeraccount a
             WHERE a.unit NOT IN ('points', 'fen')
                OR a.bounded IS DISTINCT FROM (split_part(a.address, ':', 1) IN ('participant', 'pool', 'voucher'))
                OR (a.address ~ '^participant:[0-9a-f-]{36}:points:[0-9]{4}$') <> (a.points_year IS NOT NULL)
                OR a.points_year::text <> ltrim(right(a.address, 4), '0')
                OR (a.points_year IS NOT NULL AND a.unit <> 'points')
             ORDER BY a.address
        """,
    ),
    Check(
        id="V3",
        scope="accounts",
        title_zh="账户余额等于其各行之和",
        title_en="The balance of a bounded account is the sum of its lines",
        sql="""
            SELECT a.address, a.balance, coalesce(l.total, 0)
              FROM ledger_ledgeraccount a
              LEFT JOIN (SELECT account_id, sum(amount) AS total FROM ledger_ledgerline GROUP BY account_id) l
                     ON l.account_id = a.id
             WHERE a.balance <> CASE WHEN a.bounded THEN coalesce(l.total, 0) ELSE 0 END
             ORDER BY a.address
        """,
    ),
    Check(
        id="V3b",
        scope="accounts",
        title_zh="账户结转点等于截至该笔的各行之和",
        title_en="A checkpoint is the sum of the account's lines up to its entry",
        sql="""
            SELECT c.id, c.balance, coalesce(sum(l.amount), 0)
              FROM ledger_accountcheckpoint c
              LEFT JOIN ledger_ledgerline l ON l.account_id = c.account_id AND l.entry_id <= c.upto_entry
             GROUP BY c.id, c.balance HAVING c.balance <> coalesce(sum(l.amount), 0) ORDER BY c.id
        """,
    ),
    Check(
        id="V4",
        title_zh="账本的防改触发器都在并启用",
        title_en="The guards of the ledger are in place and switched on",
        sql="""
            -- tgtype bits: 1 row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate
            SELECT w.tab || ': ' || w.what
              FROM (VALUES
                    ('ledger_ledgerentry', 'UPDATE or DELETE', 27),
                    ('ledger_ledgerline', 'UPDATE or DELETE', 27),
                    ('ledger_hold', 'UPDATE or DELETE', 27),
                    ('ledger_holdresolution', 'UPDATE or DELETE', 27),
                    ('ledger_accountcheckpoint', 'UPDATE or DELETE', 27),
                    ('ledger_ledgerentry', 'TRUNCATE', 34),
                    ('ledger_ledgerline', 'TRUNCATE', 34),
                    ('ledger_ledgeraccount', 'TRUNCATE', 34),
                    ('ledger_hold', 'TRUNCATE', 34),
                    ('ledger_holdresolution', 'TRUNCATE', 34),
                    ('ledger_accountcheckpoint', 'TRUNCATE', 34),
                    ('ledger_ledgeraccount', 'chart: BEFORE INSERT', 7),
                    ('ledger_ledgeraccount', 'fixed: AFTER UPDATE', 17),
                    ('ledger_ledgerline', 'seal: statement-level AFTER INSERT', 4),
                    ('ledger_ledgerentry', 'seal: deferred AFTER INSERT', 5)
                   ) AS w (tab, what, bits)
             WHERE NOT EXISTS (
                    SELECT FROM pg_trigger t
                     WHERE t.tgrelid = to_regclass('public.' || w.tab) AND NOT t.tgisinternal
                       AND t.tgtype = w.bits AND t.tgenabled IN ('O', 'A'))
             UNION ALL
            SELECT c.relname || ': ' || g.privilege_type || ' is granted to ' || g.grantee::regrole::text
              FROM pg_class c, aclexplode(c.relacl) g
             WHERE c.relnamespace = 'public'::regnamespace AND c.relname LIKE 'ledger\\_%' AND c.relkind = 'r'
               AND g.privilege_type IN ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER') AND g.grantee <> c.relowner
             ORDER BY 1
        """,
    ),
    Check(
        id="V4b",
        scope="entries",
        title_zh="没有记在将来的账目",
        title_en="No entry was posted in the future",
        sql="""
            SELECT e.id, e.posted_at FROM ledger_ledgerentry e
             WHERE e.posted_at > now() + interval '2 seconds' ORDER BY e.id
        """,
    ),
    Check(
        id="V5",
        scope="entries",
        title_zh="冲正是原账的逐行镜像,且只有一次",
        title_en="A reversal mirrors its entry line by line, once",
        sql="""
            SELECT r.id FROM ledger_ledgerentry r
             WHERE (r.kind = 'reversal') <> (r.reverses_id IS NOT NULL)
             UNION
            SELECT r.id
              FROM ledger_ledgerentry r
              JOIN ledger_ledgerline o ON o.entry_id = r.reverses_id
              LEFT JOIN ledger_ledgerline m ON m.entry_id = r.id AND m.line_no = o.line_no
             WHERE (m.account_id, m.unit, m.amount) IS DISTINCT FROM (o.account_id, o.unit, -o.amount)
             UNION
            SELECT r.id FROM ledger_ledgerentry r JOIN ledger_ledgerentry o ON o.id = r.reverses_id
             WHERE (SELECT count(*) FROM ledger_ledgerline l WHERE l.entry_id = r.id)
                <> (SELECT count(*) FROM ledger_ledgerline l WHERE l.entry_id = o.id)
             UNION
            SELECT max(r.id) FROM ledger_ledgerentry r
             WHERE r.reverses_id IS NOT NULL GROUP BY r.reverses_id HAVING count(*) > 1
             ORDER BY 1
        """,
    ),
    Check(
        id="V6",
        scope="entries",
        title_zh="业务编号不重复,内容指纹完整",
        title_en="No key stands for two entries, each has a whole fingerprint",
        sql="""
            SELECT max(e.id), e.idempotency_key FROM ledger_ledgerentry e
             GROUP BY e.idempotency_key HAVING count(*) > 1
             UNION ALL
            SELECT e.id, e.idempotency_key FROM ledger_ledgerentry e
             WHERE octet_length(e.payload_sha256) <> 32 OR e.idempotency_key = ''
             ORDER BY 1
        """,
    ),
    Check(
        id="V8",
        scope="holds",
        title_zh="预留与账目相符",
        title_en="A hold is what its entry put into the voucher's account",
        sql="""
            SELECT h.id, h.amount, i.amount
              FROM ledger_hold h
              LEFT JOIN ledger_ledgerentry e ON e.id = h.entry_id
              LEFT JOIN (SELECT entry_id, account_id, sum(amount) AS amount FROM ledger_ledgerline
                          GROUP BY entry_id, account_id) i ON i.entry_id = h.entry_id AND i.account_id = h.account_id
             WHERE e.kind IS DISTINCT FROM 'redeem_hold' OR i.amount IS DISTINCT FROM h.amount
             ORDER BY h.id
        """,
    ),
    Check(
        id="V8b",
        scope="holds",
        title_zh="预留只了结一次,核销不超过预留,其余退回原账户",
        title_en="A hold is resolved once, captures no more than was held, and the rest returns to where it came from",
        sql="""
            WITH resolved AS (
                SELECT r.id, r.hold_id, r.kind, r.held_points, r.captured_points, r.entry_id, e.kind AS entry_kind,
                       h.amount, h.account_id AS voucher, h.entry_id AS hold_entry
                  FROM ledger_holdresolution r
                  LEFT JOIN ledger_hold h ON h.id = r.hold_id
                  LEFT JOIN ledger_ledgerentry e ON e.id = r.entry_id)
            SELECT r.hold_id FROM resolved r
             WHERE r.amount IS NULL OR r.held_points <> r.amount OR r.captured_points NOT BETWEEN 0 AND r.amount
                OR (r.kind = 'capture') <> (r.captured_points > 0)
                OR r.entry_kind IS DISTINCT FROM 'redeem_' || r.kind
                OR -r.amount IS DISTINCT FROM (SELECT sum(l.amount) FROM ledger_ledgerline l
                                                WHERE l.entry_id = r.entry_id AND l.account_id = r.voucher)
                OR r.captured_points <> (SELECT coalesce(sum(l.amount), 0)
                                           FROM ledger_ledgerline l JOIN ledger_ledgeraccount a ON a.id = l.account_id
                                          WHERE l.entry_id = r.entry_id AND a.address LIKE 'merchant:%')
                OR EXISTS (SELECT FROM ledger_ledgerline l JOIN ledger_ledgeraccount a ON a.id = l.account_id
                            WHERE l.entry_id = r.entry_id AND a.address LIKE 'participant:%'
                              AND l.amount > coalesce((SELECT -sum(g.amount) FROM ledger_ledgerline g
                                                        WHERE g.entry_id = r.hold_entry
                                                          AND g.account_id = l.account_id), 0))
             UNION
            SELECT r.hold_id FROM ledger_holdresolution r GROUP BY r.hold_id HAVING count(*) > 1
             ORDER BY 1
        """,
    ),
    Check(
        id="V8c",
        scope="accounts",
        title_zh="券账户只含尚未了结的预留",
        title_en="A voucher's account holds exactly what is still on hold",
        sql="""
            SELECT a.address, a.balance,
                   coalesce(h.amount, 0) AS held
              FROM ledger_ledgeraccount a
              LEFT JOIN ledger_hold h ON h.account_id = a.id
              LEFT JOIN ledger_holdresolution r ON r.hold_id = h.id
             WHERE a.address LIKE 'voucher:%'
               AND a.balance <> CASE WHEN r.id IS NULL THEN coalesce(h.amount, 0) ELSE 0 END
             ORDER BY a.address
        """,
    ),
    Check(
        id="V9",
        scope="entries",
        title_zh="每一行的单位与账户一致",
        title_en="Each line has its account's unit",
        sql="""
            SELECT l.entry_id, l.line_no, l.unit, a.unit
              FROM ledger_ledgerline l JOIN ledger_ledgeraccount a ON a.id = l.account_id
             WHERE l.unit <> a.unit OR l.unit NOT IN ('points', 'fen') ORDER BY l.entry_id, l.line_no
        """,
    ),
    Check(
        id="V9b",
        scope="entries",
        title_zh="每一行的数量不为零、不超过上限",
        title_en="No amount is zero or beyond the limit",
        sql="""
            SELECT l.entry_id, l.line_no, l.amount FROM ledger_ledgerline l
             WHERE l.amount = 0 OR l.amount NOT BETWEEN -1000000000000000 AND 1000000000000000
             ORDER BY l.entry_id, l.line_no
        """,
    ),
]

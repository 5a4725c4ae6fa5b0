-- Seals the lines of a statement; as before (0002), with one look at the lines, their accounts and their entry, and pools'
-- slots are locked before other accounts.
CREATE OR REPLACE FUNCTION ledger_seal_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_all record;
    v_fault text;
    v_entry bigint;
    v_reversals bigint[];
    v_wanted bigint;
    v_moved bigint[];
    v_short text;
BEGIN
    -- 1. One look at everything. Nearly every statement is one entry in one unit, and its entry comes with the look.
    SELECT s.*, e.id IS NOT NULL AS is_known, e.reverses_id, e.line_count,
           e.txid = pg_current_xact_id() AND e.posted_at = transaction_timestamp() AS is_ours
      INTO v_all
      FROM (
        SELECT min(f.entry_id) AS entry_id, min(f.entry_id) = max(f.entry_id) AND min(f.unit) = max(f.unit) AS is_one,
               count(*) AS n, min(f.line_no) AS first_no, max(f.line_no) AS last_no, sum(f.amount) AS total,
               bool_or(a.unit IS DISTINCT FROM f.unit) AS foreign_unit, count(*) FILTER (WHERE a.bounded) AS bounded,
               min(a.id) FILTER (WHERE a.bounded) AS account_id, min(f.amount) FILTER (WHERE a.bounded) AS amount
          FROM fresh f LEFT JOIN ledger_ledgeraccount a ON a.id = f.account_id
      ) s LEFT JOIN ledger_ledgerentry e ON e.id = s.entry_id;

    -- 2. Every entry touched by this statement is complete, of this transaction, balanced per unit, in its accounts' units.
    IF v_all.is_one THEN
        v_entry := v_all.entry_id;
        v_fault := CASE
            WHEN NOT v_all.is_known THEN '23L01'
            WHEN NOT v_all.is_ours THEN '23L02'
            WHEN v_all.n <> v_all.line_count OR v_all.n < 2 OR v_all.first_no <> 1 OR v_all.last_no <> v_all.n THEN '23L03'
            WHEN v_all.foreign_unit THEN '23L05'
            WHEN v_all.total <> 0 THEN '23L04' END;
        IF v_all.reverses_id IS NOT NULL THEN
            v_reversals := ARRAY[v_entry];
        END IF;
    ELSE
        SELECT min(j.fault), min(j.entry_id) FILTER (WHERE j.fault IS NOT NULL),
               array_agg(j.entry_id) FILTER (WHERE j.reverses_id IS NOT NULL)
          INTO v_fault, v_entry, v_reversals
          FROM (
            SELECT p.entry_id, e.reverses_id,
                   CASE
                       WHEN e.id IS NULL THEN '23L01'
                       WHEN e.txid <> pg_current_xact_id() OR e.posted_at <> transaction_timestamp() THEN '23L02'
                       WHEN p.n <> e.line_count OR p.n < 2 OR p.first_no <> 1 OR p.last_no <> p.n THEN '23L03'
                       WHEN p.foreign_unit THEN '23L05'
                       WHEN p.unbalanced THEN '23L04'
                   END AS fault
              FROM (
                SELECT u.entry_id, sum(u.n) AS n, min(u.first_no) AS first_no, max(u.last_no) AS last_no,
                       bool_or(u.total <> 0) AS unbalanced, bool_or(u.foreign_unit) AS foreign_unit
                  FROM (
                    SELECT f.entry_id, f.unit, count(*) AS n, min(f.line_no) AS first_no, max(f.line_no) AS last_no,
                           sum(f.amount) AS total, bool_or(a.unit IS DISTINCT FROM f.unit) AS foreign_unit
                      FROM fresh f LEFT JOIN ledger_ledgeraccount a ON a.id = f.account_id
                     GROUP BY f.entry_id, f.unit
                  ) u GROUP BY u.entry_id
              ) p LEFT JOIN ledger_ledgerentry e ON e.id = p.entry_id
          ) j;
    END IF;
    IF v_fault IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = v_fault, DETAIL = v_entry::text, MESSAGE = CASE v_fault
            WHEN '23L01' THEN 'ledger: a line names an entry that does not exist'
            WHEN '23L02' THEN 'ledger: the entry belongs to another transaction and is sealed'
            WHEN '23L03' THEN 'ledger: all lines of an entry, numbered from 1, arrive in one statement'
            WHEN '23L04' THEN 'ledger: the lines of an entry do not sum to zero per unit'
            ELSE 'ledger: a line and its account have different units' END;
    END IF;

    -- 3. A reversal is the exact mirror of what it reverses, line by line.
    IF v_reversals IS NOT NULL THEN
        SELECT e.id INTO v_entry
          FROM ledger_ledgerentry e JOIN ledger_ledgerentry o ON o.id = e.reverses_id
         WHERE e.id = ANY (v_reversals)
           AND (o.line_count <> e.line_count OR EXISTS (
                SELECT FROM fresh f LEFT JOIN ledger_ledgerline l ON l.entry_id = o.id AND l.line_no = f.line_no
                 WHERE f.entry_id = e.id
                   AND (l.account_id, l.unit, l.amount) IS DISTINCT FROM (f.account_id, f.unit, -f.amount)))
         LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'ledger: a reversal must mirror its entry line by line'
                USING ERRCODE = '23L07', DETAIL = v_entry::text;
        END IF;
    END IF;

    -- 4. Balances of bounded accounts move with their lines, conditional and relative; several are locked first, pools'
    -- slots before the others, each in order of id.
    IF v_all.bounded = 1 THEN
        UPDATE ledger_ledgeraccount a SET balance = a.balance + v_all.amount
         WHERE a.id = v_all.account_id AND a.balance + v_all.amount >= 0;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    ELSIF v_all.bounded > 1 THEN
        WITH delta AS (
            SELECT f.account_id, sum(f.amount) AS amount FROM fresh f GROUP BY f.account_id
        ), locked AS MATERIALIZED (
            SELECT a.id, d.amount::bigint AS amount
              FROM delta d JOIN ledger_ledgeraccount a ON a.id = d.account_id
             WHERE a.bounded AND d.amount <> 0
             ORDER BY NOT starts_with(a.address, 'pool:'), a.id
               FOR NO KEY UPDATE OF a
        ), moved AS (
            UPDATE ledger_ledgeraccount a SET balance = a.balance + l.amount
              FROM locked l WHERE a.id = l.id AND a.balance + l.amount >= 0
            RETURNING a.id
        )
        SELECT (SELECT count(*) FROM locked), array_agg(m.id) INTO v_wanted, v_moved FROM moved m;
        IF v_wanted = coalesce(cardinality(v_moved), 0) THEN
            RETURN NULL;
        END IF;
    ELSE
        RETURN NULL;
    END IF;
    SELECT min(t.address) INTO v_short FROM (
        SELECT a.address FROM fresh f JOIN ledger_ledgeraccount a ON a.id = f.account_id
         WHERE a.bounded AND a.id <> ALL (coalesce(v_moved, '{}'))
         GROUP BY a.id, a.address HAVING sum(f.amount) < 0) t;
    RAISE EXCEPTION 'ledger: a bounded account would fall below zero'
        USING ERRCODE = 'LG001', DETAIL = json_build_object('address', v_short)::text;
END $$;

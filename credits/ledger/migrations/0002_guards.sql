-- The guards: what makes an entry sealed by its statement and its transaction, for every session and every program.
-- Trigger functions run as their owner with a pinned search_path, so that a caller can neither lack the right to look
-- nor put a table of their own in front. Joins are pinned to index look-ups: a plan cached from a bulk posting must
-- never make a single posting read the whole table of accounts.

ALTER TABLE ledger_ledgerentry ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE ledger_ledgerentry ADD CONSTRAINT ledger_entry_payload_is_sha256 CHECK (octet_length(payload_sha256) = 32);
-- Balance updates stay in their page (HOT), also when a chunk updates every row of it: accounts of one chunk lie together.
ALTER TABLE ledger_ledgeraccount SET (fillfactor = 50);
-- A resolution speaks of the amount that was really held.
ALTER TABLE ledger_holdresolution ADD CONSTRAINT ledger_resolution_held
    FOREIGN KEY (hold_id, held_points) REFERENCES ledger_hold (id, amount);

-- The chart of accounts: opaque ids only. On insertion, because the address never changes and the pattern is dear.
CREATE FUNCTION ledger_account_of_the_chart() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NEW.address !~ '^(world:[a-z][a-z_]{1,31}(:(points|fen))?|(participant|pool|voucher|merchant|income|sponsor|cause):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(:[a-z][a-z_]{0,31}(:[0-9]{1,4})?)?)$' THEN
        RAISE EXCEPTION 'ledger: the address is not in the chart of accounts' USING ERRCODE = '23514';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_account_of_the_chart AFTER INSERT ON ledger_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION ledger_account_of_the_chart();

CREATE FUNCTION ledger_seal_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_fault text;
    v_entry bigint;
    v_reversals bigint[];
    v_wanted bigint;
    v_moved bigint[];
    v_short text;
BEGIN
    -- 1. Every entry touched by this statement is complete, of this transaction, balanced per unit, in its accounts' units.
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
    IF v_fault IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = v_fault, DETAIL = v_entry::text, MESSAGE = CASE v_fault
            WHEN '23L01' THEN 'ledger: a line names an entry that does not exist'
            WHEN '23L02' THEN 'ledger: the entry belongs to another transaction and is sealed'
            WHEN '23L03' THEN 'ledger: all lines of an entry, numbered from 1, arrive in one statement'
            WHEN '23L04' THEN 'ledger: the lines of an entry do not sum to zero per unit'
            ELSE 'ledger: a line and its account have different units' END;
    END IF;

    -- 2. A reversal is the exact mirror of what it reverses, line by line.
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

    -- 3. Balances of bounded accounts move with their lines: locked in order of id, conditional and relative.
    WITH delta AS (
        SELECT f.account_id, sum(f.amount) AS amount FROM fresh f GROUP BY f.account_id
    ), locked AS MATERIALIZED (
        SELECT a.id, d.amount::bigint AS amount
          FROM delta d JOIN ledger_ledgeraccount a ON a.id = d.account_id
         WHERE a.bounded AND d.amount <> 0
         ORDER BY a.id
           FOR NO KEY UPDATE OF a
    ), moved AS (
        UPDATE ledger_ledgeraccount a SET balance = a.balance + l.amount
          FROM locked l WHERE a.id = l.id AND a.balance + l.amount >= 0
        RETURNING a.id
    )
    SELECT (SELECT count(*) FROM locked), array_agg(m.id) INTO v_wanted, v_moved FROM moved m;
    IF v_wanted <> coalesce(cardinality(v_moved), 0) THEN
        SELECT min(t.address) INTO v_short FROM (
            SELECT a.address FROM fresh f JOIN ledger_ledgeraccount a ON a.id = f.account_id
             WHERE a.bounded AND a.id <> ALL (coalesce(v_moved, '{}'))
             GROUP BY a.id, a.address HAVING sum(f.amount) < 0) t;
        RAISE EXCEPTION 'ledger: a bounded account would fall below zero'
            USING ERRCODE = 'LG001', DETAIL = json_build_object('address', v_short)::text;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_seal_lines AFTER INSERT ON ledger_ledgerline
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_seal_lines();

CREATE FUNCTION ledger_entry_has_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_ledgerline l WHERE l.entry_id = NEW.id) THEN
        RAISE EXCEPTION 'ledger: an entry without lines' USING ERRCODE = '23L06', DETAIL = NEW.id::text;
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_entry_has_lines AFTER INSERT ON ledger_ledgerentry
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_entry_has_lines();

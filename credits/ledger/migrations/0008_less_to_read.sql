-- The same rules with less work a posting, measured on the path of a redemption. A CHECK is read anew from the catalogue by
-- every statement, an update of an account also read its generated columns, and both were a third of the work. So:
-- what an account is follows from its address once, on insertion; an entry has one CHECK with all of its rules; the amount
-- of a line is judged by the seal; and a statement of two lines is sealed without grouping.

-- What an account is. Nothing of it changes afterwards: the trigger `fixed` refuses that to everybody.
ALTER TABLE ledger_ledgeraccount
    ALTER COLUMN bounded DROP EXPRESSION, ALTER COLUMN bounded SET NOT NULL, ALTER COLUMN points_year DROP EXPRESSION;

CREATE OR REPLACE FUNCTION ledger_account_of_the_chart() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NEW.address !~ '^(world:[a-z][a-z_]{1,31}(:(points|fen))?|(participant|pool|voucher|merchant|income|sponsor|cause):[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(:[a-z][a-z_]{0,31}(:[0-9]{1,4})?)?)$' THEN
        RAISE EXCEPTION 'ledger: the address is not in the chart of accounts' USING ERRCODE = '23514';
    END IF;
    NEW.bounded := NEW.address ~ '^(participant|pool|voucher):';
    NEW.points_year := CASE WHEN NEW.address ~ '^participant:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:points:[0-9]{4}$'
                            THEN right(NEW.address, 4)::smallint END;
    IF NEW.unit NOT IN ('points', 'fen') THEN
        RAISE EXCEPTION 'ledger: the unit of an account is points or fen'
            USING ERRCODE = '23514', CONSTRAINT = 'ledger_account_unit';
    ELSIF NEW.points_year IS NOT NULL AND NEW.unit <> 'points' THEN
        RAISE EXCEPTION 'ledger: the year of a participant holds points, never money'
            USING ERRCODE = '23514', CONSTRAINT = 'ledger_account_points_year';
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER ledger_account_of_the_chart ON ledger_ledgeraccount;
CREATE TRIGGER ledger_account_of_the_chart BEFORE INSERT ON ledger_ledgeraccount
    FOR EACH ROW EXECUTE FUNCTION ledger_account_of_the_chart();

-- The rules of one entry. The error names the rule.
CREATE FUNCTION ledger_sound_entry(
    p_kind text, p_line_count integer, p_key text, p_payload bytea, p_reverses bigint) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF p_line_count >= 2 AND p_key <> '' AND octet_length(p_payload) = 32
       AND (p_kind = 'reversal') = (p_reverses IS NOT NULL) AND ledger_known_kind(p_kind) THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'ledger: this can not be an entry' USING ERRCODE = '23514', CONSTRAINT = CASE
        WHEN NOT p_line_count >= 2 THEN 'ledger_entry_two_lines'
        WHEN NOT p_key <> '' THEN 'ledger_entry_key_not_empty'
        WHEN NOT octet_length(p_payload) = 32 THEN 'ledger_entry_payload_is_sha256'
        WHEN NOT ledger_known_kind(p_kind) THEN 'ledger_entry_kind'
        ELSE 'ledger_entry_reversal_names_target' END;
END $$;

ALTER TABLE ledger_ledgerentry DROP CONSTRAINT ledger_entry_payload_is_sha256;

-- Seals the lines of a statement; as before (0007), with a short way for two lines of one entry and the limits of an amount.
CREATE OR REPLACE FUNCTION ledger_seal_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_line record;
    v_count integer := 0;
    v_total bigint := 0;
    v_unit text;
    v_plain boolean := true;
    v_bounded integer := 0;
    v_account bigint;
    v_amount bigint;
    v_all record;
    v_fault text;
    v_entry bigint;
    v_reversals bigint[];
    v_wanted bigint;
    v_moved bigint[];
    v_short text;
BEGIN
    -- 1. The short way. It only says yes, and only where the whole of the long way would: two lines, numbered 1 and 2 (their
    -- key makes them differ), of one entry, in the unit of both accounts, with amounts inside the limits that sum to zero;
    -- the entry is of this transaction, promised two lines and reverses nothing; at most one account has a floor, and
    -- keeps it. Everything else, and all that is unknown, goes the long way, which says what is wrong.
    FOR v_line IN
        SELECT f.entry_id, f.line_no, f.unit, f.amount, a.id, a.unit AS account_unit, a.bounded
          FROM fresh f LEFT JOIN ledger_ledgeraccount a ON a.id = f.account_id LIMIT 3
    LOOP
        IF v_count = 0 THEN
            v_entry := v_line.entry_id;
            v_unit := v_line.unit;
        END IF;
        v_count := v_count + 1;
        v_plain := v_plain AND v_count <= 2 AND v_line.entry_id = v_entry AND v_line.line_no BETWEEN 1 AND 2
                   AND v_line.unit = v_unit AND v_line.account_unit = v_unit
                   AND v_line.amount BETWEEN -1000000000000000 AND 1000000000000000 AND v_line.amount <> 0;
        EXIT WHEN v_plain IS NOT TRUE;
        v_total := v_total + v_line.amount;
        IF v_line.bounded THEN
            v_bounded := v_bounded + 1;
            v_account := v_line.id;
            v_amount := v_line.amount;
        END IF;
    END LOOP;
    IF v_plain AND v_count = 2 AND v_total = 0 AND v_bounded <= 1 THEN
        PERFORM FROM ledger_ledgerentry e
          WHERE e.id = v_entry AND e.line_count = 2 AND e.reverses_id IS NULL
            AND e.txid = pg_current_xact_id() AND e.posted_at = transaction_timestamp();
        IF FOUND THEN
            IF v_bounded = 0 THEN
                RETURN NULL;
            END IF;
            UPDATE ledger_ledgeraccount a SET balance = a.balance + v_amount
             WHERE a.id = v_account AND a.balance + v_amount >= 0;
            IF FOUND THEN
                RETURN NULL;
            END IF;
        END IF;
    END IF;

    -- 2. One look at everything. Most statements are one entry in one unit, and its entry comes with the look.
    SELECT s.*, e.id IS NOT NULL AS is_known, e.reverses_id, e.line_count,
           e.txid = pg_current_xact_id() AND e.posted_at = transaction_timestamp() AS is_ours
      INTO v_all
      FROM (
        SELECT min(f.entry_id) AS entry_id, min(f.entry_id) = max(f.entry_id) AND min(f.unit) = max(f.unit) AS is_one,
               count(*) AS n, min(f.line_no) AS first_no, max(f.line_no) AS last_no, sum(f.amount) AS total,
               bool_and(f.amount BETWEEN -1000000000000000 AND 1000000000000000 AND f.amount <> 0) AS in_limits,
               bool_or(a.unit IS DISTINCT FROM f.unit) AS foreign_unit, count(*) FILTER (WHERE a.bounded) AS bounded,
               min(a.id) FILTER (WHERE a.bounded) AS account_id, min(f.amount) FILTER (WHERE a.bounded) AS amount
          FROM fresh f LEFT JOIN ledger_ledgeraccount a ON a.id = f.account_id
      ) s LEFT JOIN ledger_ledgerentry e ON e.id = s.entry_id;
    IF NOT v_all.in_limits THEN
        RAISE EXCEPTION 'ledger: an amount is zero or beyond the limit'
            USING ERRCODE = '23514', CONSTRAINT = 'ledger_line_amount';
    END IF;

    -- 3. Every entry touched by this statement is complete, of this transaction, balanced per unit, in its accounts' units.
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

    -- 4. A reversal is the exact mirror of what it reverses, line by line.
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

    -- 5. Balances of bounded accounts move with their lines, conditional and relative; several are locked first, pools'
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

-- An entry has lines when it commits. Pinned to the index like the others: a session that planned this while the table was
-- small would read all lines at every commit, until the table is next analysed.
CREATE OR REPLACE FUNCTION ledger_entry_has_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM ledger_ledgerline l WHERE l.entry_id = NEW.id LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger: an entry without lines' USING ERRCODE = '23L06', DETAIL = NEW.id::text;
    END IF;
    RETURN NULL;
END $$;

-- Posts one entry; as before (0006), with a short way for two lines.
CREATE OR REPLACE FUNCTION ledger_post(
    p_key text, p_kind text, p_effective_on date, p_addresses text[], p_units text[], p_amounts bigint[],
    p_source text DEFAULT '', p_reverses bigint DEFAULT NULL, p_payload bytea DEFAULT NULL,
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_payload bytea := coalesce(p_payload, sha256(convert_to(json_build_array(
        p_kind, p_source, p_reverses, p_addresses, p_units, p_amounts)::text, 'UTF8')));
    v_count integer := cardinality(p_addresses);
    v_accounts bigint[];
    v_payer bigint;
    v_payee bigint;
BEGIN
    IF v_count IS DISTINCT FROM cardinality(p_amounts) OR v_count IS DISTINCT FROM coalesce(cardinality(p_units), v_count) THEN
        RAISE EXCEPTION 'ledger: addresses, units and amounts differ in length' USING ERRCODE = '22023';
    END IF;
    -- 1. The key. A concurrent posting under the same key waits here for the first one to end.
    IF p_reverses IS NULL THEN
        INSERT INTO ledger_ledgerentry (kind, line_count, idempotency_key, payload_sha256, effective_on, source)
        VALUES (p_kind, v_count, p_key, v_payload, p_effective_on, p_source)
        ON CONFLICT (idempotency_key) DO NOTHING
        RETURNING id, uid INTO posted_id, posted_uid;
    ELSE
        INSERT INTO ledger_ledgerentry (
            kind, line_count, idempotency_key, payload_sha256, effective_on, reverses_id, source)
        VALUES (p_kind, v_count, p_key, v_payload, p_effective_on, p_reverses, p_source)
        ON CONFLICT DO NOTHING
        RETURNING id, uid INTO posted_id, posted_uid;
    END IF;
    replayed := posted_id IS NULL;
    IF replayed THEN
        SELECT f.posted_id, f.posted_uid INTO posted_id, posted_uid FROM ledger_first_result(p_key, v_payload) f;
        IF posted_id IS NULL THEN  -- not the key, so the other unique column: somebody else reversed it
            RAISE EXCEPTION 'ledger: the entry is already reversed'
                USING ERRCODE = 'LG003', DETAIL = json_build_object('entry', p_reverses)::text;
        END IF;
        RETURN;
    END IF;
    -- 2. Two lines between accounts that exist, as nearly all single postings are.
    IF v_count = 2 THEN
        SELECT a.id, b.id INTO v_payer, v_payee FROM ledger_ledgeraccount a, ledger_ledgeraccount b
         WHERE a.address = p_addresses[1] AND b.address = p_addresses[2];
        IF FOUND THEN
            INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)
            VALUES (posted_id, 1, v_payer, coalesce(p_units[1], 'points'), p_amounts[1]),
                   (posted_id, 2, v_payee, coalesce(p_units[2], 'points'), p_amounts[2]);
            RETURN;
        END IF;
    END IF;
    -- 3. The accounts; those that do not exist yet are made, in order of address.
    v_accounts := ARRAY(
        SELECT a.id FROM unnest(p_addresses) WITH ORDINALITY u (address, n)
          JOIN ledger_ledgeraccount a ON a.address = u.address ORDER BY u.n);
    IF cardinality(v_accounts) <> v_count THEN
        INSERT INTO ledger_ledgeraccount (address, unit)
        SELECT DISTINCT ON (u.address) u.address, coalesce(u.unit, 'points')
          FROM unnest(p_addresses, p_units) u (address, unit)
         WHERE NOT EXISTS (SELECT FROM ledger_ledgeraccount a WHERE a.address = u.address)
         ORDER BY u.address
        ON CONFLICT (address) DO NOTHING;
        v_accounts := ARRAY(
            SELECT a.id FROM unnest(p_addresses) WITH ORDINALITY u (address, n)
              JOIN ledger_ledgeraccount a ON a.address = u.address ORDER BY u.n);
    END IF;
    -- 4. All lines in one statement; the guard moves the balances with them.
    INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)
    SELECT posted_id, u.n::integer, u.account, coalesce(u.unit, 'points'), u.amount
      FROM unnest(v_accounts, p_units, p_amounts) WITH ORDINALITY u (account, unit, amount, n);
END $$;

-- The deeds. Each is one round trip; they run with the caller's own rights, so the guards see them like anybody else.
-- Refusals carry a SQLSTATE of class LG, which credits.ledger.services turns into a DomainError.

-- Locks bounded accounts in order of id and tells their balances. Runs as the owner because a row lock needs the UPDATE
-- right, which the application does not have on accounts; it changes nothing.
CREATE FUNCTION ledger_lock_accounts(p_addresses text[])
RETURNS TABLE (account_id bigint, address varchar, points_year smallint, balance bigint)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT a.id, a.address, a.points_year, a.balance FROM ledger_ledgeraccount a
     WHERE a.address = ANY (p_addresses) ORDER BY a.id FOR NO KEY UPDATE
$$;

-- The next accounts of a points year that still hold something, locked in order of id.
CREATE FUNCTION ledger_lock_year(p_year smallint, p_after bigint, p_limit integer)
RETURNS TABLE (account_id bigint, address varchar, balance bigint)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT a.id, a.address, a.balance FROM ledger_ledgeraccount a
     WHERE a.points_year = p_year AND a.id > p_after AND a.balance > 0
     ORDER BY a.id LIMIT p_limit FOR NO KEY UPDATE
$$;

-- The first result of a key: its entry when the payload is the same, LG002 when it is another, nothing when it is new.
CREATE FUNCTION ledger_first_result(p_key text, p_payload bytea, OUT posted_id bigint, OUT posted_uid uuid)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_payload bytea;
BEGIN
    SELECT e.id, e.uid, e.payload_sha256 INTO posted_id, posted_uid, v_payload
      FROM ledger_ledgerentry e WHERE e.idempotency_key = p_key;
    IF FOUND AND v_payload <> p_payload THEN
        RAISE EXCEPTION 'ledger: this key was used for another posting'
            USING ERRCODE = 'LG002', DETAIL = json_build_object('key', p_key)::text;
    END IF;
END $$;

-- Posts one entry. The key comes from the business fact. `p_units` null means points throughout. `p_payload` is the digest
-- of what was asked for, where the lines follow from balances; else it is computed from the arguments. The effective
-- date is no part of the payload: a retry after midnight is still the same deed, dated by its first try.
CREATE FUNCTION ledger_post(
    p_key text, p_kind text, p_effective_on date, p_addresses text[], p_units text[], p_amounts bigint[],
    p_source text DEFAULT '', p_reverses bigint DEFAULT NULL, p_payload bytea DEFAULT NULL,
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    v_payload bytea := coalesce(p_payload, sha256(convert_to(json_build_array(
        p_kind, p_source, p_reverses, p_addresses, p_units, p_amounts)::text, 'UTF8')));
    v_count integer := cardinality(p_addresses);
BEGIN
    IF v_count IS DISTINCT FROM cardinality(p_amounts) OR v_count IS DISTINCT FROM coalesce(cardinality(p_units), v_count) THEN
        RAISE EXCEPTION 'ledger: addresses, units and amounts differ in length' USING ERRCODE = '22023';
    END IF;
    -- 1. The key. A concurrent posting under the same key waits here for the first one to end.
    INSERT INTO ledger_ledgerentry (kind, line_count, idempotency_key, payload_sha256, effective_on, reverses_id, source)
    VALUES (p_kind, v_count, p_key, v_payload, p_effective_on, p_reverses, p_source)
    ON CONFLICT DO NOTHING
    RETURNING id, uid INTO posted_id, posted_uid;
    replayed := posted_id IS NULL;
    IF replayed THEN
        SELECT f.posted_id, f.posted_uid INTO posted_id, posted_uid FROM ledger_first_result(p_key, v_payload) f;
        IF posted_id IS NULL THEN  -- not the key, so the other unique column: somebody else reversed it
            RAISE EXCEPTION 'ledger: the entry is already reversed'
                USING ERRCODE = 'LG003', DETAIL = json_build_object('entry', p_reverses)::text;
        END IF;
        RETURN;
    END IF;
    -- 2. Accounts that do not exist yet, in order of address.
    INSERT INTO ledger_ledgeraccount (address, unit)
    SELECT DISTINCT ON (u.address) u.address, coalesce(u.unit, 'points')
      FROM unnest(p_addresses, p_units) u (address, unit)
     WHERE NOT EXISTS (SELECT FROM ledger_ledgeraccount a WHERE a.address = u.address)
     ORDER BY u.address
    ON CONFLICT (address) DO NOTHING;
    -- 3. All lines in one statement; the guard moves the balances with them.
    INSERT INTO ledger_ledgerline (entry_id, line_no, account_id, unit, amount)
    SELECT posted_id, u.n::integer, a.id, coalesce(u.unit, 'points'), u.amount
      FROM unnest(p_addresses, p_units, p_amounts) WITH ORDINALITY u (address, unit, amount, n)
      JOIN ledger_ledgeraccount a ON a.address = u.address;
END $$;

-- Undoes an entry by its exact mirror, once.
CREATE FUNCTION ledger_reverse(
    p_key text, p_entry bigint, p_effective_on date, p_source text DEFAULT '',
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_kind text;
    v_addresses text[];
    v_units text[];
    v_amounts bigint[];
BEGIN
    SELECT e.kind INTO v_kind FROM ledger_ledgerentry e WHERE e.id = p_entry;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger: no such entry' USING ERRCODE = 'LG007';
    ELSIF v_kind IN ('redeem_hold', 'redeem_capture', 'redeem_release', 'redeem_expire', 'reversal') THEN
        RAISE EXCEPTION 'ledger: this kind is not reversed by a mirror'
            USING ERRCODE = 'LG008', DETAIL = json_build_object('kind', v_kind)::text;
    END IF;
    SELECT array_agg(a.address ORDER BY l.line_no), array_agg(l.unit ORDER BY l.line_no),
           array_agg(-l.amount ORDER BY l.line_no)
      INTO v_addresses, v_units, v_amounts
      FROM ledger_ledgerline l JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE l.entry_id = p_entry;
    SELECT r.posted_id, r.posted_uid, r.replayed INTO posted_id, posted_uid, replayed
      FROM ledger_post(p_key, 'reversal', p_effective_on, v_addresses, v_units, v_amounts, p_source, p_entry) r;
END $$;

-- Takes points from a participant, the oldest year that can still be spent first, and gives them to one account.
CREATE FUNCTION ledger_spend(
    p_key text, p_kind text, p_participant uuid, p_to text, p_amount bigint, p_effective_on date,
    p_life_years integer, p_source text DEFAULT '',
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_payload bytea := sha256(convert_to(json_build_array(
        p_kind, p_source, p_participant, p_to, p_amount)::text, 'UTF8'));
    v_year integer := extract(year FROM p_effective_on);
    v_addresses text[];
    v_amounts bigint[];
    v_available bigint;
BEGIN
    -- The key comes first in the global lock order; without this the accounts would be locked before it.
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger:key:' || p_key, 0));
    SELECT f.posted_id, f.posted_uid, f.posted_id IS NOT NULL INTO posted_id, posted_uid, replayed
      FROM ledger_first_result(p_key, v_payload) f;
    IF replayed THEN
        RETURN;
    END IF;
    WITH years AS MATERIALIZED (
        SELECT k.address, k.points_year, k.balance FROM ledger_lock_accounts(ARRAY(
            SELECT format('participant:%s:points:%s', p_participant, y)
              FROM generate_series(v_year - p_life_years, v_year) y)) k
         WHERE k.balance > 0
    ), running AS (
        SELECT y.address, y.points_year, y.balance,
               coalesce(sum(y.balance) OVER (ORDER BY y.points_year ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
               AS before
          FROM years y
    )
    SELECT array_agg(r.address::text ORDER BY r.points_year) FILTER (WHERE r.before < p_amount),
           array_agg(-least(r.balance, p_amount - r.before)::bigint ORDER BY r.points_year)
               FILTER (WHERE r.before < p_amount),
           coalesce(sum(r.balance), 0)
      INTO v_addresses, v_amounts, v_available
      FROM running r;
    IF v_available < p_amount THEN
        RAISE EXCEPTION 'ledger: not enough points' USING ERRCODE = 'LG001',
            DETAIL = json_build_object('available', v_available, 'wanted', p_amount)::text;
    END IF;
    SELECT r.posted_id, r.posted_uid, r.replayed INTO posted_id, posted_uid, replayed
      FROM ledger_post(p_key, p_kind, p_effective_on, v_addresses || p_to, NULL, v_amounts || p_amount,
                       p_source, NULL, v_payload) r;
END $$;

-- A hold: points move to the voucher's own account and wait there.
CREATE FUNCTION ledger_hold(
    p_key text, p_participant uuid, p_voucher uuid, p_amount bigint, p_effective_on date,
    p_life_years integer, p_source text DEFAULT '',
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean, OUT hold_id bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_voucher text := format('voucher:%s', p_voucher);
BEGIN
    SELECT s.posted_id, s.posted_uid, s.replayed INTO posted_id, posted_uid, replayed
      FROM ledger_spend(p_key, 'redeem_hold', p_participant, v_voucher, p_amount, p_effective_on,
                        p_life_years, p_source) s;
    IF replayed THEN
        SELECT h.id INTO hold_id FROM ledger_hold h WHERE h.entry_id = posted_id;
        RETURN;
    END IF;
    INSERT INTO ledger_hold (entry_id, account_id, amount)
    SELECT posted_id, a.id, p_amount FROM ledger_ledgeraccount a WHERE a.address = v_voucher
    ON CONFLICT DO NOTHING
    RETURNING id INTO hold_id;
    IF hold_id IS NULL THEN
        RAISE EXCEPTION 'ledger: this voucher already has a hold'
            USING ERRCODE = 'LG006', DETAIL = json_build_object('voucher', p_voucher)::text;
    END IF;
END $$;

-- The one way in which a hold ends. What is not captured returns to the years it came from, the newest first, because
-- the oldest were spent first.
CREATE FUNCTION ledger_resolve(
    p_key text, p_hold bigint, p_kind text, p_captured bigint, p_to text, p_effective_on date, p_source text DEFAULT '',
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_payload bytea := sha256(convert_to(json_build_array(p_kind, p_source, p_hold, p_captured, p_to)::text, 'UTF8'));
    v_hold record;
    v_resolved text;
    v_addresses text[];
    v_amounts bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger:key:' || p_key, 0));
    SELECT f.posted_id, f.posted_uid, f.posted_id IS NOT NULL INTO posted_id, posted_uid, replayed
      FROM ledger_first_result(p_key, v_payload) f;
    IF replayed THEN
        RETURN;
    END IF;
    -- The voucher's turn in the lock order: who comes second finds the resolution and is told which it was.
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger:hold:' || p_hold, 0));
    SELECT h.amount, h.entry_id, a.address::text AS voucher INTO v_hold
      FROM ledger_hold h JOIN ledger_ledgeraccount a ON a.id = h.account_id WHERE h.id = p_hold;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger: no such hold' USING ERRCODE = 'LG007';
    END IF;
    SELECT r.kind INTO v_resolved FROM ledger_holdresolution r WHERE r.hold_id = p_hold;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger: the hold is already resolved'
            USING ERRCODE = 'LG004', DETAIL = json_build_object('kind', v_resolved)::text;
    ELSIF p_captured > v_hold.amount THEN
        RAISE EXCEPTION 'ledger: more than was held' USING ERRCODE = 'LG005',
            DETAIL = json_build_object('held', v_hold.amount, 'wanted', p_captured)::text;
    END IF;
    WITH back AS (
        SELECT a.address::text AS address, a.points_year, -l.amount AS amount,
               coalesce(sum(-l.amount) OVER (ORDER BY a.points_year DESC
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
          FROM ledger_ledgerline l JOIN ledger_ledgeraccount a ON a.id = l.account_id
         WHERE l.entry_id = v_hold.entry_id AND l.amount < 0
    ), lines AS (
        SELECT 1 AS part, NULL::smallint AS points_year, v_hold.voucher AS address, -v_hold.amount AS amount
        UNION ALL SELECT 2, NULL, p_to, p_captured WHERE p_captured > 0
        UNION ALL SELECT 3, b.points_year, b.address, least(b.amount, v_hold.amount - p_captured - b.before)::bigint
                    FROM back b WHERE b.before < v_hold.amount - p_captured
    )
    SELECT array_agg(n.address ORDER BY n.part, n.points_year), array_agg(n.amount ORDER BY n.part, n.points_year)
      INTO v_addresses, v_amounts FROM lines n;
    SELECT r.posted_id, r.posted_uid, r.replayed INTO posted_id, posted_uid, replayed
      FROM ledger_post(p_key, 'redeem_' || p_kind, p_effective_on, v_addresses, NULL, v_amounts,
                       p_source, NULL, v_payload) r;
    INSERT INTO ledger_holdresolution (hold_id, kind, held_points, captured_points, entry_id)
    VALUES (p_hold, p_kind, v_hold.amount, p_captured, posted_id);
END $$;

-- Expires one chunk of a points year in one entry. Returns no id when nothing is left after `p_after`.
CREATE FUNCTION ledger_expire_points(
    p_year integer, p_after bigint, p_limit integer, p_effective_on date, p_to text,
    OUT posted_id bigint, OUT last_account bigint, OUT accounts integer, OUT expired_points bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_first bigint;
    v_addresses text[];
    v_amounts bigint[];
    v_prefix text;
    v_round integer := 0;
BEGIN
    -- Chunks of one year come one after the other, however many sweeps run.
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger:key:expire_points:' || p_year, 0));
    SELECT min(k.account_id), max(k.account_id), count(*), coalesce(sum(k.balance), 0),
           array_agg(k.address::text ORDER BY k.account_id), array_agg(-k.balance ORDER BY k.account_id)
      INTO v_first, last_account, accounts, expired_points, v_addresses, v_amounts
      FROM ledger_lock_year(p_year::smallint, p_after, p_limit) k;
    IF accounts = 0 THEN
        RETURN;
    END IF;
    -- A later round of the same accounts is what came back from a hold after their year had ended.
    v_prefix := format('expire_points:%s:%s-%s:', p_year, v_first, last_account);
    WHILE EXISTS (SELECT FROM ledger_ledgerentry e WHERE e.idempotency_key = v_prefix || v_round) LOOP
        v_round := v_round + 1;
    END LOOP;
    SELECT r.posted_id INTO posted_id
      FROM ledger_post(v_prefix || v_round, 'expire_points', p_effective_on, v_addresses || p_to, NULL,
                       v_amounts || expired_points, 'ledger.expiry') r;
END $$;

-- Writes checkpoints of unbounded accounts up to an entry. The caller has made sure that no transaction that may still
-- write an entry up to `p_upto` is running.
CREATE FUNCTION ledger_fold(p_upto bigint, OUT folded bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO ledger_accountcheckpoint (account_id, upto_entry, balance)
    SELECT a.id, p_upto, coalesce(c.balance, 0) + s.amount
      FROM ledger_ledgeraccount a
      LEFT JOIN LATERAL (
            SELECT k.upto_entry, k.balance FROM ledger_accountcheckpoint k
             WHERE k.account_id = a.id AND k.upto_entry <= p_upto ORDER BY k.upto_entry DESC LIMIT 1) c ON true
      CROSS JOIN LATERAL (
            SELECT sum(l.amount) AS amount FROM ledger_ledgerline l
             WHERE l.account_id = a.id AND l.entry_id > coalesce(c.upto_entry, 0) AND l.entry_id <= p_upto) s
     WHERE NOT a.bounded AND s.amount IS NOT NULL
    ON CONFLICT (account_id, upto_entry) DO NOTHING;
    GET DIAGNOSTICS folded = ROW_COUNT;
END $$;

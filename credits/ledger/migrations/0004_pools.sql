-- Pools in slots. `pool:<uuid>` is one account that every award of a province would queue on; its slots are accounts of
-- their own. The account without a slot stays part of its pool: nothing that was posted before is lost or moved by hand.

-- The accounts of one pool, filled or not.
CREATE FUNCTION ledger_pool_accounts(p_pool uuid) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT ARRAY['pool:' || p_pool] || ARRAY(SELECT 'pool:' || p_pool || ':slot:' || n FROM generate_series(0, 31) n)
$$;

-- An even share for each slot; the first slots take what does not divide.
CREATE FUNCTION ledger_pool_shares(p_pool uuid, p_points bigint, p_slots integer)
RETURNS TABLE (address text, points bigint)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT 'pool:' || p_pool || ':slot:' || n, p_points / p_slots + (n < p_points % p_slots)::integer
      FROM generate_series(0, p_slots - 1) n WHERE p_points / p_slots + (n < p_points % p_slots)::integer > 0
$$;

-- Locks the accounts of a pool that a draw takes from; no row where the pool as a whole holds too little. As the owner,
-- because a row lock needs the UPDATE right; it changes nothing.
--   1. a free slot that covers the draw alone, the fullest first;
--   2. else a slot that does but is busy: wait for it, holding nothing meanwhile;
--   3. else the whole pool, in order of id.
-- A lock on a slot that turned out too small is given back (the inner block is a savepoint) before anything is waited
-- for, so that nobody waits for slots with a slot in hand.
CREATE FUNCTION ledger_lock_pool(p_pool uuid, p_amount bigint)
RETURNS TABLE (address text, balance bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_accounts text[] := ledger_pool_accounts(p_pool);
    v_sum numeric;
    v_busy bigint;
BEGIN
    LOOP
        SELECT sum(a.balance), (array_agg(a.id ORDER BY random()) FILTER (WHERE a.balance >= p_amount))[1]
          INTO v_sum, v_busy FROM ledger_ledgeraccount a WHERE a.address = ANY (v_accounts);
        IF coalesce(v_sum, 0) < p_amount THEN
            RETURN;
        END IF;
        EXIT WHEN v_busy IS NULL;
        BEGIN
            RETURN QUERY SELECT a.address::text, a.balance FROM ledger_ledgeraccount a
                          WHERE a.address = ANY (v_accounts) AND a.balance >= p_amount
                          ORDER BY a.balance DESC, a.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
            IF FOUND THEN
                RETURN;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'LG000';
        EXCEPTION WHEN SQLSTATE 'LG000' THEN
            NULL;
        END;
        BEGIN
            PERFORM FROM ledger_ledgeraccount a WHERE a.id = v_busy FOR NO KEY UPDATE;
            RETURN QUERY SELECT a.address::text, a.balance FROM ledger_ledgeraccount a
                          WHERE a.id = v_busy AND a.balance >= p_amount;
            IF FOUND THEN
                RETURN;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'LG000';
        EXCEPTION WHEN SQLSTATE 'LG000' THEN
            NULL;  -- somebody else's draw went through: look again
        END;
    END LOOP;
    RETURN QUERY SELECT a.address::text, a.balance FROM ledger_ledgeraccount a
                  WHERE a.address = ANY (v_accounts) ORDER BY a.id FOR NO KEY UPDATE;
END $$;

-- Locks one slot for what comes back to a pool: the emptiest free one, else the emptiest.
CREATE FUNCTION ledger_lock_slot(p_pool uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    v_accounts text[] := ledger_pool_accounts(p_pool);
    v_address text;
BEGIN
    SELECT a.address INTO v_address FROM ledger_ledgeraccount a WHERE a.address = ANY (v_accounts)
     ORDER BY a.address = v_accounts[1], a.balance, a.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT a.address INTO v_address FROM ledger_ledgeraccount a WHERE a.address = ANY (v_accounts)
         ORDER BY a.address = v_accounts[1], a.balance, a.id LIMIT 1 FOR NO KEY UPDATE;
    END IF;
    RETURN v_address;
END $$;

-- Puts points into a pool. The payload is that of a posting to the pool as one account, so that a funding from before the
-- slots is still the same deed when it is sent again.
CREATE FUNCTION ledger_fund(
    p_key text, p_kind text, p_effective_on date, p_pool uuid, p_points bigint, p_slots integer, p_source text DEFAULT '',
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_payload bytea := sha256(convert_to(json_build_array(
        p_kind, p_source, NULL::bigint, ARRAY['world:issuance', 'pool:' || p_pool], ARRAY['points', 'points'],
        ARRAY[-p_points, p_points])::text, 'UTF8'));
    v_addresses text[];
    v_shares bigint[];
BEGIN
    SELECT array_agg(s.address), array_agg(s.points) INTO v_addresses, v_shares
      FROM ledger_pool_shares(p_pool, p_points, p_slots) s;
    SELECT r.posted_id, r.posted_uid, r.replayed INTO posted_id, posted_uid, replayed
      FROM ledger_post(p_key, p_kind, p_effective_on, 'world:issuance'::text || v_addresses, NULL, -p_points || v_shares,
                       p_source, NULL, v_payload) r;
END $$;

-- Pays out of a pool, wherever its points lie. Refused only when all slots together hold too little.
CREATE FUNCTION ledger_draw(
    p_key text, p_kind text, p_effective_on date, p_pool uuid, p_addresses text[], p_amounts bigint[],
    p_source text DEFAULT '',
    OUT posted_id bigint, OUT posted_uid uuid, OUT replayed boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    v_payload bytea := sha256(convert_to(json_build_array(
        p_kind, p_source, p_pool, p_addresses, p_amounts)::text, 'UTF8'));
    v_total bigint;
    v_available bigint;
    v_addresses text[];
    v_amounts bigint[];
BEGIN
    SELECT CASE WHEN min(u) > 0 THEN sum(u) END INTO v_total FROM unnest(p_amounts) u;
    IF v_total IS NULL THEN
        RAISE EXCEPTION 'ledger: a draw pays positive amounts' USING ERRCODE = '22023';
    END IF;
    -- The key comes first in the global lock order; without this the slots would be locked before it.
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger:key:' || p_key, 0));
    SELECT f.posted_id, f.posted_uid, f.posted_id IS NOT NULL INTO posted_id, posted_uid, replayed
      FROM ledger_first_result(p_key, v_payload) f;
    IF replayed THEN
        RETURN;
    END IF;
    WITH slots AS MATERIALIZED (
        SELECT k.address, k.balance FROM ledger_lock_pool(p_pool, v_total) k WHERE k.balance > 0
    ), running AS (
        SELECT s.address, s.balance,
               coalesce(sum(s.balance) OVER (ORDER BY s.balance DESC, s.address
                                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
          FROM slots s
    )
    SELECT array_agg(r.address ORDER BY r.before) FILTER (WHERE r.before < v_total),
           array_agg(-least(r.balance, v_total - r.before)::bigint ORDER BY r.before) FILTER (WHERE r.before < v_total),
           coalesce(sum(r.balance), 0)
      INTO v_addresses, v_amounts, v_available
      FROM running r;
    IF v_available < v_total THEN
        RAISE EXCEPTION 'ledger: the pool holds too little' USING ERRCODE = 'LG001',
            DETAIL = json_build_object('address', 'pool:' || p_pool)::text;
    END IF;
    SELECT r.posted_id, r.posted_uid, r.replayed INTO posted_id, posted_uid, replayed
      FROM ledger_post(p_key, p_kind, p_effective_on, v_addresses || p_addresses, NULL, v_amounts || p_amounts,
                       p_source, NULL, v_payload) r;
END $$;

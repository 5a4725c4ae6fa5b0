-- What a chunk's rows refer to, asked once per statement. Foreign keys asked once per row, at the commit, and locked the
-- referred row each time. They are not needed to keep the referred rows: reductions, bases, accruals and published
-- versions refuse to be deleted, and a participant is held by its records. Functions run as their owner with a pinned
-- search_path, so that a caller can neither lack the right to look nor put a table of their own in front.

CREATE FUNCTION credits_reduction_refers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT participant_id FROM fresh) f
                WHERE NOT EXISTS (SELECT FROM accounts_participant p WHERE p.uuid = f.participant_id))
       OR EXISTS (SELECT FROM (SELECT DISTINCT basis_id FROM fresh) f
                   WHERE NOT EXISTS (SELECT FROM credits_basis b WHERE b.id = f.basis_id))
       OR EXISTS (SELECT FROM (SELECT DISTINCT methodology_version_id FROM fresh) f
                   WHERE f.methodology_version_id IS NOT NULL AND NOT EXISTS (
                         SELECT FROM methodologies_methodologyversion v WHERE v.id = f.methodology_version_id)) THEN
        RAISE EXCEPTION 'credits: a reduction refers to a participant, version or basis that does not exist'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER credits_reduction_refers AFTER INSERT ON credits_reduction
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION credits_reduction_refers();

CREATE FUNCTION credits_limitusage_refers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT participant_id FROM fresh) f
                WHERE NOT EXISTS (SELECT FROM accounts_participant p WHERE p.uuid = f.participant_id)) THEN
        RAISE EXCEPTION 'credits: a limit refers to a participant that does not exist'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER credits_limitusage_refers AFTER INSERT ON credits_limitusage
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION credits_limitusage_refers();

CREATE FUNCTION credits_accrualitem_refers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh f WHERE NOT EXISTS (SELECT FROM credits_reduction x WHERE x.id = f.reduction_id))
       OR EXISTS (SELECT FROM (SELECT DISTINCT accrual_id FROM fresh) f
                   WHERE NOT EXISTS (SELECT FROM credits_pointsaccrual a WHERE a.id = f.accrual_id)) THEN
        RAISE EXCEPTION 'credits: an item refers to a reduction or an accrual that does not exist'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER credits_accrualitem_refers AFTER INSERT ON credits_accrualitem
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION credits_accrualitem_refers();

-- A row of a limit is written twice in its first transaction, an accrual with every award: room in the page keeps the
-- second version beside the first, without new index entries (HOT).
ALTER TABLE credits_limitusage SET (fillfactor = 50);
ALTER TABLE credits_pointsaccrual SET (fillfactor = 50);

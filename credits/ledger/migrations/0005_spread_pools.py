"""What a pool holds in one account goes to its slots: one entry a pool, sealed like any other."""

from django.db import migrations

SPREAD = """
DO $$
DECLARE
    v_pool record;
BEGIN
    FOR v_pool IN
        SELECT a.address::text, a.balance, split_part(a.address, ':', 2)::uuid AS uid FROM ledger_ledgeraccount a
         WHERE a.address ~ '^pool:[0-9a-f-]{36}$' AND a.balance > 0 ORDER BY a.id FOR NO KEY UPDATE
    LOOP
        PERFORM ledger_post('pool_spread:' || v_pool.uid, 'pool_spread', (now() AT TIME ZONE 'Asia/Shanghai')::date,
                            v_pool.address || array_agg(s.address), NULL, -v_pool.balance || array_agg(s.points),
                            'ledger.0005')
           FROM ledger_pool_shares(v_pool.uid, v_pool.balance,
                                   least(16, greatest(1, v_pool.balance / 1000))::integer) s;
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_pools")]
    operations = [migrations.RunSQL(SPREAD, migrations.RunSQL.noop)]

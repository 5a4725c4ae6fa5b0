"""L10 and L8 as the exchange tells them: stock, limits, and vouchers against their holds (integrity.md 1.1)."""

from .check import Check

CHECKS = (
    Check(
        "V10",
        "兑换库存加上占用等于总量",
        "What is left of an offer and what its vouchers occupy add up to its stock",
        """
        SELECT o.uuid, o.stock, s.remaining, v.taken
          FROM merchants_offer o
          CROSS JOIN LATERAL (SELECT coalesce(sum(x.remaining), 0) AS remaining
                                FROM merchants_offerslot x WHERE x.offer_id = o.uuid) s
          CROSS JOIN LATERAL (SELECT count(*) AS taken FROM merchants_voucher x
                               WHERE x.offer_id = o.uuid AND x.state IN ('held', 'captured')) v
         WHERE o.stock <> s.remaining + v.taken
        """,
        scope="vouchers",
    ),
    Check(
        "V10b",
        "每人占用不超过限兑份数",
        "Nobody occupies more places of an offer than its limit",
        """
        SELECT v.offer_id, v.participant_id, count(*)
          FROM merchants_voucher v JOIN merchants_offer o ON o.uuid = v.offer_id
         WHERE v.state IN ('held', 'captured')
         GROUP BY v.offer_id, v.participant_id, o.per_person HAVING count(*) > o.per_person
        """,
        scope="vouchers",
    ),
    Check(
        "V10c",
        "券的状态与账上的预留一致",
        "The state of each voucher is that of its hold in the ledger, for its price",
        """
        SELECT v.uuid, v.state, r.kind, h.amount
          FROM merchants_voucher v
          LEFT JOIN ledger_hold h ON h.id = v.hold_id
          LEFT JOIN ledger_ledgeraccount a ON a.id = h.account_id
          LEFT JOIN ledger_holdresolution r ON r.hold_id = h.id
         WHERE h.id IS NULL OR h.amount <> v.cost_points OR a.address <> 'voucher:' || v.uuid
            OR coalesce(r.kind, 'none') <> CASE v.state
                   WHEN 'held' THEN 'none' WHEN 'captured' THEN 'capture' WHEN 'refunded' THEN 'capture'
                   WHEN 'released' THEN 'release' WHEN 'expired' THEN 'expire' END
            OR (r.kind = 'capture' AND r.captured_points <> v.cost_points)
        """,
        scope="vouchers",
    ),
    Check(
        "V10d",
        "撤销的券恰有一笔退款，其余没有",
        "A refunded voucher has exactly one refund in the ledger, any other has none",
        """
        SELECT v.uuid, v.state, count(e.id)
          FROM merchants_voucher v
          LEFT JOIN ledger_ledgerentry e ON e.kind = 'redeem_refund' AND e.idempotency_key = 'refund:' || v.hold_id
         GROUP BY v.uuid, v.state HAVING count(e.id) <> CASE WHEN v.state = 'refunded' THEN 1 ELSE 0 END
        """,
        scope="vouchers",
    ),
    Check(
        "V10e",
        "同一张券只对一次核销回答过“成功”",
        "One redemption of each voucher was told yes, whatever the tills asked",
        """
        SELECT y.voucher, count(*)
          FROM (SELECT CASE WHEN k.answer LIKE '{%' THEN k.answer::jsonb ->> 'uuid' ELSE k.answer END AS voucher
                  FROM kernel_idempotencykey k
                 WHERE k.client LIKE 'till:%' AND k.status = 200
                   AND (k.answer NOT LIKE '{%' OR k.answer::jsonb ->> 'state' = 'captured')) y
         GROUP BY y.voucher HAVING count(*) > 1
        """,
    ),
    Check(
        "V6b",
        "同一请求只取到一张券",
        "One request of a person took one voucher",
        """
        SELECT v.participant_id, v.request_key, count(*) FROM merchants_voucher v
         GROUP BY v.participant_id, v.request_key HAVING count(*) > 1
        """,
        scope="vouchers",
    ),
)

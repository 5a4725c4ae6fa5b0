"""Rewards for adopted ideas: approved, in the ledger once, and nothing else in their name (P2.4-d)."""

from .check import Check

CHECKS = [
    Check(
        id="V11c",
        title_zh="奖励每条建议最多一次，经他人审定，账目相符",
        title_en="Each reward of an idea was approved by another person and stands in the ledger once; no other does",
        sql="""
            WITH posted AS (
                SELECT e.uid, e.idempotency_key, e.source, c.address, l.amount FROM ledger_ledgerentry e
                  JOIN ledger_ledgerline l ON l.entry_id = e.id AND l.amount > 0
                  JOIN ledger_ledgeraccount c ON c.id = l.account_id
                 WHERE e.kind = 'bonus' AND e.source LIKE 'proposal:%'),
            paid AS (
                SELECT r.*, p.number FROM credits_proposalreward r
                  JOIN methodologies_proposal p ON p.id = r.proposal_id WHERE r.state = 'paid')
            SELECT 'proposal:' || coalesce(r.number, substr(e.source, 10)), 'entry' FROM paid r
              FULL JOIN posted e ON e.uid = r.entry
             WHERE r.id IS NULL OR e.uid IS NULL OR e.idempotency_key <> 'reward:' || r.number
                OR e.source <> 'proposal:' || r.number OR e.amount <> r.points
                OR split_part(e.address, ':', 2) <> r.participant_id::text
             UNION ALL
            SELECT 'proposal:' || r.number, 'approval' FROM paid r
             WHERE NOT EXISTS (SELECT FROM kernel_approval a
                                WHERE a.kind = 'proposal.reward' AND a.subject = 'reward:' || r.uuid AND a.approved
                                  AND a.approver = r.approver AND a.initiator = r.initiator)
             ORDER BY 1
        """,
    ),
]

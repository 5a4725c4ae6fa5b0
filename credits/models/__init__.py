"""Rows of this app, by noun."""

from .books import (
    AccrualItem,
    Basis,
    CityTotal,
    Claim,
    ClaimedGrams,
    DailyTotal,
    FullTotal,
    FundedPool,
    LimitUsage,
    MonthlyTotal,
    PointsAccrual,
    PointsRule,
    QueuedAward,
    Reduction,
    Total,
)
from .recomputation import Recomputation, RecomputationLine, RecomputationPart
from .reward import ProposalReward
from .simulation import Simulation
from .verification import (
    SampledRecord,
    Verification,
    VerificationAnswer,
    VerificationDraw,
    VerificationReport,
    VerificationWithdrawal,
    VerifierDeclaration,
)

__all__ = [
    "AccrualItem",
    "Basis",
    "CityTotal",
    "Claim",
    "ClaimedGrams",
    "DailyTotal",
    "FullTotal",
    "FundedPool",
    "LimitUsage",
    "MonthlyTotal",
    "PointsAccrual",
    "PointsRule",
    "ProposalReward",
    "QueuedAward",
    "Recomputation",
    "RecomputationLine",
    "RecomputationPart",
    "Reduction",
    "SampledRecord",
    "Simulation",
    "Total",
    "Verification",
    "VerificationAnswer",
    "VerificationDraw",
    "VerificationReport",
    "VerificationWithdrawal",
    "VerifierDeclaration",
]

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

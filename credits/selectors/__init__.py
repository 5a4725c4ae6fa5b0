"""Reads of grams and points."""

from .account import AccountSummary, Estimate, account_summary, estimate, has_queued_points
from .totals import Reconciliation, Total, reconciliation, totals
from .trace import (
    Earned,
    Result,
    dependencies_of,
    earned_of,
    earning_records,
    reduction_of,
    results_of,
    reversed_records,
    revisions_of,
    trace_of,
)

__all__ = [
    "AccountSummary",
    "Earned",
    "Estimate",
    "Reconciliation",
    "Result",
    "Total",
    "account_summary",
    "dependencies_of",
    "earned_of",
    "earning_records",
    "estimate",
    "has_queued_points",
    "reconciliation",
    "reduction_of",
    "results_of",
    "reversed_records",
    "revisions_of",
    "totals",
    "trace_of",
]

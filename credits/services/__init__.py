"""The only code of this app that writes, by deed."""

from .funding import expire_points, fund_pool, set_points_rule
from .points import award_queued
from .quantification import Sweep, quantify_pending
from .reversal import reverse_record_effects, undo_reversed
from .windows import Closing, close_windows

__all__ = [
    "Closing",
    "Sweep",
    "award_queued",
    "close_windows",
    "expire_points",
    "fund_pool",
    "quantify_pending",
    "reverse_record_effects",
    "set_points_rule",
    "undo_reversed",
]

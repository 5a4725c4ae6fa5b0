"""The only code of this app that writes, by deed."""

from .funding import expire_points, fund_pool, set_points_rule
from .points import award_queued
from .quantification import Sweep, quantify_pending
from .recomputation import (
    advance,
    decide_recomputation,
    discard_recomputation,
    request_decision,
    start_recomputation,
)
from .reversal import reverse_record_effects, undo_reversed
from .rewards import ask_for_reward, decide_reward
from .simulations import cancel_simulation, put_on_file, run_simulation, start_simulation, sweep_simulations
from .telling import send_notices, tell_of_expiry, tell_of_simulations, tell_of_withdrawals
from .verifications import (
    declare_as_verifier,
    draw_sample,
    open_verification,
    save_answer,
    sign_report,
    withdraw_verification,
)
from .windows import Closing, close_windows

__all__ = [
    "Closing",
    "Sweep",
    "advance",
    "ask_for_reward",
    "award_queued",
    "cancel_simulation",
    "close_windows",
    "decide_recomputation",
    "decide_reward",
    "declare_as_verifier",
    "discard_recomputation",
    "draw_sample",
    "expire_points",
    "fund_pool",
    "open_verification",
    "put_on_file",
    "quantify_pending",
    "request_decision",
    "reverse_record_effects",
    "run_simulation",
    "save_answer",
    "send_notices",
    "set_points_rule",
    "sign_report",
    "start_recomputation",
    "start_simulation",
    "sweep_simulations",
    "tell_of_expiry",
    "tell_of_simulations",
    "tell_of_withdrawals",
    "undo_reversed",
    "withdraw_verification",
]

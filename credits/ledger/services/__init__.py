"""The only writers of the ledger. Each deed is one call of a database function: key, accounts, entry, lines and the
guarded balances travel in one round trip and commit together, or not at all.

Inside a caller's transaction a deed runs in a savepoint, so that a refusal can be caught and the rest go on; the locks
it takes stay until the caller commits (docs/locking.md).
"""

from .holds import capture, expire_hold, hold, refund, release
from .pools import draw, fund, lock_slot
from .postings import post, post_chunk, reverse, spend
from .results import Expiry, HoldPosting, Line, Posting
from .upkeep import expire_points, fold_checkpoints

__all__ = [
    "Expiry",
    "HoldPosting",
    "Line",
    "Posting",
    "capture",
    "draw",
    "expire_hold",
    "expire_points",
    "fold_checkpoints",
    "fund",
    "hold",
    "lock_slot",
    "post",
    "post_chunk",
    "refund",
    "release",
    "reverse",
    "spend",
]

"""Final records computed again under a chosen version: chosen, previewed, decided, written in chunks."""

from .chunks import advance
from .jobs import (
    KIND,
    content_of_subject,
    decide_recomputation,
    discard_recomputation,
    request_decision,
    start_recomputation,
    subject_of,
)

__all__ = [
    "KIND",
    "advance",
    "content_of_subject",
    "decide_recomputation",
    "discard_recomputation",
    "request_decision",
    "start_recomputation",
    "subject_of",
]

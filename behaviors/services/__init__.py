"""The deeds of this app: the only code that writes records, keys, evidence and batches."""

from .cancellation import cancel_record
from .submission import submit_record

__all__ = ["cancel_record", "submit_record"]

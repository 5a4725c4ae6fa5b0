"""The deeds of this app: the only code that writes records, keys, evidence and batches."""

from .cancellation import cancel_record
from .imports import Receipt, import_file, import_rows
from .submission import submit_record

__all__ = ["Receipt", "cancel_record", "import_file", "import_rows", "submit_record"]

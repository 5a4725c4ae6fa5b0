"""The only code that writes methods: one transaction each, audited."""

from .filed import file_simulation
from .library import FACTORS_FILE, LIBRARY, SyncReport, plain, sync_library, withdraw_version
from .stages import enter, stage_of

__all__ = [
    "FACTORS_FILE",
    "LIBRARY",
    "SyncReport",
    "enter",
    "file_simulation",
    "plain",
    "stage_of",
    "sync_library",
    "withdraw_version",
]

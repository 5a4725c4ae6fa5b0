"""The only code that writes methods: one transaction each, audited."""

from .library import FACTORS_FILE, LIBRARY, SyncReport, plain, sync_library, withdraw_version

__all__ = ["FACTORS_FILE", "LIBRARY", "SyncReport", "plain", "sync_library", "withdraw_version"]

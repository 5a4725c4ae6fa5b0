"""Cells of tables that leave the portal."""

from typing import Any

#: What a spreadsheet takes for the beginning of a formula, full-width forms included.
_ORDERS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def guarded(cell: Any) -> str:
    """A cell of an export that no spreadsheet runs as a formula (T48)."""
    text = str(cell)
    return f"'{text}" if text.startswith(_ORDERS) else text

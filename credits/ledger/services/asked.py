"""What may be asked of the ledger; everything else is refused before the database hears of it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from credits.ledger import addresses, errors
from credits.ledger.constants import (
    IRREVERSIBLE_KINDS,
    MAX_AMOUNT,
    MAX_KEY_LENGTH,
    MAX_LINES,
    MAX_SOURCE_LENGTH,
    Kind,
    Unit,
)

from .results import Line

_PRINTABLE = re.compile(r"[ -~]*")
# `Choices.values` builds a list each time it is read.
_UNITS: dict[str, Unit] = {unit.value: unit for unit in Unit}
_POSTED_KINDS = frozenset(Kind) - IRREVERSIBLE_KINDS


def invalid(reason: str, reason_en: str) -> errors.InvalidPosting:
    return errors.InvalidPosting(reason=reason, reason_en=reason_en)


def check_words(*, key: str, source: str, kind: Kind | None = None) -> None:
    if not (0 < len(key) <= MAX_KEY_LENGTH and _PRINTABLE.fullmatch(key)):
        raise invalid(
            "业务编号须为 1 到 120 个可见字符",
            "the key must have 1 to 120 printable ASCII characters",
        )
    if not (len(source) <= MAX_SOURCE_LENGTH and _PRINTABLE.fullmatch(source)):
        raise invalid(
            "来源须为 120 个以内的可见字符",
            "the source must have at most 120 printable ASCII characters",
        )
    if kind is not None and kind not in _POSTED_KINDS:
        raise invalid(
            f"不能直接记“{kind}”类账目",
            f"an entry of kind {kind} is not posted directly",
        )


def check_address(address: str) -> None:
    if not addresses.is_address(address):
        raise invalid("账户地址不在科目表内", "the address is not in the chart of accounts")


def check_amount(amount: Any, *, zero_allowed: bool = False) -> None:
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise invalid("数量须为整数", "an amount must be a whole number")
    if abs(amount) > MAX_AMOUNT or (amount == 0 and not zero_allowed):
        raise invalid("数量不能为零或超过上限", "an amount must not be zero or beyond the limit")


def check_points(points: Any) -> None:
    check_amount(points)
    if points < 0:
        raise invalid("碳币数须大于零", "points must be above zero")


def check_id(number: Any) -> int:
    if not isinstance(number, int) or not 0 < number < 2**63:
        raise errors.EntryNotFound
    return number


def checked_lines(lines: Iterable[tuple[str, str, int]]) -> list[Line]:
    checked = [Line(address, _UNITS[unit], amount) for address, unit, amount in known_units(lines)]
    if not 2 <= len(checked) <= MAX_LINES:
        raise invalid(f"一笔账须有 2 到 {MAX_LINES} 行", f"an entry has 2 to {MAX_LINES} lines")
    for line in checked:
        check_address(line.address)
        check_amount(line.amount)
    return checked


def known_units(lines: Iterable[tuple[str, str, int]]) -> Iterator[tuple[str, str, int]]:
    for line in lines:
        if line[1] not in _UNITS:
            raise invalid("单位须为碳币或分", "the unit must be points or fen")
        yield line


def array(items: list[str]) -> str:
    """An array literal. Only for what was checked above: nothing in it needs quoting."""
    return f"{{{','.join(items)}}}"

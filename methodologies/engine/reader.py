"""Typed reading of plain data: every refusal is collected with its key and line, so one run names them all."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from carbon_portal.kernel.quantities import Quantity, QuantityError, parse_quantity

from .document import BASES, CONFIDENCES, Entry
from .loader import Path, Source, parse_date
from .problems import DocumentError, Problem, error
from .units import parse_unit

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*", re.ASCII)
_REGION = re.compile(r"[0-9]{6}", re.ASCII)
#: A text of 256 KiB may hold tens of thousands of mistakes: nobody reads them, and each costs time and memory.
MAX_PROBLEMS = 200
_SHOWN = 30


def shortened(names: Sequence[str]) -> list[str]:
    """The first names of a list for a sentence, with a sign that there are more."""
    return [*names] if len(names) <= _SHOWN else [*names[:_SHOWN], "…"]


class Reader:
    """Reads one source; methods return None (or a neutral value) after they noted a problem."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def refuse(self, path: Path, message_zh: str, message_en: str, column: int | None = None) -> None:
        self.problems.append(error(self.source.where(path, column), message_zh, message_en))
        if len(self.problems) >= MAX_PROBLEMS:
            more_zh = f"问题太多,只列出前 {MAX_PROBLEMS} 个;改正后再检查一次。"
            more_en = f"too many problems: the first {MAX_PROBLEMS} are listed; correct them and check again."
            self.problems.append(error(self.source.where(()), more_zh, more_en))
            raise DocumentError(self.problems)

    def finish(self) -> None:
        if self.problems:
            raise DocumentError(self.problems)

    def mapping(self, value: Any, path: Path) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.refuse(path, "这里应是映射(键: 值)。", "a mapping (key: value) belongs here.")
        return {}

    def keys(self, value: Any, path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Any]:
        """Return the mapping, with missing and unknown keys noted."""
        if not isinstance(value, dict):
            return self.mapping(value, path)
        wanted = tuple(required)
        known = {*wanted, *optional}
        listed: list[str] | None = None
        for key in value:
            if key not in known:
                listed = shortened(sorted(known)) if listed is None else listed
                self.refuse(
                    (*path, key),
                    f"未知的键“{key[:40]}”,请删除或改正;可用的键:{'、'.join(listed)}。",
                    f"unknown key {key[:40]!r}; remove or correct it; known here: {', '.join(listed)}.",
                )
        for key in wanted:
            if key not in value:
                self.refuse(path, f"缺少键“{key[:40]}”,请补上。", f"the key {key[:40]!r} is missing; add it.")
        return value

    def text(self, value: Any, path: Path, *, empty: bool = False, pattern: re.Pattern[str] | None = None) -> str:
        if not isinstance(value, str) or (not empty and not value.strip()):
            self.refuse(
                path, "这里应是文字(数字和日期请加引号)。", "text belongs here (put numbers and dates in quotes)."
            )
            return ""
        if pattern is not None and not pattern.fullmatch(value):
            self.refuse(
                path,
                f"“{value[:40]}”的写法不符合要求:{pattern.pattern}。",
                f"{value[:40]!r} is not of the form {pattern.pattern}.",
            )
            return ""
        return value

    def texts(self, value: Any, path: Path) -> dict[str, str]:
        data = self.mapping(value, path)
        if isinstance(value, dict) and "zh" not in data:
            self.refuse(path, "缺少中文文字(zh)。", "the Chinese text (zh) is missing.")
        for key, text in data.items():
            if not _LANGUAGE.fullmatch(key):
                self.refuse((*path, key), f"未知的语言“{key[:40]}”。", f"unknown language key {key[:40]!r}.")
            self.text(text, (*path, key))
        return {key: str(text) for key, text in data.items()}

    def choice(self, value: Any, path: Path, allowed: Sequence[str]) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        self.refuse(
            path,
            f"这里只能是:{'、'.join(allowed)}。",
            f"one of these belongs here: {', '.join(allowed)}.",
        )
        return allowed[0]

    def flag(self, value: Any, path: Path) -> bool:
        if not isinstance(value, bool):
            self.refuse(path, "这里应是 true 或 false。", "true or false belongs here.")
        return value is True

    def integer(self, value: Any, path: Path, low: int, high: int) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.refuse(
            path, f"这里应是 {low} 到 {high} 的整数(不加引号)。", f"a plain integer from {low} to {high} belongs here."
        )
        return low

    def date(self, value: Any, path: Path) -> datetime.date:
        found = parse_date(value) if isinstance(value, str) else value
        if isinstance(found, datetime.date):
            return found
        self.refuse(path, "这里应是日期,例如 2026-01-01。", "a date such as 2026-01-01 belongs here.")
        return datetime.date.min

    def start(self, key: str, path: Path) -> datetime.date:
        found = parse_date(key)
        if found is None:
            self.refuse(path, f"“{key[:40]}”不是启用日期。", f"{key[:40]!r} is no start date such as 2026-01-01.")
        return found or datetime.date.min

    def region(self, value: Any, path: Path) -> str:
        if isinstance(value, str) and _REGION.fullmatch(value):
            return value
        self.refuse(path, "这里应是加引号的六位地区代码。", "a six-digit region code in quotes belongs here.")
        return "000000"

    def quantity(self, value: Any, path: Path) -> Quantity:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        try:
            return parse_quantity(value)
        except QuantityError as exc:
            if isinstance(value, str):
                self.refuse(path, exc.message_zh, exc.message_en)
            else:
                self.refuse(path, "这里应是加引号的数。", "a number in quotes belongs here.")
        return Quantity(0)

    def unit(self, value: Any, path: Path) -> str:
        if value == 1 and not isinstance(value, bool):
            return "1"
        text = self.text(value, path)
        if text:
            try:
                parse_unit(text)
            except (ValueError, RecursionError) as exc:
                self.refuse(path, f"单位“{text[:40]}”无效:{exc}。", f"the unit {text[:40]!r} is not valid: {exc}.")
                return "1"
        return text or "1"

    def items(self, value: Any, path: Path) -> list[Any]:
        if isinstance(value, list):
            return value
        self.refuse(path, "这里应是列表。", "a list belongs here.")
        return []

    def entry(self, value: Any, path: Path, *, data_year: bool = False) -> Entry:
        """Read one dated value with source, confidence and best-before (and the data year in the library)."""
        required = ["value", "source", "confidence", "best_before", *(["data_year"] if data_year else [])]
        data = self.keys(value, path, required)
        return Entry(
            value=self.optional(data, "value", path, self.quantity, Quantity(0)),
            source=self.optional(data, "source", path, self.text, ""),
            confidence=self.optional(data, "confidence", path, lambda v, p: self.choice(v, p, CONFIDENCES), "memory"),
            best_before=self.optional(data, "best_before", path, self.date, datetime.date.min),
            data_year=self.optional(data, "data_year", path, self.year, 0) if data_year else None,
        )

    def optional(
        self, data: Mapping[str, Any], key: str, path: Path, read: Callable[[Any, Path], Any], default: Any
    ) -> Any:
        """Read ``data[key]`` when it is there (a missing required key has been noted already)."""
        return read(data[key], (*path, key)) if key in data else default

    def year(self, value: Any, path: Path) -> int:
        return self.integer(value, path, 1900, 2200)

    def basis(self, data: Mapping[str, Any], path: Path) -> str | None:
        return self.choice(data["basis"], (*path, "basis"), BASES) if "basis" in data else None

"""YAML events into plain data; whatever a document may not contain is refused in this one loop.

Mappings, sequences and scalars only: no tags, anchors, aliases, second document, floats, duplicate keys, and no nesting
beyond twelve. A plain scalar is null, true, false, a decimal integer or an ISO date; everything else is text.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from typing import Any

import yaml

from .problems import DocumentError, Problem, error

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:(?:[0-9][0-9_]*)?\.[0-9][0-9_]*|[0-9][0-9_]*\.)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    re.ASCII,
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)

Path = tuple[str | int, ...]


class Source:
    """Plain data with the line of every key, so that later messages can say where."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.data: Any = None
        self.lines: dict[Path, int] = {}

    def where(self, path: Path, column: int | None = None) -> str:
        """Name the document, the key and the line (and the column inside a formula)."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        key = ".".join(str(part) for part in path) or "document"
        place = f"line {self.lines.get(known, 1)}" + (f", column {column}" if column is not None else "")
        return f"{self.name}: {key} ({place})"


def parse_date(text: str) -> datetime.date | None:
    """Return the date written as year-month-day in ASCII digits, else None."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return datetime.date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def canonical_sha256(data: Any) -> str:
    """Return the identity of plain data: SHA-256 of its canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_isoformat)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _isoformat(value: Any) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no plain data")


def read(source: bytes | str, *, name: str) -> Source:
    """Return the plain data of one YAML document. Raises DocumentError."""
    text = _decode(source, name)
    reader = _Reader(name)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "line 1"
        detail = getattr(exc, "problem", None) or "characters that YAML does not allow"
        raise DocumentError(
            [error(f"{name}: document ({place})", f"不是有效的 YAML:{detail}。", f"this is not valid YAML: {detail}.")]
        ) from exc
    if not reader.documents or not isinstance(reader.source.data, dict):
        raise DocumentError(
            [
                error(
                    f"{name}: document (line 1)",
                    "文件应是一个映射(键: 值)。",
                    "the file must be one mapping (key: value).",
                )
            ]
        )
    return reader.source


def _decode(source: bytes | str, name: str) -> str:
    try:
        raw = source.encode("utf-8") if isinstance(source, str) else bytes(source)
        if len(raw) > MAX_BYTES:
            raise DocumentError([_too_large(name, len(raw))])
        return raw.decode("utf-8-sig")
    except UnicodeError as exc:
        message = "文件不是 UTF-8 编码,请转存为 UTF-8。", "the file is not UTF-8; save it as UTF-8."
        raise DocumentError([error(f"{name}: document (line 1)", *message)]) from exc


def _too_large(name: str, size: int) -> Problem:
    return error(
        f"{name}: document (line 1)",
        f"文件有 {size} 字节,上限为 {MAX_BYTES} 字节(256 KiB)。",
        f"the file has {size} bytes; the limit is {MAX_BYTES} (256 KiB).",
    )


class _Frame:
    __slots__ = ("key", "path", "value")

    def __init__(self, value: dict[str, Any] | list[Any], path: Path) -> None:
        self.value = value
        self.path = path
        self.key: str | None = None


class _Reader:
    """The loop: one event after the other, a stack of open mappings and sequences."""

    def __init__(self, name: str) -> None:
        self.source = Source(name)
        self.stack: list[_Frame] = []
        self.documents = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._refuse(event, "一个文件只能有一个文档。", "a file holds one document; remove the second.")
            if event.tags:
                self._refuse(event, "不允许 %TAG 指令。", "a %TAG directive is not allowed; remove it.")
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(event, "不允许别名(*)。", "an alias (*) is not allowed; write the value out.")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)

    def _node(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse(event, "不允许锚点(&)。", "an anchor (&) is not allowed; write the value out.")
        if event.tag is not None:
            self._refuse(event, "不允许标签(!)。", "a tag (!) is not allowed; remove it.")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
            return
        if len(self.stack) >= MAX_DEPTH:
            self._refuse(event, f"嵌套超过 {MAX_DEPTH} 层。", f"nesting goes beyond {MAX_DEPTH} levels.")
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        if self._expects_key():
            self._refuse(event, "键必须是文字。", "a key must be text.")
        path = self._put(value, event)
        self.stack.append(_Frame(value, path))

    def _expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _scalar(self, event: Any) -> None:
        plain = event.style in (None, "")
        if self._expects_key():
            self._key(event, plain)
            return
        self._put(self._plain(event) if plain else event.value, event)

    def _key(self, event: Any, plain: bool) -> None:
        frame = self.stack[-1]
        key = event.value
        if plain and (key in ("null", "true", "false", "") or _FLOAT.fullmatch(key)):
            self._refuse(event, f"键“{key}”必须是文字,请加引号。", f'the key "{key}" must be text; put it in quotes.')
        if key in frame.value:
            self._refuse(event, f"键“{key[:40]}”重复。", f'the key "{key[:40]}" stands here twice; keep one.')
        frame.key = key
        self.source.lines[(*frame.path, key)] = event.start_mark.line + 1

    def _plain(self, event: Any) -> Any:
        text = event.value
        if text in ("null", ""):
            return None
        if text in ("true", "false"):
            return text == "true"
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            self._refuse(
                event,
                f"不允许浮点数 {text[:40]},带小数的数请加引号。",
                f'a float ({text[:40]}) is not allowed; write the number in quotes: "{text[:40]}".',
            )
        return parse_date(text) or text

    def _put(self, value: Any, event: Any) -> Path:
        if not self.stack:
            self.source.data = value
            return ()
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
            path: Path = (*frame.path, len(frame.value) - 1)
            self.source.lines[path] = event.start_mark.line + 1
            return path
        assert frame.key is not None  # a mapping takes a key before its value
        frame.value[frame.key] = value
        path, frame.key = (*frame.path, frame.key), None
        return path

    def _refuse(self, event: Any, message_zh: str, message_en: str) -> None:
        path: Path = ()
        if self.stack:
            frame = self.stack[-1]
            path = (*frame.path, frame.key) if frame.key is not None else frame.path
        key = ".".join(str(part) for part in path) or "document"
        mark = event.start_mark
        place = f"{self.source.name}: {key} (line {mark.line + 1}, column {mark.column + 1})"
        raise DocumentError([error(place, message_zh, message_en)])

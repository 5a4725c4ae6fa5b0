"""Change the data of a YAML text and leave every byte that says something else as it is.

A text is read twice: by the engine's loader, which refuses whatever a document may not contain, and by a scan that
remembers where each key and value stands. A change is then written into the places it concerns; comments, quoting and
order of everything else stay. What comes out is read again and must say exactly what was asked for.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import yaml

from methodologies.engine.loader import read

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff《“（][^\x00-\x1f\x7f]*")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*|[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_FLOW_WIDTH = 150
_STEP = 2


class CannotKeep(Exception):
    """A place that can't be changed in itself; the collection around it is written anew."""


@dataclass(slots=True)
class Node:
    """Where one key or value stands: characters `start` to `end`; `entries` of a collection are (key, value)."""

    kind: str  # map, seq, scalar
    start: int
    end: int
    column: int
    flow: bool = False
    style: str = ""
    entries: list[tuple[Node | None, Node]] = field(default_factory=list)


def plain_data(text: str, *, name: str = "draft") -> dict[str, Any]:
    """The data of a text. Raises DocumentError (what the loader refuses)."""
    data = read(text, name=name).data
    assert isinstance(data, dict)
    return data


def normal(text: str) -> str:
    """A text as it is kept: line ends as \\n, no byte order mark, a line end at the end."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text if not text or text.endswith("\n") else text + "\n"


def change(text: str, new: dict[str, Any]) -> str:
    """The text that says `new`; whatever is said already keeps its bytes.

    Raises DocumentError for a text that can't be read. A top-level value that can't be changed in itself is written
    anew: its comments are lost then.
    """
    text = normal(text)
    old = plain_data(text)
    if same(old, new):
        return text
    root = scan(text)
    edits: list[tuple[int, int, str]] = []
    try:
        _map(text, root, old, new, edits)
        changed = _apply(text, edits)
        if _says(changed, new):
            return changed
    except CannotKeep:
        pass
    return _by_whole_values(text, root, old, new)


def same(one: Any, other: Any) -> bool:
    """Whether two data say the same, in the same order (the order of steps counts) and of the same types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _says(text: str, wanted: dict[str, Any]) -> bool:
    from methodologies.engine.problems import DocumentError

    try:
        return same(plain_data(text), wanted)
    except DocumentError:
        return False


def _by_whole_values(text: str, root: Node, old: dict[str, Any], new: dict[str, Any]) -> str:
    """Write each changed top-level value anew; where even that fails, the document."""
    edits: list[tuple[int, int, str]] = []
    try:
        if list(old) != list(new):
            raise CannotKeep
        for (_key, node), (name, value) in zip(root.entries, new.items(), strict=True):
            if not same(old[name], value):
                edits.append(_replaced(text, node, value, _fresh(value, root.column + _STEP)))
        changed = _apply(text, edits)
        if _says(changed, new):
            return changed
    except CannotKeep:
        pass
    return _block(new, 0).lstrip("\n") + "\n"


# -- where everything stands -------------------------------------------------------------------------------------------


def scan(text: str) -> Node:
    """The places of a text that the loader has read: one mapping without anchors, aliases or tags."""
    stack: list[Node] = []
    keys: list[Node | None] = []
    root: Node | None = None
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node = stack.pop()
            keys.pop()
            # The scanner ends a block collection where the next thing begins; for us it ends with its last value.
            closing: Any = event.end_mark
            node.end = closing.index if node.flow else node.entries[-1][1].end
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        marks: Any = event
        start, end, column = marks.start_mark.index, marks.end_mark.index, marks.start_mark.column
        if isinstance(event, yaml.ScalarEvent):
            style = event.style or ""
            if style in ("|", ">"):
                end = start + len(text[start:end].rstrip())
            node = Node("scalar", start, end, column, style=style)
        else:
            kind = "map" if isinstance(event, yaml.MappingStartEvent) else "seq"
            node = Node(kind, start, end, column, flow=bool(marks.flow_style))
        root = root or node
        if stack and stack[-1].kind == "map" and keys[-1] is None:
            keys[-1] = node
            continue
        if stack:
            stack[-1].entries.append((keys[-1], node))
            keys[-1] = None
        if node.kind != "scalar":
            stack.append(node)
            keys.append(None)
    assert root is not None
    return root


def _apply(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    pieces, position = [], 0
    for _number, (start, end, put) in sorted(enumerate(edits), key=lambda one: (one[1][0], one[1][1], one[0])):
        if start < position:
            raise CannotKeep
        pieces += [text[position:start], put]
        position = end
    return "".join([*pieces, text[position:]])


# -- one change in its place -------------------------------------------------------------------------------------------


def _value(
    text: str, node: Node, old: Any, new: Any, column: int, flow: bool, edits: list[tuple[int, int, str]]
) -> None:
    """Change one value; `column` is that of the collection which holds it."""
    if same(old, new):
        return
    inner: list[tuple[int, int, str]] = []
    try:
        if node.kind == "map" and isinstance(new, dict) and new and node.entries:
            _map(text, node, old, new, inner)
        elif node.kind == "seq" and isinstance(new, list) and new and node.entries:
            _seq(text, node, old, new, inner)
        else:
            raise CannotKeep
    except CannotKeep:
        put = _flow(new) if flow else _fresh(new, column + _STEP, style=node.style)
        edits.append(_replaced(text, node, new, put))
        return
    edits += inner


def _replaced(text: str, node: Node, new: Any, put: str) -> tuple[int, int, str]:
    """Put a new text for a value. What is or becomes a block begins at the end of its key's line."""
    start = node.start
    if (node.kind != "scalar" and not node.flow) or _is_block(new):
        while start and text[start - 1] in " \n":
            start -= 1
        if text[start - 1] not in ":-":
            start = node.start  # a comment stands between: it stays
    room = "" if put.startswith("\n") or text[start - 1 : start] not in (":", "-") else " "
    return start, node.end, room + put


def _map(text: str, node: Node, old: dict[str, Any], new: dict[str, Any], edits: list[tuple[int, int, str]]) -> None:
    before, after = list(old), list(new)
    for action, i1, i2, j1, j2 in SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        shared = min(i2 - i1, j2 - j1)
        for i, j in zip(range(i1, i1 + shared), range(j1, j1 + shared), strict=True):
            key, value = node.entries[i]
            assert key is not None
            if action != "equal":
                edits.append((key.start, key.end, _key(after[j])))
            _value(text, value, old[before[i]], new[after[j]], node.column, node.flow, edits)
        if i1 + shared < i2:
            edits.append(_removed(text, node, i1 + shared, i2))
        put: list[tuple[str | None, Any]] = [(after[j], new[after[j]]) for j in range(j1 + shared, j2)]
        if put:
            edits.append(_added(text, node, i1 + shared, put))


def _seq(text: str, node: Node, old: list[Any], new: list[Any], edits: list[tuple[int, int, str]]) -> None:
    shortest = min(len(old), len(new))
    head = next((i for i in range(shortest) if not same(old[i], new[i])), shortest)
    tail = next((i for i in range(shortest - head) if not same(old[-1 - i], new[-1 - i])), shortest - head)
    last = shortest - tail
    for i in range(head, last):
        _value(text, node.entries[i][1], old[i], new[i], node.column, node.flow, edits)
    if len(old) > shortest:
        edits.append(_removed(text, node, last, len(old) - tail))
    if len(new) > shortest:
        edits.append(_added(text, node, last, [(None, value) for value in new[last : len(new) - tail]]))


def _head(text: str, node: Node, index: int) -> int:
    """Where an entry begins: its key, or the dash before its value."""
    key, value = node.entries[index]
    if key is not None:
        return key.start
    if node.flow:
        return value.start
    line = text.rfind("\n", 0, value.start) + 1
    dash = line + node.column
    if text[dash : dash + 1] != "-" or text[line:dash].strip():
        raise CannotKeep
    return dash


def _line_start(text: str, position: int) -> int:
    start = text.rfind("\n", 0, position) + 1
    if text[start:position].strip():
        raise CannotKeep  # something else begins on this line
    return start


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _removed(text: str, node: Node, first: int, behind: int) -> tuple[int, int, str]:
    """Take entries out, with what stands beside them on their lines; a comment above the next entry stays."""
    count = len(node.entries)
    if behind - first == count:
        raise CannotKeep
    if not node.flow:
        return _line_start(text, _head(text, node, first)), _line_end(text, node.entries[behind - 1][1].end) + 1, ""
    if behind < count:
        return _head(text, node, first), _head(text, node, behind), ""
    return node.entries[first - 1][1].end, node.entries[behind - 1][1].end, ""


def _added(text: str, node: Node, index: int, put: list[tuple[str | None, Any]]) -> tuple[int, int, str]:
    """Put entries before entry `index` (behind the last for the count of entries)."""
    if node.flow:
        written = [_flow(value) if key is None else f"{_key(key)}: {_flow(value)}" for key, value in put]
        if index:
            place = node.entries[index - 1][1].end
            return place, place, "".join(f", {one}" for one in written)
        place = _head(text, node, 0)
        return place, place, "".join(f"{one}, " for one in written)
    margin = " " * node.column
    lines = [margin + _entry(key, value, node.column) for key, value in put]
    if index:
        place = _line_end(text, node.entries[index - 1][1].end)
        return place, place, "".join(f"\n{line}" for line in lines)
    place = _line_start(text, _head(text, node, 0))
    return place, place, "".join(f"{line}\n" for line in lines)


# -- writing -----------------------------------------------------------------------------------------------------------


def _entry(key: str | None, value: Any, column: int) -> str:
    if key is None:
        return f"- {_flow(value)}"
    put = _fresh(value, column + _STEP)
    return f"{_key(key)}:{put}" if put.startswith("\n") else f"{_key(key)}: {put}"


def _is_block(value: Any) -> bool:
    return _fresh(value, 0).startswith("\n")


def _fresh(value: Any, column: int, style: str = "") -> str:
    """A value written anew: on its line, or as a block below it (then it begins with a line end)."""
    if isinstance(value, dict | list):
        short = _flow(value)
        small = isinstance(value, list) and not any(isinstance(one, dict | list) for one in value)
        if not value or small or (isinstance(value, dict) and _height(value) <= 2 and len(short) <= _FLOW_WIDTH):
            return short
        return _block(value, column)
    if isinstance(value, str) and (style in ("|", ">") or "\n" in value) and _fits_literal(value):
        margin = " " * column
        lines = value.removesuffix("\n").split("\n")
        mark = "|" if value.endswith("\n") else "|-"
        return mark + "".join(f"\n{margin}{line}" if line else "\n" for line in lines)
    return _scalar(value, quoted=style in ("'", '"'))


def _block(value: dict[str, Any] | list[Any], column: int) -> str:
    margin = " " * column
    items: list[tuple[str | None, Any]] = list(value.items()) if isinstance(value, dict) else [(None, v) for v in value]
    return "".join(f"\n{margin}{_entry(key, inner, column)}" for key, inner in items)


def _height(value: Any) -> int:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max((_height(one) for one in inner), default=0)
    return 0


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return _scalar(value, in_flow=True)


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS - {"on"} else _quoted(key)


def _scalar(value: Any, *, quoted: bool = False, in_flow: bool = False) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if quoted or not _may_be_plain(value, in_flow):
        return _quoted(value)
    return str(value)


def _may_be_plain(text: str, in_flow: bool) -> bool:
    return bool(
        _PLAIN.fullmatch(text)
        and text.isprintable()
        and text == text.strip()
        and text.lower() not in _WORDS
        and ": " not in text
        and " #" not in text
        and not text.endswith(":")
        and not (in_flow and any(mark in text for mark in ",[]{}:"))
    )


def _quoted(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    if written.isprintable():
        return written
    return "".join(one if one.isprintable() else _escape(one) for one in written)


def _escape(one: str) -> str:
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}"


def _fits_literal(text: str) -> bool:
    """Whether a literal block gives the text back: no odd white space at its ends, no signs that YAML would fold."""
    body = text.removesuffix("\n")
    return (
        bool(body)
        and not body.endswith("\n")
        and body[0] not in " \n\t"
        and all(line.isprintable() and line == line.rstrip() for line in body.split("\n"))
    )

"""Values of a document at their addresses, as fields of a form.

Addresses count rows by position, so nothing typed by a person ever becomes part of one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Address = tuple[str | int, ...]


@dataclass(slots=True)
class Field:
    """One value on a form. `kind` says how it is shown and how its text becomes data."""

    address: Address
    label: str
    kind: str = "text"  # text area number integer date choice flag checks words options name
    value: Any = ""
    hint: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    optional: bool = False  # emptied, its key goes
    errors: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "f." + ".".join(str(step) for step in self.address)


@dataclass(slots=True)
class Group:
    """Fields that belong together; `remove` and `up` are what a row's buttons say."""

    title: str
    fields: list[Field]
    remove: str = ""
    up: str = ""
    note: str = ""
    compact: bool = False
    adds: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Form:
    """A part as it is shown. `adds` are the buttons that begin a new row."""

    groups: list[Group] = field(default_factory=list)
    adds: list[tuple[str, str]] = field(default_factory=list)
    too_large: bool = False
    unreadable: list[str] = field(default_factory=list)  # keys whose writing no form can show

    def fields(self) -> Iterator[Field]:
        for group in self.groups:
            yield from group.fields


class NameTaken(ValueError):
    """A row was to get a name that another row has."""


# -- data --------------------------------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    """A scalar as it stands in a field."""
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def found(data: Any, address: Address) -> Any:
    """What stands at an address; None for nothing."""
    for step in address:
        if isinstance(step, int):
            rows = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
            data = rows[step] if 0 <= step < len(rows) else None
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data


def key_at(data: Any, index: int) -> Any:
    """The key of a row by its position."""
    return list(data)[index] if isinstance(data, dict) else index


def put(data: Any, address: Address, value: Any, *, drop: bool = False) -> None:
    """Write a value at an address, or take its key away."""
    for position, step in enumerate(address[:-1]):
        key = key_at(data, step) if isinstance(step, int) else step
        if isinstance(data, dict) and not isinstance(data.get(key), dict | list):
            data[key] = {} if not isinstance(address[position + 1], int) else []
        data = data[key]
    last = address[-1]
    key = key_at(data, last) if isinstance(last, int) else last
    if drop:
        data.pop(key, None)
    else:
        data[key] = value


def with_key(data: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A document with one more top-level key, where the house puts it."""
    order = {name: number for number, name in enumerate(ORDER)}
    later = [name for name in data if order.get(name, 0) > order[key]]
    if key in data or not later:
        return {**data, key: value}
    result: dict[str, Any] = {}
    for name, old in data.items():
        if name == later[0]:
            result[key] = value
        result[name] = old
    return result


ORDER = (
    "format", "code", "version", "title", "sector", "activity", "level", "region", "effective_from", "participants",
    "certifiable", "use", "additionality", "gases", "source", "chapters", "inputs", "parameters", "history", "steps",
    "output", "limits", "evidence", "examples",
)  # fmt: skip


def rows_of(data: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    """Rows of a part by name, or by number where they have none; nothing for what is neither."""
    value = data.get(key)
    if isinstance(value, dict):
        return list(value.items())
    return [(str(number), one) for number, one in enumerate(value)] if isinstance(value, list) else []


def numeric_inputs(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Inputs that are numbers, as choices."""
    rows = rows_of(data, "inputs")
    return [(name, name) for name, one in rows if isinstance(one, dict) and one.get("type") != "choice"]

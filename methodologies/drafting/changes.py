"""What a sent form changes, and rows that come and go. A key that no form knows stays as it is."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping
from typing import Any

from methodologies.engine.loader import parse_date

from .fields import Address, Field, NameTaken, as_text, found, key_at, numeric_inputs, put, rows_of, with_key
from .parts import form_of


def changed(slug: str, data: dict[str, Any], sent: Mapping[str, list[str]], *, factors: list[str]) -> dict[str, Any]:
    """The data after a form. Raises NameTaken. `sent` holds the texts by field name; what is not there stays."""
    new = copy.deepcopy(data)
    renames: list[tuple[Address, str]] = []
    for one in form_of(slug, data, factors=factors).fields():
        texts = sent.get(one.name)
        if texts is None:
            continue
        typed = texts[-1].replace("\r\n", "\n") if texts else ""
        if one.kind == "name":
            if typed.strip() and typed.strip() != one.value:
                renames.append((one.address, typed.strip()))
        elif one.kind == "checks":
            chosen = [text for text in texts if text]
            if chosen != one.value:
                _top(new, one.address)
                put(new, one.address, chosen)
        elif _reads(typed, one.kind) != _reads(one.value, one.kind):
            _set(new, one, typed)
    for address, name in sorted(renames, key=lambda pair: len(pair[0]), reverse=True):
        _rename(new, address, name)
    return new


def _reads(text: str, kind: str) -> str:
    """A text as it is compared: nobody changes a chapter by its last line end."""
    return text.strip() if kind not in ("area",) else text.strip().replace("\r\n", "\n")


def _top(new: dict[str, Any], address: Address) -> None:
    """Make room for a top-level key that was not there, at its place."""
    key = str(address[0])
    if key not in new:
        ordered = with_key(new, key, {} if len(address) > 1 else None)
        new.clear()
        new.update(ordered)


def _set(new: dict[str, Any], one: Field, typed: str) -> None:
    address = one.address
    _top(new, address)
    if one.kind == "formula":
        put(new, address[:-1], typed.strip())
        return
    if one.optional and not typed.strip():
        put(new, address, None, drop=True)
        if address[0] == "examples" and address[-1] == "refuse":
            return
    else:
        put(new, address, _converted(one, typed, found(new, address)))
    row = found(new, address[:2])
    if address[0] == "examples" and typed.strip() and address[-1] in ("refuse", "expect") and isinstance(row, dict):
        row.pop("expect" if address[-1] == "refuse" else "refuse", None)  # one of the two, the newer word counts
    if address[0] == "parameters" and address[-1] == "by":
        _reshape(new, row)
    if address[0] == "inputs" and address[-1] == "type":
        _retype(row)


def _converted(one: Field, typed: str, old: Any) -> Any:
    text = typed.strip()
    if one.kind == "flag":
        return text == "true" if text in ("true", "false") else text
    if one.kind == "integer" and text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 30:
        return int(text)
    if one.kind == "date":
        return parse_date(text) or text
    if one.kind == "words":
        return [word.strip() for word in text.replace("，", ",").replace("、", ",").split(",") if word.strip()]
    if one.kind == "options":
        return _options(text, old if isinstance(old, dict) else {})
    if one.kind == "area":
        body = typed.replace("\r\n", "\n").strip("\n").rstrip()
        return body + "\n" if body else ""
    return text


def _options(text: str, old: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for line in text.split("\n"):
        code, _sign, rest = line.partition("=")
        code = code.strip()
        if not code:
            continue
        zh, _bar, en = rest.partition("|")
        known = old.get(code)
        texts = dict(known) if isinstance(known, dict) else {}
        texts["zh"] = zh.strip()
        if en.strip():
            texts["en"] = en.strip()
        else:
            texts.pop("en", None)
        result[code] = texts
    return result


def _reshape(new: dict[str, Any], row: Any) -> None:
    """A parameter by region or by option becomes a table of the value that was there, and the other way round."""
    if not isinstance(row, dict) or not isinstance(row.get("values"), dict):
        return
    by = row.get("by")
    if by == "region":
        keys = [as_text(new.get("region")) or "440000"]
    else:
        options = found(new, ("inputs", str(by), "options"))
        keys = list(options) if isinstance(options, dict) else []
    for start, table in row["values"].items():
        entry = table if isinstance(table, dict) and "value" in table else next(iter(found(table, ()) or {}), None)
        if isinstance(entry, str):
            entry = table[entry]
        entry = entry if isinstance(entry, dict) else _new_entry()
        row["values"][start] = {key: copy.deepcopy(entry) for key in keys} if by else entry


def _retype(row: Any) -> None:
    """What a type does not know goes, what it needs comes with an empty value."""
    if not isinstance(row, dict):
        return
    if row.get("type") == "choice":
        for key in ("unit", "places", "min", "max"):
            row.pop(key, None)
        row.setdefault("options", _new_options())
        return
    row.pop("options", None)
    for key, value in (("unit", "1"), ("min", "0"), ("max", "100")):
        row.setdefault(key, value)
    if row.get("type") == "integer":
        row.pop("places", None)
    else:
        row.setdefault("places", 1)


def _rename(new: dict[str, Any], address: Address, name: str) -> None:
    rows = found(new, address[:-1])
    index = address[-1]
    if not isinstance(rows, dict) or not isinstance(index, int) or index >= len(rows):
        return
    if name in rows:
        raise NameTaken(name)
    before = list(rows)[index]
    items = [(name if key == before else key, value) for key, value in rows.items()]
    rows.clear()
    rows.update(items)


# -- rows that come and go ---------------------------------------------------------------------------------------------


def _new_entry() -> dict[str, Any]:
    """A value nobody has looked up yet: it says so."""
    return {"value": "0", "source": "待补", "confidence": "memory", "best_before": "待补"}


def _new_options() -> dict[str, Any]:
    return {"first": {"zh": "选项一"}, "second": {"zh": "选项二"}}


def _free(rows: Mapping[str, Any], stem: str) -> str:
    number = len(rows) + 1
    while f"{stem}_{number}" in rows:
        number += 1
    return f"{stem}_{number}"


def added(data: dict[str, Any], what: str, *, today: dt.date) -> dict[str, Any]:
    """The data with one more row; `what` is what a button of the form says. Unknown words change nothing."""
    new = copy.deepcopy(data)
    word, _colon, rest = what.partition(":")
    keys = {"input": "inputs", "choice": "inputs", "parameter": "parameters", "factor": "parameters", "step": "steps",
            "history": "history", "limit": "limits", "example": "examples"}  # fmt: skip
    if word in ("value", "cell"):
        _more_values(new, rest, today)
        return new
    if word not in keys:
        return new
    key = keys[word]
    listed = key in ("limits", "examples")
    rows = new.get(key)
    if rows is None or (not rows and isinstance(rows, dict | list)):
        rows = [] if listed else {}
        new = {**new, key: rows} if key in new else with_key(new, key, rows)
    if isinstance(rows, list) and listed:
        rows.append(_new_item(new, word, today))
    elif isinstance(rows, dict) and not listed:
        rows[_free(rows, word)] = _new_row(new, word)
    return new


def _new_row(data: Mapping[str, Any], word: str) -> Any:
    inputs = numeric_inputs(data)
    label = {"zh": "待填"}
    return {
        "input": {"type": "decimal", "unit": "1", "places": 1, "min": "0", "max": "100", "label": label},
        "choice": {"type": "choice", "options": _new_options(), "label": label},
        "parameter": {"unit": "1", "values": {as_text(data.get("effective_from")) or "2027-01-01": _new_entry()}},
        "factor": {"factor": "grid.average.guangdong"},
        "step": "0",
        "history": {"of": inputs[0][0] if inputs else "", "window": 7, "unit": "day", "statistic": "mean", "minimum": 3,
                    "otherwise": "refuse"},
    }[word]  # fmt: skip


def _new_item(data: Mapping[str, Any], word: str, today: dt.date) -> dict[str, Any]:
    if word == "limit":
        return {"measure": "records", "per": "day", "max": "10"}
    start = data.get("effective_from")
    on = start if isinstance(start, dt.date) else today
    region = as_text(data.get("region"))
    return {"on": on, "region": region, "given": {name: "" for name, _row in rows_of(data, "inputs")}, "expect": 0}


def _more_values(new: dict[str, Any], rest: str, today: dt.date) -> None:
    """A further start date (as the newest one was), or a further region of a table."""
    steps = [int(part) for part in rest.split(":") if part.isascii() and part.isdigit() and len(part) < 6]
    values = found(new, ("parameters", steps[0], "values")) if steps else None
    if not isinstance(values, dict):
        return
    if len(steps) == 1:
        start = today
        while start.isoformat() in values:
            start += dt.timedelta(days=1)
        newest = values[max(values)] if values else _new_entry()
        values[start.isoformat()] = copy.deepcopy(newest)
        return
    table = found(values, (steps[1],))
    if isinstance(table, dict):
        table[_free(table, "440")] = _new_entry()


def removed(data: dict[str, Any], what: str) -> dict[str, Any]:
    """The data without a row, named by positions: `inputs:2`, `parameters:0:values:1`."""
    new = copy.deepcopy(data)
    address = _address(what)
    if not address or found(new, address) is None or not isinstance(address[-1], int):
        return new
    rows = found(new, address[:-1])
    del rows[key_at(rows, address[-1])]
    return new


def moved_up(data: dict[str, Any], what: str) -> dict[str, Any]:
    """The data with a row before the one that stood above it."""
    new = copy.deepcopy(data)
    address = _address(what)
    rows = found(new, address[:-1]) if address else None
    index = address[-1] if address else 0
    if not isinstance(rows, dict) or not isinstance(index, int) or not 0 < index < len(rows):
        return new
    items = list(rows.items())
    items[index - 1], items[index] = items[index], items[index - 1]
    rows.clear()
    rows.update(items)
    return new


def _address(what: str) -> Address:
    parts = what.split(":")[:6]
    if parts[0] not in ("inputs", "parameters", "steps", "limits", "history", "examples"):
        return ()
    return tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 6 else part for part in parts)

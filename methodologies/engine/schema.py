"""Plain data into a Document or a FactorLibrary: keys, types, names, tables, formulas."""

from __future__ import annotations

import datetime
import re
from typing import Any

from carbon_portal.kernel.quantities import Quantity

from . import document as d
from . import loader, reasons
from .language import FormulaError, Literal, parse
from .loader import Path, Source
from .names import check_names
from .reader import Reader

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_CODE = re.compile(r"[A-Z0-9-]{3,40}", re.ASCII)
_VERSION = re.compile(r"[\w.+()-](?:[\w.+() -]{0,38}[\w.+()-])?")
_ACTIVITY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}", re.ASCII)
_FACTOR = re.compile(r"[A-Za-z0-9_.-]{1,80}", re.ASCII)
_OPTION = re.compile(r"\w[\w.+-]{0,39}")

_REQUIRED = [
    "format",
    "code",
    "version",
    "title",
    "sector",
    "activity",
    "level",
    "region",
    "effective_from",
    "participants",
    "certifiable",
    "use",
    "additionality",
    "gases",
    "source",
    "inputs",
    "parameters",
    "steps",
    "output",
    "evidence",
    "examples",
]
_OPTIONAL = ("chapters", "history", "limits")
MAX_INPUTS_AND_PARAMETERS = 60
MAX_STEPS = 60
MAX_WINDOW_DAYS = 36_600


def load_document(source: bytes | str, *, name: str) -> d.Document:
    """Return the document of a YAML text. Raises DocumentError with every problem that was found."""
    plain = loader.read(source, name=name)
    reader = Reader(plain)
    data = reader.keys(plain.data, (), _REQUIRED, _OPTIONAL)
    reader.finish()
    if data["format"] != 1 or isinstance(data["format"], bool):
        reader.refuse(("format",), "只支持格式 1。", "only format 1 is known.")
        reader.finish()
    document = _document(reader, data, plain)
    check_names(reader, document)
    reader.finish()
    return document


def _document(reader: Reader, data: dict[str, Any], plain: Source) -> d.Document:
    inputs = _inputs(reader, data["inputs"])
    parameters = _parameters(reader, data["parameters"], inputs)
    if len(inputs) + len(parameters) > MAX_INPUTS_AND_PARAMETERS:
        reader.refuse(
            ("inputs",),
            f"输入和参数合计 {len(inputs) + len(parameters)} 个,上限 {MAX_INPUTS_AND_PARAMETERS} 个。",
            f"{len(inputs) + len(parameters)} inputs and parameters; the limit is {MAX_INPUTS_AND_PARAMETERS}.",
        )
    return d.Document(
        name=plain.name,
        code=reader.text(data["code"], ("code",), pattern=_CODE),
        version=reader.text(data["version"], ("version",), pattern=_VERSION),
        title=reader.texts(data["title"], ("title",)),
        sector=reader.choice(data["sector"], ("sector",), d.SECTORS),
        activity=reader.text(data["activity"], ("activity",), pattern=_ACTIVITY),
        level=reader.choice(data["level"], ("level",), d.LEVELS),
        region=reader.region(data["region"], ("region",)),
        effective_from=reader.date(data["effective_from"], ("effective_from",)),
        participants=_participants(reader, data["participants"]),
        certifiable=reader.flag(data["certifiable"], ("certifiable",)),
        use=reader.choice(data["use"], ("use",), d.USES),
        additionality=reader.choice(data["additionality"], ("additionality",), d.ADDITIONALITY),
        gases=tuple(
            reader.text(gas, ("gases", index)) for index, gas in enumerate(reader.items(data["gases"], ("gases",)))
        ),
        published_source=_source(reader, data["source"]),
        chapters=_chapters(reader, data.get("chapters")),
        inputs=inputs,
        parameters=parameters,
        history=_history(reader, data.get("history")),
        steps=_steps(reader, data["steps"]),
        output=_output(reader, data["output"]),
        limits=_limits(reader, data.get("limits")),
        evidence=_evidence(reader, data["evidence"]),
        examples=_examples(reader, data["examples"], inputs),
        data=plain.data,
        sha256=loader.canonical_sha256(plain.data),
        source=plain,
    )


def _named(reader: Reader, value: Any, path: Path) -> dict[str, Any]:
    """Return a mapping from declared names, with bad names noted and left out."""
    found = {}
    for name, inner in reader.mapping(value, path).items():
        if not _NAME.fullmatch(name) or name in d.RESERVED:
            reader.refuse(
                (*path, name),
                f"名称“{name[:40]}”不可用:应以小写字母开头,只含小写字母、数字和下划线,最长 40 个字符,且不是保留字。",
                f"the name {name[:40]!r} is not allowed: a lower-case letter, then letters, digits and underscores, "
                "at most 40 characters, and no reserved word.",
            )
        else:
            found[name] = inner
    return found


def _participants(reader: Reader, value: Any) -> tuple[str, ...]:
    path: Path = ("participants",)
    found = [reader.choice(item, (*path, i), d.PARTICIPANTS) for i, item in enumerate(reader.items(value, path))]
    if len(set(found)) != len(found) or not found:
        reader.refuse(path, "至少写一类参与者,且不要重复。", "name at least one kind of participant, each once.")
    return tuple(found)


def _source(reader: Reader, value: Any) -> dict[str, Any]:
    path: Path = ("source",)
    data = reader.keys(value, path, ("issuer", "document", "number", "published"))
    for key in ("issuer", "document", "number"):
        reader.optional(data, key, path, lambda v, p: reader.text(v, p, empty=True), "")
    reader.optional(data, "published", path, reader.date, datetime.date.min)
    return data


def _chapters(reader: Reader, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    data = reader.keys(value, ("chapters",), (), d.CHAPTERS)
    # An empty chapter is a gap (a warning at check), not a refusal.
    return {key: "" if text is None else reader.text(text, ("chapters", key), empty=True) for key, text in data.items()}


def _inputs(reader: Reader, value: Any) -> dict[str, d.Input]:
    return {name: _input(reader, name, inner) for name, inner in _named(reader, value, ("inputs",)).items()}


def _input(reader: Reader, name: str, value: Any) -> d.Input:
    path: Path = ("inputs", name)
    data = reader.mapping(value, path)
    kind = reader.choice(data.get("type"), (*path, "type"), ("decimal", "integer", "choice"))
    required = {
        "decimal": ("type", "unit", "places", "min", "max", "label"),
        "integer": ("type", "unit", "min", "max", "label"),
        "choice": ("type", "options", "label"),
    }[kind]
    reader.keys(data, path, required, ("places",) if kind == "integer" else ())
    label = reader.optional(data, "label", path, reader.texts, {})
    if kind == "choice":
        return d.Input(name, kind, label, options=_options(reader, data.get("options"), (*path, "options")))
    highest = 12 if kind == "decimal" else 0
    low = reader.optional(data, "min", path, reader.quantity, Quantity(0))
    high = reader.optional(data, "max", path, reader.quantity, Quantity(0))
    if low.fraction > high.fraction:
        reader.refuse((*path, "min"), "最小值大于最大值。", "min is above max.")
    return d.Input(
        name,
        kind,
        label,
        unit=reader.optional(data, "unit", path, reader.unit, "1"),
        places=reader.optional(data, "places", path, lambda v, p: reader.integer(v, p, 0, highest), 0),
        min=low,
        max=high,
    )


def _options(reader: Reader, value: Any, path: Path) -> dict[str, d.Texts]:
    data = reader.mapping(value, path)
    if isinstance(value, dict) and not data:
        reader.refuse(path, "至少要有一个选项。", "a choice needs at least one option.")
    for option in data:
        if not _OPTION.fullmatch(option):
            reader.refuse(
                (*path, option), f"选项名“{option[:40]}”不可用。", f"the option name {option[:40]!r} is not allowed."
            )
    return {option: reader.texts(texts, (*path, option)) for option, texts in data.items()}


def _parameters(reader: Reader, value: Any, inputs: dict[str, d.Input]) -> dict[str, d.Parameter]:
    named = _named(reader, value, ("parameters",))
    return {name: _parameter(reader, name, inner, inputs) for name, inner in named.items()}


def _parameter(reader: Reader, name: str, value: Any, inputs: dict[str, d.Input]) -> d.Parameter:
    path: Path = ("parameters", name)
    data = reader.mapping(value, path)
    if "factor" in data:
        reader.keys(data, path, ("factor",), ("unit", "basis", "vintage"))
        return d.Parameter(
            name,
            unit=reader.optional(data, "unit", path, reader.unit, None),
            by=None,
            values=(),
            basis=reader.basis(data, path),
            factor=reader.text(data["factor"], (*path, "factor")),
            vintage=reader.optional(data, "vintage", path, reader.year, None),
        )
    reader.keys(data, path, ("unit", "values"), ("by", "basis"))
    by = reader.optional(data, "by", path, reader.text, None)
    options: tuple[str, ...] | None = None
    if by is not None and by != "region":
        choice = inputs.get(by)
        if choice is None or choice.options is None:
            reader.refuse(
                (*path, "by"),
                f"“{by[:40]}”既不是 region,也不是选择型输入。",
                f"{by[:40]!r} is neither region nor a choice input.",
            )
            by = None
        else:
            options = tuple(choice.options)
    values = []
    for start, table in reader.mapping(data.get("values", {}), (*path, "values")).items():
        inner: Path = (*path, "values", start)
        values.append((reader.start(start, inner), _table(reader, table, inner, by, options)))
    if not values:
        reader.refuse(path, "至少要有一个带启用日期的值。", "at least one dated value is needed.")
    return d.Parameter(
        name,
        unit=reader.optional(data, "unit", path, reader.unit, None),
        by=by,
        values=tuple(sorted(values, key=lambda item: item[0])),
        basis=reader.basis(data, path),
    )


def _table(reader: Reader, value: Any, path: Path, by: str | None, options: tuple[str, ...] | None) -> d.Table:
    if by is None:
        return reader.entry(value, path)
    if by == "region":
        data = reader.mapping(value, path)
        if isinstance(value, dict) and not data:
            reader.refuse(path, "表中至少要有一个地区。", "the table needs at least one region.")
        for region in data:
            reader.region(region, (*path, region))
    else:
        data = reader.keys(value, path, options or ())
    return {key: reader.entry(entry, (*path, key)) for key, entry in data.items()}


def _history(reader: Reader, value: Any) -> dict[str, d.History]:
    if value is None:
        return {}
    found = {}
    for name, inner in _named(reader, value, ("history",)).items():
        path: Path = ("history", name)
        data = reader.keys(inner, path, ("of", "window", "statistic", "minimum", "otherwise"), ("unit",))
        reader.optional(data, "unit", path, lambda v, p: reader.choice(v, p, ("day",)), "day")
        found[name] = d.History(
            name,
            of=reader.optional(data, "of", path, reader.text, ""),
            window=reader.optional(data, "window", path, lambda v, p: reader.integer(v, p, 1, MAX_WINDOW_DAYS), 1),
            statistic=reader.optional(data, "statistic", path, lambda v, p: reader.choice(v, p, d.STATISTICS), "mean"),
            minimum=reader.optional(data, "minimum", path, lambda v, p: reader.integer(v, p, 0, 100_000), 1),
            otherwise=reader.optional(data, "otherwise", path, reader.text, ""),
        )
    return found


def _steps(reader: Reader, value: Any) -> dict[str, d.Step]:
    found = {}
    named = _named(reader, value, ("steps",))
    if len(named) > MAX_STEPS:
        reader.refuse(
            ("steps",), f"步骤 {len(named)} 个,上限 {MAX_STEPS} 个。", f"{len(named)} steps; the limit is {MAX_STEPS}."
        )
        return {}
    for name, formula in named.items():
        path: Path = ("steps", name)
        whole = isinstance(formula, int) and not isinstance(formula, bool)
        text = reader.text(str(formula) if whole else formula, path)
        if not text:
            continue
        try:
            found[name] = d.Step(name, text.removesuffix("\n"), parse(text))
        except FormulaError as exc:
            reader.refuse(path, exc.message_zh, exc.message_en, exc.column)
            found[name] = d.Step(name, text, Literal(0, 1))  # known all the same, so later steps are not blamed
    return found


def _output(reader: Reader, value: Any) -> d.Output:
    path: Path = ("output",)
    data = reader.keys(value, path, ("step", "unit", "round"))
    return d.Output(
        step=reader.optional(data, "step", path, reader.text, ""),
        unit=reader.optional(data, "unit", path, lambda v, p: reader.choice(v, p, ("g_co2e", "kg_co2e", "t_co2e")), ""),
        round=reader.optional(data, "round", path, lambda v, p: reader.choice(v, p, d.ROUNDINGS), "floor"),
    )


def _limits(reader: Reader, value: Any) -> tuple[d.Limit, ...]:
    if value is None:
        return ()
    found = []
    for index, inner in enumerate(reader.items(value, ("limits",))):
        path: Path = ("limits", index)
        data = reader.keys(inner, path, ("measure", "per", "max"))
        found.append(
            d.Limit(
                measure=reader.optional(data, "measure", path, reader.text, ""),
                per=reader.optional(data, "per", path, lambda v, p: reader.choice(v, p, d.PERIODS), "day"),
                max=reader.optional(data, "max", path, reader.quantity, Quantity(0)),
            )
        )
    return tuple(found)


def _evidence(reader: Reader, value: Any) -> dict[str, Quantity]:
    path: Path = ("evidence",)
    data = reader.keys(value, path, d.GRADES)
    found = {}
    for grade in d.GRADES:
        share = reader.optional(data, grade, path, reader.quantity, Quantity(0))
        if not 0 <= share.fraction <= 1:
            reader.refuse((*path, grade), "份额应在 0 到 1 之间。", "a share lies between 0 and 1.")
        found[grade] = share
    return found


def _examples(reader: Reader, value: Any, inputs: dict[str, d.Input]) -> tuple[d.Example, ...]:
    found = []
    for index, inner in enumerate(reader.items(value, ("examples",))):
        path: Path = ("examples", index)
        data = reader.keys(inner, path, ("on", "region", "given"), ("expect", "refuse", "source"))
        if ("expect" in data) == ("refuse" in data):
            reader.refuse(path, "expect 和 refuse 必须且只能写一个。", "write either expect or refuse.")
        given = reader.optional(data, "given", path, lambda v, p: reader.keys(v, p, (), inputs), {})
        refuse = reader.optional(data, "refuse", path, lambda v, p: reader.choice(v, p, reasons.REFUSALS), None)
        found.append(
            d.Example(
                on=_cell(reader, data.get("on"), (*path, "on")) or "",
                region=_cell(reader, data.get("region"), (*path, "region")) or "",
                given={key: _cell(reader, cell, (*path, "given", key)) for key, cell in given.items()},
                expect=reader.optional(data, "expect", path, lambda v, p: reader.integer(v, p, 0, 2**63 - 1), None),
                refuse=refuse,
                source=reader.optional(data, "source", path, reader.text, None),
            )
        )
    return tuple(found)


def _cell(reader: Reader, value: Any, path: Path) -> str | None:
    """Return the text that a table's cell would hold for an example's scalar."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | datetime.date):
        return str(value)
    reader.refuse(path, "这里应是一个值。", "a single value belongs here.")
    return None


def load_factors(source: bytes | str, *, name: str) -> d.FactorLibrary:
    """Return the factor library of a YAML text. Raises DocumentError with every problem that was found."""
    plain = loader.read(source, name=name)
    reader = Reader(plain)
    factors = {}
    for code, inner in reader.mapping(plain.data, ()).items():
        path: Path = (code,)
        if not _FACTOR.fullmatch(code):
            reader.refuse(path, f"因子代码“{code[:40]}”不可用。", f"the factor code {code[:40]!r} is not allowed.")
        data = reader.keys(inner, path, ("title", "unit", "values"), ("basis",))
        values = []
        for start, entry in reader.optional(data, "values", path, reader.mapping, {}).items():
            place: Path = (*path, "values", start)
            values.append((reader.start(start, place), reader.entry(entry, place, data_year=True)))
        if not values:
            reader.refuse(path, "至少要有一个带启用日期的值。", "at least one dated value is needed.")
        factors[code] = d.Factor(
            code,
            title=reader.optional(data, "title", path, reader.texts, {}),
            unit=reader.optional(data, "unit", path, reader.unit, "1"),
            basis=reader.basis(data, path),
            values=tuple(sorted(values, key=lambda item: item[0])),
        )
    reader.finish()
    return d.FactorLibrary(plain.name, factors, loader.canonical_sha256(plain.data), plain)

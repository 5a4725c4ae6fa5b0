"""The parts of a document as forms: which fields there are, and how they are filled."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from carbon_portal.kernel.language import pick
from methodologies.engine import document as d
from methodologies.engine.reasons import REFUSALS, sentence
from methodologies.present import SECTORS, chapter_label, confidence

from .fields import Address, Field, Form, Group, as_text, found, numeric_inputs, rows_of

MAX_FIELDS = 420  # a form has room for 500: what is larger is edited as text
SLUGS = ("basics", "inputs", "parameters", "formula", "limits", "evidence", "chapters", "examples", "text")


def part_title(slug: str) -> str:
    """The name of a part."""
    return {
        "basics": _("名称和适用范围"),
        "inputs": _("输入"),
        "parameters": _("参数和来源"),
        "formula": _("公式和取整"),
        "limits": _("上限和历史"),
        "evidence": _("证据等级"),
        "chapters": _("正文各章"),
        "examples": _("算例"),
        "text": _("全文（YAML）"),
    }[slug]


# -- forms -------------------------------------------------------------------------------------------------------------


def form_of(slug: str, data: dict[str, Any], *, factors: list[str]) -> Form:
    """The form of a part, filled from the data."""
    form = Form()
    make = {
        "basics": _basics, "inputs": _inputs, "parameters": _parameters, "formula": _formula, "limits": _limits,
        "evidence": _evidence, "chapters": _chapters, "examples": _examples,
    }[slug]  # fmt: skip
    if slug == "parameters":
        _parameters(form, data, factors)
    else:
        make(form, data)  # type: ignore[operator]
    form.too_large = sum(1 for _field in form.fields()) > MAX_FIELDS
    form.unreadable = [key for key in _KEYS[slug] if not _is_readable(key, data.get(key))]
    return form


_KEYS = {
    "basics": ("title", "participants", "gases", "source"),
    "inputs": ("inputs",),
    "parameters": ("parameters",),
    "formula": ("steps", "output"),
    "limits": ("limits", "history"),
    "evidence": ("evidence",),
    "chapters": ("chapters",),
    "examples": ("examples",),
}


def _is_readable(key: str, value: Any) -> bool:
    if value is None:
        return True
    if key in ("limits", "examples"):
        return isinstance(value, list) and all(isinstance(one, dict) for one in value)
    if key in ("participants", "gases"):
        return isinstance(value, list)
    rows = key in ("inputs", "parameters", "history")
    return isinstance(value, dict) and (not rows or all(isinstance(one, dict) for one in value.values()))


def _field(data: dict[str, Any], address: Address, label: str, kind: str = "text", **more: Any) -> Field:
    value = found(data, address)
    if kind == "checks":
        shown: Any = [as_text(one) for one in value] if isinstance(value, list) else []
    elif kind == "words":
        shown = ", ".join(as_text(one) for one in value) if isinstance(value, list) else ""
    elif kind == "options":
        shown = _options_text(value)
    else:
        shown = as_text(value)
    options = list(more.pop("options", []))
    if kind == "choice" and shown not in dict(options):
        options = [(shown, shown or "—"), *options]
    return Field(address, label, kind, shown, options=options, **more)


def _basics(form: Form, data: dict[str, Any]) -> None:
    def one(key: str, label: str, kind: str = "text", **more: Any) -> Field:
        return _field(data, (*key.split("."),), label, kind, **more)

    levels = [("national", _("国家")), ("provincial", _("省级")), ("city", _("市级"))]
    may = [("false", _("不能，只用于积分")), ("true", _("可以"))]
    uses = [("consumption", _("核算用能")), ("displacement", _("替代电网电量"))]
    who = {"resident": _("居民"), "household": _("家庭"), "sme": _("小微企业"), "group": _("社会团体")}
    form.groups = [
        Group(
            _("名称"),
            [
                one("title.zh", _("名称（中文）")),
                one("title.en", _("名称（英文）"), optional=True),
                one("code", _("代码"), hint=_("大写字母、数字和连字符，3 到 40 个字符，全省唯一")),
                one("version", _("版本"), hint=_("例如 1.0；同一代码不能重复")),
            ],
        ),
        Group(
            _("适用范围"),
            [
                one("sector", _("领域"), "choice", options=[(key, str(name)) for key, name in SECTORS.items()]),
                one("activity", _("行为类型"), hint=_("平台上行为的代码，例如 metro_trip")),
                one("level", _("级别"), "choice", options=levels),
                one("region", _("发布地区"), hint=_("六位地区代码，例如 440100")),
                one("effective_from", _("生效日期"), "date", hint=_("按行为发生的日期选用版本")),
                one("participants", _("参与者"), "checks", options=[(key, who[key]) for key in d.PARTICIPANTS]),
            ],
        ),
        Group(
            _("性质"),
            [
                one("certifiable", _("能否核证"), "flag", options=may),
                one("use", _("用途"), "choice", options=uses),
                one(
                    "additionality", _("额外性"), "choice",
                    options=[("required", _("须论证")), ("simplified", _("简化论证")), ("waived", _("免予论证"))],
                ),
                one("gases", _("温室气体"), "words", hint=_("用逗号分开，例如 CO2, CH4")),
            ],
        ),
        Group(
            _("依据文件"),
            [
                one("source.issuer", _("发布单位")),
                one("source.document", _("文件名称")),
                one("source.number", _("文号")),
                one("source.published", _("发布日期"), "date"),
            ],
        ),
    ]  # fmt: skip


def _inputs(form: Form, data: dict[str, Any]) -> None:
    types = [("decimal", _("小数")), ("integer", _("整数")), ("choice", _("选项"))]
    for number, (name, value) in enumerate(rows_of(data, "inputs")):
        at: Address = ("inputs", number)
        fields = [
            Field(at, _("名字"), "name", name, hint=_("公式里用的名字，小写英文")),
            _field(data, (*at, "label", "zh"), _("中文名称")),
            _field(data, (*at, "label", "en"), _("英文名称"), optional=True),
            _field(data, (*at, "type"), _("类型"), "choice", options=types),
        ]
        if isinstance(value, dict) and value.get("type") == "choice":
            hint = _("一行一个：代码 = 中文 | English")
            fields.append(_field(data, (*at, "options"), _("选项"), "options", hint=hint))
        else:
            fields += [
                _field(data, (*at, "unit"), _("单位"), hint=_("例如 km、kWh；没有单位写 1")),
                _field(data, (*at, "places"), _("小数位数"), "integer", optional=True),
                _field(data, (*at, "min"), _("最小值"), "number"),
                _field(data, (*at, "max"), _("最大值"), "number"),
            ]
        form.groups.append(Group(name, fields, remove=f"inputs:{number}"))
    form.adds = [("input", _("加一个数值")), ("choice", _("加一个选项"))]


def _parameters(form: Form, data: dict[str, Any], factors: list[str]) -> None:
    bases = [("", _("不写")), *((one, one) for one in d.BASES)]
    choices = [name for name, one in rows_of(data, "inputs") if isinstance(one, dict) and one.get("type") == "choice"]
    for number, (name, value) in enumerate(rows_of(data, "parameters")):
        at: Address = ("parameters", number)
        fields = [Field(at, _("名字"), "name", name)]
        if isinstance(value, dict) and "factor" in value:
            fields += [
                _field(data, (*at, "factor"), _("因子库的因子"), "choice", options=[(one, one) for one in factors]),
                _field(data, (*at, "vintage"), _("数据年份"), "integer", optional=True, hint=_("不写则按行为日期选用")),
                _field(data, (*at, "basis"), _("电网因子类别"), "choice", options=bases, optional=True),
            ]
            form.groups.append(Group(name, fields, remove=f"parameters:{number}"))
            continue
        by = [
            ("", _("一个值")),
            ("region", _("按地区")),
            *((one, _("按选项：%(name)s") % {"name": one}) for one in choices),
        ]
        fields += [
            _field(data, (*at, "unit"), _("单位"), hint=_("例如 g_co2e/km；纯数写 1")),
            _field(data, (*at, "by"), _("取值方式"), "choice", options=by, optional=True),
            _field(data, (*at, "basis"), _("电网因子类别"), "choice", options=bases, optional=True),
        ]
        form.groups.append(
            Group(name, fields, remove=f"parameters:{number}", adds=[(f"value:{number}", _("加一个启用日期"))])
        )
        _values(form, data, number, name, value)
    form.adds = [("parameter", _("加一个参数")), ("factor", _("引用因子库"))]


def _values(form: Form, data: dict[str, Any], number: int, name: str, value: Any) -> None:
    """One group for each dated value, or each cell of a table."""
    values = value.get("values") if isinstance(value, dict) else None
    for index, (start, table) in enumerate(values.items() if isinstance(values, dict) else ()):
        at: Address = ("parameters", number, "values", index)
        remove = f"parameters:{number}:values:{index}"
        since = Field(at, _("启用日期"), "name", start)
        if not isinstance(value, dict) or not value.get("by"):
            form.groups.append(Group(f"{name} · {start}", [since, *_entry(data, at)], remove=remove, compact=True))
            continue
        adds = [(f"cell:{number}:{index}", _("加一个地区"))] if value["by"] == "region" else []
        form.groups.append(Group(f"{name} · {start}", [since], remove=remove, compact=True, adds=adds))
        for cell, (key, _inner) in enumerate(table.items() if isinstance(table, dict) else ()):
            label = _("地区") if value["by"] == "region" else _("选项代码")
            fields = [Field((*at, cell), label, "name", key), *_entry(data, (*at, cell))]
            form.groups.append(Group(f"{name} · {start} · {key}", fields, remove=f"{remove}:{cell}", compact=True))


def _entry(data: dict[str, Any], at: Address) -> list[Field]:
    return [
        _field(data, (*at, "value"), _("数值"), "number"),
        _field(data, (*at, "source"), _("出处"), hint=_("文件名称、页码或表号、日期")),
        _field(
            data, (*at, "confidence"), _("可信度"), "choice",
            options=[(one, confidence(one)["label"]) for one in d.CONFIDENCES],
        ),
        _field(data, (*at, "best_before"), _("复核期限"), "date", hint=_("过了这一天必须复核")),
    ]  # fmt: skip


def _formula(form: Form, data: dict[str, Any]) -> None:
    rows = rows_of(data, "steps")
    for number, (name, _value) in enumerate(rows):
        at: Address = ("steps", number)
        fields = [
            Field(at, _("名字"), "name", name),
            Field((*at, "="), _("公式"), "formula", as_text(_value)),
        ]
        up = f"steps:{number}" if number else ""
        form.groups.append(
            Group(_("第 %(n)s 步") % {"n": number + 1}, fields, remove=f"steps:{number}", up=up, compact=True)
        )
    units = [("g_co2e", _("克")), ("kg_co2e", _("千克")), ("t_co2e", _("吨"))]
    rounds = {"floor": _("向下取整"), "half_even": _("四舍六入五成双"), "half_up": _("四舍五入"), "ceil": _("向上取整")}
    form.groups.append(
        Group(
            _("结果和取整"),
            [
                _field(data, ("output", "step"), _("结果是哪一步"), "choice", options=[(one, one) for one, _v in rows]),
                _field(data, ("output", "unit"), _("结果的单位"), "choice", options=units),
                _field(
                    data, ("output", "round"), _("取整"), "choice", options=[(one, rounds[one]) for one in d.ROUNDINGS]
                ),
            ],
        )
    )
    form.adds = [("step", _("加一步"))]


def _limits(form: Form, data: dict[str, Any]) -> None:
    periods = {"day": _("每天"), "week": _("每周"), "month": _("每月"), "year": _("每年")}
    measures = [*numeric_inputs(data), ("records", _("次数")), ("reduction", _("减碳量（克）"))]
    for number, _row in enumerate(rows_of(data, "limits")):
        at: Address = ("limits", number)
        fields = [
            _field(data, (*at, "measure"), _("限什么"), "choice", options=measures),
            _field(data, (*at, "per"), _("周期"), "choice", options=[(one, periods[one]) for one in d.PERIODS]),
            _field(data, (*at, "max"), _("最多"), "number"),
        ]
        form.groups.append(Group(_("上限 %(n)s") % {"n": number + 1}, fields, remove=f"limits:{number}", compact=True))
    statistics = {"mean": _("平均"), "sum": _("合计"), "count": _("条数"), "min": _("最小"), "max": _("最大")}
    otherwise = [("refuse", _("不计入")), *((name, name) for name, _v in rows_of(data, "parameters"))]
    for number, (name, _value) in enumerate(rows_of(data, "history")):
        at = ("history", number)
        fields = [
            Field(at, _("名字"), "name", name),
            _field(data, (*at, "of"), _("哪个输入"), "choice", options=numeric_inputs(data)),
            _field(data, (*at, "window"), _("往前多少天"), "integer"),
            _field(
                data,
                (*at, "statistic"),
                _("怎么算"),
                "choice",
                options=[(one, statistics[one]) for one in d.STATISTICS],
            ),
            _field(data, (*at, "minimum"), _("至少几条"), "integer"),
            _field(data, (*at, "otherwise"), _("不够时"), "choice", options=otherwise),
        ]
        form.groups.append(Group(_("历史 %(name)s") % {"name": name}, fields, remove=f"history:{number}"))
    form.adds = [("limit", _("加一条上限")), ("history", _("加一个历史值"))]


def _evidence(form: Form, data: dict[str, Any]) -> None:
    labels = {"feed": _("数据直连"), "proof": _("已核凭证"), "self_declared": _("自行申报")}
    hint = _("0 到 1；计入 = 结果 × 份额，向下取整")
    fields = [_field(data, ("evidence", grade), labels[grade], "number", hint=hint) for grade in d.GRADES]
    form.groups = [Group(_("每个证据等级计入多少"), fields)]


def _chapters(form: Form, data: dict[str, Any]) -> None:
    hints = {
        "applicability": _("写清适用的条件，也写清不适用的情形"),
        "monitoring": _("数据从哪里来，多久一次，谁负责，留存多久"),
        "baseline": _("没有这个行为时会怎样，为什么"),
        "double_claim": _("怎样防止同一减碳量被领两次"),
    }
    for name in d.CHAPTERS:
        one = _field(data, ("chapters", name), chapter_label(name), "area", hint=hints.get(name, ""))
        form.groups.append(Group("", [one]))


def _examples(form: Form, data: dict[str, Any]) -> None:
    refusals = [
        ("", _("计入")),
        *((code, _("不计入：%(why)s") % {"why": sentence(code, pick(_LANGUAGE))}) for code in REFUSALS),
    ]
    inputs = rows_of(data, "inputs")
    for number, _row in enumerate(rows_of(data, "examples")):
        at: Address = ("examples", number)
        fields = [
            _field(data, (*at, "on"), _("行为日期"), "date"),
            _field(data, (*at, "region"), _("地区"), hint=_("六位代码")),
        ]
        for name, declared in inputs:
            label, options = name, None
            if isinstance(declared, dict):
                texts = declared.get("label")
                label = pick(texts) if isinstance(texts, dict) and "zh" in texts else name
                options = declared.get("options") if declared.get("type") == "choice" else None
            where = (*at, "given", name)
            if isinstance(options, dict):
                choices = [("", "—"), *((one, one) for one in options)]
                fields.append(_field(data, where, label, "choice", options=choices, optional=True))
            else:
                fields.append(_field(data, where, label, "text", optional=True))
        fields += [
            _field(data, (*at, "refuse"), _("结果"), "choice", options=refusals, optional=True),
            _field(
                data, (*at, "expect"), _("应得（克）"), "integer", optional=True, hint=_("手算的克数，不计入时不填")
            ),
            _field(data, (*at, "source"), _("怎么算的"), optional=True),
        ]
        form.groups.append(Group(_("算例 %(n)s") % {"n": number + 1}, fields, remove=f"examples:{number}"))
    form.adds = [("example", _("加一个算例"))]


_LANGUAGE = {"zh": "zh", "en": "en"}


def _options_text(value: Any) -> str:
    lines = []
    for code, texts in value.items() if isinstance(value, dict) else ():
        shown = texts if isinstance(texts, dict) else {}
        lines.append(
            " | ".join([f"{code} = {as_text(shown.get('zh'))}", *([as_text(shown["en"])] if "en" in shown else [])])
        )
    return "\n".join(lines)

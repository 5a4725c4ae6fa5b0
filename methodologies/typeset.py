"""Formulas set as mathematics, from the very trees that the compiler turns into the tape.

A tree becomes a layout (fractions, brackets, cases) once; the page writes the layout as MathML, the PDF draws the same
layout. No text of a formula is read a second time, so what is printed can't differ from what runs.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .engine.language import Binary, Call, Compare, Literal, Name, Negative, Node

Layout = dict[str, Any]

_SIGNS = {"*": "×", "-": "−", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
_SPACE = SafeString('<mspace width="0.25em"></mspace>')
_SUM, _PRODUCT, _UNARY, _ATOM = 1, 2, 3, 4


def layout(tree: Node) -> Layout:
    """The tree as nested boxes: name, number, row, sign, fraction, brackets, call, cases."""
    match tree:
        case Literal(value=value):
            return {"box": "number", "text": str(value)}
        case Name(name=name):
            return {"box": "name", "text": name}
        case Negative(operand=operand):
            return _row(_sign("-", "prefix"), _bracketed(operand, _ATOM))
        case Binary(operator="/", left=left, right=right):
            return {"box": "fraction", "over": layout(left), "under": layout(right)}
        case Binary(operator=operator, left=left, right=right):
            own = _SUM if operator in "+-" else _PRODUCT
            return _row(_bracketed(left, own), _sign(operator), _bracketed(right, own + 1, leading=False))
        case Compare(operator=operator, left=left, right=right):
            return _row(layout(left), _sign(operator), layout(right))
        case Call(function="where", arguments=(condition, chosen, other)):
            return {"box": "cases", "when": layout(condition), "then": layout(chosen), "else": layout(other)}
        case Call(function=function, arguments=arguments):
            return {"box": "call", "text": function, "parts": [layout(one) for one in arguments]}


def _row(*parts: Layout) -> Layout:
    return {"box": "row", "parts": list(parts)}


def _sign(operator: str, form: str = "infix") -> Layout:
    return {"box": "sign", "text": _SIGNS.get(operator, operator), "form": form}


def _bracketed(tree: Node, least: int, *, leading: bool = True) -> Layout:
    """The layout, in brackets where it binds less than its place needs; a minus sign stands bare only in front."""
    match tree:
        case Binary(operator="/"):
            binds = _ATOM
        case Binary(operator=operator):
            binds = _SUM if operator in "+-" else _PRODUCT
        case Negative():
            binds = _UNARY if leading else _SUM
        case _:
            binds = _ATOM
    inner = layout(tree)
    return inner if binds >= least else {"box": "brackets", "part": inner}


# -- MathML ------------------------------------------------------------------------------------------------------------


def mathml(name: str, tree: Node, label: Callable[[str], str] = str) -> SafeString:
    """`name = formula` as a MathML block; `label` turns a declared name into what is shown for it."""
    return format_html(
        '<math display="block" class="formula"><mrow>{}<mo>=</mo>{}</mrow></math>',
        _identifier(label(name)),
        _box(layout(tree), label),
    )


def _identifier(text: str) -> SafeString:
    return format_html("<mtext>{}</mtext>", text)


def _box(box: Layout, label: Callable[[str], str]) -> SafeString:
    return _BOXES[box["box"]](box, label)


def _parts(parts: list[Layout], label: Callable[[str], str], between: str = "") -> SafeString:
    return format_html_join(SafeString(between), "{}", ((_box(part, label),) for part in parts))


def _fraction(box: Layout, label: Callable[[str], str]) -> SafeString:
    return format_html("<mfrac>{}{}</mfrac>", _box(box["over"], label), _box(box["under"], label))


def _operator(box: Layout) -> SafeString:
    """An operator. The space around it is elements of its own: inside a row, browsers give an operator none."""
    sign = format_html('<mo form="{}" lspace="0" rspace="0">{}</mo>', box["form"], box["text"])
    return sign if box["form"] == "prefix" else format_html("{0}{1}{0}", _SPACE, sign)


def _call(box: Layout, label: Callable[[str], str]) -> SafeString:
    inner = _parts(box["parts"], label, '<mo separator="true">,</mo>')
    return format_html(
        '<mrow><mi>{}</mi><mo stretchy="false">(</mo>{}<mo stretchy="false">)</mo></mrow>', box["text"], inner
    )


def _cases(box: Layout, label: Callable[[str], str]) -> SafeString:
    """Two lines after one brace: the value and its condition, the other value and “otherwise”."""
    rows = (
        (
            _box(box["then"], label),
            format_html(
                '<mrow><mtext>{}</mtext><mspace width="0.35em"></mspace>{}</mrow>', _("若"), _box(box["when"], label)
            ),
        ),
        (_box(box["else"], label), format_html("<mtext>{}</mtext>", _("否则"))),
    )
    inner = format_html_join("", "<mtr><mtd>{}</mtd><mtd>{}</mtd></mtr>", rows)
    return format_html('<mrow><mo stretchy="true">{}</mo><mtable class="cases">{}</mtable></mrow>', "{", inner)


_BOXES: Mapping[str, Callable[[Layout, Callable[[str], str]], SafeString]] = {
    "number": lambda box, label: format_html("<mn>{}</mn>", box["text"]),
    "name": lambda box, label: _identifier(label(box["text"])),
    "sign": lambda box, label: _operator(box),
    "row": lambda box, label: format_html("<mrow>{}</mrow>", _parts(box["parts"], label)),
    "brackets": lambda box, label: format_html("<mrow><mo>(</mo>{}<mo>)</mo></mrow>", _box(box["part"], label)),
    "fraction": _fraction,
    "call": _call,
    "cases": _cases,
}

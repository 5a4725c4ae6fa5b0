"""Formulas: a small closed grammar, parsed by hand. Whatever is not listed is refused by absence, with its column.

expression := term (("+" | "-") term)*
term       := factor (("*" | "/") factor)*
factor     := "-" factor | integer | name | "(" expression ")" | function "(" arguments ")"
condition  := expression ("<" | "<=" | ">" | ">=" | "==" | "!=") expression     (first argument of ``where`` only)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LENGTH = 500
MAX_NODES = 80
MAX_DEPTH = 12
MAX_LITERAL = 1_000_000
FUNCTIONS = ("min", "max", "clip", "where")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")

_TOKEN = re.compile(r"[ \t]*(?:([A-Za-z_][A-Za-z0-9_]*)|([0-9]+)|(<=|>=|==|!=|[-+*/(),<>]))", re.ASCII)


class FormulaError(ValueError):
    """A formula is refused; ``column`` counts characters from 1."""

    def __init__(self, column: int, message_zh: str, message_en: str) -> None:
        super().__init__(f"column {column}: {message_en}")
        self.column = column
        self.message_zh = message_zh
        self.message_en = message_en


@dataclass(frozen=True, slots=True)
class Literal:
    value: int
    column: int


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Negative:
    operand: Node
    column: int


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Node
    right: Node
    column: int


@dataclass(frozen=True, slots=True)
class Compare:
    operator: str
    left: Node
    right: Node
    column: int


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]
    column: int


Node = Literal | Name | Negative | Binary | Compare | Call


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # name, number, mark, end
    text: str
    column: int


def parse(text: str) -> Node:
    """Return the tree of a formula. Raises FormulaError; names are not looked up here."""
    text = text.removesuffix("\n")
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            MAX_LENGTH + 1, f"公式超过 {MAX_LENGTH} 个字符。", f"the formula is longer than {MAX_LENGTH} characters."
        )
    parser = _Parser(_tokens(text))
    tree = parser.expression(0)
    parser.expect_end()
    return tree


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    end = len(text.rstrip(" \t"))
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:]
            column = position + len(rest) - len(rest.lstrip(" \t")) + 1
            shown = text[column - 1]
            raise FormulaError(column, f"公式中不允许“{shown}”。", f"{shown!r} is not allowed in a formula.")
        kind = ("name", "number", "mark")[match.lastindex - 1] if match.lastindex else "mark"
        tokens.append(_Token(kind, match[match.lastindex or 0], match.start(match.lastindex or 0) + 1))
        position = match.end()
    tokens.append(_Token("end", "", end + 1))
    return tokens


class _Parser:
    """Recursive descent; the depth counts brackets, calls and unary minus, so recursion is bounded too."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.nodes = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.position]

    def next(self) -> _Token:
        token = self.token
        self.position += 1
        return token

    def is_mark(self, *marks: str) -> bool:
        return self.token.kind == "mark" and self.token.text in marks

    def expect(self, mark: str) -> None:
        if not self.is_mark(mark):
            raise self.unexpected(f"此处应为“{mark}”", f"expected {mark!r}")
        self.position += 1

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.unexpected("公式应在此结束", "the formula should end here")

    def unexpected(self, message_zh: str, message_en: str) -> FormulaError:
        token = self.token
        shown_zh = f"“{token.text[:20]}”" if token.text else "公式结尾"
        shown_en = repr(token.text[:20]) if token.text else "the end of the formula"
        return FormulaError(token.column, f"{message_zh},却是{shown_zh}。", f"{message_en}, found {shown_en}.")

    def count(self, column: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise FormulaError(
                column,
                f"公式超过 {MAX_NODES} 个节点,请拆成几步。",
                f"the formula has more than {MAX_NODES} nodes; split it into steps.",
            )

    def deeper(self, depth: int, column: int) -> int:
        if depth >= MAX_DEPTH:
            raise FormulaError(
                column,
                f"公式嵌套超过 {MAX_DEPTH} 层,请拆成几步。",
                f"the formula is nested deeper than {MAX_DEPTH}; split it into steps.",
            )
        return depth + 1

    def expression(self, depth: int) -> Node:
        left = self.term(depth)
        while self.is_mark("+", "-"):
            operator = self.next()
            self.count(operator.column)
            left = Binary(operator.text, left, self.term(depth), operator.column)
        return left

    def term(self, depth: int) -> Node:
        left = self.factor(depth)
        while self.is_mark("*", "/"):
            operator = self.next()
            self.count(operator.column)
            left = Binary(operator.text, left, self.factor(depth), operator.column)
        return left

    def factor(self, depth: int) -> Node:
        token = self.token
        if self.is_mark("-"):
            self.position += 1
            self.count(token.column)
            return Negative(self.factor(self.deeper(depth, token.column)), token.column)
        if self.is_mark("("):
            self.position += 1
            inner = self.expression(self.deeper(depth, token.column))
            self.expect(")")
            return inner
        if token.kind == "number":
            return self.literal()
        if token.kind == "name":
            self.position += 1
            self.count(token.column)
            if self.is_mark("("):
                return self.call(token, depth)
            return Name(token.text, token.column)
        raise self.unexpected("此处应为数、名称或括号", "expected a number, a name or a bracket")

    def literal(self) -> Node:
        token = self.next()
        self.count(token.column)
        if len(token.text) > 7 or int(token.text) > MAX_LITERAL or (token.text[0] == "0" and len(token.text) > 1):
            raise FormulaError(
                token.column,
                f"整数应在 0 到 {MAX_LITERAL} 之间且不带前导零,其他数请写成参数。",
                f"an integer is 0 to {MAX_LITERAL} without leading zeros; make any other number a parameter.",
            )
        return Literal(int(token.text), token.column)

    def call(self, token: _Token, depth: int) -> Node:
        function = token.text
        if function not in FUNCTIONS:
            raise FormulaError(
                token.column,
                f"没有函数“{function[:40]}”,可用的有 min、max、clip、where。",
                f"there is no function {function[:40]!r}; there are min, max, clip and where.",
            )
        inner = self.deeper(depth, token.column)
        self.expect("(")
        arguments = [self.condition(inner) if function == "where" else self.expression(inner)]
        while self.is_mark(","):
            self.position += 1
            arguments.append(self.expression(inner))
        self.expect(")")
        wanted = {"min": "2+", "max": "2+", "clip": "3", "where": "3"}[function]
        if len(arguments) < 2 if wanted == "2+" else len(arguments) != 3:
            raise FormulaError(
                token.column,
                f"{function} 需要{'两个或更多' if wanted == '2+' else '三个'}参数,却有 {len(arguments)} 个。",
                f"{function} takes {'two or more' if wanted == '2+' else 'three'} arguments, found {len(arguments)}.",
            )
        return Call(function, tuple(arguments), token.column)

    def condition(self, depth: int) -> Node:
        left = self.expression(depth)
        if not self.is_mark(*COMPARISONS):
            raise self.unexpected("where 的第一个参数应是一个比较", "the first argument of where is one comparison")
        operator = self.next()
        self.count(operator.column)
        return Compare(operator.text, left, self.expression(depth), operator.column)


def names(tree: Node) -> list[Name]:
    """Return every name in a tree, in the order of the formula."""
    found: list[Name] = []
    stack: list[Node] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Name):
            found.append(node)
        elif isinstance(node, Negative):
            stack.append(node.operand)
        elif isinstance(node, Binary | Compare):
            stack.extend((node.right, node.left))
        elif isinstance(node, Call):
            stack.extend(reversed(node.arguments))
    return found

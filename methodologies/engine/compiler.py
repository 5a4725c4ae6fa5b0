"""Formulas into one tape of column operations, with units proved and every intermediate result bounded.

A value is ``num / (den * 10**places)``; ``num`` and ``den`` are registers (``den`` absent means 1), ``err`` a register
of error bits (absent means that no error is possible). The compiler knows how large each can get, so it can say whether
int64 suffices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from . import document as d
from .language import Binary, Call, Compare, Literal, Name, Negative, Node
from .parameters import ParameterTable
from .problems import Problem, error
from .units import PURE, Unit, parse_unit

INT64_MAX = 2**63 - 1
LIMIT_PLACES = 60
LIMIT = 10**LIMIT_PLACES
HISTORY_COUNT = 10_000
NOT_ENOUGH_HISTORY = 4
DIVISION_BY_ZERO = 8

Register = int


@dataclass(frozen=True, slots=True)
class Value:
    """What the compiler knows of one number; ``unit`` None is the literal 0, which fits any unit."""

    num: Register
    den: Register | None
    places: int
    err: Register | None
    top: int  # no |num| is larger
    bottom: int  # no den is larger
    low: Fraction
    high: Fraction
    unit: Unit | None

    def __post_init__(self) -> None:
        if self.places > LIMIT_PLACES or self.bottom * 10**self.places > LIMIT:
            raise OverflowError


class Refused(Exception):
    """A formula can't be compiled; the message is bilingual, the column counts from 1."""

    def __init__(self, column: int, message_zh: str, message_en: str) -> None:
        super().__init__(message_en)
        self.column, self.message_zh, self.message_en = column, message_zh, message_en


@dataclass(slots=True)
class Tape:
    """Operations over registers. ``constants`` are Python integers, ``loads`` come from the columns of a chunk."""

    operations: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
    constants: dict[int, int] = field(default_factory=dict)
    loads: dict[int, tuple[str, str]] = field(default_factory=dict)
    size: int = 0
    peak: int = 0
    _known: dict[Any, int] = field(default_factory=dict)

    def constant(self, value: int) -> Register:
        self.note(abs(value))
        return self._new(("const", value), lambda register: self.constants.__setitem__(register, value))

    def load(self, kind: str, name: str) -> Register:
        return self._new(("load", kind, name), lambda register: self.loads.__setitem__(register, (kind, name)))

    def emit(self, operation: str, *arguments: Register) -> Register:
        """Add an operation, or return the register in which the same one already stands."""
        key = (operation, *arguments)
        return self._new(key, lambda register: self.operations.append((operation, register, arguments)))

    def _new(self, key: Any, define: Any) -> Register:
        if key not in self._known:
            self._known[key] = self.size
            define(self.size)
            self.size += 1
        return self._known[key]

    def note(self, bound: int) -> None:
        """Remember how large an integer may get. Raises OverflowError beyond 10**60."""
        if bound > LIMIT:
            raise OverflowError
        self.peak = max(self.peak, bound)

    def needed(self, outputs: list[Register]) -> Tape:
        """Return the tape with only what the outputs need."""
        wanted = set(outputs)
        kept = []
        for operation, register, arguments in reversed(self.operations):
            if register in wanted:
                wanted.update(arguments)
                kept.append((operation, register, arguments))
        return replace(
            self,
            operations=kept[::-1],
            constants={key: value for key, value in self.constants.items() if key in wanted},
            loads={key: value for key, value in self.loads.items() if key in wanted},
        )


@dataclass(slots=True)
class Compiled:
    """The tape and, per step, its value."""

    tape: Tape
    steps: dict[str, Value]


class Compiler:
    """Compiles the steps of one document in order; problems carry the step and the column."""

    def __init__(
        self, document: d.Document, tables: Mapping[str, ParameterTable], input_places: Mapping[str, int]
    ) -> None:
        self.document = document
        self.tables = tables
        self.input_places = input_places
        self.tape = Tape()
        self.known: dict[str, Value] = {}
        self.problems: list[Problem] = []

    def run(self) -> Compiled | None:
        """Return the compiled steps, or None with ``problems`` filled."""
        steps: dict[str, Value] = {}
        trees: list[tuple[tuple[str, str], Node]] = [
            (("history", name), Name(name, 1)) for name in self.document.history
        ]
        trees += [(("steps", step.name), step.tree) for step in self.document.steps.values()]
        for path, tree in trees:
            try:
                value = self.node(tree)
            except Refused as exc:
                where = self.document.source.where(path, exc.column)
                self.problems.append(error(where, exc.message_zh, exc.message_en))
                return None
            except OverflowError:
                self.problems.append(
                    error(
                        self.document.source.where(path),
                        "按申报的上下界推算,中间结果可能超过 10^60;请缩小输入或参数的范围或位数。",
                        "by the declared bounds an intermediate result may exceed 10^60; narrow the bounds or places.",
                    )
                )
                return None
            if path[0] == "steps":
                if value.unit is None and path[1] != self.document.output.step:
                    value = replace(value, unit=PURE)
                steps[path[1]] = self.known[path[1]] = value
        self._check_output(steps)
        return None if self.problems else Compiled(self.tape, steps)

    def _check_output(self, steps: Mapping[str, Value]) -> None:
        output = self.document.output
        unit = steps[output.step].unit
        if unit is not None and unit != parse_unit(output.unit):
            self.problems.append(
                error(
                    self.document.source.where(("output", "unit")),
                    f"步骤“{output.step}”的单位是 {unit},而 output.unit 是 {output.unit}。",
                    f"the step {output.step!r} has the unit {unit}, but output.unit is {output.unit}.",
                )
            )

    # Leaves.

    def name(self, name: str) -> Value:
        if name not in self.known:
            if name in self.document.inputs:
                self.known[name] = self._input(self.document.inputs[name])
            elif name in self.tables:
                self.known[name] = self._parameter(self.tables[name])
            else:
                self.known[name] = self._history(self.document.history[name])
        return self.known[name]

    def _leaf(self, num: int, places: int, err: int | None, low: Fraction, high: Fraction, unit: Unit | None) -> Value:
        top = int(max(abs(low), abs(high)) * 10**places) + 1
        self.tape.note(top)
        return Value(num, None, places, err, top, 1, low, high, unit)

    def _input(self, declared: d.Input) -> Value:
        low, high = declared.min.fraction, declared.max.fraction
        if any(limit.measure == declared.name for limit in self.document.limits):
            low = min(low, Fraction(0))
        places = self.input_places[declared.name]
        register = self.tape.load("input", declared.name)
        return self._leaf(register, places, None, low, high, parse_unit(declared.unit))

    def _parameter(self, table: ParameterTable) -> Value:
        constant = table.constant(self.document.effective_from)
        unit = parse_unit(table.unit)
        if table.stored or constant is not None:
            register = self.tape.constant(table.values[0])
        else:
            register = self.tape.load("parameter", table.name)
        errors = table.missing or (
            not table.stored
            and (table.may_miss_date(self.document.effective_from) or table.may_miss_region(self.document.region))
        )
        err = self.tape.load("parameter_error", table.name) if errors else None
        return self._leaf(register, table.places, err, *table.bounds, unit)

    def _history(self, history: d.History) -> Value:
        declared = self.document.inputs[history.of]
        unit = PURE if history.statistic == "count" else parse_unit(declared.unit)
        places = 0 if history.statistic == "count" else declared.places
        low, high = declared.min.fraction, declared.max.fraction
        if history.statistic == "count":
            low, high = Fraction(0), Fraction(HISTORY_COUNT)
        elif history.statistic == "sum":
            low, high = min(low * HISTORY_COUNT, Fraction(0)), max(high * HISTORY_COUNT, Fraction(0))
        else:
            low, high = min(low, Fraction(0)), max(high, Fraction(0))
        value = self._leaf(self.tape.load("history", history.name), places, None, low, high, unit)
        if history.statistic == "mean":
            top = int(max(abs(low), abs(high)) * 10**places + 1) * HISTORY_COUNT
            self.tape.note(top)
            den = self.tape.load("history_count", history.name)
            value = replace(value, den=den, top=top, bottom=HISTORY_COUNT)
        if history.otherwise == "refuse":
            return replace(value, err=self.tape.load("history_error", history.name))
        enough = self.tape.load("history_enough", history.name)
        return self.where(enough, None, value, self.name(history.otherwise), 1)

    # Trees.

    def node(self, node: Node) -> Value:
        if isinstance(node, Literal):
            exact = Fraction(node.value)
            return self._leaf(self.tape.constant(node.value), 0, None, exact, exact, None if node.value == 0 else PURE)
        if isinstance(node, Name):
            return self.name(node.name)
        if isinstance(node, Negative):
            inner = self.node(node.operand)
            return replace(inner, num=self.tape.emit("neg", inner.num), low=-inner.high, high=-inner.low)
        if isinstance(node, Binary):
            left, right = self.node(node.left), self.node(node.right)
            if node.operator in "+-":
                return self.add(left, right, node.operator, node.column)
            return self.multiply(left, right) if node.operator == "*" else self.divide(left, right)
        assert isinstance(node, Call)
        if node.function == "where":
            return self._where(node)
        values = [self.node(argument) for argument in node.arguments]
        if node.function == "clip":
            return self.pick(self.pick(values[0], values[1], "max", node.column), values[2], "min", node.column)
        result = values[0]
        for other in values[1:]:
            result = self.pick(result, other, node.function, node.column)
        return result

    def _where(self, node: Call) -> Value:
        compare, *branches = node.arguments
        assert isinstance(compare, Compare)
        condition, err = self.condition(compare)
        return self.where(condition, err, self.node(branches[0]), self.node(branches[1]), node.column)

    def condition(self, node: Compare) -> tuple[Register, Register | None]:
        """Return the register of a comparison and that of its errors."""
        for choice, option in ((node.left, node.right), (node.right, node.left)):
            declared = self.document.inputs.get(choice.name) if isinstance(choice, Name) else None
            if declared is not None and declared.options is not None:
                assert isinstance(option, Name)
                code = self.tape.constant(tuple(declared.options).index(option.name))
                operation = "eq" if node.operator == "==" else "ne"
                return self.tape.emit(operation, self.tape.load("choice", declared.name), code), None
        left, right = self.node(node.left), self.node(node.right)
        self.same_unit(left, right, node.operator, node.column)
        a, b, _, _ = self.align(left, right)
        operation = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}[node.operator]
        return self.tape.emit(operation, a, b), self.either(left.err, right.err)

    def same_unit(self, left: Value, right: Value, operator: str, column: int) -> Unit | None:
        if left.unit is not None and right.unit is not None and left.unit != right.unit:
            raise Refused(
                column,
                f"“{operator}”两边的单位不一致:{left.unit} 与 {right.unit}。",
                f"the operands of {operator} have different units: {left.unit} and {right.unit}.",
            )
        return right.unit if left.unit is None else left.unit

    # Arithmetic on registers.

    def scaled(self, register: Register, factor: int) -> Register:
        return register if factor == 1 else self.tape.emit("mul", register, self.tape.constant(factor))

    def times(self, register: Register, den: Register | None) -> Register:
        return register if den is None else self.tape.emit("mul", register, den)

    def either(self, left: Register | None, right: Register | None) -> Register | None:
        if left is None or right is None or left == right:
            return right if left is None else left
        return self.tape.emit("or", left, right)

    def align(self, left: Value, right: Value) -> tuple[Register, Register, int, int]:
        """Bring two values to one denominator; return both numerators and how large each can get."""
        places = max(left.places, right.places)
        up_left, up_right = 10 ** (places - left.places), 10 ** (places - right.places)
        a, b = self.scaled(left.num, up_left), self.scaled(right.num, up_right)
        top_left, top_right = left.top * up_left, right.top * up_right
        if left.den != right.den:
            a, b = self.times(a, right.den), self.times(b, left.den)
            top_left, top_right = top_left * right.bottom, top_right * left.bottom
        self.tape.note(max(top_left, top_right))
        return a, b, top_left, top_right

    def common(self, left: Value, right: Value) -> tuple[Register | None, int]:
        """Return the denominator that ``align`` brings two values to, and its bound."""
        if left.den == right.den or right.den is None:
            return left.den, left.bottom
        if left.den is None:
            return right.den, right.bottom
        self.tape.note(left.bottom * right.bottom)
        return self.tape.emit("mul", left.den, right.den), left.bottom * right.bottom

    def tightened(self, top: int, bottom: int, places: int, low: Fraction, high: Fraction) -> int:
        """A numerator is bounded by its operation and by the value's interval, whichever is tighter."""
        by_value = int(max(abs(low), abs(high)) * 10**places * bottom) + 1
        return min(top, by_value)

    def add(self, left: Value, right: Value, operator: str, column: int) -> Value:
        unit = self.same_unit(left, right, operator, column)
        a, b, top_a, top_b = self.align(left, right)
        den, bottom = self.common(left, right)
        places = max(left.places, right.places)
        if operator == "+":
            low, high = left.low + right.low, left.high + right.high
        else:
            low, high = left.low - right.high, left.high - right.low
        top = self.tightened(top_a + top_b, bottom, places, low, high)
        self.tape.note(top)
        num = self.tape.emit("add" if operator == "+" else "sub", a, b)
        return Value(num, den, places, self.either(left.err, right.err), top, bottom, low, high, unit)

    def multiply(self, left: Value, right: Value) -> Value:
        unit = (left.unit or PURE) * (right.unit or PURE)
        corners = [x * y for x in (left.low, left.high) for y in (right.low, right.high)]
        low, high, places = min(corners), max(corners), left.places + right.places
        den = left.den if right.den is None else self.times(right.den, left.den)
        bottom = left.bottom * right.bottom
        top = self.tightened(left.top * right.top, bottom, places, low, high)
        self.tape.note(max(top, bottom))
        num = self.tape.emit("mul", left.num, right.num)
        return Value(num, den, places, self.either(left.err, right.err), top, bottom, low, high, unit)

    def divide(self, left: Value, right: Value) -> Value:
        """(n1 / d1) / (n2 / d2) = n1 d2 / (n2 d1), the sign moved to the numerator; a zero divisor sets an error."""
        unit = (left.unit or PURE) / (right.unit or PURE)
        places = max(left.places - right.places, 0)
        up = 10 ** max(right.places - left.places, 0)
        num, top = self.times(self.scaled(left.num, up), right.den), left.top * up * right.bottom
        den, bottom = self.times(right.num, left.den), right.top * left.bottom
        self.tape.note(max(top, bottom))
        err = self.either(left.err, right.err)
        if right.low < 0:
            sign = self.tape.emit("sign", right.num)
            num, den = self.tape.emit("mul", num, sign), self.tape.emit("abs", den)
        if right.low <= 0 <= right.high:
            zero = self.tape.emit("eq", right.num, self.tape.constant(0))
            err = self.either(err, self.tape.emit("flag", zero, self.tape.constant(DIVISION_BY_ZERO)))
            num = self.tape.emit("where", zero, self.tape.constant(0), num)
            den = self.tape.emit("where", zero, self.tape.constant(1), den)
            reach = Fraction(top, 10**places)
            low, high = -reach, reach
        else:
            corners = [x / y for x in (left.low, left.high) for y in (right.low, right.high)]
            low, high = min(corners), max(corners)
        top = self.tightened(top, max(bottom, 1), places, low, high)
        return Value(num, den, places, err, top, max(bottom, 1), low, high, unit)

    def pick(self, left: Value, right: Value, operation: str, column: int) -> Value:
        """The smaller or the larger of two values; an error in either travels on."""
        unit = self.same_unit(left, right, operation, column)
        a, b, top_a, top_b = self.align(left, right)
        places = max(left.places, right.places)
        choose = min if operation == "min" else max
        low, high = choose(left.low, right.low), choose(left.high, right.high)
        err = self.either(left.err, right.err)
        if left.den == right.den:
            top = self.tightened(max(top_a, top_b), left.bottom, places, low, high)
            return Value(self.tape.emit(operation, a, b), left.den, places, err, top, left.bottom, low, high, unit)
        first = self.tape.emit("le" if operation == "min" else "ge", a, b)
        picked = self.where(first, None, replace(left, err=None), replace(right, err=None), column)
        top = self.tightened(picked.top, picked.bottom, places, low, high)
        return replace(picked, err=err, top=top, low=low, high=high, unit=unit)

    def where(self, condition: Register, err: Register | None, left: Value, right: Value, column: int) -> Value:
        """The chosen branch, with its denominator and its errors; the other branch can't spoil the row."""
        unit = self.same_unit(left, right, "where", column)
        places = max(left.places, right.places)
        up_left, up_right = 10 ** (places - left.places), 10 ** (places - right.places)
        top = max(left.top * up_left, right.top * up_right)
        self.tape.note(top)
        num = self.tape.emit("where", condition, self.scaled(left.num, up_left), self.scaled(right.num, up_right))
        one, zero = self.tape.constant(1), self.tape.constant(0)
        den = left.den
        if left.den != right.den:
            a = one if left.den is None else left.den
            b = one if right.den is None else right.den
            den = self.tape.emit("where", condition, a, b)
        if left.err != right.err:
            a = zero if left.err is None else left.err
            b = zero if right.err is None else right.err
            branch: Register | None = self.tape.emit("where", condition, a, b)
        else:
            branch = left.err
        if err is None:
            err = branch
        elif branch is not None:
            # Where the comparison itself has an error no branch is chosen, so none can add its own.
            spoiled = self.tape.emit("ne", err, zero)
            err = self.tape.emit("where", spoiled, err, branch)
        low, high = min(left.low, right.low), max(left.high, right.high)
        return Value(num, den, places, err, top, max(left.bottom, right.bottom), low, high, unit)

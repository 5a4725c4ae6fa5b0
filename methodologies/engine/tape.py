"""Runs a tape over one chunk: int64 arrays, or object arrays of Python integers. Same operations, same grams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .compiler import Register, Tape

CHUNK = 65_536


class Runner:
    """A tape made ready: operations as functions, registers dropped after their last use."""

    def __init__(self, tape: Tape, outputs: list[Register]) -> None:
        self.tape = tape.needed(outputs)
        self.outputs = outputs
        last: dict[int, int] = {}
        for position, (_, _, arguments) in enumerate(self.tape.operations):
            for argument in arguments:
                last[argument] = position
        keep = {*outputs, *self.tape.constants}
        self.plan = [
            (operation, register, arguments, tuple({a for a in arguments if last[a] == position and a not in keep}))
            for position, (operation, register, arguments) in enumerate(self.tape.operations)
        ]

    def run(self, load: Callable[[str, str], Any], *, exact: bool) -> list[Any]:
        """Return the outputs; ``load(kind, name)`` gives a column of the chunk, ``exact`` chooses Python integers."""
        registers: list[Any] = [None] * self.tape.size
        for register, value in self.tape.constants.items():
            registers[register] = value
        for register, (kind, name) in self.tape.loads.items():
            registers[register] = load(kind, name)
        dtype: Any = object if exact else np.int64
        for operation, register, arguments, dropped in self.plan:
            registers[register] = OPERATIONS[operation](dtype, *(registers[argument] for argument in arguments))
            for argument in dropped:
                registers[argument] = None
        return [registers[register] for register in self.outputs]


def _where(dtype: Any, condition: Any, left: Any, right: Any) -> Any:
    if isinstance(condition, bool | np.bool_):
        return left if condition else right
    kinds = [side.dtype for side in (left, right) if isinstance(side, np.ndarray)]
    if any(kind == np.uint8 for kind in kinds):
        dtype = np.uint8  # error bits
    return np.where(condition, np.asarray(left, dtype=dtype), np.asarray(right, dtype=dtype))


def _minimum(dtype: Any, left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        return min(left, right)
    return np.minimum(np.asarray(left, dtype=dtype), np.asarray(right, dtype=dtype))


def _maximum(dtype: Any, left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        return max(left, right)
    return np.maximum(np.asarray(left, dtype=dtype), np.asarray(right, dtype=dtype))


def _sign(dtype: Any, value: Any) -> Any:
    return _where(dtype, value < 0, -1, 1)


def _flag(dtype: Any, condition: Any, bit: int) -> Any:
    if isinstance(condition, bool | np.bool_):
        return bit if condition else 0
    return np.where(condition, np.uint8(bit), np.uint8(0))


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "add": lambda dtype, a, b: a + b,
    "sub": lambda dtype, a, b: a - b,
    "mul": lambda dtype, a, b: a * b,
    "neg": lambda dtype, a: -a,
    "abs": lambda dtype, a: abs(a),
    "sign": _sign,
    "min": _minimum,
    "max": _maximum,
    "lt": lambda dtype, a, b: a < b,
    "le": lambda dtype, a, b: a <= b,
    "gt": lambda dtype, a, b: a > b,
    "ge": lambda dtype, a, b: a >= b,
    "eq": lambda dtype, a, b: a == b,
    "ne": lambda dtype, a, b: a != b,
    "or": lambda dtype, a, b: a | b,
    "flag": _flag,
    "where": _where,
}


def rounded(num: Any, den: Any, how: str) -> Any:
    """Return num / den rounded once; den is positive. Works alike on int64, Python integers and object arrays."""
    if how == "floor":
        return num // den
    if how == "ceil":
        return -((-num) // den)
    if how == "half_up":
        return (2 * num + den) // (2 * den)
    whole = num // den
    twice = 2 * (num - whole * den)
    up = (twice > den) | ((twice == den) & (whole % 2 == 1))
    return whole + up * 1

"""What a document invites people to do: live on their own average, stop at a threshold, cut one deed into many.

The formula is asked, not the people: real records give the circumstances, and the engine answers for values nearby,
without limits, so that what only a limit holds back is seen.
"""

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from carbon_portal.kernel.quantities import QuantityError, format_scaled, parse_quantity
from methodologies.engine import Columns, Prior, Program
from methodologies.engine import compile as compile_document
from methodologies.engine.document import FactorLibrary, Input

from .figures import SMALL, Figures, added, share
from .reading import EPOCH, Records
from .sides import Side

CONTEXTS = 40
_GRID = 257
_CUTS = (1, 2, 4, 5, 10, 20, 50)  # thousandths of the participants
_NOTICEABLE_G = 20


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one real record; nothing says whose it was."""

    day: int
    region: int
    inputs: Mapping[str, str | None]


def contexts(records: Records, draft: Side, rows: np.ndarray) -> list[Context]:
    """Circumstances of records that earned something, evenly over the slice."""
    earning = rows[draft.computed[rows] > 0]
    chosen = earning[np.linspace(0, len(earning) - 1, min(CONTEXTS, len(earning))).astype(int)] if len(earning) else []
    return [
        Context(
            int(records.days[row]),
            int(records.regions[row]),
            {name: column.texts[column.codes[row]] for name, column in records.inputs.items()},
        )
        for row in np.asarray(chosen, dtype=int).tolist()
    ]


class Formula:
    """The document's formula without its limits, for values of one input in given circumstances."""

    def __init__(self, program: Program, factors: FactorLibrary, found: Sequence[Context]) -> None:
        self.program = compile_document(replace(program.document, limits=()), factors)
        self.contexts = found

    def grams(self, asked: Sequence[tuple[int, Mapping[str, str]]]) -> list[int]:
        """Computed grams of (context, changed inputs); 0 where the values are refused."""
        if not asked:
            return []
        places = [self.contexts[number] for number, _ in asked]
        columns = Columns(
            record=np.arange(1, len(asked) + 1),
            participant=np.array([number for number, _ in asked], dtype=np.int64),
            occurred_on=np.array([place.day for place in places], dtype=np.int64),
            region=np.array([place.region for place in places], dtype=np.int64),
            evidence=np.zeros(len(asked), dtype=np.int64),
            inputs={
                name: [
                    changed.get(name, place.inputs.get(name)) for (_, changed), place in zip(asked, places, strict=True)
                ]
                for name in self.program.inputs
            },
        )
        outcome = self.program.evaluate(columns, prior=Prior(history=self._past({number for number, _ in asked})))
        return [int(grams) for grams in outcome.computed_g.tolist()]

    def _past(self, numbers: set[int]) -> dict[int, list[Any]]:
        """A past in which everybody always did what the record says: the plainest one."""
        if not self.program.history:
            return {}
        found = {}
        needed = max(max(history.minimum, 1) for history in self.program.history.values())
        for number in numbers:
            place = self.contexts[number]
            values = {h.of: place.inputs.get(h.of) for h in self.program.history.values()}
            day = EPOCH + dt.timedelta(days=place.day - 1)
            found[number] = [(day, f"past-{n}", {k: v for k, v in values.items() if v}) for n in range(needed)]
        return found


def tests_of(
    program: Program, factors: FactorLibrary, found: Sequence[Context], figures: Figures, chosen: np.ndarray | None
) -> dict[str, Any]:
    """All gaming tests of a document over what was simulated; whole numbers and texts. `chosen`: see `top_group`."""
    formula = Formula(program, factors, found)
    return {
        "concentration": concentration(figures, chosen),
        "own_average": own_average(program, figures),
        "cliffs": cliffs(formula, figures.values),
        "splitting": splitting(formula),
        "contexts": len(found),
    }


def top_group(figures: Figures) -> np.ndarray | None:
    """The smallest share of participants that has a fifth of the grams or more, if it is out of proportion: places."""
    draft = figures.by_person("draft")
    total, count = added(draft), len(draft)
    if not total:
        return None
    order = np.argsort(-draft.astype(np.int64) if draft.dtype != object else -draft, kind="stable")
    for cut in _CUTS:
        people = -(-count * cut // 1000)
        if people < SMALL:
            continue
        grams = added(draft[order[:people]])
        if grams * 5 >= total and grams * 1000 >= 5 * cut * total:
            return np.asarray(order[:people])
    return None


def concentration(figures: Figures, chosen: np.ndarray | None) -> dict[str, Any] | None:
    """How few have how much, and how much of that rests on their own past."""
    if chosen is None:
        return None
    draft, own = figures.by_person("draft"), figures.by_person("own")
    grams = added(draft[chosen])
    return {"people_share": share(len(chosen), len(draft)), "people": len(chosen),
            "grams_share": share(grams, added(draft)), "own_share": share(added(own[chosen]), grams)}  # fmt: skip


def own_average(program: Program, figures: Figures) -> dict[str, Any] | None:
    """How much of the result, and of what gainers gain, rests on values of the participant's own past."""
    if not program.history:
        return None
    draft, base, own = (figures.by_person(name) for name in ("draft", "base", "own"))
    gain = np.maximum(draft - base, 0)
    window = max(history.window for history in program.history.values())
    return {
        "names": sorted(program.history),
        "window_days": window,
        "grams": added(own),
        "share": share(added(own), added(draft)),
        "share_of_gain": share(added(np.minimum(own, gain)), added(gain)),
        "limited": any(limit.measure == "reduction" for limit in program.limits),
    }


def cliffs(formula: Formula, values: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    """Values at which a little more changes much, with the crowd on either side. Bounds are such values too."""
    found = []
    for declared in formula.program.inputs.values():
        if declared.options is not None or not formula.contexts:
            continue
        counts = _scaled(declared, values.get(declared.name, Counter()))
        low, high = declared.min.ceil_at(declared.places), declared.max.floor_at(declared.places)
        for kind, at, jump in [("min", low, None), ("max", high, None), *_jumps(formula, declared, low, high)]:
            found.append(_cliff(formula, declared, kind, at, jump, counts))
    return [one for one in found if one["kind"] == "jump" or one["bunched"]]


def _scaled(declared: Input, values: Counter[str]) -> dict[int, int]:
    """How many records have each value, at the input's places; what is no such value is left out."""
    found: Counter[int] = Counter()
    for text, count in values.items():
        try:
            quantity = parse_quantity(text)
        except QuantityError:
            continue
        if quantity.needed_places <= declared.places:
            found[quantity.floor_at(declared.places)] += count
    return found


def _jumps(formula: Formula, declared: Input, low: int, high: int) -> list[tuple[str, int, int]]:
    """("jump", the first value behind it, how many grams) as the first circumstances have it."""
    if high - low < 4:
        return []
    grid = sorted({low + (high - low) * step // (_GRID - 1) for step in range(_GRID)})
    for number in range(min(3, len(formula.contexts))):
        grams = _at(formula, declared, number, grid)
        steps = [abs(after - before) for before, after in itertools.pairwise(grams)]
        usual = sorted(steps)[len(steps) // 2]
        wide = [index for index, step in enumerate(steps) if step > 5 * usual + _NOTICEABLE_G]
        found = []
        for index in wide[:6]:
            at, jump = _narrow(formula, declared, number, grid[index], grid[index + 1])
            if abs(jump) >= _NOTICEABLE_G and abs(jump) * 2 > steps[index]:
                found.append(("jump", at, jump))
        if found:
            return found
    return []


def _narrow(formula: Formula, declared: Input, number: int, low: int, high: int) -> tuple[int, int]:
    """Halve until one step is left, always on the side with the larger change."""
    first, last = _at(formula, declared, number, [low, high])
    while high - low > 1:
        middle = (low + high) // 2
        (there,) = _at(formula, declared, number, [middle])
        if abs(there - first) >= abs(last - there):
            high, last = middle, there
        else:
            low, first = middle, there
    return high, last - first


def _at(formula: Formula, declared: Input, number: int, values: Sequence[int]) -> list[int]:
    return formula.grams([(number, {declared.name: _text(declared, value)}) for value in values])


def _text(declared: Input, value: int) -> str:
    return format_scaled(value, declared.places, trim=True)


def _cliff(
    formula: Formula, declared: Input, kind: str, at: int, jump: int | None, counts: Mapping[int, int]
) -> dict[str, Any]:
    width = max(abs(at) // 20, 1)
    if kind == "max":
        near, far = (at - width + 1, at), (at - 2 * width + 1, at - width)
    elif kind == "min":
        near, far = (at, at + width - 1), (at + width, at + 2 * width - 1)
    else:
        behind, before = (at, at + width - 1), (at - width, at - 1)
        near, far = (behind, before) if jump and jump > 0 else (before, behind)
    inside, outside = (sum(n for v, n in counts.items() if a <= v <= b) for a, b in (near, far))
    bunched = inside >= 20 and inside > 2 * outside
    return {
        "input": declared.name,
        "kind": kind,
        "at": _text(declared, at),
        "unit": declared.unit,
        "jump_g": jump,
        "inside": inside if inside >= SMALL else None,
        "outside": outside if outside >= SMALL else None,
        "bunched": bunched,
        # What those just before the step would gain by moving over it.
        "nudge_g": abs(jump) * outside if jump and outside >= SMALL else None,
    }


def splitting(formula: Formula) -> list[dict[str, Any]]:
    """Inputs by which one deed brings more when it is reported as two: f(a) + f(b) against f(a + b)."""
    found = []
    for declared in formula.program.inputs.values():
        if declared.options is None:
            one = _split(formula, declared)
            if one is not None:
                found.append(one)
    return found


def _split(formula: Formula, declared: Input) -> dict[str, Any] | None:
    low = declared.min.ceil_at(declared.places)
    asked: list[tuple[int, Mapping[str, str]]] = []
    for number, context in enumerate(formula.contexts):
        scaled = _scaled(declared, Counter({context.inputs.get(declared.name) or "": 1}))
        for value in scaled:
            first = value // 2
            if first >= max(low, 1):
                asked += [(number, {declared.name: _text(declared, part)}) for part in (value, first, value - first)]
    grams = formula.grams(asked)
    triples = [(grams[at], grams[at + 1], grams[at + 2]) for at in range(0, len(grams), 3)]
    # An input of which less brings more (a load factor, a share) is not something that one can cut in two.
    triples = [(both, one, other) for both, one, other in triples if both >= max(one, other)]
    once = sum(both for both, _, _ in triples)
    twice = sum(one + other for _, one, other in triples)
    # Rounding alone may give a gram a part; what is noticeable is more than two in a hundred.
    if twice - once <= 2 * len(triples) or (twice - once) * 50 <= once:
        return None
    return {
        "input": declared.name,
        "deeds": len(triples),
        "once_g": once,
        "twice_g": twice,
        "more_share": share(twice - once, once) if once else None,
        "limited": any(limit.measure == "records" for limit in formula.program.document.limits),
    }

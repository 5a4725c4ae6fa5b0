"""How far a method may go: points only, pooled, certified, traded, offset. Each level is what its tests show.

A level is reached when every test of it and of the levels below is passed. A test whose part of the portal is not built
yet is `absent` and never counts as passed, so no level is claimed that nobody could have checked.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from carbon_portal.kernel.models import Approval
from methodologies.constants import FROZEN_STATES, StageState, VersionState
from methodologies.engine import Program, check_examples, submission_gaps
from methodologies.models import MethodologyVersion, SimulationOnFile, Stage

from .library import VersionTable, factor_library, program_for
from .public import approvals_of, shown_versions

Outcome = Literal["passed", "missing", "absent"]

#: The steps that this very content must have walked before its grams may be certified.
_REVIEWED = {StageState.EXPERT_REVIEW, StageState.JOINT_SIGNING, StageState.PUBLIC_COMMENT, StageState.APPROVED}

#: From the lowest to the highest; a version that fails a test of the first has no level at all.
LEVELS = ("points", "poolable", "certifiable", "tradable", "offsettable")


@dataclass(frozen=True, slots=True)
class MaturityTest:
    """One test of a level; `data` fills the sentence that says why it is missing."""

    code: str
    level: str
    outcome: Outcome
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Maturity:
    """The level of one version on a day and every test behind it."""

    version: MethodologyVersion
    tests: tuple[MaturityTest, ...]

    @property
    def level(self) -> str:
        """The highest level reached; empty: none."""
        reached = ""
        for level in LEVELS:
            if any(test.outcome != "passed" for test in self.of_level(level)):
                break
            reached = level
        return reached

    def of_level(self, level: str) -> list[MaturityTest]:
        return [test for test in self.tests if test.level == level]

    def reaches(self, level: str) -> bool:
        """Whether this version may be used at a level."""
        return self.level != "" and LEVELS.index(self.level) >= LEVELS.index(level)


def maturity_list(*, on: dt.date) -> list[Maturity]:
    """The version of every code that applies on a day, by sector and code, each with its level; of a code that has not
    begun the newest that is published. Three queries per version.
    """
    applying = VersionTable().in_force(on)
    chosen: dict[str, MethodologyVersion] = {}
    for version in shown_versions().filter(state__in=FROZEN_STATES):
        if version.pk in applying:
            chosen[version.methodology_id] = version
        elif version.state == VersionState.PUBLISHED:
            chosen.setdefault(version.methodology_id, version)
    return [_maturity(version, on, applies=version.pk in applying) for version in chosen.values()]


def maturity_of(version: MethodologyVersion, *, on: dt.date) -> Maturity:
    """The level of one version on a day, from its document, its records and its approvals."""
    return _maturity(version, on, applies=version.pk in VersionTable().in_force(on))


def _maturity(version: MethodologyVersion, on: dt.date, *, applies: bool) -> Maturity:
    factors = factor_library()
    program = program_for(version, factors)
    wrong = _wrong_examples(version.sha256, factors.sha256, _Carried(program))
    facts = _Facts(version, program, on, applies, approvals_of(version), wrong)
    return Maturity(version, tuple(test for level in LEVELS for test in _TESTS[level](facts)))


@dataclass(frozen=True, slots=True)
class _Facts:
    version: MethodologyVersion
    program: Program
    on: dt.date
    applies: bool
    approvals: list[Approval]
    wrong_examples: int


def _points(facts: _Facts) -> Iterator[MaturityTest]:
    yield _test("in_force", "points", facts.applies)
    wrong, count = facts.wrong_examples, len(facts.program.document.examples)
    yield _test("examples", "points", not wrong and bool(count), count=count, wrong=wrong)
    yield _test("approval", "points", bool(facts.approvals))


def _poolable(facts: _Facts) -> Iterator[MaturityTest]:
    gaps = len(submission_gaps(facts.program.document))
    yield _test("chapters", "poolable", not gaps, count=gaps)
    people = [one for one in facts.approvals if one.basis == Approval.Basis.FOUR_EYES]
    yield _test("two_people", "poolable", bool(people))
    weak = _names(facts.program, lambda confidence: confidence in ("sample", "memory"))
    yield _test("checked_values", "poolable", not weak, names=weak)
    late = _expired(facts.program, facts.on)
    yield _test("best_before", "poolable", not late, names=late)
    filed = SimulationOnFile.objects.filter(version=facts.version, sha256=facts.version.sha256).exists()
    yield _test("simulation", "poolable", filed)


def _certifiable(facts: _Facts) -> Iterator[MaturityTest]:
    yield _test("certifiable", "certifiable", facts.version.certifiable)
    unofficial = _names(facts.program, lambda confidence: confidence != "official")
    yield _test("official_values", "certifiable", not unofficial, names=unofficial)
    walked = set(
        Stage.objects.filter(version=facts.version, content_sha256=facts.version.sha256).values_list("state", flat=True)
    )
    yield _test("experts", "certifiable", walked >= _REVIEWED)
    yield MaturityTest("verification_guide", "certifiable", "absent")


def _tradable(facts: _Facts) -> Iterator[MaturityTest]:
    yield MaturityTest("registry", "tradable", "absent")


def _offsettable(facts: _Facts) -> Iterator[MaturityTest]:
    yield MaturityTest("offset_rules", "offsettable", "absent")


_TESTS: dict[str, Callable[[_Facts], Iterator[MaturityTest]]] = {
    "points": _points,
    "poolable": _poolable,
    "certifiable": _certifiable,
    "tradable": _tradable,
    "offsettable": _offsettable,
}


def _test(code: str, level: str, passed: bool, **data: Any) -> MaturityTest:
    return MaturityTest(code, level, "passed" if passed else "missing", data)


def _names(program: Program, weak: Callable[[str], bool]) -> tuple[str, ...]:
    """The parameters with a value whose confidence is judged weak."""
    return tuple(
        table.name for table in program.tables.values() if any(weak(cell.entry.confidence) for cell in table.cells)
    )


def _expired(program: Program, on: dt.date) -> tuple[str, ...]:
    """The parameters whose value in use on a day is past its best-before."""
    found = []
    for table in program.tables.values():
        start = max((one for one in table.starts if one <= on), default=min(table.starts))
        if any(cell.start == start and cell.entry.best_before < on for cell in table.cells):
            found.append(table.name)
    return tuple(found)


class _Carried:
    """Takes the program past the cache, whose key is the hashes of document and factor library."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Carried)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=256)
def _wrong_examples(sha256: str, factors_sha256: str, carried: _Carried) -> int:
    """How many golden examples are not reproduced by the program that runs now."""
    return len(check_examples(carried.program))

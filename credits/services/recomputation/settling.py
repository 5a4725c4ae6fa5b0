"""Results under the chosen version, beside those that stand: what each record would get, and which of the two counts.

The chosen records of a participant are settled together, in the order of their days, as one batch. Of each limit they
may use what all other records left. What keeps its earlier result keeps what it used too, so the rest is settled once
more without it, until nobody falls out any more (docs/adr: recomputation).
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from credits.constants import NOT_ELIGIBLE, RecomputationRule, StandsBecause
from credits.models import Recomputation
from credits.services.quantification import Group, columns_of, history_in, take
from credits.services.results import NOT_REJECTED, Results
from credits.services.usage import Usage, Use, used_by
from methodologies.engine import Program, evaluate_again, same_history
from methodologies.engine.outcome import Outcome
from methodologies.engine.program import Prior
from methodologies.engine.reasons import CODES, OUT_OF_RANGE
from methodologies.models import MethodologyVersion
from methodologies.selectors import VersionRow, factors_of, program_for

from .books import Books

_EPOCH = dt.date(1970, 1, 1)
# Reasons by which a version gives no result at all: the earlier result goes on counting, whatever the rule.
_REFUSED = np.array([0 < number <= OUT_OF_RANGE for number in range(len(CODES))], dtype=bool)


@dataclass(slots=True)
class Settled:
    """Per row of the books: the result under the chosen version, whether the earlier one stands, and why.

    `results` has what a reduction needs of the rows that do not stand; `used` what each of them used of each limit.
    """

    computed: np.ndarray
    granted: np.ndarray
    reasons: list[str]
    stands: np.ndarray
    because: list[str]
    results: Results
    usage: Usage
    used: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)  # limit → (row, first day, amount)


def settle(job: Recomputation, books: Books, *, lock: bool) -> Settled:
    """Settle the records in hand. With `lock` their limits are locked until the commit, without nothing is written."""
    return _Settling(job, books, lock).run()


class _Settling:
    def __init__(self, job: Recomputation, books: Books, lock: bool) -> None:
        self.job, self.books, self.lock = job, books, lock
        version = job.version
        methodology = version.methodology
        self.version = VersionRow(
            version.pk, version.methodology_id, version.version, methodology.sector, version.sha256,
            version.certifiable, version.effective_from, None,
        )  # fmt: skip
        self.factors = factors_of(job.library)
        self.program = program_for(version, self.factors)
        size = len(books)
        results = Results.of(books.claim)
        self.found = Settled(
            np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64), [""] * size,
            np.ones(size, dtype=bool), [""] * size, results, Usage(books.claim.people, []),
        )  # fmt: skip

    def run(self) -> Settled:
        books, found = self.books, self.found
        taken = books.claim.is_subject(self.program.document.participants)
        for row in np.flatnonzero(~taken).tolist():
            found.reasons[row], found.because[row] = NOT_ELIGIBLE, str(StandsBecause.REFUSED)
        rows = np.flatnonzero(taken)
        if not rows.size:
            return found
        uses = self._uses(rows)
        group = self._group(rows)
        found.usage = self._usage(group, uses)
        self._change(uses, rows, -1)
        while rows.size:
            outcome = self._evaluate(group)
            falls_out = self._judge(rows, outcome)
            if not falls_out.any():
                self._keep(group, outcome)
                break
            self._change(uses, rows[falls_out], 1)
            rows = rows[~falls_out]
            group = self._group(rows) if rows.size else group
        return found

    def _group(self, rows: np.ndarray) -> Group:
        columns = columns_of(self.program, self.books.claim, rows)
        return Group(self.version, self.program, rows, columns, self.program.read(columns))

    def _uses(self, rows: np.ndarray) -> dict[int, list[Use]]:
        """What the results that stand used, by row."""
        row_of = {self.books.reductions[row]: row for row in rows.tolist()}
        found: dict[int, list[Use]] = defaultdict(list)
        for use in used_by(list(row_of)):
            found[row_of[use.reduction_id]].append(use)
        return found

    def _usage(self, group: Group, uses: dict[int, list[Use]]) -> Usage:
        persons = self.books.claim.persons
        touched = [(self.version.code, *item) for item in self.program.period_columns(group.columns, group.typed)]
        by_limit: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for row, mine in uses.items():
            for use in mine:
                by_limit[use.code, use.limit_key].append((int(persons[row]), _day(use.start)))
        for (code, limit), pairs in by_limit.items():
            people, starts = zip(*pairs, strict=True)
            touched.append((code, limit, np.array(people), np.array(starts)))
        return Usage(self.books.claim.people, touched, lock=self.lock)

    def _change(self, uses: dict[int, list[Use]], rows: np.ndarray, sign: int) -> None:
        """Give back (-1), or use again, what the results of these rows used that stand."""
        amounts: dict[tuple[str, str], dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
        for row in rows.tolist():
            for use in uses.get(row, ()):
                key = int(self.books.claim.persons[row]), _day(use.start)
                amounts[use.code, use.limit_key][key] += sign * use.amount
        change(self.found.usage, amounts)

    def _evaluate(self, group: Group) -> Outcome:
        histories: dict[str, list[Any]] = {}
        if self.program.history:
            alike: dict[int, tuple[str, ...]] = {
                pk: same_history(program, self.program) for pk, program in self._earlier_programs().items()
            }
            for name in self.program.history:
                histories[name] = [
                    self.books.histories[row].get(name) if name in alike[int(self.books.versions[row])] else None
                    for row in group.rows.tolist()
                ]
        prior = Prior(used=self.found.usage.of_code(self.version.code), history=history_in(group, self.books.claim))
        return evaluate_again(self.program, group.columns, prior=prior, typed=group.typed, histories=histories)

    def _earlier_programs(self) -> dict[int, Program]:
        pks = set(self.books.versions.tolist())
        return {
            version.pk: program_for(version, self.factors) for version in MethodologyVersion.objects.filter(pk__in=pks)
        }

    def _judge(self, rows: np.ndarray, outcome: Outcome) -> np.ndarray:
        """Note what each row would get, and which of them keep what stands."""
        books, found = self.books, self.found
        reasons = outcome.reason_numbers
        refused = _REFUSED[reasons]
        computed, granted = np.where(refused, 0, outcome.computed_g), np.where(refused, 0, outcome.reduction_g)
        found.computed[rows], found.granted[rows] = computed, granted
        before = books.grams[rows]
        evidence = np.array([books.claim.evidence[row] for row in rows.tolist()])
        loses = books.certifiable[rows] & ~(self.version.certifiable & (evidence != "self_declared")) & (before > 0)
        falls = (granted < before) | loses
        unchanged = (granted == before) & (computed == books.computed[rows])
        same = unchanged & (books.versions[rows] == self.version.pk)
        protected = falls if self.job.rule == RecomputationRule.TOP_UP else np.zeros(len(rows), dtype=bool)
        if self.job.rule == RecomputationRule.KEEP:
            protected = np.ones(len(rows), dtype=bool)
        why = np.select(
            [refused, same, (books.claimed[rows] > 0) & falls, protected],
            [StandsBecause.REFUSED.value, StandsBecause.SAME.value, StandsBecause.CLAIMED.value,
             StandsBecause.RULE.value],
            default="",
        )  # fmt: skip
        for row, number, text in zip(rows.tolist(), reasons.tolist(), why.tolist(), strict=True):
            found.reasons[row], found.because[row] = CODES[number], text
        falls_out = np.asarray(why != "")
        found.stands[rows] = falls_out
        return falls_out

    def _keep(self, group: Group, outcome: Outcome) -> None:
        """What a reduction needs of the rows that are left, and what they used."""
        take(self.found.results, group, outcome)
        assert NOT_REJECTED[outcome.reason_numbers].all()  # a refusal has fallen out
        everything = np.arange(len(group.rows))
        remainders = outcome.remainders(everything)
        starts = self.program.period_columns(group.columns, group.typed)
        for (limit, _people, first_days), (_lefts, amounts) in zip(starts, remainders, strict=True):
            self.found.used[limit] = [
                (row, int(day), amount)
                for row, day, amount in zip(group.rows.tolist(), first_days.tolist(), amounts, strict=True)
                if amount
            ]


def change(usage: Usage, amounts: dict[tuple[str, str], dict[tuple[int, int], int]]) -> None:
    """Add amounts by (code, limit) and (person, first day) to usage."""
    for (code, limit), sums in amounts.items():
        people, starts = zip(*sums, strict=True)
        usage.add(code, limit, np.array(people), np.array(starts), list(sums.values()))


def _day(start: dt.date) -> int:
    return (start - _EPOCH).days

"""One simulation from beginning to end: read, settle both sides, add up, test. It writes nothing."""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from credits.models import PointsRule
from credits.selectors.totals import totals
from methodologies.engine import Program, load_document
from methodologies.engine import compile as compile_document
from methodologies.engine.document import Document, FactorLibrary
from methodologies.engine.limits import period_start
from methodologies.selectors import factor_library

from . import gaming, top
from .figures import SMALL, Figures, change, distribution, share, shown
from .reading import EPOCH, LEFT_OUT, Records, Wanted, slices, width_of
from .sides import Group, InForce, as_if_in_force, late, prefix_of, settle, whole

#: 2 has `top`, what those few have in common who get a large share; a report of format 1 is shown without.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What is simulated: a document's text, over which area and days, against the rules in force or another text."""

    source: str
    region: str
    first: dt.date
    last: dt.date
    today: dt.date
    against: str | None = None
    exclude_missing: bool = False


class _Run:
    """The parts of one run that stay the same over its slices."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.factors: FactorLibrary = factor_library()
        self.document: Document = load_document(asked.source, name="draft")
        self.in_force = InForce(self.document.activity, self.factors)
        self.against: Document | None = None
        if asked.against is not None:
            self.against = load_document(asked.against, name="against")
        self._programs_at(asked.first)
        self.wanted = self._wanted()
        # A limit's period and a history's window begin before the first day: the documents apply from there on.
        self._programs_at(self.wanted.first)
        rule = PointsRule.objects.filter(effective_from__lte=asked.today).order_by("-effective_from").first()
        self.rule = rule
        self.figures = Figures(
            rate=(rule.num, rule.den) if rule else None,
            inputs=list(self.program.inputs),
        )
        self.traits = top.Traits.of(self.program)
        self.contexts: list[gaming.Context] = []
        self.codes: set[str] = set()

    def _programs_at(self, first: dt.date) -> None:
        self.program: Program = as_if_in_force(self.document, self.factors, first)
        self.other = as_if_in_force(self.against, self.factors, first) if self.against else None

    def _wanted(self) -> Wanted:
        programs = [self.program, *([self.other] if self.other else self.in_force.programs())]
        first, last, window = self.asked.first, self.asked.last, 0
        for program in programs:
            for limit in program.limits:
                first = min(first, _day(period_start(np.array([_number(self.asked.first)]), limit.per)[0]))
                last = max(last, _end_of(self.asked.last, limit.per))
            window = max([window, *(history.window for history in program.history.values())])
        widths: dict[str, int] = {}
        for program in programs:
            for name, declared in program.inputs.items():
                widths[name] = max(widths.get(name, 0), width_of(list(declared.options or ())))
        prefix = prefix_of(self.asked.region)
        apart = len(prefix) > 2 and any(program.needs_order for program in programs)
        return Wanted(
            activity=self.document.activity,
            first=first - dt.timedelta(days=window),
            last=last,
            prefix=prefix,
            inputs=widths,
            elsewhere=(self.asked.first, self.asked.last) if apart else None,
        )

    def take(self, records: Records) -> None:
        """Settle a slice on both sides and add up the rows that the report is about."""
        mine = self._inside(records)
        out = records.status > 2
        letters = np.unique(records.status[out & mine], return_counts=True)
        for letter, count in zip(*(part.tolist() for part in letters), strict=True):
            self.figures.left_out[LEFT_OUT.get(chr(letter), "other")] += count
        records, mine = _kept(records, mine, ~out)
        if self.asked.exclude_missing and len(records):
            gaps = np.zeros(len(records), dtype=bool)
            for name in self.program.inputs:
                column = records.inputs[name]
                gaps |= np.array([text is None for text in column.texts], dtype=bool)[column.codes]
            self.figures.left_out["missing_input"] += int((gaps & mine).sum())
            records, mine = _kept(records, mine, ~gaps)
        if not len(records):
            return
        chosen, versions = self.in_force.choice(records)
        covered = np.zeros(len(records), dtype=bool)
        groups = whole(self.program, records)
        for group in groups:
            covered[group.rows] = True
        narrower = self.in_force.narrower(chosen, versions, self.document.region)
        self.figures.left_out["narrower_rule"] += int((mine & covered & narrower).sum())
        self.figures.left_out["other_area"] += int((mine & ~covered).sum())
        groups = [_without(group, narrower) for group in groups]
        late_rows = late(records)
        draft = settle(records, groups, late_rows, marks_own=True)
        if self.other is None:
            found = self.in_force.groups(chosen, versions)
        else:
            found = [_without(group, narrower) for group in whole(self.other, records)]
        base = settle(records, found, late_rows)
        rows = np.flatnonzero(mine & covered & ~narrower)
        # Records of a narrower rule stand on neither side, so its books are no part of the comparison.
        self.codes |= {group.code for group in found if not narrower[group.rows].all()}
        self.figures.take(records, draft, base, rows)
        self.traits.take(records, draft, rows)
        if len(self.contexts) < gaming.CONTEXTS:
            self.contexts += gaming.contexts(records, draft, rows)[: gaming.CONTEXTS - len(self.contexts)]

    def _inside(self, records: Records) -> np.ndarray:
        """The days and the area asked for, without what was read beside them."""
        prefix = prefix_of(self.asked.region)
        low, high = int(prefix.ljust(6, "0") or 0), int(prefix.ljust(6, "9") or 0)
        days, regions = records.days, records.regions
        here = (regions >= low) & (regions <= high) if prefix else np.ones(len(records), dtype=bool)
        return np.asarray(here & (days >= _number(self.asked.first)) & (days <= _number(self.asked.last)))


def simulate(asked: Asked, progress: Callable[[int, int], None] = lambda done, of: None) -> dict[str, Any]:
    """The report as plain data: whole numbers, texts, lists. Raises DocumentError for a document that does not load.

    `progress` is told how many slices are done, of how many; what it raises ends the run.
    """
    began = time.perf_counter()
    run = _Run(asked)
    read = 0
    for number, count, records in slices(run.wanted):
        progress(number, count)
        run.take(records)
        read += len(records)
        progress(number + 1, count)
    found = _report(run)
    seconds = time.perf_counter() - began
    found["run"] = {"records_read": read, "milliseconds": round(seconds * 1000)}
    return found


def _report(run: _Run) -> dict[str, Any]:
    asked, figures, document = run.asked, run.figures, run.document
    people = figures.sums["participants"]
    found: dict[str, Any] = {
        "format": FORMAT,
        "document": _named(document),
        "against": _named(run.against) if run.against else None,
        "as_if": document.effective_from > asked.first,
        "region": asked.region,
        "first": asked.first.isoformat(),
        "last": asked.last.isoformat(),
        "exclude_missing": asked.exclude_missing,
        "records": figures.records,
        "participants": people,
        "left_out": {name: count for name, count in sorted(figures.left_out.items()) if count},
        "few": 0 < people < SMALL,
    }
    if found["few"]:
        # Of so few people every sum tells of one of them.
        return {**found, "participants": None, "draft": None, "base": None}
    draft, base = figures.side("draft"), figures.side("base")
    chosen = gaming.top_group(figures)
    return {
        **found,
        "draft": draft,
        "base": base,
        "rule": {"num": run.rule.num, "den": run.rule.den} if run.rule else None,
        "booked_g": _booked(run) if run.against is None else None,
        "cities": shown(figures.groups["cities"]),
        "months": shown(figures.groups["months"]),
        "households": shown(figures.groups["households"]),
        "people": change(figures.by_person("draft"), figures.by_person("base")),
        "distribution": {name: distribution(figures.by_person(name)) for name in ("draft", "base")},
        "labels": {name: dict(declared.label) for name, declared in document.inputs.items()},
        "missing": _missing(run),
        "options": {
            name: {key: dict(texts) for key, texts in (declared.options or {}).items()}
            for name, declared in document.inputs.items()
            if name in run.traits.choices
        },
        "gaming": gaming.tests_of(run.program, run.factors, run.contexts, figures, chosen),
        "top": None if chosen is None else top.features(chosen, run.traits, figures, run.program),
    }


def _named(document: Document) -> dict[str, Any]:
    return {
        "code": document.code,
        "version": document.version,
        "title": dict(document.title),
        "sha256": document.sha256,
        "activity": document.activity,
        "region": document.region,
        "effective_from": document.effective_from.isoformat(),
    }


def _booked(run: _Run) -> int:
    """Grams that the daily totals hold for these days and the versions in force, where the document applies."""
    area = max(run.asked.region, run.document.region, key=lambda one: len(prefix_of(one)))
    return sum(
        row.reduction_g
        for code in sorted(run.codes)
        for row in totals(
            region=area, first=run.asked.first, last=run.asked.last, state=None,
            activity=run.document.activity, code=code,
        )
    )  # fmt: skip


def _missing(run: _Run) -> list[dict[str, Any]]:
    rows = []
    for name, declared in run.document.inputs.items():
        count = run.figures.missing[name]
        if count:
            label = {"label": dict(declared.label), "records": count, "share": share(count, run.figures.records)}
            rows.append({"input": name, **label})
    return rows


def _without(group: Group, mask: np.ndarray) -> Group:
    return replace(group, rows=group.rows[~mask[group.rows]]) if mask.any() else group


def _kept(records: Records, mine: np.ndarray, keep: np.ndarray) -> tuple[Records, np.ndarray]:
    """The rows to keep, of the records and of the mask beside them."""
    if keep.all():
        return records, mine
    columns = {
        name: getattr(records, name)[keep]
        for name in (
            "ids",
            "days",
            "persons",
            "regions",
            "evidence",
            "status",
            "subjects",
            "active",
            "sizes",
            "arrivals",
        )
    }
    inputs = {name: replace(column, codes=column.codes[keep]) for name, column in records.inputs.items()}
    return Records(inputs=inputs, **columns), mine[keep]


def _number(day: dt.date) -> int:
    return (day - EPOCH).days


def _day(number: int) -> dt.date:
    return EPOCH + dt.timedelta(days=int(number))


def _end_of(day: dt.date, per: str) -> dt.date:
    """The last day of a limit's period."""
    if per == "day":
        return day
    if per == "week":
        return day + dt.timedelta(days=6 - day.weekday())
    if per == "year":
        return day.replace(month=12, day=31)
    return (day.replace(day=1) + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def checked(source: str, name: str) -> Document:
    """A document that loads and compiles. Raises DocumentError with every problem."""
    document = load_document(source, name=name)
    compile_document(document, factor_library())
    return document

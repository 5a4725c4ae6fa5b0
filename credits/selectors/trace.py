"""“怎么算的”: how a record's grams were made, from what its reduction stored.

The numbers are computed anew by the engine from the stored dependencies (parameter values, history, what was left of
each limit), never from today's library, so an old record shows the factor it was computed with.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import Participant
from behaviors import activities
from behaviors.constants import EvidenceGrade
from behaviors.models import BehaviorRecord
from carbon_portal.kernel.quantities import parse_quantity
from credits.constants import REVERSED
from credits.models import AccrualItem, QueuedAward, Reduction
from methodologies.engine import Columns, Prior, Program, evaluate_again
from methodologies.models import MethodologyVersion
from methodologies.selectors import program_for, sample_versions
from methodologies.selectors.samples import SAMPLE

_INPUT_UP = 10**12


def reduction_of(record: BehaviorRecord) -> Reduction | None:
    """The newest revision of a record's reduction; None before it was quantified, or where it was rejected."""
    return Reduction.objects.filter(record_id=record.pk).order_by("-revision").first()


def dependencies_of(reduction: Reduction) -> dict[str, Any]:
    """Everything that a result followed from, its basis and its own part together, as the engine's rebuild reads it."""
    basis, own = json.loads(reduction.basis.content), reduction.dependencies
    starts = {limit["per"]: period_start(reduction.record_on, limit["per"]).isoformat() for limit in basis["limits"]}
    limits = [
        {
            "measure": limit["measure"],
            "per": limit["per"],
            "period_start": starts[limit["per"]],
            "max": limit["max"],
            "left_before": left,
        }
        for limit, left in zip(basis["limits"], own.get("left", []), strict=False)
    ]
    used = [
        [f"{limit['measure']}/{limit['per']}", limit["period_start"], str(amount)]
        for limit, amount in zip(limits, own.get("used", []), strict=True)
        if amount
    ]
    return {
        "methodology": basis["methodology"],
        "parameters": basis["parameters"],
        "history": own.get("history", {}),
        "limits": limits,
        "used": used,
    } | {name: own[name] for name in ("recomputation",) if name in own}


def period_start(day: dt.date, per: str) -> dt.date:
    """The first day of the day, week (from Monday), month or year that a date is in."""
    if per == "week":
        return day - dt.timedelta(days=day.weekday())
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[per]


def revisions_of(record: BehaviorRecord) -> list[Reduction]:
    """All revisions, the first first."""
    return list(Reduction.objects.select_related("basis").filter(record_id=record.pk).order_by("revision"))


@dataclass(frozen=True, slots=True)
class Earned:
    """What a record's final grams did for its points: `state` is earned, queued or none."""

    state: str
    points: int


def earned_of(reduction: Reduction | None) -> Earned:
    """The points that a record's grams stand for at their rule, whole points only, or that they wait for funds.

    All revisions count: what a recomputation added, and what it left although the grams fell.
    """
    if reduction is None or reduction.reason == REVERSED:
        return Earned("none", 0)
    grams: dict[tuple[int, int], int] = {}
    items = AccrualItem.objects.filter(reduction__record_id=reduction.record_id)
    for num, den, credited in items.values_list("accrual__rule__num", "accrual__rule__den", "credited_g"):
        grams[num, den] = grams.get((num, den), 0) + credited
    if QueuedAward.objects.filter(record_id=reduction.record_id).exists():
        return Earned("queued", sum(total * num // den for (num, den), total in grams.items()))
    if not grams:
        return Earned("none", 0)
    return Earned("earned", sum(total * num // den for (num, den), total in grams.items()))


@dataclass(frozen=True, slots=True)
class CountedRecord:
    """A record behind a line of the statement, and the version that counted it (without its large columns)."""

    pk: int
    activity: str
    version: MethodologyVersion | None


_NAMED = ("record_id", "activity", "methodology_version__methodology_id", "methodology_version__version",
          "methodology_version__title_zh", "methodology_version__title_en")  # fmt: skip


def earning_records(participant: Participant, entries: Sequence[UUID]) -> dict[UUID, list[CountedRecord]]:
    """Per award, by its public id: the participant's records that it paid for. One query."""
    rows = (
        AccrualItem.objects.filter(accrual__participant=participant, entry__in=list(entries))
        .select_related("reduction__methodology_version")
        .only("entry", *(f"reduction__{name}" for name in _NAMED))
    )
    found: dict[UUID, list[CountedRecord]] = {}
    for row in rows.order_by("reduction_id"):
        if row.entry is not None:
            found.setdefault(row.entry, []).append(_counted(row.reduction))
    return found


def reversed_records(participant: Participant, ids: Sequence[int]) -> dict[int, CountedRecord]:
    """Which of these records were the participant's and undone. One query."""
    rows = Reduction.objects.filter(participant=participant, record_id__in=list(ids), reason=REVERSED)
    return {row.record_id: _counted(row) for row in rows.select_related("methodology_version").only(*_NAMED)}


def _counted(row: Reduction) -> CountedRecord:
    return CountedRecord(row.record_id, row.activity, row.methodology_version)


@dataclass(frozen=True, slots=True)
class Result:
    """A record's newest result for lists: grams, reason, and the whole points that its grams earned."""

    reduction_g: int
    reason: str
    points: int
    sample: bool = False  # of a method that rests on an illustrative figure


def results_of(records: Sequence[BehaviorRecord]) -> dict[int, Result]:
    """The newest result of each record that has one, by record id. Three queries for a whole page."""
    rows = Reduction.objects.filter(record_id__in=[record.pk for record in records]).order_by("record_id", "revision")
    newest: dict[int, tuple[int, str, int | None]] = {}
    grams: dict[int, dict[tuple[int, int], int]] = {}
    for record_id, reduction_g, reason, version, credited, num, den in rows.values_list(
        "record_id", "reduction_g", "reason", "methodology_version_id", "accrual_item__credited_g",
        "accrual_item__accrual__rule__num", "accrual_item__accrual__rule__den",
    ):  # fmt: skip
        newest[record_id] = (reduction_g, reason, version)
        mine = grams.setdefault(record_id, {})
        if credited:
            mine[num, den] = mine.get((num, den), 0) + credited
        if reason == REVERSED:
            mine.clear()
    samples = sample_versions(version for _grams, _reason, version in newest.values())
    return {
        pk: Result(
            reduction_g, reason, sum(total * num // den for (num, den), total in grams[pk].items()), version in samples
        )
        for pk, (reduction_g, reason, version) in newest.items()
    }


def trace_of(record: BehaviorRecord, *, revision: int | None = None) -> dict[str, Any] | None:
    """The trace of a quantified record as plain JSON data; None where there is no reduction, or no such revision.

    Without `revision` the newest result that was computed; an earlier one is shown as it was made then. `steps` holds
    formula, the same with numbers, value and unit; `parameters` value, unit, start date, source and confidence;
    `limits` what was left before; `revisions` every result the record ever had. Three queries.
    """
    revisions = revisions_of(record)
    if not revisions:
        return None
    latest = revisions[-1]
    computed = [row for row in revisions if row.reason != REVERSED and revision in (None, row.revision)]
    if not computed:
        return None
    basis = computed[-1]
    versions = MethodologyVersion.objects.select_related("methodology").in_bulk(
        {row.methodology_version_id for row in revisions}
    )
    version = versions[basis.methodology_version_id or 0]
    program = program_for(version)
    columns = _columns(program, record, basis)
    trace = _explained(program, columns, record, dependencies_of(basis))
    found = activities.find(record.activity)
    trace |= {
        "title": {"zh": version.title_zh, "en": version.title_en or version.title_zh},
        "activity": {"code": record.activity, "zh": found.title.zh, "en": found.title.en} if found else None,
        "effective_from": version.effective_from.isoformat(),
        "certifiable": basis.certifiable,
        "sample": any(value.get("confidence") == SAMPLE for value in trace["parameters"].values()),
        "stored_g": {"computed_g": basis.computed_g, "reduction_g": basis.reduction_g},
        "reduction_g_now": latest.reduction_g,
        "revision": basis.revision,
        "revisions": [
            {
                "revision": row.revision,
                "version": str(versions[row.methodology_version_id or 0].version),
                "recomputed": "recomputation" in row.dependencies,
                "computed_g": row.computed_g,
                "reduction_g": row.reduction_g,
                "reason": row.reason,
                "at": row.created_at.isoformat(),
            }
            for row in revisions
        ],
    }
    for line in trace["inputs"]:
        declared = program.inputs[line["name"]]
        line["label"] = dict(declared.label)
        line["limited"] = line["used"] is not None and _differs(line["given"], line["used"])
        if declared.options is not None and line["given"] in declared.options:
            line["option"] = dict(declared.options[line["given"]])
    for name, parameter in trace["parameters"].items():
        factor = program.tables[name].factor
        parameter["shared"] = factor
    trace["evidence"]["label"] = EvidenceGrade(trace["evidence"]["grade"]).label
    return trace


def _differs(given: str | None, used: str) -> bool:
    try:
        return given is not None and parse_quantity(given).fraction != parse_quantity(used).fraction
    except ValueError:
        return given != used


def _columns(program: Program, record: BehaviorRecord, reduction: Reduction) -> Columns:
    def text(value: Any) -> str | None:
        return value if value is None or isinstance(value, str) else json.dumps(value)

    return Columns(
        record=[str(record.pk)],
        participant=[str(record.participant_id)],
        occurred_on=[record.occurred_on.isoformat()],
        region=[reduction.region],
        evidence=[reduction.evidence],
        inputs={name: [text(record.inputs.get(name))] for name in program.inputs},
    )


def _explained(
    program: Program, columns: Columns, record: BehaviorRecord, dependencies: Mapping[str, Any]
) -> dict[str, Any]:
    """The row evaluated again on stored parameters, with a past that leaves the stored amounts and histories."""
    parameters = dependencies.get("parameters", {})
    stored = program.with_stored(parameters, json.dumps(parameters, sort_keys=True))
    prior = Prior(used=_used(program, record, dependencies), history=_past(program, record, dependencies))
    # A recomputed deed may lie before its version's first day; its own day chose the version of a first result.
    known = evaluate_again(stored, columns, prior=prior) if "recomputation" in dependencies else prior
    trace = stored.explain(columns, 0, known)
    # The stored amounts are the record's own words; the replay only carries them to the formula.
    trace["limits"] = list(dependencies.get("limits", []))
    trace["parameters"] = {name: dict(parameter) for name, parameter in parameters.items()}
    return trace


def _used(program: Program, record: BehaviorRecord, dependencies: Mapping[str, Any]) -> dict[Any, int]:
    """Usage that leaves what was left: the limit less the stored remainder, in the engine's units."""
    found = {}
    for limit in dependencies.get("limits", []):
        up = _INPUT_UP if limit["measure"] in program.inputs else 1
        left = parse_quantity(limit["left_before"]).fraction
        used = (parse_quantity(limit["max"]).fraction - left) * up
        start = dt.date.fromisoformat(limit["period_start"])
        found[str(record.participant_id), f"{limit['measure']}/{limit['per']}", start] = -(
            -used.numerator // used.denominator
        )
    return found


def _past(program: Program, record: BehaviorRecord, dependencies: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Stand-ins for earlier records that give the stored statistic: their values are not kept, only what they made."""
    rows: list[Any] = []
    before = record.occurred_on - dt.timedelta(days=1)
    for name, stored in dependencies.get("history", {}).items():
        history = program.history[name]
        count, total = int(stored["count"]), int(stored["numerator"])
        values = [total] * count if history.statistic in ("min", "max") else [total] + [0] * (count - 1)
        rows += [(before, f"-{name}-{index}", {history.of: value}) for index, value in enumerate(values[:count])]
    return {str(record.participant_id): rows} if rows else {}

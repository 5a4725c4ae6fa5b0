"""From received records to grams: claimed in chunks, computed and written by columns, in one transaction.

The record's row is the queue. A chunk is claimed by row locks (SKIP LOCKED), so a worker that dies loses its locks and
its writes together, and the next sweep takes the records up again. Locks, in the order of docs/locking.md: records,
limit usage by key, new bases, accruals by participant, ledger accounts, daily totals by key.
"""

import datetime as dt
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import OperationalError, transaction

from carbon_portal.kernel import clock
from carbon_portal.kernel.faults import crash_point
from credits.constants import CHUNK_RECORDS, NOT_ELIGIBLE, STALE_CHECKING_MINUTES
from methodologies.engine import Columns, Outcome, Prior, Program
from methodologies.engine.columns import Typed
from methodologies.engine.reasons import INPUT_AND_DATE, NUMBER
from methodologies.selectors import VersionRow, VersionTable, factor_library, program_for

from . import bulk
from .results import NOT_REJECTED, Claim, Results, numbered, write
from .usage import Usage

log = logging.getLogger(__name__)
REJECTED = frozenset({*INPUT_AND_DATE, NOT_ELIGIBLE})
NOT_IN_FORCE = "not_in_force"
CALCULATION_FAILED = "calculation_failed"
_EPOCH = dt.date(1970, 1, 1)


@dataclass
class Sweep:
    """What one sweep did, in records by the state they reached."""

    counts: Counter[str] = field(default_factory=Counter)
    chunks: int = 0

    @property
    def records(self) -> int:
        return sum(self.counts.values())


def quantify_pending(*, at: dt.datetime | None = None, limit: int = CHUNK_RECORDS, until_empty: bool = False) -> Sweep:
    """Quantify the oldest pending records: one chunk, or all there are. Safe to run any number of times at once.

    A record on which the calculation breaks down is set aside for a person (`under_review`) and does not stop the rest.
    """
    sweep = Sweep()
    while True:
        done = _attempt(limit, at, sweep)
        if not done or not until_empty:
            return sweep


def _attempt(limit: int, at: dt.datetime | None, sweep: Sweep) -> int:
    """One chunk; where it breaks down, in smaller ones, so that a single bad record is found."""
    try:
        counts = _chunk(limit, at or clock.now())
    except OperationalError:
        raise  # the database is away or busy: nothing was written, the next sweep tries again
    except Exception:
        log.exception("quantification of a chunk of %d failed", limit)
        if limit > 1:
            step = max(limit // 10, 1)
            return sum(_attempt(step, at, sweep) for _ in range(-(-limit // step)))
        counts = _set_aside(at or clock.now())
    crash_point("quantify:committed")
    sweep.counts.update(counts)
    sweep.chunks += bool(counts)
    return counts.total()


def _chunk(limit: int, at: dt.datetime) -> Counter[str]:
    with transaction.atomic():
        claim = _claim(limit, at)
        if not len(claim):
            return Counter()
        crash_point("quantify:claimed")
        results = _results(claim)
        crash_point("quantify:computed")
        write(claim, results, at)
        crash_point("quantify:written")
    return Counter(results.states(claim))


_OF_A_RECORD = """
    SELECT r.id, r.occurred_on - date '1970-01-01', r.participant_id::text, r.region, r.activity, r.evidence,
           r.inputs::text, r.window_ends_at <= %s, p.kind, p.is_active
      FROM behaviors_behaviorrecord r JOIN accounts_participant p ON p.uuid = r.participant_id
"""
_PENDING = f"""
    {_OF_A_RECORD}
     WHERE r.state IN ('received', 'checking') AND (r.state = 'received' OR r.claimed_at < %s)
     ORDER BY r.id LIMIT %s FOR UPDATE OF r SKIP LOCKED
"""


def _claim(limit: int, at: dt.datetime) -> Claim:
    stale = at - dt.timedelta(minutes=STALE_CHECKING_MINUTES)
    return _in_columns(bulk.rows(_PENDING, [at, stale, limit]))


def _in_columns(rows: list[Any]) -> Claim:
    columns = list(zip(*rows, strict=True)) or [()] * 10
    ids, days, owners, regions, activities, evidence, inputs, due, subjects, active = columns
    people, persons = numbered(owners)
    return Claim(
        ids=np.array(ids, dtype=np.int64),
        days=np.array(days, dtype=np.int64),
        people=people,
        persons=persons,
        regions=regions,
        activities=activities,
        evidence=evidence,
        inputs=[json.loads(text) for text in inputs],
        due=np.array(due, dtype=bool),
        subjects=subjects,
        active=np.array(active, dtype=bool),
    )


_REVIEW = "UPDATE behaviors_behaviorrecord SET state = 'under_review', reason = %s, claimed_at = %s WHERE id = %s"


def _set_aside(at: dt.datetime) -> Counter[str]:
    """The oldest pending record can't be computed: a person looks at it (P1: a visible end, never a loop)."""
    with transaction.atomic():
        claim = _claim(1, at)
        for pk in claim.ids.tolist():
            bulk.execute(_REVIEW, [CALCULATION_FAILED, at, pk])
    return Counter({"under_review": len(claim)} if len(claim) else {})


# -- computing ---------------------------------------------------------------------------------------------------------


@dataclass
class Group:
    """The records of one version: their rows in the claim, as the engine's columns, read once."""

    version: VersionRow
    program: Program
    rows: np.ndarray
    columns: Columns
    typed: Typed


def _results(claim: Claim) -> Results:
    """Results of a chunk: choose versions, lock limits, evaluate by columns."""
    results = Results.of(claim)
    groups = _groups(claim, results)
    usage = Usage(
        claim.people,
        [
            (group.version.code, *touched)
            for group in groups
            for touched in group.program.period_columns(group.columns, group.typed)
        ],
    )
    waiting = _waiting(claim, groups)
    for group in groups:
        code = group.version.code
        prior = Prior(used=usage.of_code(code), history=history_in(group, claim, waiting))
        outcome = group.program.evaluate(group.columns, prior=prior, typed=group.typed)
        for limit, people, starts, amounts in outcome.usage_columns():
            usage.add(code, limit, people, starts, amounts)
        take(results, group, outcome)
    usage.write()
    return results


def _groups(claim: Claim, results: Results) -> list[Group]:
    """The records that a version takes, by version; the others get their reason. Versions of one code share its limits,
    so they are settled one after the other, by date."""
    table, factors = VersionTable(), factor_library()
    rows_of: dict[VersionRow, list[np.ndarray]] = defaultdict(list)
    places, place = numbered(list(zip(claim.activities, claim.regions, strict=True)))
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(len(places) + 1))
    for number, (activity, region) in enumerate(places):
        rows = order[ends[number] : ends[number + 1]]
        starts, versions = table.periods(activity, region)
        period = np.searchsorted([(start - _EPOCH).days for start in starts], claim.days[rows], side="right") - 1
        for index in np.unique(period).tolist():
            version, mine = versions[index], rows[period == index]
            if version is None:
                results.reasons[mine] = NUMBER[NOT_IN_FORCE]
            else:
                rows_of[version].append(mine)
    groups = []
    for version, parts in sorted(rows_of.items(), key=lambda item: (item[0].code, item[0].effective_from)):
        program = program_for(version, factors)
        rows = np.sort(np.concatenate(parts))
        taken = claim.active[rows] & claim.is_subject(program.document.participants)[rows]
        results.ineligible[rows[~taken]] = True
        if taken.any():
            columns = columns_of(program, claim, rows[taken])
            groups.append(Group(version, program, rows[taken], columns, program.read(columns)))
    return groups


def columns_of(program: Program, claim: Claim, rows: np.ndarray) -> Columns:
    """Records as the engine's columns; an input that is no text is handed on as its text, and judged there."""
    at = rows.tolist()
    inputs = [claim.inputs[row] for row in at]
    return Columns(
        record=claim.ids[rows],
        participant=claim.persons[rows],
        occurred_on=claim.days[rows],
        region=[claim.regions[row] for row in at],
        evidence=[claim.evidence[row] for row in at],
        inputs={name: [_text(given.get(name)) for given in inputs] for name in program.inputs},
    )


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def take(results: Results, group: Group, outcome: Outcome) -> None:
    """Put a group's grams, reasons and dependencies where its records stand in the claim."""
    rows = group.rows
    results.reasons[rows] = outcome.reason_numbers
    kept = np.flatnonzero(NOT_REJECTED[outcome.reason_numbers])
    at = rows[kept]
    results.computed[at] = outcome.computed_g[kept]
    results.granted[at] = outcome.reduction_g[kept]
    results.versions[at] = len(results.version_rows)
    results.version_rows.append(group.version)
    numbers, contents = outcome.bases(kept)
    results.bases[at] = numbers + len(results.contents)
    results.contents += contents
    results.own[at] = _own(outcome, kept)


def _own(outcome: Outcome, kept: np.ndarray) -> list[str]:
    """What each row alone depended on, as JSON: what was left of each limit and what it used, history values."""
    limits = outcome.remainders(kept)
    left = [",".join(f'"{text}"' for text in row) for row in zip(*(texts for texts, _ in limits), strict=True)]
    used = [",".join(map(str, row)) for row in zip(*(amounts for _, amounts in limits), strict=True)]
    if not limits:
        left = used = [""] * len(kept)
    found = [f'{{"left":[{before}],"used":[{amounts}]' for before, amounts in zip(left, used, strict=True)]
    if not outcome.document.history:
        return [text + "}" for text in found]
    history = (json.dumps(outcome.history_of(row), separators=(",", ":")) for row in kept.tolist())
    return [f'{text},"history":{values}}}' for text, values in zip(found, history, strict=True)]


# Earlier records by participant: (date, id, inputs).
Past = Mapping[str, Sequence[tuple[dt.date, int, Mapping[str, Any]]]]

_EARLIER = """
    SELECT r.participant_id::text, r.occurred_on, r.id, r.inputs
      FROM behaviors_behaviorrecord r JOIN (VALUES %s) w (participant, first, last) ON r.participant_id = w.participant
     WHERE r.occurred_on >= w.first AND r.occurred_on < w.last AND r.activity = {activity}
       AND r.state IN ('provisional', 'final')
"""
_ARRIVED = f"""
    {_OF_A_RECORD}
     WHERE r.state IN ('received', 'checking') AND r.participant_id = ANY(%s::uuid[]) AND r.activity = ANY(%s)
       AND r.occurred_on BETWEEN %s AND %s AND r.id <= %s
     ORDER BY r.id
"""


def _waiting(claim: Claim, groups: Sequence[Group]) -> dict[str, Past]:
    """Per activity, what arrived before this chunk's last record and has no result yet, but is history already.

    Another worker has it in hand, or another version takes it in this chunk. It counts as soon as it passes the input
    and date checks, so the results do not depend on how the records fell into chunks.
    """
    asking = [group for group in groups if group.program.history]
    if not asking:
        return {}
    days = np.concatenate([claim.days[group.rows] for group in asking])
    window = max(history.window for group in asking for history in group.program.history.values())
    people = sorted({claim.people[person] for group in asking for person in claim.persons[group.rows].tolist()})
    activities = sorted({claim.activities[int(group.rows[0])] for group in asking})
    first, last = _date(days.min()) - dt.timedelta(days=window), _date(days.max())
    rows = bulk.rows(
        _ARRIVED, [clock.now(), bulk.array(people), bulk.texts(activities), first, last, int(claim.ids.max())]
    )
    arrived = _in_columns(rows)
    found: dict[str, dict[str, list[Any]]] = {activity: defaultdict(list) for activity in activities}
    for group in _groups(arrived, Results.of(arrived)):
        for row in group.rows[group.program.passes(group.columns, group.typed)].tolist():
            known = (_date(arrived.days[row]), int(arrived.ids[row]), arrived.inputs[row])
            found[arrived.activities[row]][arrived.people[arrived.persons[row]]].append(known)
    return {activity: dict(past) for activity, past in found.items()}


def history_in(group: Group, claim: Claim, waiting: Mapping[str, Past] | None = None) -> dict[int, list[Any]]:
    """Earlier records by the participant's number in the claim; `waiting` has no result yet."""
    if not group.program.history:
        return {}
    persons, days = claim.persons[group.rows], claim.days[group.rows]
    spans = {
        claim.people[person]: (_date(days[persons == person].min()), _date(days[persons == person].max()))
        for person in np.unique(persons).tolist()
    }
    activity = claim.activities[int(group.rows[0])]
    found = history_of(group.program, activity, spans)
    past = (waiting or {}).get(activity, {})
    numbers = {uid: number for number, uid in enumerate(claim.people)}
    return {
        numbers[uid]: list({known[1]: known for known in (*past.get(uid, ()), *found.get(uid, ()))}.values())
        for uid in spans
    }


def _date(day: Any) -> dt.date:
    return _EPOCH + dt.timedelta(days=int(day))


def history_of(program: Program, activity: str, spans: Mapping[str, tuple[dt.date, dt.date]]) -> dict[str, list[Any]]:
    """Earlier quantified records that a history value can reach, per participant: (date, record, inputs).

    `spans` gives the first and last activity date of each participant in hand. One query, none without history values.
    """
    if not program.history:
        return {}
    window = dt.timedelta(days=max(history.window for history in program.history.values()))
    wanted = {history.of for history in program.history.values()}
    found: dict[str, list[Any]] = defaultdict(list)
    rows = bulk.values(
        _EARLIER.format(activity=_quoted(activity)),
        [(person, first - window, last) for person, (first, last) in spans.items()],
        template="(%s::uuid, %s::date, %s::date)",
        fetch=True,
    )
    for person, on, record_id, inputs in rows:
        values = json.loads(inputs) if isinstance(inputs, str) else inputs
        found[person].append((on, record_id, {name: values[name] for name in wanted if name in values}))
    return found


def _quoted(code: str) -> str:
    """An activity code as a literal; codes are lower-case ASCII words by the list of activities."""
    if not (code.isascii() and code.replace("_", "").isalnum()):
        raise ValueError(f"{code!r} is no activity code")
    return f"'{code}'"

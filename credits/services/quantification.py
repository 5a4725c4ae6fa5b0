"""From received records to grams: claimed in chunks, computed by columns, written in one transaction.

The record's row is the queue. A chunk is claimed by row locks (SKIP LOCKED), so a worker that dies loses its locks and
its writes together, and the next sweep takes the records up again. Locks, in the order of docs/locking.md: records,
limit usage by key, accruals by participant, ledger accounts, daily totals by key.
"""

import datetime as dt
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from django.db import OperationalError, transaction

from carbon_portal.kernel import clock
from carbon_portal.kernel.faults import crash_point
from credits.constants import CHUNK_RECORDS, NOT_ELIGIBLE, STALE_CHECKING_MINUTES
from methodologies.engine import Columns, Outcome, Prior, Program
from methodologies.engine.reasons import INPUT_AND_DATE
from methodologies.selectors import VersionRow, VersionTable, program_for

from . import bulk
from .points import Earning, award_or_queue
from .totals import TotalKey, Totals

log = logging.getLogger(__name__)
REJECTED = frozenset({*INPUT_AND_DATE, NOT_ELIGIBLE})
NOT_IN_FORCE = "not_in_force"
CALCULATION_FAILED = "calculation_failed"
# (participant, methodology code, limit key, first day of the period)
UsageRow = tuple[str, str, str, dt.date]


@dataclass
class Sweep:
    """What one sweep did, in records by the state they reached."""

    counts: Counter[str] = field(default_factory=Counter)
    chunks: int = 0

    @property
    def records(self) -> int:
        return sum(self.counts.values())


class Claimed(NamedTuple):
    """A record in hand."""

    id: int
    on: dt.date
    participant: str
    region: str
    activity: str
    evidence: str
    inputs: Mapping[str, Any]
    window_ends_at: dt.datetime
    subject: str
    active: bool


class Result(NamedTuple):
    """What became of one record; `version` and grams are empty for a rejected one."""

    record: Claimed
    reason: str
    version: VersionRow | None = None
    computed_g: int = 0
    reduction_g: int = 0
    dependencies: str = ""

    @property
    def rejected(self) -> bool:
        return self.reason in REJECTED


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
        claimed = _claim(limit, at)
        if not claimed:
            return Counter()
        crash_point("quantify:claimed")
        results = _results(claimed)
        crash_point("quantify:computed")
        _write(results, at)
        crash_point("quantify:written")
    return Counter(_state(result, at) for result in results)


_PENDING = """
    SELECT r.id, r.occurred_on, r.participant_id::text, r.region, r.activity, r.evidence, r.inputs, r.window_ends_at,
           p.kind, p.is_active
      FROM behaviors_behaviorrecord r JOIN accounts_participant p ON p.uuid = r.participant_id
     WHERE r.state IN ('received', 'checking') AND (r.state = 'received' OR r.claimed_at < %s)
     ORDER BY r.id LIMIT %s FOR UPDATE OF r SKIP LOCKED
"""


def _claim(limit: int, at: dt.datetime) -> list[Claimed]:
    stale = at - dt.timedelta(minutes=STALE_CHECKING_MINUTES)
    return [
        Claimed._make((*row[:6], json.loads(row[6]) if isinstance(row[6], str) else row[6], *row[7:]))
        for row in bulk.rows(_PENDING, [stale, limit])
    ]


def _set_aside(at: dt.datetime) -> Counter[str]:
    """The oldest pending record can't be computed: a person looks at it (P1: a visible end, never a loop)."""
    with transaction.atomic():
        claimed = _claim(1, at)
        for record in claimed:
            bulk.execute(
                "UPDATE behaviors_behaviorrecord SET state = 'under_review', reason = %s, claimed_at = %s"
                " WHERE id = %s AND occurred_on = %s",
                [CALCULATION_FAILED, at, record.id, record.on],
            )
    return Counter({"under_review": len(claimed)} if claimed else {})


# -- computing ---------------------------------------------------------------------------------------------------------


def _results(claimed: Sequence[Claimed]) -> list[Result]:
    """Results of a chunk, in record order: choose versions, lock limits, evaluate by columns."""
    results: list[Result] = []
    groups: dict[VersionRow, list[Claimed]] = defaultdict(list)
    table = VersionTable()
    found: dict[tuple[str, str, dt.date], VersionRow | None] = {}
    programs: dict[VersionRow, Program] = {}
    for record in claimed:
        key = (record.activity, record.region, record.on)
        if key not in found:
            found[key] = table.find(*key)
        version = found[key]
        if version is None:
            results.append(Result(record, NOT_IN_FORCE))
            continue
        if version not in programs:
            programs[version] = program_for(version)
        if not record.active or record.subject not in programs[version].document.participants:
            results.append(Result(record, NOT_ELIGIBLE))
        else:
            groups[version].append(record)
    # Versions of one code share its limits, so they are settled one after the other, by date.
    batches = [
        (version, programs[version], records, columns_of(programs[version], records))
        for version, records in sorted(groups.items(), key=lambda item: (item[0].code, item[0].effective_from))
    ]
    used = _lock_usage(
        {
            (person, version.code, limit, start)
            for version, program, _, columns in batches
            for person, limit, start in program.period_keys(columns)
        }
    )
    changes: Counter[UsageRow] = Counter()
    for version, program, records, columns in batches:
        prior = Prior(used=_of_code(used, changes, version.code), history=_history(program, records))
        outcome = program.evaluate(columns, prior=prior)
        for (person, limit, start), amount in outcome.usage.items():
            changes[person, version.code, limit, start] += amount
        results += _rows(version, records, outcome)
    _write_usage(changes)
    return sorted(results, key=lambda result: result.record.id)


def columns_of(program: Program, records: Sequence[Claimed]) -> Columns:
    """Records as the engine's columns; an input that is no text is handed on as its text, and judged there."""
    return Columns(
        record=np.array([record.id for record in records], dtype=np.int64),
        participant=[record.participant for record in records],
        occurred_on=np.array([record.on for record in records], dtype="datetime64[D]"),
        region=[record.region for record in records],
        evidence=[record.evidence for record in records],
        inputs={name: [_text(record.inputs.get(name)) for record in records] for name in program.inputs},
    )


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _of_code(
    used: Mapping[UsageRow, int], changes: Counter[UsageRow], code: str
) -> dict[tuple[str, str, dt.date], int]:
    return {
        (person, limit, start): amount + changes[person, of, limit, start]
        for (person, of, limit, start), amount in used.items()
        if of == code
    }


def _rows(version: VersionRow, records: Sequence[Claimed], outcome: Outcome) -> list[Result]:
    computed, granted = outcome.computed_g.tolist(), outcome.reduction_g.tolist()
    rows = []
    for index, (record, reason) in enumerate(zip(records, outcome.reason.tolist(), strict=True)):
        if reason in REJECTED:
            rows.append(Result(record, reason, version))
            continue
        dependencies = outcome.dependencies(index)
        dependencies["used"] = [
            [limit, start.isoformat(), str(amount)] for (_, limit, start), amount in outcome.usage_of(index).items()
        ]
        text = json.dumps(dependencies, ensure_ascii=False, separators=(",", ":"))
        rows.append(Result(record, reason, version, computed[index], granted[index], text))
    return rows


_EARLIER = """
    SELECT r.participant_id::text, r.occurred_on, r.id::text, r.inputs
      FROM behaviors_behaviorrecord r JOIN (VALUES %s) w (participant, first, last) ON r.participant_id = w.participant
     WHERE r.occurred_on >= w.first AND r.occurred_on < w.last AND r.activity = {activity}
       AND r.state IN ('provisional', 'final')
"""


def _history(program: Program, records: Sequence[Claimed]) -> dict[str, list[Any]]:
    spans: dict[str, tuple[dt.date, dt.date]] = {}
    for record in records:
        first, last = spans.get(record.participant, (record.on, record.on))
        spans[record.participant] = min(first, record.on), max(last, record.on)
    return history_of(program, records[0].activity, spans)


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


def _lock_usage(keys: set[UsageRow]) -> dict[UsageRow, int]:
    """What each limit has been used by, its rows made where missing and locked in key order until the commit."""
    wanted = sorted(keys)
    bulk.values(
        "INSERT INTO credits_limitusage (participant_id, code, limit_key, period_start, used) VALUES %s"
        " ON CONFLICT DO NOTHING",
        wanted,
        template="(%s::uuid, %s, %s, %s::date, 0)",
    )
    locked = bulk.values(
        "SELECT u.participant_id::text, u.code, u.limit_key, u.period_start, u.used::text FROM credits_limitusage u"
        " JOIN (VALUES %s) w (participant, code, limit_key, period_start) ON u.participant_id = w.participant"
        " AND u.code = w.code AND u.limit_key = w.limit_key AND u.period_start = w.period_start"
        " ORDER BY u.participant_id, u.code, u.limit_key, u.period_start FOR UPDATE OF u",
        wanted,
        template="(%s::uuid, %s, %s, %s::date)",
        fetch=True,
    )
    return {row[:4]: int(row[4]) for row in locked}


def _write_usage(changes: Counter[UsageRow]) -> None:
    change_usage({key: amount for key, amount in changes.items() if amount})


def change_usage(changes: Mapping[UsageRow, int]) -> None:
    """Add to (or give back) what limits have been used by, in key order."""
    bulk.values(
        "UPDATE credits_limitusage u SET used = u.used + w.amount"
        " FROM (VALUES %s) w (participant, code, limit_key, period_start, amount)"
        " WHERE u.participant_id = w.participant"
        " AND u.code = w.code AND u.limit_key = w.limit_key AND u.period_start = w.period_start",
        [(*key, str(amount)) for key, amount in sorted(changes.items())],
        template="(%s::uuid, %s, %s, %s::date, %s::numeric)",
    )


# -- writing -----------------------------------------------------------------------------------------------------------


def _state(result: Result, at: dt.datetime) -> str:
    if result.rejected:
        return "rejected"
    return "final" if result.record.window_ends_at <= at else "provisional"


def _write(results: Sequence[Result], at: dt.datetime) -> None:
    """Everything a chunk changes, inside the caller's transaction."""
    kept = [result for result in results if not result.rejected]
    ids = bulk.next_ids("credits_reduction_id_seq", len(kept)) if kept else []
    _write_reductions(kept, ids, at)
    crash_point("quantify:middle")
    _write_states(results, at)
    _free([result.record.id for result in results if result.rejected])
    totals, earnings = Totals(), []
    for result, reduction_id in zip(kept, ids, strict=True):
        state = _state(result, at)
        totals.add(_total_key(result, state), result.reduction_g)
        if state == "final" and result.reduction_g:
            record = result.record
            earnings.append(
                Earning(record.id, reduction_id, UUID(record.participant), record.region, result.reduction_g)
            )
    award_or_queue(earnings=earnings, at=at)
    totals.write()


def _free(rejected: list[int]) -> None:
    """A rejected deed stands in nobody's way: its time span and its own number may be reported again, rightly."""
    if rejected:
        bulk.execute("DELETE FROM behaviors_tripinterval WHERE record_id = ANY(%s)", [rejected])
        bulk.execute("DELETE FROM behaviors_deedkey WHERE kind = 'identity' AND record_id = ANY(%s)", [rejected])


def _certifiable(result: Result) -> bool:
    assert result.version is not None
    return result.version.certifiable and result.record.evidence != "self_declared"


def _total_key(result: Result, state: str) -> TotalKey:
    record, version = result.record, result.version
    assert version is not None
    return TotalKey(
        record.region, record.on, record.activity, version.code, version.sector, record.subject, record.evidence,
        _certifiable(result), state,
    )  # fmt: skip


_REDUCTION_COLUMNS = (
    "id", "record_id", "record_on", "revision", "participant_id", "subject", "region", "activity", "sector",
    "methodology_version_id", "code", "computed_g", "reduction_g", "reason", "evidence", "certifiable", "dependencies",
    "created_at",
)  # fmt: skip


def _write_reductions(kept: Sequence[Result], ids: Sequence[int], at: dt.datetime) -> None:
    bulk.copy(
        "credits_reduction",
        _REDUCTION_COLUMNS,
        (
            (
                reduction_id, result.record.id, result.record.on, 1, result.record.participant, result.record.subject,
                result.record.region, result.record.activity, result.version.sector, result.version.pk,
                result.version.code, result.computed_g, result.reduction_g, result.reason, result.record.evidence,
                "t" if _certifiable(result) else "f", result.dependencies, at.isoformat(),
            )
            for reduction_id, result in zip(ids, kept, strict=True)
            if result.version is not None
        ),
    )  # fmt: skip


_STATES = """
    UPDATE behaviors_behaviorrecord r
       SET state = w.state, reason = w.reason, claimed_at = w.at,
           provisional_at = CASE WHEN w.state = 'rejected' THEN NULL ELSE w.at END,
           final_at = CASE WHEN w.state = 'final' THEN w.at END,
           closed_at = CASE WHEN w.state = 'rejected' THEN w.at END
      FROM (VALUES %s) w (id, day, state, reason, at)
     WHERE r.id = w.id AND r.occurred_on = w.day
"""


def _write_states(results: Sequence[Result], at: dt.datetime) -> None:
    bulk.values(
        _STATES,
        [
            (result.record.id, result.record.on, _state(result, at), result.reason if result.rejected else "", at)
            for result in results
        ],
        template="(%s, %s::date, %s, %s, %s::timestamptz)",
    )

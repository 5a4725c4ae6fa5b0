"""The work of recomputations, in chunks of one transaction each: parts are made, previewed and, once approved, written.

The parts' rows are the queue. A chunk takes some by row locks (SKIP LOCKED), so a worker that dies loses its locks and
its writes together. Locks, in the order of docs/locking.md: parts, records, limits, bases, accruals, pools, totals.
"""

import datetime as dt
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from django.db import OperationalError, transaction

from carbon_portal.kernel import audit
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.faults import crash_point
from credits.constants import CHUNK_PARTS, CHUNK_RECORDS, PartOutcome, RecomputationState, StandsBecause
from credits.models import Recomputation
from credits.services import bulk
from credits.services.points import Earning, award_or_queue
from credits.services.results import write_reductions
from credits.services.totals import TotalKey, Totals
from credits.services.windows import latest

from .books import Books, chosen, lock_records, named, patterns
from .numbers import content_of, numbers_of
from .settling import Settled, change, settle

log = logging.getLogger(__name__)
CALCULATION_FAILED = "calculation_failed"
State = RecomputationState


class Part(NamedTuple):
    id: int
    participant: str
    records: int


def advance(*, at: dt.datetime, rounds: int, limit: int = CHUNK_RECORDS) -> int:
    """Do up to so many chunks of whatever recomputation has work; how many it were. Safe to run at once and again."""
    done = 0
    while done < rounds and _step(at, limit):
        done += 1
    return done


def _step(at: dt.datetime, limit: int) -> bool:
    """One chunk of the oldest recomputation that has work for us; False where none has."""
    waiting = Recomputation.objects.filter(state__in=[State.PREPARING, State.PREVIEWING, State.RUNNING])
    for job in waiting.select_related("version__methodology", "library").order_by("pk"):
        if job.state == State.PREPARING:
            if _prepare(job):
                return True
        elif _attempt(job, at, limit):
            crash_point("recompute:committed")
            return True
        else:
            _close(job, at)
    return False


# -- parts -------------------------------------------------------------------------------------------------------------

_PARTS = """
    INSERT INTO credits_recomputationpart
           (recomputation_id, participant_id, records, top_up_g, change_g, outcome)
    SELECT %(job)s, x.participant_id, count(*), 0, 0, ''
      FROM credits_reduction x
      JOIN behaviors_behaviorrecord r ON r.id = x.record_id AND r.occurred_on = x.record_on AND r.state = 'final'
     WHERE x.code = %(code)s AND x.record_on BETWEEN %(first)s AND %(last)s
       AND r.occurred_on BETWEEN %(first)s AND %(last)s AND x.region LIKE ANY(%(regions)s) AND x.reason <> 'reversed'
       AND NOT EXISTS (SELECT FROM credits_reduction y WHERE y.record_id = x.record_id AND y.revision > x.revision)
     GROUP BY x.participant_id ORDER BY x.participant_id
    ON CONFLICT DO NOTHING
"""


def _prepare(job: Recomputation) -> bool:
    """Count the records of each participant; False where another worker is at it."""
    with transaction.atomic():
        mine = Recomputation.objects.select_for_update(skip_locked=True).filter(pk=job.pk, state=State.PREPARING)
        if not mine.exists():
            return False
        bulk.execute(
            _PARTS,
            {"job": job.pk, "code": job.code, "first": job.first, "last": job.last, "regions": patterns(job.regions)},
        )
        Recomputation.objects.filter(pk=job.pk).update(state=State.PREVIEWING)
    return True


_NEXT = """
    SELECT p.id, p.participant_id::text, p.records FROM credits_recomputationpart p
     WHERE p.recomputation_id = %s AND p.{column} IS NULL ORDER BY p.participant_id LIMIT %s
       FOR UPDATE OF p SKIP LOCKED
"""


def _next(job: Recomputation, limit: int) -> list[Part]:
    """Parts nobody else has in hand: as many as a chunk holds, at least one."""
    column = "previewed_at" if job.state == State.PREVIEWING else "done_at"
    found = [Part(*row) for row in bulk.rows(_NEXT.format(column=column), [job.pk, CHUNK_PARTS])]
    total = 0
    taken: list[Part] = []
    for part in found:
        total += part.records
        if taken and total > limit:
            break
        taken.append(part)
    return taken


def _attempt(job: Recomputation, at: dt.datetime, limit: int) -> int:
    """One chunk; where it breaks down, participant by participant, so that a single bad record stops nobody else."""
    deed: Callable[[Recomputation, list[Part], dt.datetime], None]
    deed = _preview if job.state == State.PREVIEWING else _write
    try:
        return _in_transaction(job, at, limit, deed)
    except OperationalError:
        raise  # the database is away or busy: nothing was written, the next sweep tries again
    except Exception:
        log.exception("a chunk of recomputation %s failed", job.uuid)
        if limit > 1:
            return _attempt(job, at, 1)
        return _in_transaction(job, at, 1, _preview_failed if job.state == State.PREVIEWING else _leave_out)


def _in_transaction(
    job: Recomputation,
    at: dt.datetime,
    limit: int,
    deed: Callable[[Recomputation, list[Part], dt.datetime], None],
) -> int:
    with transaction.atomic():
        parts = _next(job, limit)
        if parts:
            deed(job, parts, at)
    return len(parts)


# -- the preview -------------------------------------------------------------------------------------------------------


def _preview(job: Recomputation, parts: list[Part], at: dt.datetime) -> None:
    """Compute the parts and write down what would come of it: lines and the parts' sums, nothing else."""
    books = chosen(job, [part.participant for part in parts])
    settled = settle(job, books, lock=False)
    _write_lines(job, books, settled)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in np.flatnonzero(~settled.stands).tolist():
        mine = sums[books.claim.people[int(books.claim.persons[row])]]
        mine[0] += int(settled.granted[row] - books.grams[row])
        mine[1] += max(int(settled.granted[row] - books.credited[row]), 0)
    bulk.execute(
        "UPDATE credits_recomputationpart p SET previewed_at = %s, change_g = w.change_g, top_up_g = w.top_up_g"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) w (id, change_g, top_up_g) WHERE p.id = w.id",
        [
            at, bulk.array(part.id for part in parts), bulk.array(sums[part.participant][0] for part in parts),
            bulk.array(sums[part.participant][1] for part in parts),
        ],
    )  # fmt: skip
    crash_point("recompute:previewed")


def _preview_failed(job: Recomputation, parts: list[Part], at: dt.datetime) -> None:
    """The calculation breaks down on this participant: what stands goes on counting, and the report says why."""
    books = chosen(job, [part.participant for part in parts])
    size = len(books)
    nothing = np.zeros(size, dtype=np.int64)
    because = [str(StandsBecause.REFUSED)] * size
    settled = Settled(
        nothing, nothing, [CALCULATION_FAILED] * size, np.ones(size, dtype=bool), because, None, None  # type: ignore[arg-type]
    )  # fmt: skip
    _write_lines(job, books, settled)
    bulk.execute(
        "UPDATE credits_recomputationpart SET previewed_at = %s WHERE id = ANY(%s)", [at, [part.id for part in parts]]
    )


def _write_lines(job: Recomputation, books: Books, settled: Settled) -> None:
    claim, rows = books.claim, range(len(books))
    bulk.copy_columns(
        "credits_recomputationline",
        {
            "recomputation_id": [job.pk] * len(books),
            "record_id": claim.ids.tolist(),
            "record_on": list(claim.days.astype("datetime64[D]").astype(str).tolist()),
            "participant_id": [claim.people[person] for person in claim.persons.tolist()],
            "region": list(claim.regions),
            "before_id": books.reductions,
            "before_g": books.grams.tolist(),
            "computed_g": settled.computed.tolist(),
            "new_g": settled.granted.tolist(),
            "new_reason": settled.reasons,
            "stands": np.where(settled.stands, "t", "f").tolist(),
            "because": [settled.because[row] for row in rows],
        },
    )


# -- writing what was approved -----------------------------------------------------------------------------------------


class Line(NamedTuple):
    record_id: int
    participant: str
    before_id: int
    computed_g: int
    new_g: int
    reason: str
    stands: bool


def _lines(job: Recomputation, parts: Sequence[Part]) -> list[Line]:
    people = [part.participant for part in parts]
    rows = bulk.rows(
        "SELECT record_id, participant_id::text, before_id, computed_g, new_g, new_reason, stands"
        " FROM credits_recomputationline WHERE recomputation_id = %s AND participant_id = ANY(%s::uuid[])"
        " ORDER BY record_id",
        [job.pk, people],
    )
    return [Line(*row) for row in rows]


def _write(job: Recomputation, parts: list[Part], at: dt.datetime) -> None:
    """Write what was approved, of the participants whose books are still those that the preview saw."""
    lines = _lines(job, parts)
    affected = {line.participant for line in lines if not line.stands}
    wanted = [line.record_id for line in lines if line.participant in affected]
    lock_records(job, wanted)
    books = named(job, wanted)
    settled = settle(job, books, lock=True)
    changed = _changed(lines, affected, books, settled)
    rows = [
        row
        for row in np.flatnonzero(~settled.stands).tolist()
        if books.claim.people[int(books.claim.persons[row])] not in changed
    ]
    if rows:
        _use(job, books, settled, changed)
        _revise(job, books, settled, rows, at)
    _end(parts, changed, at)
    crash_point("recompute:written")


def _changed(lines: Sequence[Line], affected: set[str], books: Books, settled: Settled) -> set[str]:
    """The participants of whom something is no longer as it was approved: nothing of theirs is written."""
    found = {
        int(pk): (before, int(computed), int(granted), reason, bool(stands))
        for pk, before, computed, granted, reason, stands in zip(
            books.claim.ids, books.reductions, settled.computed, settled.granted, settled.reasons, settled.stands,
            strict=True,
        )
    }  # fmt: skip
    return {
        line.participant
        for line in lines
        if line.participant in affected
        and found.get(line.record_id)
        != (line.before_id, line.computed_g, line.new_g, line.reason, line.stands)
    }  # fmt: skip


def _use(job: Recomputation, books: Books, settled: Settled, changed: set[str]) -> None:
    """Let the new results use their limits; who is left out uses again what they used before."""
    persons, people = books.claim.persons, books.claim.people
    amounts: dict[tuple[str, str], dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for limit, used in settled.used.items():
        for row, start, amount in used:
            person = int(persons[row])
            if people[person] not in changed:
                amounts[job.code, limit][person, start] += amount
    change(settled.usage, amounts)
    settled.usage.write_of({number for number, name in enumerate(people) if name not in changed})


def _revise(job: Recomputation, books: Books, settled: Settled, rows: list[int], at: dt.datetime) -> None:
    """A further revision of each record, points for what rose, totals by the difference."""
    claim, results = books.claim, settled.results
    ids = bulk.next_ids("credits_reduction_id_seq", len(rows))
    for row in rows:
        names = json.dumps({"recomputation": job.pk, "replaces": books.reductions[row]}, separators=(",", ":"))
        results.own[row] = f"{results.own[row][:-1]},{names[1:]}"
    kept = np.array(rows, dtype=np.int64)
    write_reductions(claim, results, kept, ids, at, [books.revisions[row] + 1 for row in rows])
    crash_point("recompute:middle")
    earnings = [
        Earning(int(claim.ids[row]), pk, claim.people[int(claim.persons[row])], claim.regions[row], more)
        for row, pk in zip(rows, ids, strict=True)
        if (more := int(settled.granted[row] - books.credited[row])) > 0
    ]
    award_or_queue(earnings=earnings, at=at)
    _move_totals(job, books, settled, rows)


def _move_totals(job: Recomputation, books: Books, settled: Settled, rows: list[int]) -> None:
    """Each record leaves the row of the totals that it was counted in and enters that of its new result."""
    claim, totals = books.claim, Totals()
    # The newest revision is ours by now; what is taken out is what stood before it.
    after = {one.record_id: one for one in latest([int(claim.ids[row]) for row in rows])}
    earlier = _earlier([books.reductions[row] for row in rows])
    for row in rows:
        pk = int(claim.ids[row])
        totals.add(earlier[pk], int(books.grams[row]), records=-1)
        totals.add(after[pk].key("final"), after[pk].reduction_g)
    totals.write()


def _earlier(reductions: list[int]) -> dict[int, TotalKey]:
    rows: list[tuple[Any, ...]] = bulk.rows(
        "SELECT record_id, region, record_on, activity, code, sector, subject, evidence, certifiable"
        " FROM credits_reduction WHERE id = ANY(%s)",
        [reductions],
    )
    return {pk: TotalKey._make((*key, "final")) for pk, *key in rows}


def _leave_out(job: Recomputation, parts: list[Part], at: dt.datetime) -> None:
    """The calculation breaks down where the preview's did not: nothing is written for this participant."""
    _end(parts, {part.participant for part in parts}, at)


def _end(parts: Sequence[Part], changed: set[str], at: dt.datetime) -> None:
    outcomes = [PartOutcome.CHANGED if part.participant in changed else PartOutcome.APPLIED for part in parts]
    bulk.execute(
        "UPDATE credits_recomputationpart p SET done_at = %s, outcome = w.outcome"
        " FROM unnest(%s::bigint[], %s::text[]) w (id, outcome) WHERE p.id = w.id",
        [at, bulk.array(part.id for part in parts), bulk.texts([str(one) for one in outcomes])],
    )


# -- the end of a stage ------------------------------------------------------------------------------------------------


def _close(job: Recomputation, at: dt.datetime) -> None:
    """Once every part is through, the preview is summed up, or the recomputation is over."""
    with transaction.atomic():
        mine = Recomputation.objects.select_for_update(skip_locked=True).filter(pk=job.pk, state=job.state).first()
        if mine is None:
            return
        previewing = mine.state == State.PREVIEWING
        open_ = mine.parts.filter(previewed_at=None) if previewing else mine.parts.filter(done_at=None)
        if open_.exists():
            return
        if previewing:
            mine.numbers = numbers_of(mine, at)
            mine.content_sha256 = content_of(mine)
            mine.state, mine.previewed_at = State.PREVIEWED, at
        else:
            mine.state, mine.finished_at = State.DONE, at
            left_out = mine.parts.filter(outcome=PartOutcome.CHANGED).count()
            audit.record_event(
                verb="recomputation.finished", target=f"recomputation:{mine.uuid}", region="440000",
                data={"left_out": left_out},
            )  # fmt: skip
            enqueue_on_commit("credits.award_queued")
        mine.save()

"""Deeds of the simulator: asked for, run by a worker, given up, taken up again after a crash, put on file.

A run claims its row by a conditional update and signs with its attempt; whoever was overtaken or cancelled finds that
no row answers to its signature any more and stops. Nothing but the row of the simulation is written by a run.
"""

import datetime as dt
import logging
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.errors import DomainError
from carbon_portal.kernel.faults import crash_point
from credits.models import Simulation
from credits.simulation.errors import BadSimulation, SimulationOver, TooManySimulations
from credits.simulation.report import Asked, checked, simulate
from credits.simulation.sides import prefix_of
from methodologies.constants import NOTICES_TASK
from methodologies.engine import DocumentError
from methodologies.engine.document import Document
from methodologies.models import MethodologyVersion
from methodologies.services import file_simulation

log = logging.getLogger(__name__)
TASK = "credits.run_simulation"
LONGEST_DAYS = 3 * 366
OPEN_PER_PERSON = 40  # a city ranks all its methods at once
STALE = dt.timedelta(minutes=2)  # a slice takes seconds; who was overtaken all the same finds out and stops
FORGOTTEN = dt.timedelta(seconds=30)
ATTEMPTS = 3
_OPEN = (Simulation.State.QUEUED, Simulation.State.RUNNING)


class _Overtaken(Exception):
    """Somebody cancelled the simulation, or another worker took it over."""


def start_simulation(
    *,
    source: str,
    region: str,
    first: dt.date,
    last: dt.date,
    by: UUID | None,
    at: dt.datetime,
    version: MethodologyVersion | None = None,
    against: MethodologyVersion | None = None,
    exclude_missing: bool = False,
    announce: bool = True,
) -> Simulation:
    """Ask for a simulation of a document's text; a worker takes it up after the commit, unless the caller runs it.

    Errors: BadSimulation (days, area, a document that does not load), TooManySimulations, UnknownRegion.
    """
    document = _checked(source, region, first, last, clock.local_date(at))
    if against is not None and against.methodology.activity != document.activity:
        raise BadSimulation(
            why=f"对比的方法学量化的是另一种行为（{against.methodology.activity}）。",
            why_en=f"The other method quantifies another activity ({against.methodology.activity}).",
        )
    with transaction.atomic():
        if by is not None:
            waiting = Simulation.objects.filter(requested_by=by, state__in=_OPEN).count()
            if waiting >= OPEN_PER_PERSON:
                raise TooManySimulations(count=waiting)
        simulation = Simulation.objects.create(
            code=document.code,
            version=document.version,
            title_zh=document.title.get("zh", "")[:200],
            title_en=document.title.get("en", "")[:200],
            sha256=document.sha256,
            source=source,
            stored_version=version,
            against_label=str(against) if against else "",
            against_source=against.source if against else "",
            region=region,
            first=first,
            last=last,
            exclude_missing=exclude_missing,
            requested_by=by,
            requested_at=at,
            heard_at=at,
        )
        if announce:
            enqueue_on_commit(TASK, str(simulation.pk))
    return simulation


def _checked(source: str, region: str, first: dt.date, last: dt.date, today: dt.date) -> Document:
    area = regions.region(region)
    if area.kind == "town" or region != area.six:
        raise BadSimulation(why="试算按省、市、县（区）进行。", why_en="Choose the province, a city or a county.")
    if first > last:
        raise BadSimulation(why=f"起始日 {first} 晚于截止日 {last}。", why_en=f"The first day {first} is after {last}.")
    if last > today:
        raise BadSimulation(why=f"截止日 {last} 还没有到。", why_en=f"The last day {last} is not over yet.")
    if (last - first).days > LONGEST_DAYS:
        raise BadSimulation(why="一次最多试算三年。", why_en="One simulation covers three years at the most.")
    try:
        document = checked(source, "draft")
    except DocumentError as error:
        problems = error.problems
        raise BadSimulation(
            why=f"方法学文档有 {len(problems)} 个问题：{problems[0].where}：{problems[0].message_zh}",
            why_en=f"The document has {len(problems)} problems: {problems[0].where}: {problems[0].message_en}",
        ) from error
    mine, theirs = prefix_of(document.region), prefix_of(region)
    if not (mine.startswith(theirs) or theirs.startswith(mine)):
        raise BadSimulation(
            why=f"这个方法学只适用于 {document.region}，与所选地区没有重叠。",
            why_en=f"The document applies to {document.region} only, which is apart from the chosen area.",
        )
    return document


def run_simulation(*, pk: UUID, at: dt.datetime | None = None) -> bool:
    """Run a queued simulation to its end; False where somebody else has it or it is over. Safe to run twice.

    What can't be computed ends as `failed` with a sentence; a database that is away leaves it to the sweep.
    """
    attempt = _claim(pk, at or clock.now())
    if attempt is None:
        return False
    simulation = Simulation.objects.get(pk=pk)
    try:
        crash_point("simulate:claimed")
        report = simulate(_asked(simulation), lambda done, of: _hear(simulation, attempt, done, of))
        crash_point("simulate:computed")
    except _Overtaken:
        return False
    except DocumentError as error:
        first = error.problems[0]
        return _end(simulation, attempt, Simulation.State.FAILED, why=first.message_zh, why_en=first.message_en)
    except DomainError as error:
        return _end(simulation, attempt, Simulation.State.FAILED, why=error.detail, why_en=error.detail_en)
    return _end(simulation, attempt, Simulation.State.DONE, report=report)


def _asked(simulation: Simulation) -> Asked:
    return Asked(
        source=simulation.source,
        region=simulation.region,
        first=simulation.first,
        last=simulation.last,
        today=clock.local_date(simulation.requested_at),
        against=simulation.against_source or None,
        exclude_missing=simulation.exclude_missing,
    )


def _claim(pk: UUID, at: dt.datetime) -> int | None:
    """Take the simulation; the attempt's number, or None where it is not free."""
    taken = Simulation.objects.filter(pk=pk, state=Simulation.State.QUEUED).update(
        state=Simulation.State.RUNNING, attempts=F("attempts") + 1, started_at=at, heard_at=at, done_parts=0
    )
    return Simulation.objects.values_list("attempts", flat=True).get(pk=pk) if taken else None


def _mine(simulation: Simulation, attempt: int) -> Q:
    return Q(pk=simulation.pk, state=Simulation.State.RUNNING, attempts=attempt)


def _hear(simulation: Simulation, attempt: int, done: int, of: int) -> None:
    """A sign of life with the progress. Raises _Overtaken."""
    found = Simulation.objects.filter(_mine(simulation, attempt))
    if not found.update(done_parts=done, all_parts=of, heard_at=clock.now()):
        raise _Overtaken


def _end(simulation: Simulation, attempt: int, state: str, **fields: object) -> bool:
    at = clock.now()
    with transaction.atomic():
        ended = bool(
            Simulation.objects.filter(_mine(simulation, attempt)).update(
                state=state, finished_at=at, heard_at=at, **fields
            )
        )
        if ended:
            enqueue_on_commit(NOTICES_TASK)
    return ended


def cancel_simulation(*, simulation: Simulation, at: dt.datetime) -> None:
    """Give up a simulation that has not ended; a running one stops at its next sign of life. Errors: SimulationOver."""
    given_up = Simulation.objects.filter(pk=simulation.pk, state__in=_OPEN).update(
        state=Simulation.State.CANCELLED, finished_at=at
    )
    if not given_up:
        raise SimulationOver


def sweep_simulations(*, at: dt.datetime) -> int:
    """Wake a worker for what waits, take up again what a dead worker left, and say so where it died too often.

    Returns how many were woken or ended. Safe to run at any time, twice or at once.
    """
    lost = Simulation.objects.filter(state=Simulation.State.RUNNING, heard_at__lt=at - STALE)
    ended = lost.filter(attempts__gte=ATTEMPTS).update(
        state=Simulation.State.FAILED,
        finished_at=at,
        why=f"试算中断了 {ATTEMPTS} 次，没有完成。请缩短时间或缩小地区再试；仍不行请告诉管理员。",
        why_en=f"The run broke off {ATTEMPTS} times. Try fewer days or a smaller area; else tell an administrator.",
    )
    lost.filter(attempts__lt=ATTEMPTS).update(state=Simulation.State.QUEUED, heard_at=at - FORGOTTEN)
    waiting = Simulation.objects.filter(state=Simulation.State.QUEUED, heard_at__lte=at - FORGOTTEN)
    woken = list(waiting.order_by("requested_at").values_list("pk", flat=True)[:50])
    with transaction.atomic():
        for pk in woken:
            enqueue_on_commit(TASK, str(pk))
    return ended + len(woken)


def put_on_file(*, simulation: Simulation, by: UUID, at: dt.datetime) -> None:
    """Put a finished report on file for the version it ran, as publication requires.

    Errors: BadSimulation (not finished, no stored version), NotThisContent (the version's text changed since).
    """
    version = simulation.stored_version
    report = simulation.report
    if report is None or version is None or report.get("few") or not report["records"]:
        raise BadSimulation(
            why="只有已完成、针对已登记版本、有足够记录的试算才能归档。",
            why_en="Only a finished simulation of a stored version over enough records can be put on file.",
        )
    file_simulation(
        version=version,
        sha256=simulation.sha256,
        report_uid=simulation.pk,
        summary={
            "records": report["records"],
            "participants": report["participants"],
            "draft_g": report["draft"]["grams"],
            "base_g": report["base"]["grams"],
            "region": simulation.region,
            "first": simulation.first.isoformat(),
            "last": simulation.last.isoformat(),
        },
        by=by,
        at=at,
    )

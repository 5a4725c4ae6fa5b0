"""Work for a process to die over: what to do, how to set it off, and when it is done."""

import csv
import datetime as dt
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from celery import current_app

from accounts.models import Person
from behaviors.models import BehaviorRecord
from behaviors.services import cancel_record
from carbon_portal.kernel import clock
from carbon_portal.workflows.verify import run
from credits import services
from credits.ledger import addresses
from credits.ledger.selectors import balance
from credits.models import AccrualItem, QueuedAward, Recomputation, Reduction
from methodologies.models import MethodologyVersion
from tests import portal
from tests.credits import revisions
from tests.credits.cases import ON, records, resident
from tests.merchants.world import give_bonus

RECORDS = 30
SHENZHEN, FUTIAN = "440300", "440304"


@dataclass(frozen=True)
class Work:
    """`begin` sets it off (again, as the beat's sweep does); `done` says whether it reached its end."""

    begin: Callable[[], object]
    done: Callable[[], bool]


def send(task: str) -> Callable[[], object]:
    return lambda: current_app.send_task(task)


def fill(count: int = RECORDS, *, region: str = "440605", window: dt.timedelta = dt.timedelta(hours=-1)) -> list[int]:
    """Trips of a few people over ten days, received just now; `window` is how far off the end of correction lies."""
    people = [resident(region) for _ in range(max(count // 25, 4))]
    ids = records(
        *[
            {
                "participant": people[n % len(people)],
                "region": region,
                "on": ON - dt.timedelta(days=n // len(people) % 10),
                "inputs": {"distance": str(1 + n % 30)},
                "evidence": "feed" if n % 3 else "self_declared",
                "window_ends_at": clock.now() + window,
            }
            for n in range(count)
        ]
    )
    BehaviorRecord.objects.filter(pk__in=ids).update(received_at=clock.now())
    return ids


def in_state(ids: list[int], state: str) -> bool:
    return BehaviorRecord.objects.filter(pk__in=ids, state=state).count() == len(ids)


def quantified(ids: list[int], state: str) -> None:
    """Quantify here; a task of a killed process that comes back beside us may have some of the records in hand."""
    end = time.monotonic() + 30
    while not in_state(ids, state):
        assert time.monotonic() < end, f"records are not {state}"
        services.quantify_pending(until_empty=True)
        time.sleep(0.05)


def violations() -> dict[str, list[list[str]]]:
    """What all of `verify` finds, by id."""
    return {finding.id: finding.offenders for finding in run.run() if finding.count}


# -- the kinds of work -------------------------------------------------------------------------------------------------


def quantification() -> Work:
    ids = fill()

    def done() -> bool:
        return in_state(ids, "final") and Reduction.objects.filter(record_id__in=ids).count() == len(ids)

    return Work(send("credits.quantify_pending"), done)


def simulation() -> Work:
    """A what-if run; its second beginning is the sweep that finds nobody working on it any more."""
    fill()
    services.quantify_pending(until_empty=True)
    source = MethodologyVersion.objects.get(methodology_id="GD-METRO-TRIP").source
    made = services.start_simulation(
        source=source, region="440000", first=ON - dt.timedelta(days=30), last=ON, by=None, at=clock.now()
    )

    def begin() -> None:
        services.sweep_simulations(at=clock.now() + dt.timedelta(minutes=5))

    def done() -> bool:
        made.refresh_from_db()
        return made.state == "done"

    return Work(begin, done)


def closing() -> Work:
    """Provisional records whose correction window has just ended."""
    ids = fill(window=dt.timedelta(hours=1))
    quantified(ids, "provisional")
    BehaviorRecord.objects.filter(pk__in=ids).update(window_ends_at=clock.now() - dt.timedelta(minutes=1))
    return Work(send("credits.close_windows"), lambda: in_state(ids, "final"))


def undoing() -> Work:
    """Provisional records that their owners take back."""
    ids = fill(window=dt.timedelta(hours=1))
    quantified(ids, "provisional")
    found = BehaviorRecord.objects.filter(pk__in=ids).select_related("participant__person")

    def begin() -> None:
        for record in found:
            person = record.participant.person
            assert isinstance(person, Person)
            cancel_record(record=record, person=person, at=clock.now())

    def done() -> bool:
        return Reduction.objects.filter(record_id__in=ids, reason="reversed").count() == len(ids)

    return Work(begin, done)


def queue() -> Work:
    """Final records that wait until Shenzhen's pool is funded."""
    key = f"queue-{clock.now().timestamp()}"
    services.fund_pool(region=SHENZHEN, sponsor=None, points=1, actor=None, at=clock.now(), key=f"{key}-open")
    ids = fill(region=FUTIAN)
    quantified(ids, "final")
    waiting = QueuedAward.objects.filter(record_id__in=ids).count()
    assert waiting

    def begin() -> None:
        services.fund_pool(region=SHENZHEN, sponsor=None, points=50_000, actor=None, at=clock.now(), key=key)
        current_app.send_task("credits.award_queued")

    def done() -> bool:
        paid = AccrualItem.objects.filter(reduction__record_id__in=ids).count()
        return paid >= waiting and not QueuedAward.objects.filter(record_id__in=ids).exists()

    return Work(begin, done)


def expiry() -> Work:
    """Points whose year is over."""
    year = clock.today().year - 2
    people = [resident() for _ in range(3)]
    for person in people:
        give_bonus(person, 40, at=clock.now(), year=year)

    def done() -> bool:
        return not any(balance(addresses.participant_points(person.uuid, year)) for person in people)

    return Work(send("credits.expire_points"), done)


def previewing() -> Work:
    """A choice to be previewed."""
    ids = fill()
    quantified(ids, "final")
    version = revisions.publish(f"1.{next(_versions)}", revisions.factor("50"))
    jobs: list[Recomputation] = []

    def begin() -> None:
        if jobs:
            current_app.send_task("credits.recompute")
        else:
            jobs.append(revisions.begun(version, "top_up"))

    def done() -> bool:
        jobs[0].refresh_from_db()
        return jobs[0].state == "previewed" and jobs[0].lines.count() == jobs[0].numbers["records"] > 0

    return Work(begin, done)


def recomputing() -> Work:
    """An approved recomputation that nobody has begun to write."""
    ids = fill()
    quantified(ids, "final")
    number = next(_versions)
    job = revisions.previewed(revisions.publish(f"1.{number}", revisions.factor(str(60 + number))), "top_up")
    services.request_decision(job=job, actor=job.initiator, at=clock.now())

    def begin() -> None:
        job.refresh_from_db()
        if job.state == "waiting":
            revisions.approved(job)
        else:
            current_app.send_task("credits.recompute")

    def done() -> bool:
        job.refresh_from_db()
        rising = job.lines.filter(stands=False).count()
        written = Reduction.objects.filter(dependencies__recomputation=job.pk).count()
        return job.state == "done" and written == rising > 0

    return Work(begin, done)


_versions = itertools.count(1)


def trips_file(path: Path, rows: int, people: int = 24) -> Path:
    """A provider's file of trips that do not overlap, each evidenced by the provider."""
    riders = [resident("440106") for _ in range(people)]
    header = ["source_record_id", "participant", "activity", "region", "started_at", "ended_at", "distance", "evidence"]
    first = clock.today() - dt.timedelta(days=60)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        for n in range(rows):
            turn = n // people
            day, hour = first + dt.timedelta(days=turn // 14), 7 + turn % 14
            times = (f"{day} {hour:02d}:00", f"{day} {hour:02d}:30")
            rider = riders[n % people].public_id
            writer.writerow([f"T{n}", rider, "metro_trip", "440106", *times, str(2 + n % 9), "feed"])
    return path


# -- the processes -----------------------------------------------------------------------------------------------------


@dataclass
class Armed:
    """The file in which armed points stand; a process strikes its point from it as it dies."""

    file: Path

    def arm(self, point: str) -> None:
        self.file.write_text(point)

    def fired(self) -> bool:
        return self.file.read_text() == ""


def survives(running: portal.Portal, armed: Armed, point: str, work: Work) -> None:
    """Set the work off, see the process die at the point, set it off again: all of it ends, once."""
    armed.arm(point)
    work.begin()
    running.wait_until(armed.fired, f"a death at {point}", running.processes[-1])
    work.begin()
    running.wait_until(work.done, f"the end of the work after {point}", running.processes[-1])
    found = violations()
    assert not found, found

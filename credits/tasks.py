"""Celery wrappers. They carry nothing: the rows are the queue, and every one may run at any time, twice or at once."""

import uuid

from celery import shared_task

from carbon_portal.kernel import clock
from carbon_portal.kernel.dispatch import enqueue_on_commit
from carbon_portal.kernel.faults import crash_point

from . import services
from .constants import ROUNDS_OF_A_TASK
from .ledger import services as ledger


@shared_task(name="credits.quantify_pending")
def quantify_pending() -> None:
    """Quantify whatever is pending, then take back what was undone meanwhile."""
    crash_point("task:received")
    services.quantify_pending(until_empty=True)
    services.undo_reversed(at=clock.now())
    crash_point("task:done")


@shared_task(name="credits.close_windows")
def close_windows() -> None:
    services.close_windows(at=clock.now())


@shared_task(name="credits.award_queued")
def award_queued() -> None:
    services.award_queued(at=clock.now())


@shared_task(name="credits.recompute")
def recompute() -> None:
    """Some chunks of what is to be previewed or written again; where there is more, another task goes on."""
    if services.advance(at=clock.now(), rounds=ROUNDS_OF_A_TASK) == ROUNDS_OF_A_TASK:
        enqueue_on_commit("credits.recompute")


@shared_task(name="credits.undo_reversed")
def undo_reversed() -> None:
    services.undo_reversed(at=clock.now())


@shared_task(name="credits.fold_checkpoints")
def fold_checkpoints() -> None:
    """Sum the lines of unbounded accounts so far, so that their balances stay cheap to read."""
    ledger.fold_checkpoints()


@shared_task(name="credits.expire_points")
def expire_points() -> None:
    services.expire_points(at=clock.now())


@shared_task(name="credits.run_simulation", time_limit=3600, soft_time_limit=3540)
def run_simulation(pk: str) -> None:
    """A what-if run; it may take as long as a province's years take to read."""
    services.run_simulation(pk=uuid.UUID(pk))


@shared_task(name="credits.sweep_simulations")
def sweep_simulations() -> None:
    services.sweep_simulations(at=clock.now())


@shared_task(name="credits.send_notices")
def send_notices() -> None:
    """Messages to whom a deed concerns: the deeds' rows say what was not told yet."""
    services.send_notices(at=clock.now())

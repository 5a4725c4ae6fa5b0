"""Wake a worker after commit, by task name, so that nobody imports upward.

The database row is the queue; the message only wakes somebody. A broker that is away costs a delay (a beat task sweeps
what was forgotten), never a record and never a failed page.
"""

import logging
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from .faults import crash_point

log = logging.getLogger(__name__)


def enqueue_on_commit(task: str, *args: Any, queue: str | None = None) -> None:
    """Send the named task with ids only once the open transaction has committed."""
    transaction.on_commit(partial(_send, task, args, queue))


def _send(task: str, args: tuple[Any, ...], queue: str | None) -> None:
    crash_point("dispatch:committed")
    options = {"queue": queue} if queue else {}
    try:
        current_app.send_task(task, args=args, retry=False, **options)
    except (OSError, OperationalError) as error:  # kombu wraps what the broker's client raises
        log.warning("broker away, %s left to the sweep: %s", task, type(error).__name__)

"""The worker's sign of life, read by /readyz."""

from celery import shared_task
from celery.signals import worker_ready
from django.core.cache import cache

from . import clock

HEARTBEAT_KEY = "worker:heartbeat"


@shared_task(name="kernel.heartbeat")
def heartbeat() -> None:
    """Say that a worker is alive (unix seconds)."""
    cache.set(HEARTBEAT_KEY, int(clock.now().timestamp()), timeout=600)


@worker_ready.connect
def _first_heartbeat(**_: object) -> None:
    heartbeat()

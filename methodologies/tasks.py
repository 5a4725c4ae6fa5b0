"""Celery wrappers. They carry nothing: the rows are the queue."""

from celery import shared_task

from carbon_portal.kernel import clock

from .services.telling import tell_proposers as tell


@shared_task(name="methodologies.tell_proposers")
def tell_proposers() -> None:
    """Text messages that wait: a number that was given at the desk, an answer that was written."""
    tell(at=clock.now())

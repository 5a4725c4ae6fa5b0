"""Celery wrappers. They carry nothing: the rows are the queue."""

from celery import shared_task

from carbon_portal.kernel import clock

from .services.local_values import tell_cities as tell_all_cities
from .services.telling import tell_proposers as tell


@shared_task(name="methodologies.tell_proposers")
def tell_proposers() -> None:
    """Text messages that wait: a number that was given at the desk, an answer that was written."""
    tell(at=clock.now())


@shared_task(name="methodologies.tell_cities")
def tell_cities() -> None:
    """Messages to cities that have values to supply for a method of the whole province."""
    tell_all_cities(at=clock.now())

"""Celery wrappers."""

from celery import shared_task

from carbon_portal.kernel import clock

from . import services


@shared_task(name="merchants.expire_vouchers")
def expire_vouchers() -> None:
    """Close held vouchers whose time is over."""
    services.expire_vouchers(at=clock.now())

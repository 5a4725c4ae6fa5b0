"""Audit events: one call inside the deed's transaction."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import clock
from .models import AuditEvent


def record_event(
    *, verb: str, target: str, actor: uuid.UUID | None = None, region: str = "", data: dict[str, Any] | None = None
) -> AuditEvent:
    """Write who (`actor`: a person's uuid, None for the system) did `verb` to `target` ("kind:id")."""
    return AuditEvent.objects.create(
        at=clock.now(), actor=actor, verb=verb, target=target, region=region, data=data or {}
    )


class Event(NamedTuple):
    """One event of many that are written together; fields as in `record_event`."""

    verb: str
    target: str
    actor: uuid.UUID | None = None
    region: str = ""
    data: dict[str, Any] | None = None


def record_events(events: Sequence[Event]) -> None:
    """Write many events in their order, in the deed's own transaction."""
    at = clock.now()
    AuditEvent.objects.bulk_create([AuditEvent(at=at, **{**one._asdict(), "data": one.data or {}}) for one in events])

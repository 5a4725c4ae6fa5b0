"""Audit events: one call inside the deed's transaction."""

import uuid
from typing import Any

from . import clock
from .models import AuditEvent


def record_event(
    *, verb: str, target: str, actor: uuid.UUID | None = None, region: str = "", data: dict[str, Any] | None = None
) -> AuditEvent:
    """Write who (`actor`: a person's uuid, None for the system) did `verb` to `target` ("kind:id")."""
    return AuditEvent.objects.create(
        at=clock.now(), actor=actor, verb=verb, target=target, region=region, data=data or {}
    )

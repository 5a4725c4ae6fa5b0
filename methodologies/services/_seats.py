"""Who sits at the desk that a deed needs: asked again at each deed, deputies included, page or API alike (T28)."""

import datetime as dt
import uuid
from collections.abc import Iterable

from carbon_portal.kernel import approvals
from carbon_portal.kernel.approval_kinds import fits, people
from carbon_portal.kernel.errors import Forbidden


def seat(person: uuid.UUID, roles: Iterable[str], *, region: str, at: dt.datetime) -> str:
    """The role in which this person acts there now, their own or in another's stead. Errors: Forbidden."""
    wanted = frozenset(str(role) for role in roles)
    actor: approvals.Actor = people().actor(person, at=at)
    for held, _principal, _fresh in actor.held():
        if fits(held, wanted, region):
            return held[0]
    raise Forbidden

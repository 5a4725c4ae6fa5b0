"""What one's simulations came to, for the work list: those of the last two days."""

import datetime as dt
from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.worklist import WorkItem
from credits.models import Simulation

from . import present

SHOWN_FOR = dt.timedelta(days=2)
_MOST = 5


def ended_simulations(actor: Actor, at: dt.datetime) -> Iterator[WorkItem]:
    """The newest that this person asked for and that have ended, with or without a report. One query."""
    ended = (
        Simulation.objects.filter(
            requested_by=actor.person,
            state__in=[Simulation.State.DONE, Simulation.State.FAILED],
            finished_at__gte=at - SHOWN_FOR,
        )
        .defer("source", "against_source", "report")
        .order_by("-finished_at")[:_MOST]
    )
    for simulation in ended:
        yield WorkItem(
            title=f"{present.title(simulation)} · {simulation.get_state_display()}",
            url=reverse("credits:simulation", args=[simulation.pk]),
            due_on=None,
            kind=_("试算"),
            region=simulation.region,
            opened_at=simulation.finished_at or simulation.requested_at,
        )

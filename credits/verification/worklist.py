"""What waits for a verifier, and for whoever froze a frame and owes its random number."""

import datetime as dt
from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.constants import Role
from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.worklist import WorkItem
from credits.models import Verification
from credits.selectors import verifications as selectors

from . import present


def open_verifications(actor: Actor, at: dt.datetime) -> Iterator[WorkItem]:
    """Open ones of the verifier's areas until the report is signed, and own frames without a number."""
    areas = [region for role, region in actor.roles if role == Role.VERIFIER]
    if areas:
        for one, answered in selectors.open_for_verifier(actor.person, areas):
            done = _("已填 %(answered)s / %(checks)s 项") % {
                "answered": answered,
                "checks": one.sample_size * len(one.questions),
            }
            yield _item(one, done, one.draw.drawn_at)
    for one in selectors.waiting_for_number(actor.person):
        yield _item(one, _("等待登记随机数"), one.frozen_at)


def _item(one: Verification, what: str, since: dt.datetime) -> WorkItem:
    return WorkItem(
        title=f"{present.title(one)} · {what}",
        url=reverse("credits:verification-work", args=[one.pk]),
        due_on=None,
        kind=_("核查"),
        region=one.region,
        opened_at=since,
    )

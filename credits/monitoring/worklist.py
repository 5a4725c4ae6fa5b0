"""A version that refuses more than the one before it, on the work list of the province's officers."""

import datetime as dt
from collections.abc import Iterator

from django.core.cache import cache
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.constants import Role
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.worklist import WorkItem
from credits.selectors import monitoring as selectors

from . import present

#: The list is opened many times a day and the shares move slowly: they are asked for once in ten minutes.
_KEPT = 600


def jumping_versions(actor: Actor, at: dt.datetime) -> Iterator[WorkItem]:
    """Versions of the last weeks whose refused share jumps, for who holds the officer's role."""
    if not any(held == (Role.PROVINCE_OFFICER.value, regions.PROVINCE) for held, _principal, _fresh in actor.held()):
        return
    today = clock.local_date(at)
    for version in selectors.watched_versions([regions.PROVINCE], today=today):
        if _jumps(version.pk, today):
            yield WorkItem(
                title=_("%(version)s 的拒绝率比旧版高") % {"version": present.title(version)},
                url=f"{reverse('credits:monitoring')}#v{version.pk}",
                due_on=None,
                kind=_("运行监测"),
                region=version.methodology.region,
                opened_at=clock.local_midnight(version.effective_from),
            )


def _jumps(pk: int, today: dt.date) -> bool:
    def found() -> bool:
        (version,) = (one for one in selectors.watched_versions([regions.PROVINCE], today=today) if one.pk == pk)
        return selectors.running([version], [regions.PROVINCE], today=today)[0].jumps

    return bool(cache.get_or_set(f"monitoring:{pk}:{today}", found, _KEPT))

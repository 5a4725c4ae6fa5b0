"""What people are told of a method that was taken out of force: its last day, and what goes on in its place."""

import datetime as dt
from dataclasses import dataclass

from methodologies.constants import VersionState
from methodologies.models import MethodologyVersion

from .library import VersionTable
from .review import ended_for


@dataclass(frozen=True, slots=True)
class Retirement:
    """A withdrawn version, its last day, whether that is over, and its successor where there is one."""

    version: MethodologyVersion
    sunset_on: dt.date
    over: bool

    @property
    def successor(self) -> MethodologyVersion | None:
        return self.version.successor


def retirement_for(*, activity: str, region: str, on: dt.date) -> Retirement | None:
    """The retirement that a deed of this day meets: one that is announced, or one that has left nothing in force."""
    row = VersionTable().find(activity, region, on)
    if row is not None:
        return None if row.until is None else retirement_of(row.pk, on=on)
    ended = ended_for(activity=activity, region=region, on=on)
    return None if ended is None else _retirement(ended, on)


def retirement_of(version: int, *, on: dt.date) -> Retirement | None:
    """The retirement of a version; None while nobody has taken it out of force."""
    found = (
        MethodologyVersion.objects.filter(pk=version, state=VersionState.WITHDRAWN)
        .select_related("methodology", "successor")
        .defer("source", "document", "successor__source", "successor__document")
        .first()
    )
    return None if found is None else _retirement(found, on)


def announced(*, on: dt.date) -> list[MethodologyVersion]:
    """Versions that were taken out of force and whose last day has not passed, the first to end first."""
    return list(
        MethodologyVersion.objects.filter(state=VersionState.WITHDRAWN, sunset_on__gte=on)
        .select_related("methodology", "successor")
        .defer("source", "document", "successor__source", "successor__document")
        .order_by("sunset_on", "pk")
    )


def _retirement(version: MethodologyVersion, on: dt.date) -> Retirement | None:
    return Retirement(version, version.sunset_on, version.sunset_on < on) if version.sunset_on else None

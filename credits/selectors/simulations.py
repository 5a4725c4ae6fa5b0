"""Who may see which simulation, and what may be simulated."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import selectors as accounts
from accounts.constants import CITY_ROLES, Role
from accounts.selectors import Viewer
from carbon_portal.kernel import regions
from carbon_portal.kernel.errors import NotFound
from credits.models import Simulation
from credits.simulation.report import checked
from credits.simulation.sides import prefix_of
from methodologies.constants import FROZEN_STATES, VersionState
from methodologies.engine import DocumentError
from methodologies.errors import FactorsMissing
from methodologies.models import Draft, MethodologyVersion, SimulationOnFile
from methodologies.selectors import drafts, text_uses_sample, with_sample_mark

PROVINCE_RUNNERS = (Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER)
RUNNERS = (*sorted(CITY_ROLES), *PROVINCE_RUNNERS)
#: Who reads finished reports without starting any: they hold sums, nobody's rows.
READERS = (Role.AUDITOR, Role.EXPERT, Role.RESEARCH_INSTITUTE)
#: Drafts are loaded to be compared; of more than these the oldest are left to the list.
MOST_DRAFTS = 50
_CANDIDATES = (
    VersionState.DRAFT, VersionState.SUBMITTED, VersionState.IN_REVIEW, VersionState.PUBLIC_COMMENT,
    VersionState.APPROVED, VersionState.PUBLISHED,
)  # fmt: skip


def areas_of(user: Viewer | None) -> list[str]:
    """Areas in which a login may start simulations: the province and all its cities, or its own cities."""
    if accounts.staff_scope(user, *PROVINCE_RUNNERS):
        return [regions.PROVINCE, *(city.code for city in regions.cities())]
    return accounts.staff_scope(user, *sorted(CITY_ROLES))


def may_start(user: Viewer | None, region: str) -> bool:
    """Whether this login may simulate over the records of this area."""
    return accounts.in_scope(user, region, *RUNNERS)


def simulations_for(user: Viewer | None) -> QuerySet[Simulation]:
    """Those that a login may see, newest first, without the large columns."""
    found = Simulation.objects.order_by("-requested_at").defer("source", "against_source")
    if accounts.staff_scope(user, *PROVINCE_RUNNERS):
        return found
    mine = Q(pk__in=[])
    for code in accounts.staff_scope(user, *sorted(CITY_ROLES)):
        mine |= Q(region__startswith=prefix_of(code))
    if accounts.has_role(user, *READERS):
        mine |= Q(state=Simulation.State.DONE)
    return found.filter(mine)


def simulation_for(user: Viewer | None, pk: UUID, *, write: bool = False) -> Simulation:
    """One simulation with its report. Errors: NotFound, also for one that is another area's."""
    found = simulations_for(user).defer(None).filter(pk=pk).select_related("stored_version__methodology").first()
    if found is None or (write and not may_start(user, found.region)):
        raise NotFound
    return found


def versions_for(user: Viewer | None) -> list[MethodologyVersion]:
    """What a login may simulate: everything for the province, for a city what is public and its own drafts."""
    found = MethodologyVersion.objects.filter(state__in=[*_CANDIDATES, *FROZEN_STATES]).select_related("methodology")
    found = with_sample_mark(found)
    if not accounts.staff_scope(user, *PROVINCE_RUNNERS):
        mine = Q(state__in=[*FROZEN_STATES, VersionState.PUBLIC_COMMENT, VersionState.APPROVED])
        for code in accounts.staff_scope(user, *sorted(CITY_ROLES)):
            mine |= Q(methodology__region__startswith=prefix_of(code))
        found = found.filter(mine)
    return list(found.order_by("methodology_id", "-effective_from", "-id").defer("document"))


def drafts_for(user: Viewer | None) -> list[Draft]:
    """Drafts that a login may simulate: those that it reads and that may still be changed. Without their texts."""
    return [draft for draft in drafts.drafts_for(user) if draft.is_editable]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A method to be compared: a stored version, or a draft that is a document and was not forwarded yet."""

    label: str
    title_zh: str
    title_en: str
    activity: str
    source: str
    sha256: str
    version: MethodologyVersion | None = None
    draft: Draft | None = None
    has_sample: bool = False  # a figure that it may use is an illustrative one


def candidates(user: Viewer | None, region: str) -> list[Candidate]:
    """Methods that a city may compare on its own data: in force, on the way or being written, and covering the area."""
    versions = [
        Candidate(
            str(one),
            one.title_zh,
            one.title_en,
            one.methodology.activity,
            one.source,
            one.sha256,
            version=one,
            has_sample=one.has_sample,  # type: ignore[attr-defined]  # versions_for annotates it
        )
        for one in versions_for(user)
        if one.state in _CANDIDATES and _overlap(one.methodology.region, region)
    ]
    known = {one.sha256 for one in versions}
    return [*versions, *(one for one in _written(user, region) if one.sha256 not in known)]


def _written(user: Viewer | None, region: str) -> Iterator[Candidate]:
    """The newest drafts that load and cover the area. A text that is no document yet has nothing to be compared by."""
    newest = [draft.pk for draft in drafts_for(user)[:MOST_DRAFTS]]
    for draft in Draft.objects.filter(pk__in=newest).order_by("-changed_at", "-pk"):
        try:
            document = checked(draft.source, "draft")
        except (DocumentError, FactorsMissing):
            continue
        if _overlap(document.region, region):
            yield Candidate(
                f"{document.code}@{document.version}", document.title["zh"], document.title.get("en", ""),
                document.activity, draft.source, document.sha256, draft=draft,
                has_sample=text_uses_sample(draft.source),
            )  # fmt: skip


def _overlap(region: str, other: str) -> bool:
    mine, theirs = prefix_of(region), prefix_of(other)
    return mine.startswith(theirs) or theirs.startswith(mine)


def ranking(user: Viewer | None, region: str) -> list[tuple[Candidate, Simulation | None]]:
    """Each candidate with its newest simulation of exactly this text and area, finished or under way."""
    versions = candidates(user, region)
    newest: dict[str, Simulation] = {}
    rows = (
        Simulation.objects.filter(region=region, sha256__in=[one.sha256 for one in versions])
        .exclude(state__in=[Simulation.State.CANCELLED, Simulation.State.FAILED])
        .filter(against_label="", exclude_missing=False)
        .defer("source", "against_source")
        .order_by("requested_at")
    )
    for row in rows:
        newest[row.sha256] = row
    found = [(one, newest.get(one.sha256)) for one in versions]
    return sorted(found, key=_rank)


def _rank(pair: tuple[Candidate, Simulation | None]) -> tuple[int, int, str]:
    candidate, simulation = pair
    side: dict[str, Any] | None = (simulation.report or {}).get("draft") if simulation else None
    return (0 if side else 1, -(side["grams"] if side else 0), candidate.label)


def ahead(simulation: Simulation) -> int:
    """How many wait or run before this one."""
    return Simulation.objects.filter(
        state__in=[Simulation.State.QUEUED, Simulation.State.RUNNING], requested_at__lt=simulation.requested_at
    ).count()


def usual_seconds() -> int | None:
    """The median of the last twenty runs, in whole seconds; None before there were any."""
    spans: Sequence[tuple[dt.datetime | None, dt.datetime | None]] = list(
        Simulation.objects.filter(state=Simulation.State.DONE)
        .order_by("-requested_at")
        .values_list("started_at", "finished_at")[:20]
    )
    seconds = sorted(int((end - start).total_seconds()) for start, end in spans if start and end)
    return seconds[len(seconds) // 2] if seconds else None


def is_on_file(simulation: Simulation) -> bool:
    """Whether the report has been put on file for its version."""
    return SimulationOnFile.objects.filter(report_uid=simulation.pk).exists()

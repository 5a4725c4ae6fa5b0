"""Which cities still owe values to a method that was published for the whole province."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.constants import Role
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.worklist import WorkItem
from methodologies.constants import VersionState
from methodologies.models import LocalConfirmation, MethodologyVersion, Publication

from .cities import LocalNeeds, Status, local_needs
from .library import program_for


@dataclass(frozen=True, slots=True)
class Owed:
    """Parameters without a value for a city, and those for which it goes by the province's so far."""

    missing: tuple[str, ...]
    shared: tuple[str, ...]


def published_for_all() -> list[MethodologyVersion]:
    """Versions in force or to come that a publication gave to the whole province."""
    return list(
        MethodologyVersion.objects.filter(
            state=VersionState.PUBLISHED, methodology__region=regions.PROVINCE, publication__isnull=False
        )
        .select_related("methodology", "publication")
        .defer("source", "document")
        .order_by("effective_from", "pk")
    )


def is_for_all(version: MethodologyVersion) -> bool:
    """Whether a publication gave this version to the whole province."""
    return (
        version.state == VersionState.PUBLISHED
        and version.methodology.region == regions.PROVINCE
        and Publication.objects.filter(version=version).exists()
    )


def needs_of(version: MethodologyVersion, *, today: dt.date) -> LocalNeeds:
    """What the cities have on the day from which the version applies, or now. No query once it is compiled."""
    return local_needs(program_for(version), on=max(today, version.effective_from))


def owed_by(needs: LocalNeeds, city: str) -> Owed:
    """What this city has not supplied."""

    def having(status: Status) -> tuple[str, ...]:
        return tuple(
            one.table.name
            for one in needs.by_region
            for value in one.cities
            if value.region == city and value.status == status
        )

    return Owed(having("missing"), having("shared"))


def confirmed_in(version: MethodologyVersion) -> frozenset[str]:
    """Cities that said of exactly this text that they go by the province's values."""
    rows = LocalConfirmation.objects.filter(version=version, content_sha256=version.sha256)
    return frozenset(rows.values_list("region", flat=True))


def work_items(actor: Actor, at: dt.datetime) -> Iterator[WorkItem]:
    """For a city's officer: each method under which the city has neither values of its own nor confirmed to need none.

    Nothing is asked for anybody else.
    """
    held = {region for (role, region), _principal, _fresh in actor.held() if role == Role.CITY_OFFICER}
    mine = [city.code for city in regions.cities() if city.code in held]
    if not mine:
        return
    today = clock.local_date(at)
    for version in published_for_all():
        needs = needs_of(version, today=today)
        confirmed = confirmed_in(version) if needs.by_region else frozenset()
        for city in mine:
            owed = owed_by(needs, city)
            if owed.missing or (owed.shared and city not in confirmed):
                yield WorkItem(
                    title=version.title_zh,
                    url=local_url(version, city),
                    due_on=version.effective_from,
                    kind=_("各市数值"),
                    region=city,
                    opened_at=version.publication.at,
                    lang="zh-Hans",
                )


def local_url(version: MethodologyVersion, city: str) -> str:
    """The page of the values that one city has."""
    return f"{reverse('methodologies:local', args=[version.methodology_id, version.version])}?city={city}"

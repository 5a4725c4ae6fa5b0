"""What everybody may see: the catalogue, one version with its neighbours, its approvals."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.models import Approval
from methodologies.constants import SHOWN_STATES, StageState
from methodologies.models import MethodologyVersion, Publication, Stage

from .library import covering_regions
from .samples import with_sample_mark


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search of the catalogue; an empty text does not narrow it."""

    words: str = ""
    sector: str = ""
    city: str = ""
    state: str = ""

    @property
    def narrows(self) -> bool:
        return bool(self.words or self.sector or self.city or self.state)


def shown_versions() -> QuerySet[MethodologyVersion]:
    """Every version that is open to all, by sector and code, newest first; without the large columns."""
    return (
        MethodologyVersion.objects.filter(state__in=SHOWN_STATES)
        .select_related("methodology")
        .defer("source", "document")
        .order_by("methodology__sector", "methodology_id", "-effective_from", "-id")
    )


def catalogue(wanted: Wanted) -> QuerySet[MethodologyVersion]:
    """The versions a search finds. `city` finds what applies there: of the city, its counties, province, nation.

    Every word must stand somewhere in code, title or document. `has_sample` marks documents with a sample figure.
    """
    found = with_sample_mark(shown_versions())
    for word in wanted.words.split():
        found = found.filter(
            Q(methodology__code__icontains=word)
            | Q(title_zh__icontains=word)
            | Q(title_en__icontains=word)
            | Q(source__icontains=word)
        )
    if wanted.sector:
        found = found.filter(methodology__sector=wanted.sector)
    if wanted.state:
        found = found.filter(state=wanted.state)
    if wanted.city:
        here = Q(methodology__region__in=covering_regions(wanted.city))
        if wanted.city.endswith("00") and not wanted.city.endswith("0000"):
            here |= Q(methodology__region__startswith=wanted.city[:4])
        found = found.filter(here)
    return found


def shown_version(*, code: str, version: str) -> MethodologyVersion:
    """One version that is open to all, with its document. Errors: NotFound (drafts under way are not public)."""
    found = (
        MethodologyVersion.objects.filter(methodology_id=code, version=version, state__in=SHOWN_STATES)
        .select_related("methodology", "successor")
        .first()
    )
    if found is None:
        raise NotFound
    return found


def versions_of(code: str) -> list[MethodologyVersion]:
    """The shown versions of a code, newest first; without the large columns. One query."""
    return list(shown_versions().filter(methodology_id=code).order_by("-effective_from", "-id"))


def approvals_of(version: MethodologyVersion) -> list[Approval]:
    """Decisions that bind exactly this content, oldest first."""
    return list(
        Approval.objects.filter(kind__startswith="methodology.", content_sha256=version.sha256).order_by("decided_at")
    )


def publication_of(version: MethodologyVersion) -> Publication | None:
    """Number and day of its publication; None before it, and for what came with the installation."""
    return Publication.objects.filter(version=version).first()


def revision_note(version: MethodologyVersion) -> str:
    """What was said when this very content was handed in or published; empty where nothing was. One query."""
    notes = Stage.objects.filter(
        version=version,
        state__in=(StageState.SUBMITTED, StageState.PUBLISHED),
        content_sha256=version.sha256,
    ).order_by("id")
    return "\n".join(note for note in notes.values_list("note", flat=True) if note)

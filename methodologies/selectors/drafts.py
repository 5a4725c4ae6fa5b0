"""Reads of drafts: whose they are, what they hold, and what still stands in the way of forwarding."""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts import selectors as accounts
from accounts.constants import Role
from accounts.models import Person
from carbon_portal.kernel import regions
from carbon_portal.kernel.errors import NotFound
from methodologies.constants import FROZEN_STATES
from methodologies.drafting.report import Finding, Report, check
from methodologies.engine.document import Document
from methodologies.errors import FactorsMissing
from methodologies.models import Draft, DraftEdit, Methodology, MethodologyVersion

from .library import covering_regions, factor_library

#: Who writes for whom: a city's officer for the city, officers and institutes of the province for the province.
WRITERS = (Role.CITY_OFFICER, Role.PROVINCE_OFFICER, Role.RESEARCH_INSTITUTE)
#: Who reads drafts besides: those who forward them, and the auditor, who changes nothing.
READERS = (*WRITERS, Role.CITY_APPROVER, Role.PROVINCE_APPROVER, Role.AUDITOR)
#: What a code begins with until its author has chosen one.
PLACEHOLDER = "DRAFT-"
_CITY_WRITERS = (Role.CITY_OFFICER,)
_PROVINCE_WRITERS = (Role.PROVINCE_OFFICER, Role.RESEARCH_INSTITUTE)


def _readable(user: Any) -> QuerySet[Draft]:
    """Drafts of the person's areas; a research institute reads the province's own and no city's."""
    rows = Draft.objects.select_related("version", "based_on__methodology")
    area = accounts.staff_scope(user, *[role for role in READERS if role != Role.RESEARCH_INSTITUTE])
    own = accounts.staff_scope(user, Role.RESEARCH_INSTITUTE)
    if regions.PROVINCE in area:
        return rows
    return rows.filter(region__in={*area, *own})


def drafts_for(user: Any) -> list[Draft]:
    """Every draft the person may read, what changed last first."""
    return list(_readable(user).defer("source").order_by("-changed_at", "-pk"))


def draft_for(user: Any, uuid: UUID | str) -> Draft:
    """One of `drafts_for`; `NotFound` for everybody else's and for none at all."""
    found = _readable(user).filter(uuid=uuid).first()
    if found is None:
        raise NotFound
    return found


def may_write(user: Any, region: str) -> bool:
    """Whether the person writes drafts for exactly this region."""
    roles = _PROVINCE_WRITERS if region == regions.PROVINCE else _CITY_WRITERS
    return region in accounts.staff_scope(user, *roles)


def may_forward(user: Any, region: str) -> bool:
    """Whether the person forwards drafts of this region, once somebody else has asked."""
    roles = (Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER) if region == regions.PROVINCE else (Role.CITY_APPROVER,)
    held = [one for one, _principal, _fresh in accounts.actor_of(user).held()]
    return any((role.value, region) in held for role in roles)


def draft_to_write(user: Any, uuid: UUID | str) -> Draft:
    """One of `drafts_for` that the person may change; who may only read it gets the answer of a missing one."""
    draft = draft_for(user, uuid)
    if not may_write(user, draft.region):
        raise NotFound
    return draft


def draft_to_forward(user: Any, uuid: UUID | str) -> Draft:
    """One of `drafts_for` whose forwarding the person decides, by their own role or in another's absence."""
    draft = draft_for(user, uuid)
    if not may_forward(user, draft.region):
        raise NotFound
    return draft


def writable_regions(user: Any) -> list[str]:
    """For which city, or for the province, the person may begin a draft."""
    codes = accounts.staff_scope(user, *WRITERS)
    return [code for code in codes if may_write(user, code)]


def bases_for(user: Any) -> list[MethodologyVersion]:
    """Published versions that a revision may begin from: those that apply in the person's areas."""
    areas = {code for region in writable_regions(user) for code in covering_regions(region)}
    return list(
        MethodologyVersion.objects.filter(state__in=FROZEN_STATES, methodology__region__in=areas)
        .select_related("methodology")
        .defer("document")
        .order_by("methodology_id", "-effective_from", "-id")
    )


def base_for(user: Any, pk: int) -> MethodologyVersion:
    """One of `bases_for`; `NotFound` otherwise."""
    found = next((version for version in bases_for(user) if version.pk == pk), None)
    if found is None:
        raise NotFound
    return found


def text_seen(draft: Draft, revision: int) -> str:
    """The text of an edit. `NotFound` for a number that was never given."""
    source = DraftEdit.objects.filter(draft=draft, number=revision).values_list("source", flat=True).first()
    if source is None:
        raise NotFound
    return source


def edits_of(draft: Draft, *, limit: int = 20) -> list[DraftEdit]:
    """The newest saves without their texts."""
    return list(draft.edits.defer("source").order_by("-number")[:limit])


def edit_with_text(user: Any, sha256: str) -> DraftEdit | None:
    """The newest save of exactly this text among the drafts that the person may read; without the text itself."""
    return (
        DraftEdit.objects.filter(sha256=sha256, draft__in=_readable(user))
        .select_related("draft")
        .defer("source", "draft__source")
        .order_by("-pk")
        .first()
    )


def authors_of(draft: Draft) -> list[UUID]:
    """Everybody who saved anything."""
    return sorted(set(draft.edits.values_list("person", flat=True)))


def names_of(people: Sequence[UUID]) -> dict[UUID, str]:
    """What people are called."""
    return dict(Person.objects.filter(pk__in=people).values_list("pk", "name"))


def return_note(draft: Draft) -> str:
    """What the province wrote when it gave the version back; empty unless it lies with the author again."""
    if not draft.is_returned or draft.version is None:
        return ""
    last = draft.version.stages.order_by("-id").first()
    return last.note if last is not None and last.state == "returned" else ""


# -- the check ---------------------------------------------------------------------------------------------------------


def report_on(source: str, *, region: str, today: dt.date, draft: Draft | None = None) -> Report:
    """The check of a text as a draft of a region: the engine's findings, and what forwarding asks besides."""
    try:
        factors = factor_library()
    except FactorsMissing:
        factors = None
    report = check(source, factors=factors, today=today, demo=settings.DEMO)
    if report.document is not None:
        report.findings[0:0] = _place_gaps(report.document, region, today) + _register_gaps(report.document, draft)
    return report


def _place_gaps(document: Document, region: str, today: dt.date) -> list[Finding]:
    """Region and level are the issuing area's; the first day in force is still to come."""
    found = []
    if document.region != region:
        found.append(
            _gap(
                document, "region", f"发布地区应是 {region}：草案由哪个地区起草，就由哪个地区发布。",
                f"The region must be {region}: a draft is issued by the area that writes it.",
            )
        )  # fmt: skip
    level = "provincial" if region == regions.PROVINCE else "city"
    if document.level != level:
        found.append(_gap(document, "level", f"级别应是 {level}。", f"The level must be {level}."))
    if document.effective_from <= today:
        found.append(
            _gap(
                document, "effective_from", "生效日期已到或已过。请写一个将来的日期，并留出审定和公告的时间。",
                "The first day in force has come or gone. Write a day to come that leaves time for review and notice.",
            )
        )  # fmt: skip
    return found


def _register_gaps(document: Document, draft: Draft | None) -> list[Finding]:
    """A code keeps its scope; a number stands for one document."""
    found = []
    if document.code.startswith(PLACEHOLDER):
        found.append(
            _gap(
                document, "code", "代码还是暂用的。请换成正式代码，例如 GZ-METRO-RIDE。",
                "The code is a placeholder. Choose the real one, such as GZ-METRO-RIDE.",
            )
        )  # fmt: skip
    for key, value, most in (
        ("version", document.version, 20),
        ("title", document.title["zh"], 200),
        ("title", document.title.get("en", ""), 200),
    ):
        if len(value) > most:
            zh, en = f"{key} 太长：最多 {most} 个字符。", f"{key} is too long: at most {most} characters."
            found.append(_gap(document, key, zh, en))
    known = Methodology.objects.filter(code=document.code).first()
    names = ("activity", "region", "level", "sector")
    for key in (key for key in names if known is not None and getattr(known, key) != getattr(document, key)):
        found.append(
            _gap(
                document, key, f"代码 {document.code} 已登记，它的 {key} 不能改。请换一个新代码，或改回登记的内容。",
                f"The code {document.code} is registered with another {key}. Choose a new code, or change it back.",
            )
        )  # fmt: skip
    taken = MethodologyVersion.objects.filter(methodology=document.code, version=document.version)
    if draft is not None and draft.version_id is not None:
        taken = taken.exclude(pk=draft.version_id)
    if taken.exists():
        found.append(
            _gap(
                document, "version", f"{document.code} 第 {document.version} 版已经有了。请改用新的版本号。",
                f"{document.code} has a version {document.version} already. Choose a new version.",
            )
        )  # fmt: skip
    return found


def _gap(document: Document, key: str, zh: str, en: str) -> Finding:
    return Finding("gap", "basics", key, document.source.lines.get((key,), 1), None, zh, en)

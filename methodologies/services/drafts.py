"""Drafts: begun, and saved. Every save keeps the whole text; who saved anything is an author."""

import datetime as dt
import hashlib
import re
import uuid
from pathlib import Path
from typing import Any

from django.db import transaction

from carbon_portal.kernel import approvals, audit, clock, regions
from methodologies.constants import ProposalState
from methodologies.drafting import text as texts
from methodologies.drafting.errors import DraftChanged, DraftHasNul, DraftIsAway, DraftTooLarge, ProposalNotAdopted
from methodologies.engine import DocumentError
from methodologies.engine.loader import MAX_BYTES
from methodologies.models import Draft, DraftEdit, DraftState, MethodologyVersion, Proposal

from . import forwarding

TEMPLATE = Path(__file__).parents[1] / "drafting" / "template.yaml"
_LAST_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.ASCII)


def start_draft(
    *,
    person: uuid.UUID,
    region: str,
    at: dt.datetime,
    based_on: MethodologyVersion | None = None,
    proposal_number: str = "",
    title: str = "",
    note: str = "",
) -> Draft:
    """Begin a draft of a city or the province: from the commented template, or as a revision of a version.

    A revision gets the next free version and no date of the old one: it begins on a day to come, and what stands beside
    a version (sunset, successor) is not in its text. The caller has checked who may write for the region.
    """
    title = title or _adopted(proposal_number)
    source = _revision(based_on, region, at) if based_on is not None else _empty(region, title)
    with transaction.atomic():
        draft = Draft(
            region=region, state=DraftState.OPEN, revision=1, based_on=based_on, proposal_number=proposal_number,
            created_by=person, created_at=at, changed_at=at,
        )  # fmt: skip
        _take(draft, source)
        draft.save()
        _keep(draft, person, at, note)
        data = {"based_on": str(based_on or ""), "proposal": proposal_number}
        audit.record_event(verb="draft.started", target=str(draft), actor=person, region=region, data=data)
    return draft


def save_draft(
    *,
    draft: Draft,
    person: uuid.UUID,
    source: str,
    revision: int,
    at: dt.datetime,
    note: str = "",
    page: str = "",
) -> Draft:
    """Save a text over the revision that the author saw. The same text again is no new save.

    `page` names the open page that saves: what only that page saved since is the author's own, and no conflict.
    Errors: DraftChanged (somebody saved in between), DraftIsAway, DraftTooLarge, DraftHasNul.
    """
    source = _checked(source)
    with transaction.atomic():
        locked = Draft.objects.select_for_update(of=("self",)).select_related("version").get(pk=draft.pk)
        if not locked.is_editable:
            raise DraftIsAway
        if locked.revision != revision:
            if locked.source == source:
                return locked
            if not _all_from_page(locked, person, page, revision):
                raise DraftChanged(seen=revision, now=locked.revision)
        if locked.source == source:
            return locked
        _void(locked, person, at)
        locked.state = DraftState.OPEN
        locked.revision += 1
        locked.changed_at = at
        _take(locked, source)
        locked.save()
        _keep(locked, person, at, note, page)
    return locked


def _void(draft: Draft, person: uuid.UUID, at: dt.datetime) -> None:
    """Whoever was asked to forward the text as it was decides nothing any more."""
    kind = forwarding.kind_for(draft)
    approvals.void_requests(kind=kind, subject=str(draft), why="内容已改动", at=at, actor=person)


def _all_from_page(draft: Draft, person: uuid.UUID, page: str, revision: int) -> bool:
    later = draft.edits.filter(number__gt=revision)
    return bool(page) and later.exists() and not later.exclude(page=page, person=person).exists()


def _checked(source: str) -> str:
    if "\0" in source:
        raise DraftHasNul
    source = texts.normal(source)  # line ends as the text has them, no byte order mark
    size = len(source.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        raise DraftTooLarge(size=size, limit=MAX_BYTES)
    return source.encode("utf-8", "replace").decode("utf-8")


def _take(draft: Draft, source: str) -> None:
    """The text and what lists show of it; a text that can't be read keeps the title it had."""
    draft.source = source
    draft.sha256 = hashlib.sha256(source.encode("utf-8")).hexdigest()
    try:
        data = texts.plain_data(source)
    except DocumentError:
        return
    title = data.get("title")
    title = title.get("zh") if isinstance(title, dict) else title
    draft.title = str(title or "").replace("\0", "")[:200]  # a text may write NUL as an escape; a column can't hold it
    draft.code = str(data.get("code") or "").replace("\0", "")[:40]


def _keep(draft: Draft, person: uuid.UUID, at: dt.datetime, note: str, page: str = "") -> None:
    DraftEdit.objects.create(
        draft=draft, number=draft.revision, at=at, person=person, source=draft.source, sha256=draft.sha256,
        note=note[:200], page=page[:36],
    )  # fmt: skip


def _adopted(number: str) -> str:
    """What an adopted proposal proposes; empty without a number. Errors: ProposalNotAdopted."""
    if not number:
        return ""
    adopted = Proposal.objects.filter(number=number, state=ProposalState.ADOPTED)
    what = adopted.values_list("what", flat=True).first()
    if what is None:
        raise ProposalNotAdopted(number=number)
    return what


def _empty(region: str, title: str) -> str:
    source = TEMPLATE.read_text(encoding="utf-8")
    data = texts.plain_data(source)
    level = "provincial" if region == regions.PROVINCE else "city"
    named = {**data["title"], "zh": title[:80]} if title.strip() else data["title"]
    return texts.change(source, {**data, "code": f"DRAFT-{region}", "title": named, "level": level, "region": region})


def _revision(version: MethodologyVersion, region: str, at: dt.datetime) -> str:
    """The text of a version, with a free number and a day to come; for another region also without its code."""
    data = texts.plain_data(version.source)
    changes: dict[str, Any] = {"effective_from": day_to_come(at)}
    if region == version.methodology.region:
        changes["version"] = next_version(version)
    else:
        level = "provincial" if region == regions.PROVINCE else "city"
        changes |= {"code": f"DRAFT-{region}", "version": "1.0", "region": region, "level": level}
    return texts.change(version.source, {**data, **changes})


def day_to_come(at: dt.datetime) -> dt.date:
    """A first day in force that leaves the time of the way: the first of the month after ninety days."""
    later = clock.local_date(at) + dt.timedelta(days=90)
    return (later.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def next_version(version: MethodologyVersion) -> str:
    """The next free number of the code: 1.0 → 1.1, 2 → 3; where there is no number, one is added."""
    used = set(MethodologyVersion.objects.filter(methodology=version.methodology_id).values_list("version", flat=True))
    number = version.version
    for _attempt in range(len(used) + 1):
        match = _LAST_NUMBER.fullmatch(number)
        number = f"{match[1]}{int(match[2]) + 1}{match[3]}" if match else f"{number}-2"
        if number not in used:
            break
    return number[:20]

"""A version moves from step to step: the one place that changes its state on the way to the province."""

import datetime as dt
import uuid

from django.db import transaction

from carbon_portal.kernel import audit, clock, workdays
from methodologies.constants import COMMENT_DAYS, NEXT_STAGES, STATE_OF_STAGE, WORKING_DAYS, StageState
from methodologies.engine import load_document
from methodologies.errors import PublishedVersionChanged, ScopeChanged, WrongStage
from methodologies.models import Methodology, MethodologyVersion, Stage

from .library import plain


def enter(
    *,
    version: MethodologyVersion,
    state: str,
    at: dt.datetime,
    actor: uuid.UUID | None = None,
    role: str = "",
    note: str = "",
    due_on: dt.date | None = None,
) -> Stage:
    """Let a version enter a step (a StageState); `actor` is a person's uuid. Writes state, step and audit together.

    `due_on` is the last day for what comes next; without one it follows the portal's terms. The version is locked
    first: of two who move it at once, the second is told where it stands. Errors: WrongStage.
    """
    wanted = StageState(state)
    with transaction.atomic():
        # of="self" alone: the code's row is nobody's to lock for a step.
        locked = MethodologyVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
        now = stage_of(locked)
        if wanted.value not in NEXT_STAGES[now] and not (wanted == StageState.DRAFT and _is_new(locked)):
            raise WrongStage(version=str(locked), now=StageState(now), wanted=wanted)
        locked.state = STATE_OF_STAGE[wanted]
        if wanted == StageState.PUBLISHED:
            # With the state, not after it: a published row never changes again.
            locked.published_at = at
        locked.save(update_fields=["state", "published_at"])
        stage = Stage.objects.create(
            version=locked,
            state=wanted,
            at=at,
            person=actor,
            role=role,
            note=note,
            due_on=due_on or term(wanted, at),
            content_sha256=locked.sha256,
        )
        audit.record_event(
            verb=f"methodology.{wanted.value}", target=f"methodology:{locked}", actor=actor,
            region=locked.methodology.region, data={"sha256": locked.sha256, "role": role, "note": note[:200]},
        )  # fmt: skip
    version.state, version.published_at = locked.state, locked.published_at
    return stage


def stage_of(version: MethodologyVersion) -> str:
    """The step where a version stands: its last one, or its state where it has walked none (the shipped library)."""
    last = Stage.objects.filter(version=version).order_by("-id").values_list("state", flat=True).first()
    return last or version.state


def term(state: StageState, at: dt.datetime) -> dt.date | None:
    """The last day for what follows a step that is entered now, by the portal's own terms."""
    today = clock.local_date(at)
    if state == StageState.PUBLIC_COMMENT:
        return today + dt.timedelta(days=COMMENT_DAYS)
    days = WORKING_DAYS.get(state)
    return None if days is None else workdays.add_working_days(today, days)


def _is_new(version: MethodologyVersion) -> bool:
    return version.state == StageState.DRAFT and not Stage.objects.filter(version=version).exists()


def receive_text(*, source: str, at: dt.datetime, actor: uuid.UUID | None = None) -> MethodologyVersion:
    """A document as a draft's row, from which it goes its way; the same text again is the row that stands.

    Errors: DocumentError for a text that does not load; ScopeChanged; PublishedVersionChanged for another text.
    """
    document = load_document(source, name="draft.yaml")
    scope = {key: getattr(document, key) for key in ("activity", "region", "level", "sector")}
    with transaction.atomic():
        row, _made = Methodology.objects.get_or_create(code=document.code, defaults=scope)
        for key, value in scope.items():
            if getattr(row, key) != value:
                raise ScopeChanged(code=row.code, key=key)
        known = MethodologyVersion.objects.filter(methodology=row, version=document.version).first()
        if known is not None:
            if known.sha256 != document.sha256:
                raise PublishedVersionChanged(code=row.code, version=document.version)
            return known
        version = MethodologyVersion.objects.create(
            methodology=row, version=document.version, effective_from=document.effective_from, sha256=document.sha256,
            source=source, document=plain(document), title_zh=document.title["zh"],
            title_en=document.title.get("en", ""), certifiable=document.certifiable, created_at=at,
        )  # fmt: skip
        audit.record_event(
            verb="methodology.received", target=f"methodology:{version}", actor=actor, region=row.region,
            data={"sha256": version.sha256},
        )  # fmt: skip
    return version

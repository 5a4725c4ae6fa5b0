"""省级受理: the completeness check. Accepted where nothing is missing, returned with the list otherwise."""

import datetime as dt
import uuid
from collections.abc import Mapping

from django.db import transaction
from django.utils import translation

from accounts.constants import Role
from carbon_portal.kernel import regions
from methodologies.constants import CHECKLIST, StageState
from methodologies.errors import ChecklistIncomplete, NotThisContent, WrongStage
from methodologies.models import Acceptance, MethodologyVersion, Stage

from ._seats import seat
from .stages import enter, stage_of


def locked_version(version: MethodologyVersion) -> MethodologyVersion:
    """The version's row, locked: every deed of the review begins here, so that no text is swapped under it."""
    return MethodologyVersion.objects.select_for_update(of=("self",)).select_related("methodology").get(pk=version.pk)


def current_stage(version: MethodologyVersion, wanted: StageState, *, shown_sha256: str = "") -> Stage:
    """The stage that the version stands at, which must be this one, and the text the one that was shown.

    Errors: WrongStage, NotThisContent.
    """
    now = stage_of(version)
    if now != wanted:
        raise WrongStage(version=str(version), now=StageState(now), wanted=wanted)
    if shown_sha256 and shown_sha256 != version.sha256:
        raise NotThisContent(version=str(version))
    return Stage.objects.filter(version=version, state=wanted).latest("id")


@transaction.atomic
def check_completeness(
    *,
    version: MethodologyVersion,
    person: uuid.UUID,
    shown_sha256: str,
    checklist: Mapping[str, bool],
    accept: bool,
    note: str = "",
    at: dt.datetime,
) -> Acceptance:
    """Accept a forwarded version, or return it with the list of what is missing.

    Errors: Forbidden, WrongStage, NotThisContent; ChecklistIncomplete where something is missing and `accept` is asked.
    """
    role = seat(person, (Role.PROVINCE_OFFICER,), region=regions.PROVINCE, at=at)
    locked = locked_version(version)
    stage = current_stage(locked, StageState.SUBMITTED, shown_sha256=shown_sha256)
    checked = {item: bool(checklist.get(item)) for item in CHECKLIST}
    missing = [item for item, there in checked.items() if not there]
    words = {"zh": _names(missing, "zh-hans"), "en": _names(missing, "en")}
    if accept and missing:
        raise ChecklistIncomplete(missing=len(missing), items=words["zh"], items_en=words["en"])
    made = Acceptance.objects.create(
        stage=stage, accepted=accept, checklist=checked, missing=len(missing), note=note.strip(), person=person, at=at,
        content_sha256=locked.sha256,
    )  # fmt: skip
    if accept:
        enter(version=version, state=StageState.IN_REVIEW, at=at, actor=person, role=role, note=note.strip())
    else:
        listed = f"缺 {len(missing)} 项：{words['zh']}。" if missing else ""
        why = f"{listed}{note.strip()}" or "请按省级经办人的意见修改。"
        enter(version=version, state=StageState.RETURNED, at=at, actor=person, role=role, note=why)
    return made


@transaction.atomic
def return_version(
    *, version: MethodologyVersion, person: uuid.UUID, shown_sha256: str, why: str, at: dt.datetime
) -> Stage:
    """Send a version back to its authors from any step before publication, with the reason. Errors: as `enter`."""
    role = seat(person, (Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER), region=regions.PROVINCE, at=at)
    locked = locked_version(version)
    current_stage(locked, StageState(stage_of(locked)), shown_sha256=shown_sha256)
    return enter(version=version, state=StageState.RETURNED, at=at, actor=person, role=role, note=why.strip())


def _names(items: list[str], language: str) -> str:
    with translation.override(language):
        return ("、" if language != "en" else "; ").join(str(CHECKLIST[item]).split("：")[0] for item in items)

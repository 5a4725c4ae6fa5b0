"""A new value of a shared factor: proposed with its page, decided on by two people, then part of the library (P2.2-e).

Nothing that was computed changes: each result stores the values it followed from. Deeds of days from `valid_from` on
that are computed after the adoption take the new value.
"""

import datetime as dt
import re
import unicodedata
import uuid

from django.db import IntegrityError, connection, transaction

from carbon_portal.kernel import approvals, audit, clock, regions, workdays
from carbon_portal.kernel.approval_errors import ContentChanged
from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.models import Approval, ApprovalRequest
from methodologies import selectors
from methodologies.constants import VINTAGE_CONFIDENCES, VINTAGE_KIND, VINTAGE_ROLE, VINTAGE_WORKING_DAYS
from methodologies.engine import DocumentError, load_factors
from methodologies.errors import VintageRefused
from methodologies.models import FactorLibrary, FactorVintage
from methodologies.selectors.factors import subject_of

from .vintages import NAME, content_sha256, with_vintages

_VALUE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)


@transaction.atomic
def propose_vintage(
    *,
    factor: str,
    value: str,
    data_year: int,
    valid_from: dt.date,
    source_document: str,
    source_page: str,
    confidence: str,
    best_before: dt.date,
    why: str,
    actor: Actor,
    at: dt.datetime,
) -> FactorVintage:
    """Propose a value and ask for its approval; both or neither. Errors: VintageRefused, MayNotInitiate."""
    known = selectors.factor_library().factors.get(factor)
    if known is None:
        raise _refused("因子库里没有这个因子。", "The library has no such factor.")
    last_from, last = known.values[-1]
    made = FactorVintage(
        factor=factor,
        unit=known.unit,
        value=value.strip(),
        data_year=data_year,
        valid_from=valid_from,
        source_document=_line(source_document, "来源文件", "the source document", 300),
        source_page=_line(source_page, "页码", "the page", 60),
        confidence=confidence,
        best_before=best_before,
        why=_line(why, "原因", "the reason", 500),
        replaces=str(last.value),
        replaces_from=last_from,
        proposed_by=actor.person,
        proposed_at=at,
    )
    _check(made, at)
    made.content_sha256 = content_sha256(made)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise _refused(
            "这个因子已有一个新数值在审定中。请等待结果，或先撤回。",
            "A new value of this factor is waiting for a decision. Wait for it, or withdraw it first.",
        ) from error
    approvals.open_request(
        kind=VINTAGE_KIND,
        subject=subject_of(factor),
        title=f"{known.title['zh']}：{made.replaces} → {made.value}",
        title_en=f"{known.title.get('en', factor)}: {made.replaces} → {made.value}",
        region=regions.PROVINCE,
        content_sha256=made.content_sha256,
        initiator=actor,
        initiator_role=VINTAGE_ROLE,
        due_on=workdays.add_working_days(clock.local_date(at), VINTAGE_WORKING_DAYS),
        at=at,
    )
    _audit("factors.vintage_proposed", made, actor.person)
    return made


def _check(made: FactorVintage, at: dt.datetime) -> None:
    """What the engine would refuse later, and what nobody should propose."""
    today = clock.local_date(at)
    if not _VALUE.fullmatch(made.value):
        raise _refused(
            "数值请照原文填写，只用数字和小数点，最多 12 位小数。",
            "Write the value as printed: digits and a point, at most 12 places.",
        )
    if made.valid_from <= made.replaces_from:
        raise _refused(
            f"启用日期须晚于现行数值的启用日期 {made.replaces_from}：已有日期的数值不能改变。",
            f"The first day must come after {made.replaces_from}, the newest value's: no earlier day changes.",
        )
    if made.best_before <= max(made.valid_from, today):
        raise _refused(
            "复核日期须晚于启用日期和今天。", "The best-before date must come after the first day and after today."
        )
    if not 1990 <= made.data_year <= today.year or made.valid_from.year - made.data_year < 0:
        raise _refused(
            "数据年份是数值所描述的年份，不晚于启用年份。",
            "The data year is the year that the value describes, not later than the first day's.",
        )
    if made.confidence not in VINTAGE_CONFIDENCES:
        raise _refused(
            "可信度请选择：官方文件、公开登记、媒体报道或推算。新数值不接受示例和未核对的数值。",
            "Choose official, register, press or derived: a new value is neither a sample nor unchecked.",
        )
    try:
        newest = selectors.latest_factor_row()
        with_vintages(load_factors(newest.source, name=NAME), newest.source, more=made)
    except DocumentError as error:
        problem = error.problems[0]
        raise _refused(problem.message_zh, problem.message_en) from error


def adopt_or_return(
    *, vintage: FactorVintage, actor: Actor, shown_sha256: str, approved: bool, note: str, at: dt.datetime
) -> Approval:
    """One person's decision. The second agreement makes the value part of the library, a refusal returns it."""
    with approvals.void_on_change():
        _one_at_a_time()
        request = _request(vintage)
        decision = approvals.decide(
            request=request, actor=actor, shown_sha256=shown_sha256, approved=approved, note=note, at=at
        )
        locked = FactorVintage.objects.select_for_update().get(pk=vintage.pk)
        if content_sha256(locked) != decision.content_sha256:
            raise ContentChanged(kind=VINTAGE_KIND, subject=subject_of(vintage.factor))
        if request.is_approved:
            _adopt(locked, actor.person, at)
        elif not request.is_open:
            locked.state = FactorVintage.State.RETURNED
            locked.save(update_fields=["state"])
            _audit("factors.vintage_returned", locked, actor.person)
    return decision


def _one_at_a_time() -> None:
    """Each adoption builds on the library that the one before left. The table of libraries can't be locked by row: it
    is append-only, and a lock would take the right to update."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('methodologies.factors'))")


def _adopt(vintage: FactorVintage, actor: uuid.UUID, at: dt.datetime) -> None:
    newest = selectors.latest_factor_row()
    factors, text = with_vintages(load_factors(newest.source, name=NAME), newest.source, more=vintage)
    row = FactorLibrary.objects.create(sha256=factors.sha256, source=text, synced_at=at)
    vintage.state, vintage.library, vintage.adopted_at = FactorVintage.State.ADOPTED, row, at
    vintage.save(update_fields=["state", "library", "adopted_at"])
    _audit("factors.vintage_adopted", vintage, actor, library=row.pk, library_sha256=factors.sha256)


@transaction.atomic
def withdraw_vintage(*, vintage: FactorVintage, actor: Actor, at: dt.datetime) -> FactorVintage:
    """The proposer takes it back while it is open."""
    request = _request(vintage)
    if request.is_open:
        approvals.withdraw_request(request=request, actor=actor, at=at)
    elif request.initiator != actor.person:
        approvals.withdraw_request(request=request, actor=actor, at=at)  # refuses in words
    FactorVintage.objects.filter(pk=vintage.pk, state=FactorVintage.State.OPEN).update(
        state=FactorVintage.State.WITHDRAWN
    )
    vintage.refresh_from_db()
    _audit("factors.vintage_withdrawn", vintage, actor.person)
    return vintage


def _request(vintage: FactorVintage) -> ApprovalRequest:
    found = approvals.request_for(VINTAGE_KIND, subject_of(vintage.factor))
    if found is None:
        raise _refused("没有这项审定申请。", "There is no request for this value.")
    return found


def _line(text: str, name: str, name_en: str, limit: int) -> str:
    """One line of text without control characters."""
    cleaned = " ".join(unicodedata.normalize("NFC", text or "").split())
    if not cleaned or len(cleaned) > limit or any(unicodedata.category(one).startswith("C") for one in cleaned):
        raise _refused(
            f"请填写{name}，最长 {limit} 个字，不含控制字符。",
            f"Enter {name_en}: at most {limit} characters, no control characters.",
        )
    return cleaned


def _refused(reason: str, reason_en: str) -> VintageRefused:
    return VintageRefused(reason=reason, reason_en=reason_en)


def _audit(verb: str, vintage: FactorVintage, actor: uuid.UUID, **data: object) -> None:
    audit.record_event(
        verb=verb,
        target=subject_of(vintage.factor),
        actor=actor,
        region=regions.PROVINCE,
        data={"vintage": str(vintage.pk), "value": vintage.value, "sha256": vintage.content_sha256, **data},
    )

"""报送: one person asks that a draft goes to the province, another one forwards it or sends it back.

Two kinds of request, because a city's draft is the city's to forward: `methodology.forward` (city officer asks, city
approver decides) and `methodology.forward_province` (officer or research institute of the province asks; a province
officer or approver, another person in another role, decides). Both bind the hash of the text as it stands.
"""

import datetime as dt
from typing import NoReturn

from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.constants import Role
from accounts.models import Person
from carbon_portal.kernel import approvals, audit, clock, regions
from carbon_portal.kernel.approvals import Actor, ApprovalRequest, Kind
from methodologies.constants import APPROVE_KIND, StageState, VersionState
from methodologies.drafting.errors import AlreadyAsked, DraftIncomplete, DraftIsAway, NothingToForward, VersionTaken
from methodologies.drafting.report import Finding, Report
from methodologies.engine.document import Document
from methodologies.models import Draft, DraftState, Methodology, MethodologyVersion, Proposal
from methodologies.selectors import drafts as selectors
from methodologies.selectors.review import subject_of

from . import adoption, stages
from .library import plain

CITY, PROVINCE = "methodology.forward", "methodology.forward_province"
_SCOPE = ("activity", "region", "level", "sector")


def register_kinds() -> None:
    """Announce both kinds (`AppConfig.ready`)."""
    approvals.register(
        Kind(
            CITY, "市级报送方法学", "Forward a city's methodology", frozenset({Role.CITY_OFFICER.value}),
            frozenset({Role.CITY_APPROVER.value}), content=_content, url=_url,
        )
    )  # fmt: skip
    approvals.register(
        Kind(
            PROVINCE, "省级报送方法学", "Forward a methodology of the province",
            frozenset({Role.PROVINCE_OFFICER.value, Role.RESEARCH_INSTITUTE.value}),
            frozenset({Role.PROVINCE_OFFICER.value, Role.PROVINCE_APPROVER.value}), content=_content, url=_url,
        )
    )  # fmt: skip


def kind_for(draft: Draft) -> str:
    """Which kind of request forwards this draft."""
    return PROVINCE if draft.region == regions.PROVINCE else CITY


def _uuid(subject: str) -> str:
    return subject.removeprefix("draft:")


def _content(subject: str) -> str:
    return Draft.objects.filter(uuid=_uuid(subject)).values_list("sha256", flat=True).first() or ""


def _url(subject: str) -> str:
    return reverse("methodologies:draft", args=[_uuid(subject)])


def request_of(draft: Draft) -> ApprovalRequest | None:
    """The open request to forward a draft."""
    request = approvals.request_for(kind_for(draft), str(draft))
    return request if request is not None and request.is_open else None


def ask_to_forward(*, draft: Draft, actor: Actor, shown_sha256: str, at: dt.datetime) -> ApprovalRequest:
    """The gate of submission; what passes waits for another person. Authors may not be that person.

    Errors: DraftIncomplete (with everything that is missing), DraftIsAway, AlreadyAsked; approvals.StalePage.
    """
    with transaction.atomic():
        locked = _locked(draft)
        if not locked.is_editable:
            raise DraftIsAway
        if locked.state == DraftState.FORWARDING and request_of(locked) is not None:
            raise AlreadyAsked
        _document(locked, at)
        kind = approvals.kind_of(kind_for(locked))
        held = [role for (role, region), _principal, _fresh in actor.held() if region == locked.region]
        request = approvals.open_request(
            kind=kind.code,
            subject=str(locked),
            title=f"{kind.title_zh}：{locked.title}",
            title_en=f"{kind.title_en}: {locked.title}",
            region=locked.region,
            content_sha256=shown_sha256,
            initiator=actor,
            initiator_role=next((role for role in held if role in kind.initiators), ""),
            barred=selectors.authors_of(locked),
            at=at,
        )
        locked.state = DraftState.FORWARDING
        locked.save(update_fields=["state"])
        audit.record_event(
            verb="draft.forward_asked", target=str(locked), actor=actor.person, region=locked.region,
            data={"sha256": locked.sha256, "revision": locked.revision},
        )  # fmt: skip
    draft.refresh_from_db()
    return request


def forward_draft(
    *, draft: Draft, actor: Actor, shown_sha256: str, at: dt.datetime, note: str = ""
) -> MethodologyVersion:
    """Approve the request: the text becomes (again) a version, submitted to the province.

    Errors: those of approvals.decide, NothingToForward, DraftIncomplete (the gate is passed again), VersionTaken.
    """
    with approvals.void_on_change():
        locked = _locked(draft)
        request = _asked(locked)
        decision = approvals.decide(
            request=request, actor=actor, shown_sha256=shown_sha256, approved=True, note=note, at=at
        )
        document = _document(locked, at)
        version = _as_version(locked, document, at)
        # What was approved of an earlier text of this version counts no more.
        approvals.void_requests(kind=APPROVE_KIND, subject=subject_of(version), why="重新报送", at=at, actor=actor)
        stages.enter(
            version=version,
            state=StageState.SUBMITTED,
            at=at,
            actor=actor.person,
            role=decision.approver_role,
            note=note,
        )
        _credit(locked, version, actor)
        locked.version, locked.state = version, DraftState.SUBMITTED
        locked.save(update_fields=["version", "state"])
        audit.record_event(
            verb="draft.forwarded", target=str(locked), actor=actor.person, region=locked.region,
            data={"version": str(version), "sha256": version.sha256},
        )  # fmt: skip
    draft.refresh_from_db()
    return version


def send_back(*, draft: Draft, actor: Actor, shown_sha256: str, at: dt.datetime, note: str) -> Draft:
    """Decline the request, saying why: the draft is open again. Errors: those of approvals.decide, NothingToForward."""
    with approvals.void_on_change():
        locked = _locked(draft)
        approvals.decide(
            request=_asked(locked), actor=actor, shown_sha256=shown_sha256, approved=False, note=note, at=at
        )
        locked.state = DraftState.OPEN
        locked.save(update_fields=["state"])
        audit.record_event(
            verb="draft.sent_back",
            target=str(locked),
            actor=actor.person,
            region=locked.region,
            data={"note": note[:200]},
        )
    draft.refresh_from_db()
    return draft


def _credit(draft: Draft, version: MethodologyVersion, actor: Actor) -> None:
    """Whose idea it was is named on the method's page, as they chose."""
    proposal = Proposal.objects.filter(number=draft.proposal_number).first() if draft.proposal_number else None
    if proposal is not None:
        person = Person.objects.get(pk=actor.person)
        adoption.link_methodology(proposal=proposal, methodology=version.methodology, actor=person)


def _locked(draft: Draft) -> Draft:
    return Draft.objects.select_for_update(of=("self",)).select_related("version").get(pk=draft.pk)


def _asked(draft: Draft) -> ApprovalRequest:
    request = approvals.request_for(kind_for(draft), str(draft))
    if draft.state != DraftState.FORWARDING or request is None:
        raise NothingToForward
    return request


def _document(draft: Draft, at: dt.datetime) -> Document:
    """The document of a draft that lacks nothing."""
    report = selectors.report_on(draft.source, region=draft.region, today=clock.local_date(at), draft=draft)
    if report.blocking or report.document is None or not report.units_proved:
        refuse_incomplete(report)
    return report.document


def refuse_incomplete(report: Report) -> NoReturn:
    """Say how much is missing, with the first of it."""
    missing: list[Finding] = report.blocking
    first = missing[0]
    raise DraftIncomplete(count=len(missing), first=first.zh, first_en=first.en, findings=missing)


def _as_version(draft: Draft, document: Document, at: dt.datetime) -> MethodologyVersion:
    """The version row of a draft: made at the first forwarding, written anew at each later one."""
    code = Methodology.objects.filter(code=document.code).first()
    try:
        with transaction.atomic():
            if code is None:
                scope = {key: getattr(document, key) for key in _SCOPE}
                code = Methodology.objects.create(code=document.code, **scope)
            version = draft.version or MethodologyVersion(created_at=at, state=VersionState.DRAFT)
            version.methodology, version.version = code, document.version
            version.effective_from, version.sha256 = document.effective_from, document.sha256
            version.source, version.document = draft.source, plain(document)
            version.title_zh, version.title_en = document.title["zh"], document.title.get("en", "")
            version.certifiable = document.certifiable
            version.save()
    except IntegrityError as error:  # somebody took the code or the number in this moment
        raise VersionTaken(code_name=document.code, version=document.version) from error
    return version

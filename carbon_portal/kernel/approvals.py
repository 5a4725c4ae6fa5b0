"""Approvals: whatever creates value or changes a rule is asked for by one person and decided by others (R8).

A *kind* says who may ask and who may decide, and how the content's hash is taken now. An app registers its kinds in
`AppConfig.ready`, opens a request with the hash of what it shows, and calls `decide` inside the deed's own transaction;
then it changes its own rows. Beyond the bare rule:

* Persons, never logins. Who deputises for somebody, and whose deputy somebody is, counts as that person.
* Roles are read again when the decision is made, from the rows as they then stand (the actor that a caller hands in
  says only who it is). A decider's role, and a delegation, count from the day after they were entered.
* Whoever initiated an earlier request on the same subject since its last approval is barred from the next one, so that
  withdrawing and letting a friend ask again gains nothing; and so is the principal in whose stead the initiator asked.
* `needed` approvals come from as many people in as many roles; one refusal returns the request.
* An edit voids: `void_requests` closes what is open and makes what was decided before count no more.

The database holds the hard part by itself: two people, two roles, one open request per subject, a decision that fits
its request and no author's, requests that change once, decisions that never change (kernel.models).
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from . import audit, clock
from .approval_errors import (
    AlreadyDecided,
    AlreadyRequested,
    ApprovalRefused,
    AuthorDecides,
    ContentChanged,
    DeputyDecides,
    GrantedToday,
    MayNotInitiate,
    MayNotWithdraw,
    NotAuthorised,
    NoteNeeded,
    OwnRequest,
    RoleAlreadyDecided,
    SameRole,
    StalePage,
)
from .approval_kinds import (
    Actor,
    Delegated,
    Held,
    Kind,
    fits,
    kind_of,
    kinds,
    people,
    people_from,
    person_of,
    register,
    role_names,
    told,
    told_who,
    wanted,
)
from .models import Approval, ApprovalRequest, ApprovalVoid

__all__ = [
    "Actor",
    "ApprovalRefused",
    "ApprovalRequest",
    "Delegated",
    "Kind",
    "approved_content",
    "decide",
    "kind_of",
    "open_for",
    "open_request",
    "people_from",
    "refusal_of",
    "register",
    "request_for",
    "void_on_change",
    "void_requests",
    "withdraw_request",
]

State = ApprovalRequest.State


# -- asking ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def open_request(
    *,
    kind: str,
    subject: str,
    title: str,
    region: str,
    content_sha256: str,
    initiator: Actor | uuid.UUID,
    initiator_role: str,
    barred: Iterable[uuid.UUID] = (),
    due_on: dt.date | None = None,
    at: dt.datetime,
    title_en: str = "",
) -> ApprovalRequest:
    """Ask for a decision on this content. `StalePage` where it is not the subject's content now.

    The same request again by the same person is the request that stands; another one is `AlreadyRequested`.
    """
    what, who = kind_of(kind), person_of(initiator)
    principal = _initiating_for(what, who, initiator_role, region, at)
    if what.content(subject) != content_sha256:
        raise StalePage
    standing = _current(kind, subject).select_for_update().filter(state=State.OPEN).first()
    if standing is not None:
        if standing.content_sha256 == content_sha256:
            if standing.initiator == who:
                return standing
            raise AlreadyRequested(title=title, title_en=title_en or title)
        void_requests(kind=kind, subject=subject, why="内容已改动", at=at)
    barred_now = {*barred, *_earlier_initiators(kind, subject), *([principal] if principal else [])} - {who}
    try:
        with transaction.atomic():
            made = ApprovalRequest.objects.create(
                kind=kind,
                subject=subject,
                title=title[:200],
                title_en=title_en[:200],
                region=region,
                content_sha256=content_sha256,
                initiator=who,
                initiator_role=initiator_role,
                barred=sorted(barred_now),
                needed=what.needed,
                due_on=due_on,
                opened_at=at,
            )
    except IntegrityError as error:  # a twin was first
        raise AlreadyRequested(title=title, title_en=title_en or title) from error
    _audit("approval.requested", made, actor=who, role=initiator_role, deputising=principal)
    return made


def _initiating_for(kind: Kind, who: uuid.UUID, role: str, region: str, at: dt.datetime) -> uuid.UUID | None:
    """In whose stead the initiator asks, None for their own; refuses where the role is not held there now."""
    if role in kind.initiators:
        held = [principal for one, principal, _ in people().actor(who, at=at).held() if fits(one, {role}, region)]
        if held:
            return None if None in held else held[0]
    raise MayNotInitiate(title=kind.title_zh, title_en=kind.title_en, **wanted(kind.initiators, region))


def _earlier_initiators(kind: str, subject: str) -> set[uuid.UUID]:
    """Who asked before about this subject since the last time it was approved, and whom those requests barred."""
    rows = ApprovalRequest.objects.filter(kind=kind, subject=subject)
    newest = rows.filter(state=State.APPROVED).order_by("-pk").values_list("pk", flat=True).first() or 0
    found: set[uuid.UUID] = set()
    for initiator, barred in rows.filter(pk__gt=newest).values_list("initiator", "barred"):
        found |= {initiator, *barred}
    return found


@transaction.atomic
def withdraw_request(*, request: ApprovalRequest, actor: Actor | uuid.UUID, at: dt.datetime) -> ApprovalRequest:
    """The initiator takes the request back while it is open."""
    who = person_of(actor)
    locked = ApprovalRequest.objects.select_for_update().get(pk=request.pk)
    if not locked.is_open or locked.initiator != who:
        raise MayNotWithdraw
    return _close(locked, State.WITHDRAWN, by=who, why="提交人撤回", at=at)


@transaction.atomic
def void_requests(*, kind: str, subject: str, why: str, at: dt.datetime, actor: Actor | uuid.UUID | None = None) -> int:
    """An edit of the subject: what is open is void, what was approved counts no more. Returns how many were voided.

    Nothing is written where nothing was asked since the last edit, so every edit may call it.
    """
    who = person_of(actor) if actor is not None else None
    rows = list(_current(kind, subject).select_for_update().order_by("pk"))
    open_ = [row for row in rows if row.is_open]
    for row in open_:
        _close(row, State.VOID, by=who, why=why, at=at)
    if rows:
        ApprovalVoid.objects.create(kind=kind, subject=subject, upto=rows[-1].pk, at=at, actor=who, why=why)
    return len(open_)


def _current(kind: str, subject: str) -> QuerySet[ApprovalRequest]:
    """Requests on a subject since its last edit."""
    void = ApprovalVoid.objects.filter(kind=kind, subject=subject).order_by("-upto").values_list("upto", flat=True)
    return ApprovalRequest.objects.filter(kind=kind, subject=subject, pk__gt=void.first() or 0)


def _close(request: ApprovalRequest, state: str, *, by: uuid.UUID | None, why: str, at: dt.datetime) -> ApprovalRequest:
    request.state, request.closed_at, request.closed_by, request.why = state, at, by, why
    request.save(update_fields=["state", "closed_at", "closed_by", "why"])
    _audit(f"approval.{state}", request, actor=by, why=why)
    return request


# -- deciding ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def decide(
    *,
    request: ApprovalRequest,
    actor: Actor | uuid.UUID,
    shown_sha256: str,
    approved: bool,
    note: str = "",
    at: dt.datetime,
) -> Approval:
    """One person's decision, in the caller's transaction; afterwards `approval.request.is_approved` says whether it
    was the last that was needed. Refuses with an `ApprovalRefused`; wrap the deed in `void_on_change`, so that a
    request whose content was swapped is closed although the deed is undone.
    """
    who = person_of(actor)
    locked = ApprovalRequest.objects.select_for_update().get(pk=request.pk)
    role, principal = _right_to_decide(locked, who, at, lock=True)
    if shown_sha256 != locked.content_sha256:
        raise StalePage
    if kind_of(locked.kind).content(locked.subject) != locked.content_sha256:
        raise ContentChanged(kind=locked.kind, subject=locked.subject)
    if not approved and not note.strip():
        raise NoteNeeded
    made = Approval.objects.create(
        request=locked,
        kind=locked.kind,
        subject=locked.subject,
        content_sha256=locked.content_sha256,
        basis=Approval.Basis.FOUR_EYES,
        approved=approved,
        initiator=locked.initiator,
        initiator_role=locked.initiator_role,
        approver=who,
        approver_role=role,
        approver_for=principal,
        decided_at=at,
        note=note.strip(),
    )
    _audit(
        "approval.decided",
        locked,
        actor=who,
        role=role,
        deputising=principal,
        approved=approved,
        decision=str(made.uid),
    )
    given = Approval.objects.filter(request=locked, approved=True).count()
    if not approved:
        _close(locked, State.RETURNED, by=who, why=note.strip(), at=at)
    elif given >= locked.needed:
        _close(locked, State.APPROVED, by=who, why="", at=at)
    request.refresh_from_db()
    return made


def refusal_of(request: ApprovalRequest, actor: Actor | uuid.UUID, *, at: dt.datetime) -> ApprovalRefused | None:
    """Why this person may not decide this request now; None where they may. For pages: shows the sentence early."""
    try:
        _right_to_decide(request, person_of(actor), at)
    except ApprovalRefused as refusal:
        return refusal
    return None


def _right_to_decide(
    request: ApprovalRequest, who: uuid.UUID, at: dt.datetime, *, lock: bool = False
) -> tuple[str, uuid.UUID | None]:
    """The role in which this person decides, and whose absence they fill; raises the refusal otherwise."""
    if not request.is_open:
        raise told_who(request)
    if who == request.initiator:
        raise OwnRequest
    if who in request.barred:
        raise AuthorDecides
    barred = {request.initiator, *request.barred}
    decided = {one.approver for one in request.decisions.all()} - {who}
    actor = people().actor(who, at=at, lock=lock)
    if (barred | decided) & people().linked(who, since=request.opened_at, at=at):
        raise DeputyDecides
    kind = kind_of(request.kind)
    fitting = [one for one in actor.held() if fits(one[0], kind.deciders, request.region)]
    if not fitting:
        raise NotAuthorised(
            title=request.title, title_en=request.title_en or request.title, **wanted(kind.deciders, request.region)
        )
    other = [one for one in fitting if one[0][0] != request.initiator_role]
    if not other:
        raise SameRole(**role_names(request.initiator_role))
    aged = [one for one in other if not one[2]]
    if not aged:
        raise GrantedToday
    # The principal of a delegation is a person of whom the same is asked.
    own = [one for one in aged if one[1] is None or not barred & _one_and_linked(one[1], request, at)]
    if not own:
        raise DeputyDecides
    return _unused(request, who, own)


def _one_and_linked(person: uuid.UUID, request: ApprovalRequest, at: dt.datetime) -> frozenset[uuid.UUID]:
    return people().linked(person, since=request.opened_at, at=at) | {person}


def _unused(
    request: ApprovalRequest, who: uuid.UUID, held: Sequence[tuple[Held, uuid.UUID | None, bool]]
) -> tuple[str, uuid.UUID | None]:
    """Of several approvals each comes from another person (and not from their stead) in another role."""
    decisions = list(request.decisions.all())
    for one in decisions:
        if who in (one.approver, one.approver_for):
            raise told(AlreadyDecided, one.approver, one.decided_at, state="同意", state_en="agreed")
    used = {one.approver_role: one for one in decisions}
    people_used = {one.approver for one in decisions} | {one.approver_for for one in decisions}
    for (role, _region), principal, _fresh in held:
        if role not in used and (principal is None or principal not in people_used):
            return role, principal
    first = next((used[role] for (role, _), _p, _f in held if role in used), decisions[0])
    raise told(RoleAlreadyDecided, first.approver, first.decided_at, **role_names(first.approver_role))


@contextmanager
def void_on_change() -> Iterator[None]:
    """A transaction around a deed that decides. Where the content was swapped, the deed is undone and the request is
    void, for everybody to see, before the refusal goes on."""
    try:
        with transaction.atomic():
            yield
    except ContentChanged as refusal:
        void_requests(kind=refusal.data["kind"], subject=refusal.data["subject"], why=refusal.title, at=clock.now())
        raise


# -- reading -----------------------------------------------------------------------------------------------------------


def approved_content(kind: str, subject: str) -> str | None:
    """The SHA-256 of the subject as it is now, if exactly this was approved and not edited since; else None."""
    now = kind_of(kind).content(subject)
    standing = _current(kind, subject).filter(state=State.APPROVED, content_sha256=now)
    founding = Approval.objects.filter(kind=kind, subject=subject, content_sha256=now, basis=Approval.Basis.FOUNDING)
    return now if standing.exists() or founding.exists() else None


def request_for(kind: str, subject: str) -> ApprovalRequest | None:
    """The newest request on a subject, open or not."""
    return (
        ApprovalRequest.objects.filter(kind=kind, subject=subject).prefetch_related("decisions").order_by("-pk").first()
    )


def open_for(actor: Actor | uuid.UUID, *, at: dt.datetime | None = None) -> list[ApprovalRequest]:
    """Open requests that this person may decide now, due first; those without a date after them, oldest first."""
    now, who = at or clock.now(), person_of(actor)
    held = {role for (role, _), _p, _f in people().actor(who, at=now).held()}
    codes = [kind.code for kind in kinds() if held & kind.deciders]
    if not codes:
        return []
    rows = (
        ApprovalRequest.objects.filter(state=State.OPEN, kind__in=codes)
        .exclude(initiator=who)
        .prefetch_related("decisions")
        .order_by(F("due_on").asc(nulls_last=True), "opened_at", "pk")
    )
    return [row for row in rows if refusal_of(row, who, at=now) is None]


def _audit(verb: str, request: ApprovalRequest, *, actor: uuid.UUID | None, **data: object) -> None:
    told = {key: str(value) if isinstance(value, uuid.UUID) else value for key, value in data.items() if value != ""}
    audit.record_event(
        verb=verb,
        target=f"approval:{request.uid}",
        actor=actor,
        region=request.region,
        data={"kind": request.kind, "subject": request.subject, "sha256": request.content_sha256, **told},
    )

"""Reads of proposals. The public's never touch `ProposalContact`."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.constants import AREA_ROLES
from accounts.models import Person
from accounts.selectors import staff_scope
from carbon_portal.kernel import regions
from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.scope import within
from carbon_portal.kernel.worklist import LIMIT, WorkItem
from methodologies.constants import OPEN_PROPOSALS, CreditAs, ProposalState
from methodologies.models import MethodologyVersion, Proposal, ProposalContact, ProposalSupport

NUMBER = re.compile(r"P-[0-9]{4}-[0-9]{6}", re.ASCII)
_PERSONAL = re.compile(
    r"(?<![0-9])(?:\+?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])"  # mobile numbers
    r"|(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9])"  # identity numbers
    r"|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}",  # mail addresses
    re.ASCII,
)
MASK = "■■■"


def without_personal_data(text: str) -> str:
    """The text with mobile, identity numbers and mail addresses covered: a net below whoever reads before release."""
    return _PERSONAL.sub(MASK, text)


def holds_personal_data(*texts: str) -> bool:
    """Whether a text seems to name a phone, an identity number or a mail address."""
    return any(_PERSONAL.search(text) for text in texts)


def public_proposals(*, q: str = "", state: str = "", today: dt.date) -> QuerySet[Proposal]:
    """All of them, the newest first, with `supporters`; `q` looks in numbers and in public titles, `state` may be
    `overdue`."""
    rows = _with_supporters(Proposal.objects.all())
    if q:
        rows = rows.filter(Q(number__icontains=q) | Q(shown_at__isnull=False, what__icontains=q))
    if state == "overdue":
        rows = rows.filter(overdue_on(today))
    elif state in ProposalState.values:
        rows = rows.filter(state=state)
    return rows.order_by("-id")


def overdue_on(today: dt.date) -> Q:
    """A term ran out: nobody has taken it up, or nobody has answered."""
    return Q(state=ProposalState.RECEIVED, accept_due_on__lt=today) | Q(
        state__in=OPEN_PROPOSALS, answer_due_on__lt=today
    )


def _with_supporters(rows: QuerySet[Proposal]) -> QuerySet[Proposal]:
    return rows.annotate(supporters=Count("supports"))


def public_proposal(number: str) -> Proposal:
    """One by its number; `NotFound` for what was never given."""
    found = None
    if NUMBER.fullmatch(number):
        rows = _with_supporters(Proposal.objects.filter(number=number))
        found = rows.select_related("merged_into", "methodology").first()
    if found is None:
        raise NotFound
    return found


def is_own(proposal: Proposal, person: Person | None) -> bool:
    """Whether this person sent it by themselves."""
    return person is not None and ProposalContact.objects.filter(proposal=proposal, person=person.pk).exists()


def supports(proposal: Proposal, person: Person | None) -> bool:
    """Whether this person supports it, or the one it was merged into."""
    kept = proposal.merged_into or proposal
    return person is not None and ProposalSupport.objects.filter(proposal=kept, person=person.pk).exists()


def own_proposals(person: Person) -> list[Proposal]:
    """What this person has sent, the newest first."""
    mine = ProposalContact.objects.filter(person=person.pk).values("proposal")
    return list(_with_supporters(Proposal.objects.filter(pk__in=mine)).order_by("-id"))


# -- the desk ----------------------------------------------------------------------------------------------------------


def desk_proposals(user: Any, *, today: dt.date) -> QuerySet[Proposal]:
    """Those of the areas that this login is staff for: open ones first, by term."""
    codes = within(staff_scope(user, *AREA_ROLES))
    is_open = Case(When(state__in=OPEN_PROPOSALS, then=Value(0)), default=Value(1), output_field=IntegerField())
    due = Case(When(state=ProposalState.RECEIVED, then=F("accept_due_on")), default=F("answer_due_on"))
    return _with_supporters(Proposal.objects.filter(region__in=codes)).order_by(is_open, due, "-id")


def desk_proposal(user: Any, number: str, *roles: str) -> Proposal:
    """One of them; another area's and a missing one are the same `NotFound`. `roles` narrow whose areas count."""
    found = public_proposal(number)
    if not any(regions.covers(code, found.region) for code in staff_scope(user, *(roles or AREA_ROLES))):
        raise NotFound
    return found


def contact_of(proposal: Proposal) -> ProposalContact | None:
    """Whose it is, where the row policies let the reader see it."""
    return ProposalContact.objects.filter(proposal=proposal).first()


# -- credit ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Credited:
    """An idea behind a method, and its proposer as they chose to be named (empty: not at all)."""

    number: str
    title: str
    name: str


def credited(version: MethodologyVersion) -> list[Credited]:
    """Whose ideas a methodology goes back to: the adopted proposals of its code, and those merged into them."""
    adopted = Proposal.objects.filter(methodology=version.methodology_id, state=ProposalState.ADOPTED)
    merged = Proposal.objects.filter(merged_into__in=adopted)
    return [credit_of(row) for row in sorted([*adopted, *merged], key=lambda row: row.pk)]


def credit_of(row: Proposal) -> Credited:
    """How one proposal is named in public."""
    name = "" if row.credit_as == CreditAs.NOBODY else without_personal_data(row.credit_name)
    return Credited(row.number, without_personal_data(row.what) if row.shown_at else "", name)


def names_of(people: Sequence[UUID]) -> dict[UUID, str]:
    """Names of staff for the desk's history, where the row policies show them."""
    return dict(Person.objects.filter(pk__in=people).values_list("pk", "name"))


# -- the work list -----------------------------------------------------------------------------------------------------

_OFFICERS = frozenset({"city_officer", "province_officer"})


def waiting(actor: Actor, at: dt.datetime) -> Iterable[WorkItem]:
    """Open proposals of an officer's areas, for the work list; those that wait for an approver come by themselves."""
    areas = [region for (role, region), _principal, _fresh in actor.held() if role in _OFFICERS]
    if not areas:
        return
    rows = Proposal.objects.filter(state__in=OPEN_PROPOSALS, region__in=within(areas), offered_answer="")
    for row in rows.order_by("answer_due_on", "pk")[:LIMIT]:
        first = row.state == ProposalState.RECEIVED
        yield WorkItem(
            title=f"{row.number} {row.what}",
            url=reverse("methodologies:proposal-desk", args=[row.number]),
            due_on=row.accept_due_on if first else row.answer_due_on,
            kind=_("公众建议：受理") if first else _("公众建议：答复"),
            region=row.region,
            opened_at=row.created_at,
            lang="zh-Hans",
        )

"""Offers to join a family or a firm, by phone."""

import datetime as dt
from typing import Any

from django.db import transaction

from accounts import phones, selectors
from accounts.constants import INVITATION_DAYS, OPEN_INVITATIONS_LIMIT
from accounts.errors import InvitationClosed, TooManyInvitations
from accounts.models import Household, Invitation, Organisation, Person, User
from carbon_portal.kernel.audit import record_event
from carbon_portal.kernel.errors import Forbidden

from ._shared import insert_or_get
from .households import add_household_member, require_head
from .organisations import grant_role


@transaction.atomic
def invite(
    *,
    actor: Person,
    phone: str,
    at: dt.datetime,
    household: Household | None = None,
    organisation: Organisation | None = None,
    role: str = "",
) -> Invitation:
    """Offer a phone number to join a household, or a firm in a role; the same answer whoever's number it is."""
    number = phones.normalise(phone)
    if household is not None:
        require_head(household, actor)
    elif not selectors.may_staff(actor, organisation, role):
        raise Forbidden
    place: dict[str, Any] = {"household": household, "organisation": organisation, "role": role}
    still_open = Invitation.objects.filter(answered_at__isnull=True, **place)
    mine = still_open.filter(phone=number).first()
    if mine:
        if mine.created_at < _oldest_valid(at):  # a fresh start for one that lapsed unanswered
            Invitation.objects.filter(pk=mine.pk).update(created_at=at)
            mine.created_at = at
        return mine
    if still_open.filter(created_at__gte=_oldest_valid(at)).count() >= OPEN_INVITATIONS_LIMIT:
        raise TooManyInvitations(limit=OPEN_INVITATIONS_LIMIT)
    made = insert_or_get(
        lambda: Invitation.objects.create(phone=number, invited_by=actor, created_at=at, **place),
        lambda: still_open.get(phone=number),
    )
    record_event(verb="invitation.sent", target=f"invitation:{made.pk}", actor=actor.uuid, data={"role": role})
    return made


@transaction.atomic
def answer_invitation(*, invitation: Invitation, person: Person, accept: bool, at: dt.datetime) -> Invitation:
    """The invited person says yes or no."""
    row = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if row.answered_at or row.created_at < _oldest_valid(at):
        raise InvitationClosed(days=INVITATION_DAYS)
    if not User.objects.filter(person=person, phone=row.phone, phone_verified=True).exists():
        raise Forbidden
    if accept and row.household:
        add_household_member(household=row.household, person=person, actor=person, at=at)
    elif accept:
        grant_role(person=person, role=row.role, organisation=row.organisation, at=at, actor=row.invited_by)
    row.answered_at, row.accepted = at, accept
    row.save(update_fields=["answered_at", "accepted"])
    record_event(
        verb="invitation.accepted" if accept else "invitation.declined",
        target=f"invitation:{row.pk}",
        actor=person.uuid,
    )
    return row


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, actor: Person, at: dt.datetime) -> None:
    """The inviting side takes it back."""
    if invitation.household is not None:
        require_head(invitation.household, actor)
    elif not selectors.may_staff(actor, invitation.organisation, invitation.role):
        raise Forbidden
    if Invitation.objects.filter(pk=invitation.pk, answered_at__isnull=True).update(answered_at=at, accepted=False):
        record_event(verb="invitation.withdrawn", target=f"invitation:{invitation.pk}", actor=actor.uuid)


def _oldest_valid(at: dt.datetime) -> dt.datetime:
    return at - dt.timedelta(days=INVITATION_DAYS)

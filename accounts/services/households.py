"""Families: who belongs to them, who speaks for them."""

import datetime as dt

from django.db import IntegrityError, transaction

from accounts import selectors
from accounts.constants import HOUSEHOLD_MEMBERS_LIMIT, ParticipantKind
from accounts.errors import AlreadyInHousehold, HeadCannotLeave, HouseholdFull, NotAMember, NotHouseholdHead
from accounts.models import Household, HouseholdMember, Person
from carbon_portal.kernel import clock, scope
from carbon_portal.kernel.audit import record_event

from ._shared import clean_name, region_code
from .people import open_participant


@transaction.atomic
def create_household(*, head: Person, name: str, region: str, at: dt.datetime) -> Household:
    """A family with its first member as head, and its own account. Asking again returns the family one heads."""
    area, cleaned = region_code(region), clean_name(name)
    current = selectors.membership_of(head)
    if current:
        if current.is_head and current.household.name == cleaned:
            return current.household
        raise AlreadyInHousehold(who="您", who_en="You")
    household = Household(name=cleaned, region=area, created_at=at)
    with scope.admitting(household.uuid):  # its head is no member yet
        household.save(force_insert=True)
    _join(household, head, is_head=True, at=at)
    open_participant(kind=ParticipantKind.HOUSEHOLD, household=household, region=area, at=at)
    record_event(verb="household.created", target=f"household:{household.uuid}", actor=head.uuid, region=area)
    return household


@transaction.atomic
def add_household_member(
    *, household: Household, person: Person, at: dt.datetime, actor: Person | None = None
) -> HouseholdMember:
    """Let a person join. Their own records stay theirs; the meters' records are the household's."""
    with scope.admitting(household.pk):  # who joins is no member yet
        Household.objects.select_for_update().get(pk=household.pk)
    current = selectors.membership_of(person)
    if current:
        if current.household_id == household.pk:
            return current
        raise AlreadyInHousehold(who="对方", who_en="This person")
    if household.members.filter(left_on__isnull=True).count() >= HOUSEHOLD_MEMBERS_LIMIT:
        raise HouseholdFull(limit=HOUSEHOLD_MEMBERS_LIMIT)
    member = _join(household, person, is_head=False, at=at)
    record_event(
        verb="household.member_joined",
        target=f"household:{household.uuid}",
        actor=(actor or person).uuid,
        region=household.region,
        data={"person": str(person.uuid)},
    )
    return member


@transaction.atomic
def end_household_membership(*, household: Household, person: Person, actor: Person, at: dt.datetime) -> None:
    """A member leaves, or the head ends their membership. Personal records and points stay with the person (D1-b)."""
    if actor != person:
        require_head(household, actor)
    member = (
        HouseholdMember.objects.select_for_update()
        .filter(household=household, person=person, left_on__isnull=True)
        .first()
    )
    if member is None:
        raise NotAMember
    if member.is_head:
        raise HeadCannotLeave
    member.left_on = clock.local_date(at)
    member.save(update_fields=["left_on"])
    record_event(
        verb="household.member_left",
        target=f"household:{household.uuid}",
        actor=actor.uuid,
        region=household.region,
        data={"person": str(person.uuid)},
    )


@transaction.atomic
def hand_over_household(*, household: Household, actor: Person, to: Person) -> None:
    """Make another member the head."""
    Household.objects.select_for_update().get(pk=household.pk)
    old = require_head(household, actor)
    new = household.members.filter(person=to, left_on__isnull=True).first()
    if new is None:
        raise NotAMember
    if new.pk == old.pk:
        return
    HouseholdMember.objects.filter(pk=old.pk).update(is_head=False)
    HouseholdMember.objects.filter(pk=new.pk).update(is_head=True)
    record_event(
        verb="household.handed_over",
        target=f"household:{household.uuid}",
        actor=actor.uuid,
        region=household.region,
        data={"to": str(to.uuid)},
    )


def _join(household: Household, person: Person, *, is_head: bool, at: dt.datetime) -> HouseholdMember:
    try:
        with transaction.atomic():
            return HouseholdMember.objects.create(
                household=household, person=person, is_head=is_head, joined_on=clock.local_date(at)
            )
    except IntegrityError as error:  # a twin request was first: the constraint keeps one household per person
        raise AlreadyInHousehold(who="对方", who_en="This person") from error


def require_head(household: Household, actor: Person) -> HouseholdMember:
    """The head's membership; `NotHouseholdHead` for anybody else."""
    member = household.members.filter(person=actor, left_on__isnull=True, is_head=True).first()
    if member is None:
        raise NotHouseholdHead
    return member

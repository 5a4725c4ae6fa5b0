"""Reads, and fetches with the right built in. Another person's thing and a missing thing give the same answer."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.approvals import Actor
from carbon_portal.kernel.errors import Forbidden, NotFound

from . import actors
from .constants import (
    DELEGABLE_ROLES,
    DESK_ROLES,
    FIRM_ROLES,
    INVITATION_DAYS,
    NOTICES_PER_PAGE,
    STAFF_ROLES,
    STAFFED_BY,
    ConsentScene,
    Role,
)
from .models import (
    Consent,
    Delegation,
    Household,
    HouseholdMember,
    Invitation,
    Membership,
    Meter,
    Notification,
    Organisation,
    Participant,
    Person,
    User,
)

Viewer = User | AnonymousUser


def person_of(user: Viewer | None) -> Person | None:
    """The person behind a login; None for nobody, an inactive login, or one without an account yet."""
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    return user.person


def _person_id(user: Viewer | None) -> UUID | None:
    """As `person_of`, for a question that needs the person's key and not their row."""
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    return user.person_id


def person_with_phone(phone: str) -> Person | None:
    """The person whose verified number this is (E.164)."""
    user = User.objects.filter(phone=phone, phone_verified=True, is_active=True).select_related("person").first()
    return user.person if user else None


def phone_of(person: Person | None) -> str | None:
    """The first phone of a person's logins."""
    if person is None:
        return None
    return (
        User.objects.filter(person=person, phone__isnull=False).order_by("pk").values_list("phone", flat=True).first()
    )


# -- participants ------------------------------------------------------------------------------------------------------


def participants_of(user: Viewer | None) -> list[Participant]:
    """Whom this login may act for: the resident first, then the family, then firms by role."""
    person = person_of(user)
    if person is None:
        return []
    rows = _participants_for(person).select_related("person", "household", "organisation")
    order = {"resident": 0, "household": 1, "sme": 2, "group": 3}
    return sorted(rows, key=lambda p: (order[p.kind], p.created_at, p.public_id))


def participant_for(user: Viewer | None, uuid: UUID | str, write: bool = False) -> Participant:
    """One of `participants_of`; `NotFound` for everybody else's and for none at all.

    Family members, owners and clerks may both read and act; `write` refuses an account that is closed.
    """
    person = person_of(user)
    try:
        wanted = uuid if isinstance(uuid, UUID) else UUID(str(uuid))
    except ValueError as error:
        raise NotFound from error
    row = _participants_for(person).filter(uuid=wanted).first() if person else None
    if row is None or (write and not row.is_active):
        raise NotFound
    return row


def _participants_for(person: Person) -> QuerySet[Participant]:
    return Participant.objects.filter(
        Q(person=person)
        | Q(household__in=HouseholdMember.objects.filter(person=person, left_on__isnull=True).values("household"))
        | Q(
            kind__in=["sme", "group"],
            organisation__in=Membership.objects.filter(person=person, role__in=FIRM_ROLES, is_active=True).values(
                "organisation"
            ),
        )
    )


# -- roles -------------------------------------------------------------------------------------------------------------


#: Roles that nobody is given: whoever has such a row has the role.
_BY_WHAT_THEY_ARE: dict[Role, Callable[[UUID], QuerySet[Any]]] = {
    Role.RESIDENT: lambda person: Participant.objects.filter(person=person),
    Role.HOUSEHOLD_HEAD: lambda person: HouseholdMember.objects.filter(
        person=person, left_on__isnull=True, is_head=True
    ),
}


def roles_of(user: Viewer | None) -> set[str]:
    """Every role the person holds somewhere, with `resident` and `household_head` from what they are."""
    person = _person_id(user)
    if person is None:
        return set()
    held = set(Membership.objects.filter(person=person, is_active=True).values_list("role", flat=True))
    return held | {role.value for role, rows in _BY_WHAT_THEY_ARE.items() if rows(person).exists()}


def has_role(user: Viewer | None, *roles: str) -> bool:
    """Whether the person holds one of these roles anywhere, or exercises one in somebody's absence."""
    person, wanted = _person_id(user), {Role(role) for role in roles}
    if person is None:
        return False
    return (
        Membership.objects.filter(person=person, is_active=True, role__in=wanted).exists()
        or any(rows(person).exists() for role, rows in _BY_WHAT_THEY_ARE.items() if role in wanted)
        or (
            not wanted.isdisjoint(DELEGABLE_ROLES)
            and actors.active_delegations(clock.now()).filter(deputy=person, role__in=wanted).exists()
        )
    )


def staff_scope(user: Viewer | None, *roles: str) -> list[str]:
    """Region codes that the person is staff for: [] for none, ["440000"] for all. `roles` narrows which count."""
    person = _person_id(user)
    if person is None:
        return []
    counted = [Role(role).value for role in roles] or [role.value for role in STAFF_ROLES]
    codes = sorted(
        set(Membership.objects.filter(person=person, is_active=True, role__in=counted).values_list("region", flat=True))
        - {""}
    )
    return [regions.PROVINCE] if regions.PROVINCE in codes else codes


def staff_regions(user: User) -> list[str]:
    """The areas a login is staff for, asked without reading the person's own row (kernel.scope asks before that)."""
    if user.person_id is None:
        return []
    held = Membership.objects.filter(person_id=user.person_id, is_active=True, role__in=[r.value for r in STAFF_ROLES])
    return [code for code in held.values_list("region", flat=True) if code]


def in_scope(user: Viewer | None, region: str, *roles: str) -> bool:
    """Whether a region lies in the person's staff scope."""
    return any(regions.covers(code, region) for code in staff_scope(user, *roles))


def holds(person: Person, role: str, *, organisation: Organisation) -> bool:
    """Whether a person holds this role in this organisation."""
    return Membership.objects.filter(person=person, role=role, organisation=organisation, is_active=True).exists()


def may_staff(person: Person, organisation: Organisation | None, role: str) -> bool:
    """Whether this person may take people into this role of this organisation (an owner, their own staff)."""
    owner_roles = [owner for owner, staff in STAFFED_BY.items() if staff == role]
    return organisation is not None and any(holds(person, owner, organisation=organisation) for owner in owner_roles)


def organisations_of(user: Viewer | None, *roles: str) -> list[Organisation]:
    """Organisations in which the person holds one of these roles (any role where none is named)."""
    person = _person_id(user)
    if person is None:
        return []
    held = Membership.objects.filter(person=person, is_active=True, organisation__isnull=False)
    if roles:
        held = held.filter(role__in=[Role(role).value for role in roles])
    return list(Organisation.objects.filter(pk__in=held.values("organisation")).order_by("created_at", "name"))


def organisation_for(user: Viewer | None, uuid: UUID | str, *roles: str) -> Organisation:
    """One of `organisations_of`; `NotFound` otherwise."""
    found = next((o for o in organisations_of(user, *roles) if str(o.uuid) == str(uuid)), None)
    if found is None:
        raise NotFound
    return found


def staff_of(organisation: Organisation) -> QuerySet[Membership]:
    """Who works in an organisation, owners first."""
    return (
        Membership.objects.filter(organisation=organisation, is_active=True)
        .select_related("person")
        .order_by("-role", "created_at")
    )


def actor_of(user: Viewer | None, *, at: dt.datetime | None = None) -> Actor:
    """Who acts when this login decides something: the person, with roles and delegations of this moment."""
    person = _person_id(user)
    if person is None:
        raise Forbidden
    return actors.actor(person, at=at or clock.now())


def desk_roles(user: Viewer | None) -> frozenset[str]:
    """Roles that give somebody a desk; by another's absence too. Nothing is asked for who is not logged in."""
    person = _person_id(user)
    if person is None:
        return frozenset()
    desk = [role.value for role in DESK_ROLES]
    held = Membership.objects.filter(person=person, is_active=True, role__in=desk)
    taken = actors.active_delegations(clock.now()).filter(deputy=person)
    return frozenset(held.values_list("role", flat=True).union(taken.values_list("role", flat=True)))


def delegations_of(person: Person) -> QuerySet[Delegation]:
    """What a person gave and took on, the newest first."""
    return Delegation.objects.filter(Q(principal=person) | Q(deputy=person)).order_by("-created_at")


def delegation_for(person: Person | None, uuid: UUID | str) -> Delegation:
    """One of `delegations_of`; `NotFound` otherwise."""
    row = delegations_of(person).filter(uuid=uuid).first() if person else None
    if row is None:
        raise NotFound
    return row


def delegable_roles(person: Person) -> list[Membership]:
    """Roles that a person may hand to a deputy, with their areas."""
    rows = Membership.objects.filter(person=person, is_active=True, role__in=[r.value for r in DELEGABLE_ROLES])
    return list(rows.exclude(region="").order_by("role", "region"))


def deputies_for(person: Person) -> list[tuple[UUID, str]]:
    """Colleagues whom the person may name: desk people of the same areas or wider ones, with names."""
    areas = {one.region for one in delegable_roles(person)}
    rows = Membership.objects.filter(
        is_active=True, role__in=[r.value for r in DELEGABLE_ROLES], person__logins__is_active=True
    ).exclude(person=person)
    fit = {
        who
        for who, region in rows.values_list("person_id", "region")
        if region and any(regions.covers(region, area) for area in areas)
    }
    return sorted(actors.names(fit).items(), key=lambda one: one[1])


# -- households --------------------------------------------------------------------------------------------------------


def membership_of(person: Person) -> HouseholdMember | None:
    """The household that a person belongs to now."""
    return (
        HouseholdMember.objects.filter(person=person, left_on__isnull=True)
        .select_related("household", "person")
        .first()
    )


def members_of(household: Household) -> QuerySet[HouseholdMember]:
    """Who belongs to it now, the head first."""
    return (
        household.members.filter(left_on__isnull=True).select_related("person").order_by("-is_head", "joined_on", "pk")
    )


def head_of(household: Household) -> Person | None:
    """The head of a household."""
    member = household.members.filter(left_on__isnull=True, is_head=True).select_related("person").first()
    return member.person if member else None


def phone_of_head(household: UUID) -> str | None:
    """The first phone of the logins of a household's head, told without a look at the household or the person."""
    head = HouseholdMember.objects.filter(household=household, left_on__isnull=True, is_head=True).values("person")
    return (
        User.objects.filter(person__in=head, phone__isnull=False).order_by("pk").values_list("phone", flat=True).first()
    )


def meters_of(*, household: Household | None = None, organisation: Organisation | None = None) -> QuerySet[Meter]:
    """Meters bound now, in the order of kind and number."""
    return Meter.objects.filter(household=household, organisation=organisation, released_on__isnull=True).order_by(
        "kind", "number"
    )


def meters_of_participant(participant: Participant) -> list[Meter]:
    """Meters whose readings credit this participant."""
    if participant.household_id is None and participant.organisation_id is None:
        return []
    return list(meters_of(household=participant.household, organisation=participant.organisation))


def meter_for(person: Person | None, pk: int) -> Meter:
    """A bound meter of the person's household, or of a firm they own; `NotFound` otherwise."""
    row = (
        Meter.objects.filter(pk=pk, released_on__isnull=True)
        .filter(
            Q(household__members__person=person, household__members__left_on__isnull=True)
            | Q(
                organisation__memberships__person=person,
                organisation__memberships__role=Role.SME_OWNER,
                organisation__memberships__is_active=True,
            )
        )
        .select_related("household", "organisation")
        .first()
        if person
        else None
    )
    if row is None:
        raise NotFound
    return row


# -- invitations -------------------------------------------------------------------------------------------------------


def invitations_for(user: Viewer | None, *, at: dt.datetime) -> QuerySet[Invitation]:
    """Open invitations to the verified phone of this login."""
    if person_of(user) is None or not user.phone_verified:  # type: ignore[union-attr]
        return Invitation.objects.none()
    return _open(at).filter(phone=user.phone)  # type: ignore[union-attr]


def invitations_from(*, at: dt.datetime, **place: Any) -> QuerySet[Invitation]:
    """Open invitations into a household or organisation."""
    return _open(at).filter(**place)


def _open(at: dt.datetime) -> QuerySet[Invitation]:
    return (
        Invitation.objects.filter(answered_at__isnull=True, created_at__gte=at - dt.timedelta(days=INVITATION_DAYS))
        .select_related("household", "organisation", "invited_by")
        .order_by("-created_at")
    )


# -- consents ----------------------------------------------------------------------------------------------------------


def consents_of(person: Person) -> dict[str, Consent | None]:
    """The newest step per scene, every scene named; None where nothing was ever said."""
    newest: dict[str, Consent | None] = dict.fromkeys(ConsentScene.values)
    for row in Consent.objects.filter(person=person).order_by("scene", "-id").distinct("scene"):
        newest[row.scene] = row
    return newest


def has_consent(person: Person, scene: str) -> bool:
    """Whether intake of this scene is allowed now."""
    row = Consent.objects.filter(person=person, scene=scene).order_by("-id").first()
    return bool(row and row.granted)


def consent_history(person: Person) -> QuerySet[Consent]:
    """Every step, newest first."""
    return Consent.objects.filter(person=person).order_by("-id")


# -- messages ----------------------------------------------------------------------------------------------------------


def inbox_key(person: UUID) -> str:
    """What names a person's messages to `kernel.scope.admitting`, for the system that writes one."""
    return f"notices:{person}"


def notices_of(person: Person, *, before: int | None = None) -> tuple[list[Notification], int | None]:
    """A page of messages, the newest first, and before which one the next page begins; None where there is none."""
    rows = Notification.objects.filter(person=person.pk)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: NOTICES_PER_PAGE + 1])
    shown = found[:NOTICES_PER_PAGE]
    return shown, shown[-1].pk if len(found) > len(shown) else None


def unread_notices(user: Viewer | None) -> int:
    """How many messages a login has not read. Nothing is asked for who is not logged in."""
    if user is None or not user.is_authenticated or not user.is_active or user.person_id is None:
        return 0
    return Notification.objects.filter(person=user.person_id, read_at__isnull=True).count()

"""What the kernel asks about people when they decide: roles of a moment, who stands in for whom, names (R8)."""

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from carbon_portal.kernel import clock, scope
from carbon_portal.kernel.approvals import Actor, Delegated

from .constants import ROLE_NAMES_EN, Role
from .models import Delegation, Membership, Person

Held = tuple[str, str]


def actor(person: UUID, *, at: dt.datetime, lock: bool = False) -> Actor:
    """The person's roles with their areas, and those that they exercise in others' absence. Two or three queries.

    A role of today, and a delegation entered today or of a role of today, is `fresh`. With `lock` roles and
    delegations stay as read until the transaction ends: whoever takes one away waits, or was first.
    """
    today = clock.local_date(at)
    roles = _held([person], at, lock=lock).get(person, {})
    taken = list(active_delegations(at, lock=lock).filter(deputy_id=person).order_by("created_at"))
    theirs = _held({one.principal_id for one in taken}, at, lock=lock) if taken else {}
    deputising, fresh = [], {held for held, since in roles.items() if since >= today}
    new: set[Delegated] = set()
    for one in taken:
        since = theirs.get(one.principal_id, {}).get((one.role, one.region))
        if since is None:
            continue  # the principal holds it no more, so nobody does in their stead
        made = Delegated(one.role, one.region, one.principal_id)
        deputising.append(made)
        if max(since, clock.local_date(one.created_at)) >= today:
            new.add(made)
    return Actor(person, frozenset(roles), tuple(deputising), frozenset(fresh | new))


def _held(people: Iterable[UUID], at: dt.datetime, *, lock: bool) -> dict[UUID, dict[Held, dt.date]]:
    """Role and area by person, with the day since which it is held."""
    rows = Membership.objects.filter(person__in=list(people), is_active=True, created_at__lte=at)
    if lock:
        rows = rows.select_for_update(no_key=True, of=("self",)).order_by("pk")
    found: dict[UUID, dict[Held, dt.date]] = {}
    for person, role, region, area, since in rows.values_list(
        "person_id", "role", "region", "organisation__region", "created_at"
    ):
        place = region or area
        if place:
            mine = found.setdefault(person, {})
            day = clock.local_date(since)
            mine[role, place] = min(day, mine.get((role, place), day))
    return found


def active_delegations(at: dt.datetime, *, lock: bool = False) -> QuerySet[Delegation]:
    """Delegations in force at a moment."""
    day = clock.local_date(at)
    rows = Delegation.objects.filter(starts_on__lte=day, ends_on__gte=day, created_at__lte=at).filter(
        Q(ended_at__isnull=True) | Q(ended_at__gt=at)
    )
    return rows.select_for_update(no_key=True) if lock else rows


def linked(person: UUID, *, since: dt.datetime, at: dt.datetime) -> frozenset[UUID]:
    """Who deputised for the person, or the person for them, on any day between the two moments."""
    rows = (
        Delegation.objects.filter(Q(principal_id=person) | Q(deputy_id=person))
        .filter(starts_on__lte=clock.local_date(at), ends_on__gte=clock.local_date(since), created_at__lte=at)
        .filter(Q(ended_at__isnull=True) | Q(ended_at__gt=since))
        .values_list("principal_id", "deputy_id")
    )
    return frozenset(one for pair in rows for one in pair) - {person}


def names(people: Iterable[UUID]) -> dict[UUID, str]:
    """How people are called, for a sentence that is shown to staff: named rows alone are admitted."""
    wanted = set(people)
    if not wanted:
        return {}
    with scope.admitting(*wanted):
        return dict(Person.objects.filter(pk__in=wanted).values_list("pk", "name"))


def role_name(role: str, *, english: bool = False) -> str:
    """How a role is called in a sentence."""
    known = Role(role)
    return ROLE_NAMES_EN[known] if english else str(known.label)

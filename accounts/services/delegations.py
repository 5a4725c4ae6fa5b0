"""Standing in for a colleague who is away (代办): given by whoever holds the role, for days, and ended by either."""

import datetime as dt

from django.db import IntegrityError, transaction

from accounts import selectors
from accounts.constants import DELEGABLE_ROLES, DELEGATION_DAYS_LIMIT, Role
from accounts.errors import (
    DelegationDaysInvalid,
    DelegationOverlaps,
    DeputyUnsuitable,
    NoDelegableRole,
    ReasonMissing,
)
from accounts.models import Delegation, Membership, Person
from carbon_portal.kernel import clock
from carbon_portal.kernel.audit import record_event
from carbon_portal.kernel.errors import NotFound


@transaction.atomic
def delegate_role(
    *,
    principal: Person,
    deputy: Person,
    role: str,
    region: str,
    starts_on: dt.date,
    ends_on: dt.date,
    reason: str,
    at: dt.datetime,
) -> Delegation:
    """Let a colleague act in one's role while away, both days included. One's own role only: what one exercises in
    somebody else's stead is not passed on. A decider's counts from tomorrow (kernel.approvals)."""
    known = Role(role)
    held = Membership.objects.select_for_update().filter(person=principal, role=known, region=region, is_active=True)
    if known not in DELEGABLE_ROLES or not held.exists():
        raise NoDelegableRole
    today = clock.local_date(at)
    if not today <= starts_on <= ends_on or (ends_on - starts_on).days >= DELEGATION_DAYS_LIMIT:
        raise DelegationDaysInvalid(limit=DELEGATION_DAYS_LIMIT)
    why = " ".join(reason.split())[:200]
    if not why:
        raise ReasonMissing
    if deputy.pk not in {one for one, _name in selectors.deputies_for(principal)}:
        raise DeputyUnsuitable
    try:
        with transaction.atomic():
            made = Delegation.objects.create(
                principal=principal,
                deputy=deputy,
                role=known,
                region=region,
                starts_on=starts_on,
                ends_on=ends_on,
                reason=why,
                created_at=at,
            )
    except IntegrityError as error:  # the exclusion constraint: a twin, or another deputy on one of these days
        raise DelegationOverlaps from error
    record_event(
        verb="delegation.given",
        target=f"delegation:{made.uuid}",
        actor=principal.pk,
        region=region,
        data={
            "role": known.value,
            "deputy": str(deputy.pk),
            "starts_on": starts_on.isoformat(),
            "ends_on": ends_on.isoformat(),
            "reason": why,
        },
    )
    return made


@transaction.atomic
def end_delegation(*, delegation: Delegation, actor: Person, at: dt.datetime) -> Delegation:
    """Either of the two ends it, at once; an ended one stays as it is."""
    if actor.pk not in (delegation.principal_id, delegation.deputy_id):
        raise NotFound
    if Delegation.objects.filter(pk=delegation.pk, ended_at__isnull=True).update(ended_at=at, ended_by=actor.pk):
        record_event(
            verb="delegation.ended",
            target=f"delegation:{delegation.pk}",
            actor=actor.pk,
            region=delegation.region,
            data={"role": delegation.role},
        )
    delegation.refresh_from_db()
    return delegation

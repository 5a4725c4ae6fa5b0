"""Firms, shops, sponsors, authorities, and the roles people hold."""

import datetime as dt
from typing import Any

from django.db import transaction

from accounts import credit_code as credit_codes
from accounts import selectors
from accounts.constants import (
    DEPARTMENT_ROLES,
    ORGANISATION_ROLES,
    REGION_ROLES,
    OrganisationKind,
    ParticipantKind,
    Role,
)
from accounts.errors import OrganisationExists, RoleScopeInvalid
from accounts.models import Membership, Organisation, Participant, Person
from carbon_portal.kernel.audit import record_event
from carbon_portal.kernel.errors import Forbidden

from ._shared import clean_name, insert_or_get, region_code
from .people import open_participant


@transaction.atomic
def register_organisation(
    *, kind: str, name: str, credit_code: str, region: str, at: dt.datetime, actor: Person | None = None
) -> Organisation:
    """A firm, shop, sponsor or authority. The credit code is the key; authorities and sponsors may lack one."""
    cleaned, area = clean_name(name, limit=120), region_code(region, province=kind == OrganisationKind.AUTHORITY)
    optional = kind in {OrganisationKind.AUTHORITY, OrganisationKind.SPONSOR}
    code = None if optional and not credit_code.strip() else credit_codes.parse(credit_code)
    key: dict[str, Any] = {"credit_code": code} if code else {"kind": kind, "name": cleaned, "region": area}
    found = Organisation.objects.filter(**key).first()
    if found is None:
        found = insert_or_get(
            lambda: Organisation.objects.create(kind=kind, name=cleaned, credit_code=code, region=area, created_at=at),
            lambda: Organisation.objects.get(**key),
        )
        record_event(
            verb="organisation.registered",
            target=f"organisation:{found.uuid}",
            actor=actor.uuid if actor else None,
            region=area,
            data={"kind": str(kind)},
        )
    if (found.kind, found.name) != (kind, cleaned):
        raise OrganisationExists(credit_code=code)
    return found


@transaction.atomic
def register_sme(*, owner: Person, name: str, credit_code: str, region: str, at: dt.datetime) -> Participant:
    """A small firm with its owner and its account. A second person can't claim a firm that has an owner."""
    organisation = register_organisation(
        kind=OrganisationKind.SME, name=name, credit_code=credit_code, region=region, at=at, actor=owner
    )
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    owners = Membership.objects.filter(organisation=organisation, role=Role.SME_OWNER, is_active=True)
    if owners.exclude(person=owner).exists():
        raise OrganisationExists(credit_code=organisation.credit_code)
    grant_role(person=owner, role=Role.SME_OWNER, organisation=organisation, at=at, actor=owner)
    return open_participant(kind=ParticipantKind.SME, organisation=organisation, region=organisation.region, at=at)


@transaction.atomic
def grant_role(
    *,
    person: Person,
    role: str,
    organisation: Organisation | None = None,
    region: str = "",
    at: dt.datetime,
    actor: Person | None = None,
) -> Membership:
    """Give a role in its scope: a region for staff and advisers, an organisation for firms, shops and sponsors, and
    both for a department of the government."""
    known = Role(role)
    if known in ORGANISATION_ROLES | DEPARTMENT_ROLES and organisation is None:
        raise RoleScopeInvalid(role=known.label, role_en=known.value, scope="所属单位", scope_en="an organisation")
    if known in REGION_ROLES and not region:
        raise RoleScopeInvalid(role=known.label, role_en=known.value, scope="地区", scope_en="a region")
    if known not in ORGANISATION_ROLES | REGION_ROLES:
        raise RoleScopeInvalid(
            role=known.label, role_en=known.value, scope="本人的账户", scope_en="the person's own account"
        )
    scope: dict[str, Any] = {
        "organisation": organisation,
        "region": region_code(region, province=True) if region else "",
    }
    found = Membership.objects.filter(person=person, role=known, is_active=True, **scope).first()
    if found:
        return found
    made = insert_or_get(
        lambda: Membership.objects.create(person=person, role=known, created_at=at, **scope),
        lambda: Membership.objects.get(person=person, role=known, is_active=True, **scope),
    )
    record_event(
        verb="role.granted",
        target=f"person:{person.uuid}",
        actor=actor.uuid if actor else None,
        region=region or (organisation.region if organisation else ""),
        data={"role": known.value, "organisation": str(organisation.uuid) if organisation else ""},
    )
    return made


@transaction.atomic
def revoke_role(*, membership: Membership, actor: Person | None = None) -> None:
    """End a role. An owner ends the roles of their own staff; without an actor the system does it."""
    if actor is not None and not selectors.may_staff(actor, membership.organisation, membership.role):
        raise Forbidden
    if Membership.objects.filter(pk=membership.pk, is_active=True).update(is_active=False):
        record_event(
            verb="role.revoked",
            target=f"person:{membership.person_id}",
            actor=actor.uuid if actor else None,
            region=membership.region,
            data={"role": membership.role, "organisation": str(membership.organisation_id or "")},
        )

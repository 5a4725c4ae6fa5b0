"""Whole groups of people, families and firms at once, set by set: the same rows, constraints and audit as one by one.

Each takes a business key (phone, head, credit code) and leaves alone who is there already, so that running it again
changes nothing.
"""

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from accounts import credit_code as credit_codes
from accounts import phones
from accounts.constants import TERMS_VERSION, MeterKind, OrganisationKind, ParticipantKind, Role
from accounts.errors import AlreadyInHousehold, MeterNumberInvalid, OrganisationExists
from accounts.models import (
    Household,
    HouseholdMember,
    Membership,
    Meter,
    Organisation,
    Participant,
    Person,
    TermsAcceptance,
    User,
)
from carbon_portal.kernel import clock
from carbon_portal.kernel.audit import Event, record_events

from ._shared import clean_name, region_code
from .meters import meter_number
from .people import accept_terms, new_public_id, register_resident


@dataclass(frozen=True, slots=True)
class NewResident:
    """Somebody whose phone the caller has verified and who has accepted the present terms."""

    phone: str
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class NewFamily:
    """A family with its first member and its supply accounts by kind of meter."""

    head: Person
    name: str
    region: str
    meters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewFirm:
    """A small firm with its owner."""

    owner: Person
    name: str
    credit_code: str
    region: str


@transaction.atomic
def register_residents(*, residents: Sequence[NewResident], at: dt.datetime) -> list[Participant]:
    """The residents' accounts in the order asked for, made where a phone has none."""
    numbers = [phones.normalise(one.phone) for one in residents]
    for phone in User.objects.filter(phone__in=numbers, person__isnull=True).values_list("phone", flat=True):
        one = residents[numbers.index(str(phone))]  # a login that was opened and left: rare, so one by one
        user = register_resident(phone=one.phone, region=one.region, name=one.name, at=at)
        assert user.person is not None
        accept_terms(person=user.person, at=at)
    known = _participants_by_phone(numbers)
    missing = {number: one for number, one in zip(numbers, residents, strict=True) if number not in known}
    people = {
        number: Person(name=clean_name(one.name, optional=True), region=region_code(one.region), created_at=at)
        for number, one in missing.items()
    }
    Person.objects.bulk_create(people.values())
    users = [_login(number, person) for number, person in people.items()]
    User.objects.bulk_create(users)
    made = [_account(ParticipantKind.RESIDENT, person.region, at, person=person) for person in people.values()]
    Participant.objects.bulk_create(made)
    TermsAcceptance.objects.bulk_create(
        [TermsAcceptance(person=person, version=TERMS_VERSION, at=at) for person in people.values()]
    )
    events: list[Event] = []
    for user, account in zip(users, made, strict=True):
        person = account.person
        assert person is not None
        subject = f"person:{person.uuid}"
        events += [
            Event("login.phone_verified", f"user:{user.pk}"),
            Event("person.registered", subject, person.uuid, person.region, {"by": "phone"}),
            _opened(account, person),
            Event("terms.accepted", subject, person.uuid, "", {"version": TERMS_VERSION}),
        ]
    record_events(events)
    found = known | dict(zip(people, made, strict=True))
    return [found[number] for number in numbers]


@transaction.atomic
def create_households(*, families: Sequence[NewFamily], at: dt.datetime) -> list[Participant]:
    """The families' accounts in the order asked for; a head who already has this family keeps it, meters included.

    Errors: AlreadyInHousehold for anybody who lives in another one.
    """
    known = _households_of(families)
    missing = [one for one in families if one.head.pk not in known]
    homes = [Household(name=clean_name(one.name), region=region_code(one.region), created_at=at) for one in missing]
    Household.objects.bulk_create(homes)
    day = clock.local_date(at)
    pairs = list(zip(missing, homes, strict=True))
    HouseholdMember.objects.bulk_create(
        [HouseholdMember(household=home, person=one.head, is_head=True, joined_on=day) for one, home in pairs]
    )
    made = [_account(ParticipantKind.HOUSEHOLD, home.region, at, household=home) for home in homes]
    Participant.objects.bulk_create(made)
    meters = Meter.objects.bulk_create(
        [
            Meter(kind=_kind(kind), number=meter_number(text), household=home, region=home.region, bound_on=day)
            for one, home in pairs
            for kind, text in one.meters.items()
        ]
    )
    events = [_opened(account) for account in made]
    events += [Event("household.created", f"household:{home.uuid}", one.head.uuid, home.region) for one, home in pairs]
    events += [
        Event("meter.bound", f"meter:{meter.pk}", None, meter.region, {"kind": str(meter.kind)}) for meter in meters
    ]
    record_events(events)
    found = known | {one.head.pk: account for one, account in zip(missing, made, strict=True)}
    return [found[one.head.pk] for one in families]


@transaction.atomic
def register_smes(*, firms: Sequence[NewFirm], at: dt.datetime) -> list[Participant]:
    """The firms' accounts in the order asked for. Errors: OrganisationExists where a code belongs to somebody else."""
    codes = [credit_codes.parse(one.credit_code) for one in firms]
    known = _firms_by_code(dict(zip(codes, firms, strict=True)))
    missing = {code: one for code, one in zip(codes, firms, strict=True) if code not in known}
    places = [
        Organisation(
            kind=OrganisationKind.SME,
            name=clean_name(one.name, limit=120),
            credit_code=code,
            region=region_code(one.region),
            created_at=at,
        )
        for code, one in missing.items()
    ]
    Organisation.objects.bulk_create(places)
    pairs = list(zip(missing.values(), places, strict=True))
    Membership.objects.bulk_create(
        [Membership(person=one.owner, role=Role.SME_OWNER, organisation=place, created_at=at) for one, place in pairs]
    )
    made = [_account(ParticipantKind.SME, place.region, at, organisation=place) for place in places]
    Participant.objects.bulk_create(made)
    events: list[Event] = []
    for (one, place), account in zip(pairs, made, strict=True):
        who, scope = one.owner.uuid, str(place.uuid)
        events += [
            Event("organisation.registered", f"organisation:{scope}", who, place.region, {"kind": str(place.kind)}),
            Event(
                "role.granted",
                f"person:{who}",
                who,
                place.region,
                {"role": Role.SME_OWNER.value, "organisation": scope},
            ),
            _opened(account),
        ]
    record_events(events)
    found = known | dict(zip(missing, made, strict=True))
    return [found[code] for code in codes]


# -- what is there -----------------------------------------------------------------------------------------------------


def _participants_by_phone(numbers: Sequence[str]) -> dict[str, Participant]:
    rows = Participant.objects.filter(person__logins__phone__in=numbers).select_related("person").distinct()
    by_person = {row.person_id: row for row in rows}
    logins = User.objects.filter(phone__in=numbers, person__isnull=False).values_list("phone", "person_id")
    return {str(phone): by_person[person] for phone, person in logins}


def _households_of(families: Sequence[NewFamily]) -> dict[Any, Participant]:
    names = {one.head.pk: clean_name(one.name) for one in families}
    current = HouseholdMember.objects.filter(person__in=names, left_on__isnull=True).select_related(
        "household__participant"
    )
    for member in current:
        if not member.is_head or member.household.name != names[member.person_id]:
            raise AlreadyInHousehold(who="户主", who_en="The head")
    return {member.person_id: member.household.participant for member in current}


def _firms_by_code(firms: Mapping[str, NewFirm]) -> dict[str, Participant]:
    owned = Membership.objects.filter(
        organisation__credit_code__in=firms, role=Role.SME_OWNER, is_active=True
    ).select_related("organisation__participant")
    found = {str(row.organisation.credit_code): row for row in owned if row.organisation}
    for place in Organisation.objects.filter(credit_code__in=firms):
        code = str(place.credit_code)
        owner = found.get(code)
        if (
            owner is None
            or owner.person_id != firms[code].owner.pk
            or place.name != clean_name(firms[code].name, limit=120)
        ):
            raise OrganisationExists(credit_code=code)
    return {code: row.organisation.participant for code, row in found.items() if row.organisation}


# -- rows --------------------------------------------------------------------------------------------------------------


def _login(number: str, person: Person) -> User:
    user = User(username=f"p-{secrets.token_hex(8)}", phone=number, phone_verified=True, person=person)
    user.set_unusable_password()
    return user


def _account(kind: ParticipantKind, region: str, at: dt.datetime, **subject: Any) -> Participant:
    return Participant(kind=kind, region=region, public_id=new_public_id(kind), created_at=at, **subject)


def _opened(account: Participant, person: Person | None = None) -> Event:
    return Event(
        "participant.opened",
        f"participant:{account.uuid}",
        person.uuid if person else None,
        account.region,
        {"kind": str(account.kind)},
    )


def _kind(kind: str) -> str:
    if kind not in MeterKind.values:
        raise MeterNumberInvalid(reason="请选择电表、水表或气表。", reason_en="Choose electricity, water or gas.")
    return kind

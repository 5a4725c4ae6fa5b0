"""People, their logins, their consents, and the accounts of participants."""

import datetime as dt
import secrets
from typing import Any

from django.db import IntegrityError, transaction

from accounts import phones, real_name
from accounts.constants import CONSENT_TEXT_VERSION, TERMS_VERSION, ConsentScene, ParticipantKind
from accounts.errors import AlreadyOnePerson, UnknownScene, UsernameTaken
from accounts.models import Consent, Household, Organisation, Participant, Person, TermsAcceptance, User
from carbon_portal.kernel import scope
from carbon_portal.kernel.audit import record_event
from carbon_portal.kernel.errors import Forbidden

from ._shared import clean_name, insert_or_get, region_code

# Without I, L, O, U: read aloud and typed without mistakes.
_ID_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_PREFIX = {
    ParticipantKind.RESIDENT: "R",
    ParticipantKind.HOUSEHOLD: "H",
    ParticipantKind.SME: "E",
    ParticipantKind.GROUP: "G",
}


@transaction.atomic
def open_login(*, phone: str) -> User:
    """The login of this phone number, made when there is none. It is no account yet and its phone is unverified."""
    number = phones.normalise(phone)
    made = User(username=f"p-{secrets.token_hex(8)}", phone=number)
    made.set_unusable_password()
    # Known or not, the same statements run, so that their time tells nothing (T37).
    User.objects.bulk_create([made], ignore_conflicts=True)
    return User.objects.get(phone=number)


@transaction.atomic
def verify_phone(*, user: User, phone: str) -> None:
    """The person has shown that they read messages at this number."""
    if user.phone == phone and user.phone_verified:
        return
    User.objects.filter(pk=user.pk).update(phone=phone, phone_verified=True)
    user.phone, user.phone_verified = phone, True
    record_event(verb="login.phone_verified", target=f"user:{user.pk}", actor=user.person_id)


@transaction.atomic
def open_account(
    *, user: User, region: str, name: str = "", at: dt.datetime, terms_accepted: bool = False
) -> Participant:
    """A resident's personal carbon account for a verified login: person and participant. Once per login.

    `terms_accepted`: the person accepted the present terms on the same form.
    """
    locked = User.objects.select_for_update().get(pk=user.pk)
    person = locked.person
    if person is None:
        if not locked.phone_verified:
            raise Forbidden
        area = region_code(region)
        person = _create_person(name=clean_name(name, optional=True), region=area, at=at)
        locked.person = person
        locked.save(update_fields=["person"])
        record_event(
            verb="person.registered",
            target=f"person:{person.uuid}",
            actor=person.uuid,
            region=area,
            data={"by": "phone"},
        )
    user.person = person
    if terms_accepted:
        accept_terms(person=person, at=at)
    return open_participant(kind=ParticipantKind.RESIDENT, person=person, region=person.region, at=at)


@transaction.atomic
def register_resident(*, phone: str, region: str, name: str = "", at: dt.datetime) -> User:
    """A resident by phone, verified by the caller: login, person, personal account; the same at each call."""
    user = open_login(phone=phone)
    verify_phone(user=user, phone=phones.normalise(phone))
    open_account(user=user, region=region, name=name, at=at)
    return user


@transaction.atomic
def register_staff(
    *, username: str, password: str | None, name: str, region: str, phone: str = "", at: dt.datetime
) -> User:
    """A login by user name and password, for staff and cashiers. A known user name of the same person is returned.

    Without a password nobody can log in until one is set.
    """
    number = phones.normalise(phone) if phone else None
    user = User.objects.filter(username=username).select_related("person").first()
    if user is None:
        person = _create_person(name=clean_name(name), region=region_code(region, province=True), at=at)
        try:
            with transaction.atomic():
                user = User.objects.create_user(
                    username=username, password=password, person=person, phone=number, phone_verified=bool(number)
                )
        except IntegrityError as error:
            raise UsernameTaken(username=username) from error
        record_event(
            verb="person.registered", target=f"person:{person.uuid}", region=person.region, data={"by": "staff"}
        )
    if user.person is None or user.person.name != name:
        raise UsernameTaken(username=username)
    return user


def _create_person(*, name: str, region: str, at: dt.datetime) -> Person:
    """A new person is nobody's to see yet, so the row is written by its own key."""
    person = Person(name=name, region=region, created_at=at)
    with scope.admitting(person.uuid):
        person.save(force_insert=True)
    return person


@transaction.atomic
def rename_person(*, person: Person, name: str) -> Person:
    """The name that a person wants to be shown by."""
    cleaned = clean_name(name)
    if person.name != cleaned:
        Person.objects.filter(pk=person.pk).update(name=cleaned)
        person.name = cleaned
        record_event(verb="person.renamed", target=f"person:{person.uuid}", actor=person.uuid, region=person.region)
    return person


@transaction.atomic
def confirm_identity(*, person: Person, identity_number: str) -> Person:
    """Bind a natural person: the keyed hash of the identity number, unique in the province (T6)."""
    digest = real_name.reference_hash(identity_number)
    if person.real_name_hash == digest:
        return person
    try:
        with transaction.atomic():
            changed = Person.objects.filter(pk=person.pk, real_name_hash__isnull=True).update(real_name_hash=digest)
    except IntegrityError as error:
        raise AlreadyOnePerson from error
    if not changed:
        raise AlreadyOnePerson
    person.real_name_hash = digest
    record_event(
        verb="person.identity_confirmed", target=f"person:{person.uuid}", actor=person.uuid, region=person.region
    )
    return person


@transaction.atomic
def accept_terms(*, person: Person, at: dt.datetime, version: str = TERMS_VERSION) -> TermsAcceptance:
    """Remember which version of the terms was accepted, and when first."""
    row = TermsAcceptance.objects.filter(person=person, version=version).first()
    if row is None:
        row = insert_or_get(
            lambda: TermsAcceptance.objects.create(person=person, version=version, at=at),
            lambda: TermsAcceptance.objects.get(person=person, version=version),
        )
        record_event(
            verb="terms.accepted", target=f"person:{person.uuid}", actor=person.uuid, data={"version": version}
        )
    return row


@transaction.atomic
def set_consent(*, person: Person, scene: str, granted: bool, at: dt.datetime) -> Consent | None:
    """Grant or withdraw one data scene. Each change is a new row; asking for what already holds writes nothing.

    Returns the newest row; None where nothing was ever granted and nothing is.
    """
    if scene not in ConsentScene.values:
        raise UnknownScene
    Person.objects.select_for_update().get(pk=person.pk)  # one change of one person at a time
    newest = Consent.objects.filter(person=person, scene=scene).order_by("-id").first()
    if (newest.granted if newest else False) == granted:
        return newest
    row = Consent.objects.create(person=person, scene=scene, granted=granted, text_version=CONSENT_TEXT_VERSION, at=at)
    record_event(
        verb="consent.granted" if granted else "consent.withdrawn",
        target=f"person:{person.uuid}",
        actor=person.uuid,
        region=person.region,
        data={"scene": scene, "text_version": CONSENT_TEXT_VERSION},
    )
    return row


@transaction.atomic
def open_participant(
    *,
    kind: str,
    region: str,
    person: Person | None = None,
    household: Household | None = None,
    organisation: Organisation | None = None,
    at: dt.datetime,
) -> Participant:
    """The account of one subject, opened at the first call."""
    subject: dict[str, Any] = {"person": person, "household": household, "organisation": organisation}
    key = {name: value for name, value in subject.items() if value is not None}
    found = Participant.objects.filter(**key).first()
    if found:
        return found
    public_id = new_public_id(kind)
    made = insert_or_get(
        lambda: Participant.objects.create(kind=kind, region=region, public_id=public_id, created_at=at, **subject),
        lambda: Participant.objects.get(**key),
    )
    record_event(
        verb="participant.opened",
        target=f"participant:{made.uuid}",
        actor=person.uuid if person else None,
        region=region,
        data={"kind": str(kind)},
    )
    return made


def new_public_id(kind: str) -> str:
    """The number by which other systems know an account: a letter for its kind and eleven drawn characters."""
    return _ID_PREFIX[ParticipantKind(kind)] + "".join(secrets.choice(_ID_ALPHABET) for _ in range(11))

"""Groups enrolled at once leave the rows and the audit that one by one would have left."""

from collections import Counter

import pytest
from django.db import IntegrityError, transaction

from accounts import credit_code, services
from accounts.errors import AlreadyInHousehold, MeterNumberInvalid, OrganisationExists, PhoneInvalid, RegionInvalid
from accounts.models import Household, HouseholdMember, Membership, Meter, Organisation, Participant, Person, User
from accounts.services import NewFamily, NewFirm, NewResident
from carbon_portal.kernel.models import AuditEvent
from tests.accounts.test_services import AT, GUANGZHOU

pytestmark = pytest.mark.django_db
METERS = {"electricity": "030000000001", "water": "0400 0000-0001"}


def residents(*numbers):
    return [NewResident(phone=f"1390002{n:04d}", region="440106", name=f"居民{n}") for n in numbers]


def told():
    return Counter(AuditEvent.objects.values_list("verb", "region"))


def shape(model, *fields):
    return sorted(map(str, model.objects.values_list(*fields)))


def one_by_one():
    user = services.register_resident(phone="139 0002 0001", region="440106", name="居民1", at=AT)
    services.accept_terms(person=user.person, at=AT)
    home = services.create_household(head=user.person, name="一家", region=GUANGZHOU, at=AT)
    for kind, number in METERS.items():
        services.bind_meter(kind=kind, number=number, region=GUANGZHOU, household=home, at=AT)
    services.register_sme(owner=user.person, name="小店", credit_code=valid_code(), region=GUANGZHOU, at=AT)


def at_once():
    (account,) = services.register_residents(residents=residents(1), at=AT)
    services.create_households(families=[NewFamily(account.person, "一家", GUANGZHOU, METERS)], at=AT)
    services.register_smes(firms=[NewFirm(account.person, "小店", valid_code(), GUANGZHOU)], at=AT)


def valid_code():
    subject = "MA000001"
    first = f"91440101{subject}{credit_code.subject_check_character(subject)}"
    return first + credit_code.check_character(first)


def world():
    return {
        "people": shape(Person, "name", "region", "created_at"),
        "logins": shape(User, "phone", "phone_verified", "person__name", "is_active"),
        "accounts": shape(Participant, "kind", "region", "is_active", "created_at", "household__name"),
        "members": shape(HouseholdMember, "household__name", "person__name", "is_head", "joined_on", "left_on"),
        "meters": shape(Meter, "kind", "number", "household__name", "region", "bound_on"),
        "firms": shape(Organisation, "kind", "name", "credit_code", "region"),
        "roles": shape(Membership, "person__name", "role", "organisation__name", "region", "is_active"),
        "terms": shape(Person, "name", "terms__version", "terms__at"),
        "audit": told(),
    }


def test_at_once_leaves_what_one_by_one_leaves():
    with transaction.atomic():
        one_by_one()
        expected = world()
        transaction.set_rollback(True)
    at_once()
    assert world() == expected
    assert not User.objects.get().has_usable_password()


def test_running_it_again_changes_nothing():
    at_once()
    before = world()
    at_once()
    assert world() == before


def test_those_who_are_there_keep_their_place_and_the_order_is_kept():
    first = services.register_residents(residents=residents(3), at=AT)[0]
    services.open_login(phone="13900020004")  # opened and left
    found = services.register_residents(residents=residents(5, 3, 4, 5), at=AT)
    assert found[1] == first
    assert found[0] == found[3]
    assert [one.person.name for one in found] == ["居民5", "居民3", "居民4", "居民5"]
    assert Participant.objects.count() == 3
    assert all(one.public_id.startswith("R") for one in found)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (NewResident("12345", GUANGZHOU, "李"), PhoneInvalid),
        (NewResident("13900020009", "440000", "李"), RegionInvalid),
    ],
)
def test_one_wrong_resident_and_nobody_is_registered(wrong, error):
    with pytest.raises(error), transaction.atomic():
        services.register_residents(residents=[*residents(1, 2), wrong], at=AT)
    assert not Person.objects.exists()


def test_a_person_lives_in_one_family_and_a_meter_belongs_to_one():
    a, b = (one.person for one in services.register_residents(residents=residents(1, 2), at=AT))
    services.create_households(families=[NewFamily(a, "一家", GUANGZHOU, METERS)], at=AT)
    with pytest.raises(AlreadyInHousehold), transaction.atomic():
        services.create_households(families=[NewFamily(a, "另一家", GUANGZHOU)], at=AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        services.create_households(families=[NewFamily(b, "二家", GUANGZHOU, METERS)], at=AT)
    with pytest.raises(MeterNumberInvalid), transaction.atomic():
        services.create_households(families=[NewFamily(b, "二家", GUANGZHOU, {"steam": "030000000009"})], at=AT)
    assert Household.objects.count() == 1


def test_a_firm_of_somebody_else_is_refused():
    a, b = (one.person for one in services.register_residents(residents=residents(1, 2), at=AT))
    services.register_smes(firms=[NewFirm(a, "小店", valid_code(), GUANGZHOU)], at=AT)
    for other in (NewFirm(b, "小店", valid_code(), GUANGZHOU), NewFirm(a, "大店", valid_code(), GUANGZHOU)):
        with pytest.raises(OrganisationExists), transaction.atomic():
            services.register_smes(firms=[other], at=AT)
    assert Organisation.objects.count() == 1

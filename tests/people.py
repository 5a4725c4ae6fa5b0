"""A small cast, built through the services: the same people in every test, and as in the demo.

``cast = build_cast()`` inside a test with a database. None of them is a real person.
"""

import datetime as dt
import functools
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password

from accounts import credit_code, services
from accounts.constants import DEPARTMENT_ROLES, MeterKind, OrganisationKind, Role
from accounts.models import Household, Meter, Organisation, Participant, Person, User

GUANGZHOU, ZHONGSHAN, PROVINCE = "440100", "442000", "440000"
#: Early enough that every record of a test lies after it.
OPENED_AT = dt.datetime(2025, 1, 6, 9, 0, tzinfo=dt.UTC)
STAFF_PASSWORD = "kapok-blossom-in-march"

ALICE_PHONE, BOB_PHONE, CAROL_PHONE = "+8613800138000", "+8613900139001", "+8613700137002"
OWNER_PHONE, SHOP_PHONE, CASHIER_PHONE = "+8613600136003", "+8613500135004", "+8613400134005"
ALICE_METER = "0300123456789"


def make_credit_code(number: int, *, area: str = GUANGZHOU) -> str:
    """A credit code with right check characters (GB 32100) for a firm that does not exist."""
    subject = f"MA{number:06d}"
    subject += credit_code.subject_check_character(subject)
    first = f"91{area}{subject}"
    return first + credit_code.check_character(first)


@dataclass(frozen=True)
class Cast:
    """Logins by name; the things they belong to. A login's person is `cast.alice.person`."""

    alice: User
    bob: User
    carol: User
    sme_owner: User
    merchant_owner: User
    cashier: User
    city_officer: User
    city_approver: User
    province_officer: User
    province_approver: User
    auditor: User
    household: Household
    meter: Meter
    sme: Participant
    merchant: Organisation

    @property
    def alice_account(self) -> Participant:
        return personal_account(self.alice)

    @property
    def bob_account(self) -> Participant:
        return personal_account(self.bob)

    @property
    def carol_account(self) -> Participant:
        return personal_account(self.carol)

    @property
    def household_account(self) -> Participant:
        return self.household.participant


def person_of(user: User) -> Person:
    assert user.person is not None
    return user.person


def personal_account(user: User) -> Participant:
    return person_of(user).participant


@functools.cache
def _encoded_password() -> str:
    """argon2 is slow by design: once per run is enough."""
    return make_password(STAFF_PASSWORD)


def resident(phone: str, *, region: str = GUANGZHOU, name: str = "", at: dt.datetime = OPENED_AT) -> User:
    """A resident with an open account who accepted the terms."""
    user = services.register_resident(phone=phone, region=region, name=name, at=at)
    services.accept_terms(person=person_of(user), at=at)
    return user


def staff(username: str, role: Role, *, name: str, region: str, at: dt.datetime = OPENED_AT) -> User:
    """A staff login with its role in a region."""
    user = services.register_staff(username=username, password=None, name=name, region=region, at=at)
    User.objects.filter(pk=user.pk, password__startswith="!").update(password=_encoded_password())
    user.refresh_from_db()
    services.grant_role(person=person_of(user), role=role, region=region, at=at)
    return user


def adviser(role: Role, *, number: int = 1, region: str = PROVINCE, at: dt.datetime = OPENED_AT) -> User:
    """An expert, a department's clerk, a researcher or a verifier; `number` tells several of one role apart."""
    code = f"{role.value}-{number}"
    user = services.register_staff(username=code, password=None, name=f"{role.label}{number}", region=region, at=at)
    User.objects.filter(pk=user.pk, password__startswith="!").update(password=_encoded_password())
    user.refresh_from_db()
    department = None
    if role in DEPARTMENT_ROLES:
        department = services.register_organisation(
            kind=OrganisationKind.AUTHORITY, name=f"第{number}部门", credit_code="", region=region, at=at
        )
    services.grant_role(person=person_of(user), role=role, organisation=department, region=region, at=at)
    return user


def build_cast(*, at: dt.datetime = OPENED_AT) -> Cast:
    """Everybody. Alice heads a household with an electricity meter, in which Bob lives."""
    alice = resident(ALICE_PHONE, name="陈阿姨", at=at)
    bob = resident(BOB_PHONE, name="李伯", at=at)
    carol = resident(CAROL_PHONE, name="黄小姐", region=ZHONGSHAN, at=at)
    household = services.create_household(head=person_of(alice), name="陈家", region=GUANGZHOU, at=at)
    services.add_household_member(household=household, person=person_of(bob), at=at)
    meter = services.bind_meter(
        household=household, kind=MeterKind.ELECTRICITY, number=ALICE_METER, region=GUANGZHOU, at=at
    )

    sme_owner = resident(OWNER_PHONE, name="何老板", at=at)
    sme = services.register_sme(
        owner=person_of(sme_owner), name="木棉灯饰有限公司", credit_code=make_credit_code(1), region=GUANGZHOU, at=at
    )
    merchant = services.register_organisation(
        kind=OrganisationKind.MERCHANT, name="榕树头咖啡店", credit_code=make_credit_code(2), region=GUANGZHOU, at=at
    )
    merchant_owner = resident(SHOP_PHONE, name="梁店主", at=at)
    cashier = resident(CASHIER_PHONE, name="小王", at=at)
    services.grant_role(person=person_of(merchant_owner), role=Role.MERCHANT_OWNER, organisation=merchant, at=at)
    services.grant_role(person=person_of(cashier), role=Role.CASHIER, organisation=merchant, at=at)
    return Cast(
        alice=alice,
        bob=bob,
        carol=carol,
        sme_owner=sme_owner,
        merchant_owner=merchant_owner,
        cashier=cashier,
        city_officer=staff("gz-officer", Role.CITY_OFFICER, name="周经办", region=GUANGZHOU, at=at),
        city_approver=staff("gz-approver", Role.CITY_APPROVER, name="吴审定", region=GUANGZHOU, at=at),
        province_officer=staff("gd-officer", Role.PROVINCE_OFFICER, name="郑经办", region=PROVINCE, at=at),
        province_approver=staff("gd-approver", Role.PROVINCE_APPROVER, name="王审定", region=PROVINCE, at=at),
        auditor=staff("gd-auditor", Role.AUDITOR, name="冯审计", region=PROVINCE, at=at),
        household=household,
        meter=meter,
        sme=sme,
        merchant=merchant,
    )

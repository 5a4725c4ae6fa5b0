"""Who lives in the demo: one person per role, and a population spread over the 21 cities."""

import datetime as dt
import random
import secrets
from dataclasses import dataclass, field

from accounts import credit_code, services
from accounts.constants import ConsentScene, MeterKind, OrganisationKind, Role
from accounts.models import Household, Organisation, Participant, Person, User
from carbon_portal.kernel import regions

PROVINCE, GUANGZHOU, ZHONGSHAN = "440000", "440100", "442000"
FAMILY_NAMES = "陈李黄张梁林刘吴罗杨王郑谢何曾邓彭叶潘蔡许苏钟卢周赖"
GIVEN_NAMES = [
    "家明",
    "秀英",
    "志强",
    "美玲",
    "国华",
    "小燕",
    "俊杰",
    "雅婷",
    "伟民",
    "桂兰",
    "子轩",
    "嘉欣",
    "永健",
    "晓彤",
]

#: role, user name, name shown, region; residents come by phone and stand apart.
STAFF = (
    (Role.CITY_OFFICER, "gz-officer", "何经办（广州）", GUANGZHOU),
    (Role.CITY_APPROVER, "gz-approver", "罗审定（广州）", GUANGZHOU),
    (Role.CITY_OFFICER, "zs-officer", "林经办（中山）", ZHONGSHAN),
    (Role.CITY_APPROVER, "zs-approver", "郑审定（中山）", ZHONGSHAN),
    (Role.PROVINCE_OFFICER, "gd-officer", "梁经办（省）", PROVINCE),
    (Role.PROVINCE_APPROVER, "gd-approver", "谢审定（省）", PROVINCE),
    (Role.SYSTEM_ADMIN, "system-admin", "系统管理员", PROVINCE),
    (Role.SECURITY_ADMIN, "security-admin", "安全管理员", PROVINCE),
    (Role.AUDITOR, "auditor", "审计管理员", PROVINCE),
)


@dataclass
class Cast:
    """What the other parts of the seed work with, and what demo-accounts.json lists."""

    entries: list[dict[str, str]] = field(default_factory=list)
    residents: list[Participant] = field(default_factory=list)
    households: list[Participant] = field(default_factory=list)
    firms: list[Participant] = field(default_factory=list)
    meters: dict[str, str] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    merchant: Organisation | None = None
    sponsor: Organisation | None = None


def seed_people(*, at: dt.datetime, passwords: dict[str, str], population: int) -> Cast:
    """Make everybody that is missing. `passwords` holds those of an earlier run by user name and is filled up."""
    cast = Cast()
    _known_residents(cast, at)
    _families_and_firms(cast, at, population)
    _population(cast, at, population)
    _staff(cast, at, passwords)
    return cast


def _entry(cast: Cast, user: User, role: str, region: str, password: str = "") -> None:
    name = user.person.name if user.person else ""
    cast.users[role] = cast.users.get(role, user)
    cast.entries.append(
        {
            "role": str(role),
            "name": name,
            "phone": user.phone or "",
            "username": user.username,
            "password": password,
            "region": region,
        }
    )


def _known_residents(cast: Cast, at: dt.datetime) -> None:
    """Three residents by name: two in Guangzhou, one in Zhongshan."""
    for number, (name, region) in enumerate(
        (("陈秀英", GUANGZHOU), ("李家明", GUANGZHOU), ("黄美玲", ZHONGSHAN)), start=1
    ):
        user = _resident(f"1390000{number:04d}", region, name, at)
        cast.residents.append(_person(user).participant)
        _entry(cast, user, Role.RESIDENT, region)
        for scene in (ConsentScene.TRAVEL, ConsentScene.ELECTRICITY):
            services.set_consent(person=_person(user), scene=scene, granted=True, at=at)


def _families_and_firms(cast: Cast, at: dt.datetime, population: int) -> None:
    """A family in Guangzhou with its head, a firm with its clerk, a merchant with owner and tills, a sponsor."""
    head = _resident("13900000011", GUANGZHOU, "张国华", at)
    family = services.create_household(head=_person(head), name="张家", region=GUANGZHOU, at=at)
    _bind(cast, family, GUANGZHOU, 1, at)
    cast.households.append(family.participant)
    cast.residents.append(_person(head).participant)
    _entry(cast, head, Role.HOUSEHOLD_HEAD, GUANGZHOU)

    owner = _resident("13900000012", GUANGZHOU, "吴伟民", at)
    clerk = _resident("13900000013", GUANGZHOU, "刘雅婷", at)
    firm = services.register_sme(
        owner=_person(owner), name="广州示例光伏小店", credit_code=_credit_code(1), region=GUANGZHOU, at=at
    )
    organisation = firm.organisation
    assert organisation is not None
    services.grant_role(person=_person(clerk), role=Role.SME_CLERK, organisation=organisation, at=at)
    cast.firms.append(firm)
    _entry(cast, owner, Role.SME_OWNER, GUANGZHOU)
    _entry(cast, clerk, Role.SME_CLERK, GUANGZHOU)

    cast.merchant = services.register_organisation(
        kind=OrganisationKind.MERCHANT, name="示例茶餐厅", credit_code=_credit_code(2), region=GUANGZHOU, at=at
    )
    cast.sponsor = services.register_organisation(
        kind=OrganisationKind.SPONSOR, name="示例绿色发展基金", credit_code="", region=GUANGZHOU, at=at
    )


def _population(cast: Cast, at: dt.datetime, population: int) -> None:
    """Residents over all cities, the large ones more; every sixth is the head of a family with meters."""
    chance = random.Random(20261122)  # noqa: S311  (plausible names, not secrets)
    cities = list(regions.cities())
    weights = [9 if city.code in {GUANGZHOU, "440300"} else 4 if city.code in _LARGE else 2 for city in cities]
    for number in range(population):
        city = chance.choices(cities, weights)[0].code
        region = chance.choice([child.code for child in regions.children(city) if len(child.code) == 6] or [city])
        name = chance.choice(FAMILY_NAMES) + chance.choice(GIVEN_NAMES)
        user = _resident(f"1390001{number:04d}", region, name, at)
        cast.residents.append(_person(user).participant)
        if number % 6 == 0:
            family = services.create_household(head=_person(user), name=f"{name[0]}家", region=region, at=at)
            _bind(cast, family, region, 100 + number, at)
            cast.households.append(family.participant)
        if number % 60 == 1:
            firm = services.register_sme(
                owner=_person(user),
                name=f"示例小微企业{number // 60 + 1}号",
                credit_code=_credit_code(100 + number),
                region=region,
                at=at,
            )
            cast.firms.append(firm)


_LARGE = {"440600", "441900", "442000", "440400", "441300"}


def _staff(cast: Cast, at: dt.datetime, passwords: dict[str, str]) -> None:
    for role, username, name, region in STAFF:
        user = _with_password(username, name, region, passwords, at)
        services.grant_role(person=_person(user), role=role, region=region, at=at)
        _entry(cast, user, role, region, passwords[username])
    for role, username, name, organisation in (
        (Role.MERCHANT_OWNER, "tea-owner", "潘店主", cast.merchant),
        (Role.CASHIER, "tea-cashier-1", "店员小王", cast.merchant),
        (Role.CASHIER, "tea-cashier-2", "店员小李", cast.merchant),
        (Role.SPONSOR, "sponsor", "彭资助", cast.sponsor),
    ):
        assert organisation is not None
        user = _with_password(username, name, organisation.region, passwords, at)
        services.grant_role(person=_person(user), role=role, organisation=organisation, at=at)
        _entry(cast, user, role, organisation.region, passwords[username])
        cast.users[username] = user


def _with_password(username: str, name: str, region: str, passwords: dict[str, str], at: dt.datetime) -> User:
    password = passwords.setdefault(username, secrets.token_urlsafe(12))
    return services.register_staff(username=username, password=password, name=name, region=region, at=at)


def _resident(phone: str, region: str, name: str, at: dt.datetime) -> User:
    user = services.register_resident(phone=phone, region=region, name=name, at=at)
    services.accept_terms(person=_person(user), at=at)
    return user


def _person(user: User) -> Person:
    assert user.person is not None
    return user.person


def _bind(cast: Cast, family: Household, region: str, number: int, at: dt.datetime) -> None:
    for prefix, kind in (("030", MeterKind.ELECTRICITY), ("040", MeterKind.WATER), ("050", MeterKind.GAS)):
        meter = services.bind_meter(
            kind=kind, number=f"{prefix}{region}{number:04d}", region=region, household=family, at=at
        )
        cast.meters[f"{family.uuid}:{kind}"] = meter.number


def _credit_code(number: int) -> str:
    """A credit code of a firm that does not exist, with right check characters (GB 32100)."""
    subject = f"MA{number:06d}"
    first = f"91{GUANGZHOU}{subject}{credit_code.subject_check_character(subject)}"
    return first + credit_code.check_character(first)

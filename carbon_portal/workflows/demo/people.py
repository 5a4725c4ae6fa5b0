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

METERS = (("030", MeterKind.ELECTRICITY), ("040", MeterKind.WATER), ("050", MeterKind.GAS))
#: Residents in 10 000, rounded from the census of 2020: only to give the cities believable sizes.
PEOPLE = {
    "440100": 1868, "440200": 286, "440300": 1756, "440400": 244, "440500": 550, "440600": 950, "440700": 480,
    "440800": 698, "440900": 617, "441200": 411, "441300": 604, "441400": 387, "441500": 267, "441600": 284,
    "441700": 260, "441800": 397, "441900": 1047, "442000": 442, "445100": 257, "445200": 558, "445300": 238,
}  # fmt: skip

#: role, user name, name shown, region; residents come by phone and stand apart.
STAFF = (
    (Role.CITY_OFFICER, "gz-officer", "何经办（广州）", GUANGZHOU),
    (Role.CITY_APPROVER, "gz-approver", "罗审定（广州）", GUANGZHOU),
    (Role.CITY_OFFICER, "zs-officer", "林经办（中山）", ZHONGSHAN),
    (Role.CITY_APPROVER, "zs-approver", "郑审定（中山）", ZHONGSHAN),
    (Role.PROVINCE_OFFICER, "gd-officer", "梁经办（省）", PROVINCE),
    (Role.PROVINCE_APPROVER, "gd-approver", "谢审定（省）", PROVINCE),
    (Role.EXPERT, "expert-1", "方专家", PROVINCE),
    (Role.EXPERT, "expert-2", "夏专家", PROVINCE),
    (Role.EXPERT, "expert-3", "江专家", PROVINCE),
    (Role.RESEARCH_INSTITUTE, "institute", "沈研究员", PROVINCE),
    (Role.VERIFIER, "verifier", "秦核查", PROVINCE),
    (Role.SYSTEM_ADMIN, "system-admin", "系统管理员", PROVINCE),
    (Role.SECURITY_ADMIN, "security-admin", "安全管理员", PROVINCE),
    (Role.AUDITOR, "auditor", "审计管理员", PROVINCE),
)

#: Departments that sign jointly: user name, name shown, department.
DEPARTMENTS = (
    ("transport", "韩会签（交通）", "示例交通运输厅"),
    ("ecology", "唐会签（生态环境）", "示例生态环境厅"),
    ("housing", "冯会签（住建）", "示例住房城乡建设厅"),
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
    #: whose pages are looked at
    named: list[Participant] = field(default_factory=list)
    merchant: Organisation | None = None
    sponsor: Organisation | None = None


def seed_people(*, at: dt.datetime, passwords: dict[str, str], population: int) -> Cast:
    """Make everybody that is missing. `passwords` holds those of an earlier run by user name and is filled up."""
    cast = Cast()
    _known_residents(cast, at)
    _families_and_firms(cast, at)
    cast.named = [*cast.residents, *cast.households, *cast.firms]
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


def _families_and_firms(cast: Cast, at: dt.datetime) -> None:
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


def _population(cast: Cast, at: dt.datetime, size: int) -> None:
    """Residents over all cities by their size; of six one heads a family with meters, of fourteen one owns a firm."""
    chance = random.Random(20261122)  # noqa: S311  (plausible names, not secrets)
    people: list[services.NewResident] = []
    for city, number in _spread(size).items():
        areas = [child.code for child in regions.children(city) if len(child.code) == 6] or [city]
        for _ in range(number):
            name = chance.choice(FAMILY_NAMES) + chance.choice(GIVEN_NAMES)
            people.append(services.NewResident(f"1390002{len(people):04d}", chance.choice(areas), name))
    residents = services.register_residents(residents=people, at=at)
    cast.residents += residents
    families, firms = [], []
    for number, account in enumerate(residents):
        who = account.person
        assert who is not None
        if number % 5 == 0:
            numbers = {kind.value: f"{prefix}{account.region}{number:05d}" for prefix, kind in METERS}
            families.append(services.NewFamily(who, f"{who.name[0]}家", account.region, numbers))
        if number % 14 == 1:
            name, code = f"示例小微企业{number // 14 + 1}号", _credit_code(10_000 + number)
            firms.append(services.NewFirm(who, name, code, account.region))
    homes = services.create_households(families=families, at=at)
    for home, family in zip(homes, families, strict=True):
        cast.households.append(home)
        cast.meters.update({f"{home.household_id}:{kind}": number for kind, number in family.meters.items()})
    cast.firms += services.register_smes(firms=firms, at=at)


def _spread(size: int) -> dict[str, int]:
    """How many residents each city has: none without a handful, the large ones more."""
    total = sum(PEOPLE.values())
    return {city.code: max(size // 120, size * PEOPLE[city.code] // total) for city in regions.cities()}


def _staff(cast: Cast, at: dt.datetime, passwords: dict[str, str]) -> None:
    for role, username, name, region in STAFF:
        user = _with_password(username, name, region, passwords, at)
        services.grant_role(person=_person(user), role=role, region=region, at=at)
        _entry(cast, user, role, region, passwords[username])
    for username, name, department in DEPARTMENTS:
        authority = services.register_organisation(
            kind=OrganisationKind.AUTHORITY, name=department, credit_code="", region=PROVINCE, at=at
        )
        user = _with_password(username, name, PROVINCE, passwords, at)
        services.grant_role(
            person=_person(user), role=Role.JOINT_DEPARTMENT, organisation=authority, region=PROVINCE, at=at
        )
        _entry(cast, user, Role.JOINT_DEPARTMENT, PROVINCE, passwords[username])
        cast.users[username] = user
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
    for prefix, kind in METERS:
        meter = services.bind_meter(
            kind=kind, number=f"{prefix}{region}{number:04d}", region=region, household=family, at=at
        )
        cast.meters[f"{family.uuid}:{kind}"] = meter.number


def _credit_code(number: int) -> str:
    """A credit code of a firm that does not exist, with right check characters (GB 32100)."""
    subject = f"MA{number:06d}"
    first = f"91{GUANGZHOU}{subject}{credit_code.subject_check_character(subject)}"
    return first + credit_code.check_character(first)

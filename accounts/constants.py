"""Choices of this app: kinds of subject, roles, consent scenes."""

from django.db import models


class ParticipantKind(models.TextChoices):
    """The subjects of the plan: 个人, 社区家庭, 小微企业 (社会团体 joins later)."""

    RESIDENT = "resident", "居民"
    HOUSEHOLD = "household", "家庭"
    SME = "sme", "小微企业"
    GROUP = "group", "社会团体"


class OrganisationKind(models.TextChoices):
    SME = "sme", "小微企业"
    MERCHANT = "merchant", "商家"
    SPONSOR = "sponsor", "资助方"
    AUTHORITY = "authority", "主管部门"


class MeterKind(models.TextChoices):
    ELECTRICITY = "electricity", "电表"
    WATER = "water", "水表"
    GAS = "gas", "气表"


class Role(models.TextChoices):
    """Roles of interface.md section 1 that exist so far; each is held per region or organisation."""

    RESIDENT = "resident", "居民"
    HOUSEHOLD_HEAD = "household_head", "户主"
    SME_OWNER = "sme_owner", "企业负责人"
    SME_CLERK = "sme_clerk", "企业经办人"
    MERCHANT_OWNER = "merchant_owner", "商家负责人"
    CASHIER = "cashier", "店员"
    SPONSOR = "sponsor", "资助方"
    CITY_OFFICER = "city_officer", "市级经办人"
    CITY_APPROVER = "city_approver", "市级审定人"
    PROVINCE_OFFICER = "province_officer", "省级经办人"
    PROVINCE_APPROVER = "province_approver", "省级审定人"
    EXPERT = "expert", "专家"
    JOINT_DEPARTMENT = "joint_department", "联席部门经办人"
    RESEARCH_INSTITUTE = "research_institute", "研究机构"
    VERIFIER = "verifier", "核查员"
    SYSTEM_ADMIN = "system_admin", "系统管理员"
    SECURITY_ADMIN = "security_admin", "安全管理员"
    AUDITOR = "auditor", "审计管理员"


CITY_ROLES = frozenset({Role.CITY_OFFICER, Role.CITY_APPROVER})
PROVINCE_ROLES = frozenset({Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER, Role.AUDITOR})
# Who asks for what needs two people in a city or the province, and who decides it; a city's first.
AREA_OFFICERS = (Role.CITY_OFFICER, Role.PROVINCE_OFFICER)
AREA_APPROVERS = (Role.CITY_APPROVER, Role.PROVINCE_APPROVER)
# Who looks after the deeds of an area; administrators look after accounts and keys and see nobody's records.
AREA_ROLES = CITY_ROLES | PROVINCE_ROLES
STAFF_ROLES = AREA_ROLES | {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN}
# Who advises on methods and checks samples: a desk of their own, but no area whose people they may see.
ADVISER_ROLES = frozenset({Role.EXPERT, Role.JOINT_DEPARTMENT, Role.RESEARCH_INSTITUTE, Role.VERIFIER})
DESK_ROLES = STAFF_ROLES | ADVISER_ROLES
REGION_ROLES = DESK_ROLES
# Held for a department of the government: its answer is the department's, in a region.
DEPARTMENT_ROLES = frozenset({Role.JOINT_DEPARTMENT})
FIRM_ROLES = frozenset({Role.SME_OWNER, Role.SME_CLERK})
MERCHANT_ROLES = frozenset({Role.MERCHANT_OWNER, Role.CASHIER})
ORGANISATION_ROLES = FIRM_ROLES | MERCHANT_ROLES | {Role.SPONSOR}
# Whom an owner may take in: the owner's role → the roles that they may invite and end.
STAFFED_BY = {Role.SME_OWNER: Role.SME_CLERK, Role.MERCHANT_OWNER: Role.CASHIER}


# What a person may exercise in another's absence. An expert's opinion, a verifier's finding and the duties of the three
# administrators are nobody else's to do.
DELEGABLE_ROLES = frozenset(
    {
        Role.CITY_OFFICER,
        Role.CITY_APPROVER,
        Role.PROVINCE_OFFICER,
        Role.PROVINCE_APPROVER,
        Role.JOINT_DEPARTMENT,
        Role.RESEARCH_INSTITUTE,
    }
)
DELEGATION_DAYS_LIMIT = 90
ROLE_NAMES_EN = {
    Role.RESIDENT: "resident",
    Role.HOUSEHOLD_HEAD: "head of household",
    Role.SME_OWNER: "owner of a firm",
    Role.SME_CLERK: "clerk of a firm",
    Role.MERCHANT_OWNER: "owner of a shop",
    Role.CASHIER: "cashier",
    Role.SPONSOR: "sponsor",
    Role.CITY_OFFICER: "city officer",
    Role.CITY_APPROVER: "city approver",
    Role.PROVINCE_OFFICER: "province officer",
    Role.PROVINCE_APPROVER: "province approver",
    Role.EXPERT: "expert",
    Role.JOINT_DEPARTMENT: "joint department",
    Role.RESEARCH_INSTITUTE: "research institute",
    Role.VERIFIER: "verifier",
    Role.SYSTEM_ADMIN: "system administrator",
    Role.SECURITY_ADMIN: "security administrator",
    Role.AUDITOR: "auditor",
}


class ConsentScene(models.TextChoices):
    """Data scenes that a person allows one by one; none is pre-ticked (G1-a)."""

    TRAVEL = "travel", "公交地铁和骑行记录"
    ELECTRICITY = "electricity", "家庭用电"
    WATER = "water", "家庭用水"
    GAS = "gas", "家庭用气"
    RECYCLING = "recycling", "回收记录"
    VEHICLE = "vehicle", "新能源汽车"


class NoticeKind(models.TextChoices):
    """What a message is about."""

    METHOD = "method", "方法学"
    LOCAL_VALUES = "local_values", "各市数值"
    SIMULATION = "simulation", "试算"
    POINTS = "points", "碳币到期"


#: Participants whom one transaction of a message to many looks at, and messages on one page.
MAILING_CHUNK = 5000
NOTICES_PER_PAGE = 20

TERMS_VERSION = "2026-11"
CONSENT_TEXT_VERSION = "2026-11"

INVITATION_DAYS = 14
OPEN_INVITATIONS_LIMIT = 20
HOUSEHOLD_MEMBERS_LIMIT = 12

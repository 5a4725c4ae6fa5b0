"""Refusals of this app: what happened, why, what to do."""

from carbon_portal.kernel.errors import DomainError, InvalidInput


class PhoneInvalid(InvalidInput):
    code = "phone_invalid"


class CreditCodeInvalid(InvalidInput):
    code = "credit_code_invalid"


class IdentityNumberInvalid(InvalidInput):
    code = "identity_number_invalid"


class NameInvalid(InvalidInput):
    code = "name_invalid"


class MeterNumberInvalid(InvalidInput):
    code = "meter_number_invalid"


class RegionInvalid(DomainError):
    code = "region_invalid"
    title = "地区有误"
    title_en = "Wrong area"
    zh = "请从列表里选择所在的地市。"
    en = "Choose your city from the list."


class UnknownScene(DomainError):
    code = "unknown_scene"
    zh = "没有这个授权场景，未作任何改动。请刷新页面后再试。"
    en = "There is no such data scene; nothing was changed. Reload the page and try again."


class AlreadyOnePerson(DomainError):
    """T6: one natural person, one account."""

    code = "already_one_person"
    http_status = 409
    title = "已有账户"
    title_en = "An account exists"
    zh = "这个身份已经有一个碳账户，一个人只能开一个。请用原来的手机号登录；手机号已停用的，请拨服务热线办理变更。"
    en = (
        "This identity already has a carbon account; a person has one. "
        "Log in with the earlier phone number, or call the hotline if it is no longer in use."
    )


class AlreadyInHousehold(DomainError):
    code = "already_in_household"
    http_status = 409
    title = "已在一个家庭里"
    title_en = "Already in a family"
    zh = "{who}已在另一个家庭里，一个人同一时间只能属于一个家庭。请先退出原来的家庭。"
    en = "{who_en} already belongs to another family; a person belongs to one at a time. Leave that family first."


class HouseholdFull(DomainError):
    code = "household_full"
    http_status = 409
    zh = "一个家庭最多 {limit} 位成员，没有加入。已不住在一起的成员可以先退出。"
    en = "A family has at most {limit} members; nobody was added. Members who moved out can leave first."


class NotHouseholdHead(DomainError):
    code = "not_household_head"
    http_status = 403
    title = "需要户主操作"
    title_en = "For the head of household"
    zh = "只有户主可以管理成员和户号。请让户主登录后办理。"
    en = "Only the head of household manages members and meters. Ask them to do it."


class HeadCannotLeave(DomainError):
    code = "head_cannot_leave"
    http_status = 409
    title = "户主不能直接退出"
    title_en = "The head cannot simply leave"
    zh = "您是户主，退出后家庭就没有人管理了。请先把户主交给另一位成员，再退出。"
    en = "You are the head of this family; nobody would look after it. Hand the role to another member first."


class NotAMember(DomainError):
    code = "not_a_member"
    http_status = 409
    zh = "这位居民现在不是本家庭的成员，没有改动。请刷新页面查看最新成员。"
    en = "This person is not a member of the family now; nothing was changed. Reload the page to see the members."


class MeterBoundElsewhere(DomainError):
    """D1-b: a meter belongs to one family or firm in the whole province."""

    code = "meter_bound_elsewhere"
    http_status = 409
    title = "户号已被绑定"
    title_en = "The meter is bound elsewhere"
    zh = "该户号已由{owner}绑定。若您已搬入，是新住户，请拨 {hotline} 说明，5 个工作日内核对。"
    en = (
        "This meter is bound to {owner_en}. If you have moved in, call {hotline}; "
        "it will be checked within 5 working days."
    )


class OrganisationExists(DomainError):
    code = "organisation_exists"
    http_status = 409
    title = "该单位已登记"
    title_en = "Already registered"
    zh = (
        "统一社会信用代码 {credit_code} 已由另一单位名称或另一账户登记。"
        "如您是该单位员工，请让负责人在“企业成员”里邀请您。"
    )
    en = (
        "The credit code {credit_code} is registered under another name or account. "
        "If you work there, ask the owner to invite you under “Staff”."
    )


class RoleScopeInvalid(DomainError):
    code = "role_scope_invalid"
    zh = "角色“{role}”需要{scope}，没有授予。"
    en = "The role “{role_en}” needs {scope_en}; it was not granted."


class InvitationClosed(DomainError):
    code = "invitation_closed"
    http_status = 409
    title = "邀请已失效"
    title_en = "The invitation is closed"
    zh = "这份邀请已经处理过、被撤回，或超过 {days} 天已失效。需要的话，请对方重新邀请。"
    en = "This invitation was answered, withdrawn, or is older than {days} days. Ask for a new one."


class TooManyInvitations(DomainError):
    code = "too_many_invitations"
    http_status = 429
    zh = "还有 {limit} 份邀请等待答复，请等对方答复或先撤回几份，再发新的邀请。"
    en = "{limit} invitations are still open. Wait for answers, or withdraw some, before sending more."


class UsernameTaken(DomainError):
    code = "username_taken"
    http_status = 409
    zh = "用户名 {username} 已属于另一个人，请换一个。"
    en = "The user name {username} belongs to another person. Choose another."


class SmsUnavailable(DomainError):
    code = "sms_unavailable"
    http_status = 503
    title = "短信暂时发不出去"
    title_en = "Text messages are unavailable"
    zh = "验证码短信暂时发不出去，没有扣除您的次数。请几分钟后再试，或拨服务热线。"
    en = "Text messages cannot be sent for the moment. Try again in a few minutes, or call the hotline."


class TooManyCodes(DomainError):
    code = "too_many_codes"
    http_status = 429
    title = "验证码请求太多"
    title_en = "Too many codes"
    zh = "验证码请求太频繁。同一号码 1 分钟 1 条、一天 5 条，请稍后再试。您的账户是安全的。"
    en = "Too many codes were requested: one a minute and five a day per number. Try again later. Your account is safe."


class NoDelegableRole(DomainError):
    code = "delegation_no_role"
    http_status = 403
    title = "不能设置代办"
    title_en = "No delegation"
    zh = "您在这个地区没有这项职责，或这项职责不能由他人代办（专家、核查和管理员职责须本人履行）。没有设置。"
    en = (
        "You do not hold this role there, or no deputy may exercise it (experts, verifiers, administrators). "
        "Nothing was set."
    )


class DelegationDaysInvalid(DomainError):
    code = "delegation_days_invalid"
    title = "日期有误"
    title_en = "Wrong days"
    zh = "代办从今天或以后开始，结束日不早于开始日，最长 {limit} 天。请改正日期。"
    en = "A delegation begins today or later, ends on the same day or after, and lasts {limit} days at most."


class DeputyUnsuitable(DomainError):
    code = "delegation_deputy_unsuitable"
    title = "不能由这位代办"
    title_en = "Not this deputy"
    zh = "代办人须是同一地区或上级的在岗人员。请从列表里另选一位。"
    en = "A deputy is a colleague with a desk in the same area or above. Choose another from the list."


class DelegationOverlaps(DomainError):
    code = "delegation_overlaps"
    http_status = 409
    title = "已有代办"
    title_en = "There is a deputy"
    zh = "这些日子里这项职责已有代办人。请先结束原来的代办，或改日期。"
    en = "This role already has a deputy on one of these days. End that delegation first, or change the days."


class ReasonMissing(InvalidInput):
    code = "delegation_reason_missing"

    def __init__(self) -> None:
        super().__init__(reason="请写明原因，例如“出差”。", reason_en="Say why, for example “on a business trip”.")

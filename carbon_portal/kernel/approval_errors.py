"""Why a decision was refused: each way round the four eyes has its own sentence."""

from .errors import DomainError


class ApprovalRefused(DomainError):
    """Base of this page's refusals: known to the person, not theirs to decide (or not now)."""

    code = "approval_refused"
    http_status = 403
    title = "不能审定"
    title_en = "Not yours to decide"


class NotAuthorised(ApprovalRefused):
    code = "approval_role_missing"
    zh = "“{title}”须由{roles}审定，管辖{region}；您现在没有这个职责，没有作出决定。职责有变动的，请联系安全管理员。"
    en = (
        "“{title_en}” is decided by: {roles_en}, for {region_en}. You do not hold such a role now, so nothing was "
        "decided. Ask the security administrator if your duties have changed."
    )


class GrantedToday(ApprovalRefused):
    code = "approval_role_too_new"
    zh = "您的审定职责（或代办）今天才登记，从明天起才能作出决定。请明天再办，或请另一位审定人办理。"
    en = "Your role as a decider (or deputy) was entered today and counts from tomorrow. Wait, or ask another decider."


class OwnRequest(ApprovalRefused):
    """The person, whichever login, role or page they come by."""

    code = "approval_own_request"
    zh = "这件事是您提交的，自己不能审定自己提交的内容。请由另一位审定人操作。"
    en = "You submitted this yourself; nobody decides on their own request. Another decider has to."


class AuthorDecides(ApprovalRefused):
    code = "approval_by_author"
    zh = "您是起草人之一，不能审定。请由另一位审定人操作。"
    en = "You are one of the authors and may not decide. Another decider has to."


class DeputyDecides(ApprovalRefused):
    """Whoever stands in for somebody counts as that person, and the other way round (T28)."""

    code = "approval_by_deputy"
    zh = (
        "您与提交人、起草人或已作决定的人之间有代办关系，按规则视为同一人，不能审定。请由另一位审定人操作；"
        "没有其他人的，代办结束后请提交人撤回并重新提交。"
    )
    en = (
        "You stand in for the initiator, an author or an earlier decider, or they for you; the rules take you for one "
        "person. Another decider has to act, or the request is made again once the delegation has ended."
    )


class SameRole(ApprovalRefused):
    code = "approval_same_role"
    zh = "提交人是以“{role}”的职责提交的，审定须用不同的职责。请由其他职责的审定人操作。"
    en = "The initiator acted as {role_en}; a decision takes a different role. Ask a decider who holds another one."


class RoleAlreadyDecided(ApprovalRefused):
    code = "approval_role_used"
    http_status = 409
    zh = "“{role}”这一职责已由{who}在{when}同意过，还需要另一职责的人员同意。"
    en = "{who_en} has already agreed as {role_en} ({when_en}). Somebody in another role still has to."


class AlreadyDecided(ApprovalRefused):
    code = "approval_already_decided"
    http_status = 409
    title = "已有决定"
    title_en = "Already decided"
    zh = "{who}已在{when}作出决定：{state}。您的决定没有记入。请刷新页面查看。"
    en = "{who_en} decided at {when_en}: {state_en}. Yours was not recorded. Reload the page."


class StalePage(ApprovalRefused):
    code = "approval_stale_page"
    http_status = 409
    title = "页面已过时"
    title_en = "The page is out of date"
    zh = "您看到的内容不是现在待审定的内容，没有作出决定。请刷新页面，重新核对后再决定。"
    en = "What you were shown is not what is up for decision now; nothing was decided. Reload, read again, then decide."


class ContentChanged(ApprovalRefused):
    """T29: the subject is not what the request was made for. `void_on_change` closes the request."""

    code = "approval_content_changed"
    http_status = 409
    title = "内容已改动"
    title_en = "The content was changed"
    zh = "内容已改动：提交审定之后有人修改过，这次申请作废，没有作出决定。请经办人重新提交。"
    en = "The content was changed after it was submitted; this request is void, nothing was decided. Submit it again."


class AlreadyRequested(DomainError):
    code = "approval_already_requested"
    http_status = 409
    title = "已在审定中"
    title_en = "Already submitted"
    zh = "“{title}”已提交审定，还没有结果。请等待审定，或先撤回再重新提交。"
    en = "“{title_en}” is already waiting for a decision. Wait for it, or withdraw it first."


class MayNotInitiate(DomainError):
    code = "approval_may_not_initiate"
    http_status = 403
    title = "不能提交"
    title_en = "Not yours to submit"
    zh = "提交“{title}”需要{roles}的职责，管辖{region}；您现在没有，没有提交。"
    en = (
        "“{title_en}” is submitted by: {roles_en}, for {region_en}. You do not hold such a role now; nothing was "
        "submitted."
    )


class MayNotWithdraw(DomainError):
    code = "approval_may_not_withdraw"
    http_status = 409
    title = "不能撤回"
    title_en = "Not withdrawn"
    zh = "只有提交人可以撤回，而且要在作出决定之前。没有改动。"
    en = "Only the initiator withdraws a request, and only before it is decided. Nothing was changed."


class NoteNeeded(DomainError):
    code = "approval_note_needed"
    title = "请写明理由"
    title_en = "Say why"
    zh = "退回须写明理由，经办人才知道改什么。请填写后再提交。"
    en = "A return needs its reason, so that the initiator knows what to change. Write it, then send."

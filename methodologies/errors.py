"""Refusals of the methodology library."""

from django.utils import translation

from carbon_portal.kernel.errors import DomainError, InvalidInput

from .constants import StageState


class LibraryError(DomainError):
    """Base of what a sync refuses; nothing of that file was written."""

    http_status = 409
    title = "方法学未同步"
    title_en = "Methodology not synced"


class PublishedVersionChanged(LibraryError):
    """A published version never changes (Q3). Data: code, version."""

    code = "published_version_changed"
    zh = (
        "{code} 第 {version} 版已发布，内容不能再改。请恢复原文，并把修改写成新版本（新的 version 和 effective_from）。"
    )
    en = (
        "{code} version {version} is published and never changes. Restore its text and write the change as a new "
        "version (a new version and effective_from)."
    )


class FactorIsSample(LibraryError):
    """A shared factor with a sample figure outside the demo. Data: factor, start."""

    code = "factor_is_sample"
    zh = "因子 {factor} 自 {start} 起的数值是示例值，只能用于演示环境。请换成有来源的数值。"
    en = "The value of factor {factor} from {start} on is a sample figure, for the demo only. Give a sourced one."


class ScopeChanged(LibraryError):
    """Activity, issuing region, level and sector belong to the code. Data: code, key."""

    code = "scope_changed"
    zh = "{code} 的 {key} 与已登记的不同。一个代码的行为、地区、级别和领域不能改；请换一个新代码。"
    en = "{code}: {key} differs from what is registered. A code keeps its activity, region, level and sector."


class AnotherCodeInForce(LibraryError):
    """Per activity and issuing region at most one code is in force at a time. Data: code, activity, region."""

    code = "another_code_in_force"
    zh = "{code} 不能发布：{region} 的“{activity}”在同一时间已有另一个方法学生效。请先给它设停用日期。"
    en = "{code} can't be published: another code is in force for {activity} in {region}. Give that one a sunset date."


class FactorChanged(LibraryError):
    """A factor value that has been in force never changes or vanishes. Data: factor, start."""

    code = "factor_changed"
    zh = "因子 {factor} 自 {start} 起的数值已经同步过，不能改动或删除。请恢复原值，用新的开始日期写新值。"
    en = (
        "The value of factor {factor} from {start} has been synced; it can't be changed or removed. "
        "Restore it and write the new value under a new start date."
    )


class VintageRefused(LibraryError):
    """A new value that can't be proposed or adopted as it is. Data: reason, reason_en."""

    code = "vintage_refused"
    title = "新数值没有登记"
    title_en = "The new value was not entered"
    zh = "{reason}"
    en = "{reason_en}"


class FactorsMissing(LibraryError):
    """Nothing was ever synced."""

    code = "factors_missing"
    zh = "数据库里还没有因子库。请先运行 manage.py methodology sync。"
    en = "The database has no factor library yet. Run manage.py methodology sync first."


class ReviewError(DomainError):
    """Base of what the way to publication refuses; nothing was changed."""

    http_status = 409
    title = "没有办理"
    title_en = "Not done"


class WrongStage(ReviewError):
    """A step out of order, most often because somebody else was faster. Data: version, now, wanted (StageState)."""

    code = "wrong_stage"
    zh = "{version} 现在处于“{now_zh}”，不能进入“{wanted_zh}”。可能有同事刚刚办理过，请刷新页面再看。"
    en = (
        "{version} stands at “{now_en}” and can't go on to “{wanted_en}”. A colleague may just have dealt with it: "
        "reload the page."
    )

    def __init__(self, *, version: str, now: StageState, wanted: StageState) -> None:
        names = {}
        for key, state in (("now", now), ("wanted", wanted)):
            for language in ("zh", "en"):
                with translation.override("zh-hans" if language == "zh" else "en"):
                    names[f"{key}_{language}"] = str(state.label)
        super().__init__(version=version, **names)


class NotThisContent(ReviewError):
    """What was looked at is not what stands there now. Data: version."""

    code = "not_this_content"
    zh = "{version} 的内容已改动，与您看到的不同，没有办理。请打开最新内容，看过后再办。"
    en = "The content of {version} has changed since you saw it; nothing was done. Open it again, read it, then decide."


class ChecklistIncomplete(ReviewError):
    """Something of the completeness check is missing. Data: missing (count), items (zh), items_en."""

    code = "checklist_incomplete"
    zh = "缺 {missing} 项：{items}。不能受理，可一键退回并附清单。"
    en = "{missing} missing: {items_en}. It can't be accepted; return it with the list in one click."


class NotInvited(ReviewError):
    """No invitation to this review."""

    code = "not_invited"
    http_status = 403
    zh = "您没有受邀参加这次论证，所以不能声明或发表意见。如有疑问请联系省级经办人。"
    en = "You are not invited to this review, so you can't declare or give an opinion. Ask the province's officer."


class DeclarationFirst(ReviewError):
    """An opinion without a declaration (P2.2-c)."""

    code = "declaration_first"
    zh = "请先声明有无利益冲突，再保存意见。意见还没有保存。"
    en = "Declare a conflict of interest, or that there is none, before your opinion can be saved. It is not saved yet."


class AlreadySaid(ReviewError):
    """Said once, for good. Data: what, what_en."""

    code = "already_said"
    zh = "您已经提交过{what}，提交后不能修改。如有补充，请联系省级经办人记入纪要。"
    en = "You have given {what_en} already; it can't be changed afterwards. Ask the province's officer to add a note."


class ExpertsNotEnough(ReviewError):
    """Too few opinions that count. Data: counted, needed."""

    code = "experts_not_enough"
    zh = "计入表决的专家意见只有 {counted} 份，至少要 {needed} 份（有利益冲突的不计入）。请再邀请专家。"
    en = "Only {counted} opinions count, {needed} are needed (those with a conflict don't). Invite more experts."


class ExpertsAgainst(ReviewError):
    """No majority. Data: agree, counted."""

    code = "experts_against"
    zh = "计入表决的 {counted} 份意见中同意的只有 {agree} 份，没有过半数，不能进入下一步。请退回修改。"
    en = "Of {counted} opinions that count only {agree} agree: no majority. Return it for changes."


class ExpertIsAuthor(ReviewError):
    """Who wrote it does not review it. Data: name."""

    code = "expert_is_author"
    zh = "{name}是起草人之一，不能作为专家论证自己的草案。请邀请其他专家。"
    en = "{name} is one of the authors and can't review the own draft. Invite somebody else."


class DepartmentsWaiting(ReviewError):
    """Departments that may still answer in time. Data: names, due."""

    code = "departments_waiting"
    zh = "{names}还没有答复，期限到 {due}。期限届满前请等待或催办；届满未答复的记录为“未答复”，不视为同意。"
    en = (
        "No answer yet from {names}; the term ends on {due}. Wait or remind them. Silence after that day is "
        "recorded as silence and not as consent."
    )


class ObjectionNeedsNote(ReviewError):
    """A department objects. Data: names."""

    code = "objection_needs_note"
    zh = "{names}不同意。请写明如何处理这条意见，再进入公示；说明会公开。"
    en = "{names} objects. Write how the objection was dealt with before going on; your words will be public."


class CommentsClosed(ReviewError):
    """No comment period now."""

    code = "comments_closed"
    zh = "这个方法学现在不在公示期，意见没有提交。可以通过“公众建议”随时提出。"
    en = "This method is not open for comment now, so nothing was sent. You can make a proposal at any time."


class TooManyComments(ReviewError):
    """More than one person needs. Data: limit."""

    code = "too_many_comments"
    http_status = 429
    zh = "每人在一次公示中最多提交 {limit} 条意见，这一条没有提交。请把几点写在一条里，或拨打热线。"
    en = "One person can send {limit} comments per consultation; this one was not sent. Put several points into one."


class CommentsStillOpen(ReviewError):
    """The comment period runs. Data: until."""

    code = "comments_still_open"
    zh = "公示到 {until} 才结束，现在还不能审定。公示结束并答复全部意见后再办。"
    en = "The comment period runs until {until}; approval has to wait until it is over and every comment is answered."


class CommentsUnanswered(ReviewError):
    """Comments without a reply. Data: count."""

    code = "comments_unanswered"
    zh = "还有 {count} 条意见未答复，不能审定。请先在答复表里逐条答复。"
    en = "{count} comments have no reply yet, so it can't be approved. Answer each of them first."


class ValuesExpired(ReviewError):
    """Parameters past their best-before. Data: names."""

    code = "values_expired"
    zh = "参数已过复核日期：{names}。请核对来源、更新复核日期后重新报送。"
    en = "Values are past their best-before: {names}. Check the source, renew the date and forward the text again."


class SimulationMissing(ReviewError):
    """No what-if report of this text on file."""

    code = "simulation_missing"
    zh = "没有用这份内容做过真实记录试算并存档，不能审定。请先在“试算”里运行并存档。"
    en = "No simulation over real records is on file for this text. Run one and file it first."


class SampleValues(ReviewError):
    """Sample figures outside the demo. Data: names."""

    code = "sample_values"
    zh = "含示例值，只能在演示环境发布：{names}。请换成有来源的数值。"
    en = "Sample figures can be published in the demo only: {names}. Replace them by values with a source."


class ValuesNotOfficial(ReviewError):
    """Certifiable, with values that nobody read in an official source. Data: names."""

    code = "values_not_official"
    zh = "可核证的方法学只能用官方数值，这些不是：{names}。请换成官方文件里读到的数值，或改为不能核证，再重新报送。"
    en = (
        "A certifiable method uses official values only; these are not: {names}. Replace them by values read in an "
        "official document, or let the method be not certifiable, and forward it again."
    )


class NoticeTooShort(ReviewError):
    """In force too early. Data: days, earliest, chosen."""

    code = "notice_too_short"
    zh = (
        "生效日期须晚于公布 {days} 天（规则 3.2）。文件写的是 {chosen}，最早 {earliest}。请退回，改生效日期后重新报送。"
    )
    en = (
        "The first day in force lies {days} days after publication at the earliest (rule 3.2): the text says {chosen}, "
        "the earliest is {earliest}. Return it, change the date and forward it again."
    )


class NotApproved(ReviewError):
    """No approval of exactly this text."""

    code = "not_approved"
    zh = "现在的内容没有经过审定，不能发布。请重新提交审定。"
    en = "The text as it stands has not been approved, so it can't be published. Ask for approval again."


class AuthorApproves(ReviewError):
    """T28. An author decides."""

    code = "author_approves"
    http_status = 403
    zh = "您是起草人之一，不能审定。请由另一位审定人操作。"
    en = "You are one of the authors and can't approve it. Another approver has to."


class SunsetTooEarly(ReviewError):
    """Withdrawn without notice, when it is planned or when it is decided. Data: days, earliest."""

    code = "sunset_too_early"
    zh = "停用日期须在公告 {days} 天以后，最早 {earliest}，以便各市和参与者准备。请改日期。"
    en = (
        "The last day in force lies at least {days} days ahead, {earliest} at the earliest, so that people can prepare."
    )


class SuccessorUnsuitable(ReviewError):
    """The successor does not cover the same deed and place."""

    code = "successor_unsuitable"
    zh = "后续方法学须已发布，并适用于同一行为和地区。请另选，或留空表示没有后续方法学。"
    en = "The successor must be published and cover the same activity and region. Choose another, or leave it empty."


class VersionInReview(LibraryError):
    """A file would rewrite a text that is being reviewed. Data: code, version."""

    code = "version_in_review"
    zh = "{code} 第 {version} 版正在审查，内容不能由文件改动。请等退回后再同步，或写成新版本。"
    en = "{code} version {version} is under review: a file can't change it. Wait for its return, or use a new version."


# -- proposals ---------------------------------------------------------------------------------------------------------


class ProposalTextInvalid(InvalidInput):
    code = "proposal_text_invalid"


class ProposalClosed(DomainError):
    """A deed that only an open proposal knows. Data: number, state, state_en."""

    code = "proposal_closed"
    http_status = 409
    title = "建议已有结果"
    title_en = "The proposal is closed"
    zh = "建议 {number} 现在是“{state}”，不能再这样办理，没有改动。请刷新页面查看最新状态。"
    en = "Proposal {number} is “{state_en}” by now, so this can't be done and nothing was changed. Reload the page."


class ProposalNotShown(DomainError):
    """Its words were not released yet. Data: number."""

    code = "proposal_not_shown"
    http_status = 409
    title = "原文尚未公开"
    title_en = "Not public yet"
    zh = "建议 {number} 的原文还在核对，公开后才能支持。请过几天再来。"
    en = "The words of proposal {number} are still being checked. You can support it once they are public."


class OwnProposal(DomainError):
    code = "own_proposal"
    http_status = 409
    title = "这是您自己的建议"
    title_en = "Your own proposal"
    zh = "这是您自己提出的建议，已经算您一份，不用再支持。"
    en = "This is your own proposal; it counts you already."


class TooManyProposals(DomainError):
    """Data: limit."""

    code = "too_many_proposals"
    http_status = 429
    title = "今天提交得太多"
    title_en = "Too many today"
    zh = "一天最多提交 {limit} 条建议，这一条没有提交，内容还在。请明天再交，或把相近的想法写在一条里。"
    en = "You can send {limit} proposals a day; this one was not sent, your words are kept. Send it tomorrow."


class TooManySupports(DomainError):
    """Data: limit."""

    code = "too_many_supports"
    http_status = 429
    zh = "一天最多支持 {limit} 条建议，请明天再来。"
    en = "You can support {limit} proposals a day. Please come back tomorrow."


class MergeTargetInvalid(DomainError):
    """Data: number."""

    code = "merge_target_invalid"
    http_status = 409
    title = "不能并入这条建议"
    title_en = "Can't be merged into this one"
    zh = "不能并入“{number}”：没有这条建议、它已有结果，或就是这一条。请填一条还在办理的建议的编号。"
    en = (
        "Can't be merged into “{number}”: it is unknown, closed, or this one itself. "
        "Enter the number of an open proposal."
    )


class NothingToRedact(DomainError):
    code = "nothing_to_redact"
    title = "没有找到这段文字"
    title_en = "Not found in the text"
    zh = "五个回答里没有这段文字，没有隐去任何内容。请从原文里复制要隐去的文字。"
    en = "These words are in none of the answers; nothing was hidden. Copy the passage from the text."


class OutsideTheArea(DomainError):
    code = "outside_the_area"
    http_status = 403
    title = "不在管辖地区"
    title_en = "Outside your area"
    zh = "所选城市不在您的管辖地区，没有登记。请选择本市，或请省级经办人登记。"
    en = "This city lies outside your area; nothing was entered. Choose your own, or ask an officer of the province."


class ProposalNotStudied(DomainError):
    """Data: number."""

    code = "proposal_not_studied"
    http_status = 409
    title = "还不能这样办理"
    title_en = "Not yet"
    zh = "建议 {number} 现在的状态不能这样办理，没有改动：采纳前要先受理研究，采纳后才能关联方法学。请刷新页面。"
    en = (
        "Proposal {number} can't be dealt with like this yet; nothing was changed. It is studied before it is adopted, "
        "and adopted before a methodology is named. Reload the page."
    )


class UnreadableQuery(DomainError):
    """A part of an address's query string that no page of the library wrote. Data: name, value."""

    code = "unreadable_query"
    http_status = 400
    title = "筛选条件有误"
    title_en = "Invalid filter"
    zh = "看不懂网址里的“{name}={value}”，没有列出内容。请从页面上的筛选框和链接进入。"
    en = "The part “{name}={value}” of the address can't be read, so nothing was listed. Use the filters and links."


class NothingToConfirm(ReviewError):
    """Data: version, region, region_en."""

    code = "nothing_to_confirm"
    zh = "{region}在 {version} 里没有可以确认沿用的省级数值：要么已有本市的数值，要么有的数值全省都还没有，须先补齐。"
    en = (
        "There is nothing of the province's to go by for {region_en} in {version}: either the city has values of its "
        "own, or a value is missing altogether and has to be supplied first."
    )

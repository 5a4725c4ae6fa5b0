"""Refusals of verifications."""

from carbon_portal.kernel.errors import DomainError


class BadVerification(DomainError):
    """What can't be opened like this; the reason is in the sentence."""

    code = "bad_verification"
    http_status = 400
    title = "不能这样开展核查"
    title_en = "Not opened"
    zh = "{why} 没有冻结名单，请改正后再试。"
    en = "{why_en} No frame was frozen; correct it and try again."


class NothingToVerify(DomainError):
    """No final record is meant. Data: first, last."""

    code = "nothing_to_verify"
    http_status = 409
    title = "没有可核查的记录"
    title_en = "Nothing to verify"
    zh = "{first} 至 {last} 之间，所选地区没有按这个版本终算的记录。请改选版本、地区或日期。"
    en = "No record here is final under this version from {first} to {last}. Choose another version, area or days."


class NumberTooEarly(DomainError):
    """The random number was known, or could be, when the frame was frozen; or it is not published yet."""

    code = "number_too_early"
    http_status = 409
    title = "随机数的日期不对"
    title_en = "Wrong day of the number"
    zh = "随机数须在名单冻结（{frozen}）之后公布，最晚到今天，现在填的是 {given}。没有抽样。"
    en = "The number must be published after the freezing ({frozen}) and by today, not on {given}. Nothing was drawn."


class AlreadyDrawn(DomainError):
    code = "already_drawn"
    http_status = 409
    title = "已经抽样"
    title_en = "Already drawn"
    zh = "样本已按“{seed}”抽出，不能再换随机数。没有改动。"
    en = "The sample was drawn by “{seed}”; another number can't be used. Nothing was changed."


class NotYetDrawn(DomainError):
    code = "not_yet_drawn"
    http_status = 409
    title = "还没有抽样"
    title_en = "Not drawn yet"
    zh = "随机数还没有登记，样本还没有抽出。请等抽样以后再声明。"
    en = "The random number isn't entered and no sample is drawn. Declare after the draw."


class NotTheVerifier(DomainError):
    """R8: the person who opened or drew it, or somebody else's verification."""

    code = "not_the_verifier"
    http_status = 403
    title = "不能由您核查"
    title_en = "Not yours to verify"
    zh = "{why}没有写入。"
    en = "{why_en} Nothing was written."


class OwnRecords(DomainError):
    """R8, T35: who has records in the frame has a stake in it."""

    code = "own_records"
    http_status = 409
    title = "名单里有您自己的记录"
    title_en = "Your own records are in the frame"
    zh = "名单里有您本人、您家或您企业的记录，不能由您核查。请声明有利益冲突，由另一位核查员接手。"
    en = "The frame holds records of yours, your family or firm. Declare a conflict; another verifier takes over."


class AlreadyDeclared(DomainError):
    code = "already_declared"
    http_status = 409
    title = "已经声明"
    title_en = "Already declared"
    zh = "{why}没有改动。"
    en = "{why_en} Nothing was changed."


class AnswerChanged(DomainError):
    """Somebody saved this item since the page was opened."""

    code = "answer_changed"
    http_status = 409
    title = "这一项已在别处保存"
    title_en = "Saved elsewhere"
    zh = "这一项在您打开页面之后已另外保存为“{result}”。您填的还在，没有保存；确认后再按一次保存。"
    en = "This item was saved as “{result_en}” since you opened the page. Yours isn't saved yet; save again to use it."


class ReportSigned(DomainError):
    code = "report_signed"
    http_status = 409
    title = "报告已签署"
    title_en = "Already signed"
    zh = "报告已经签署，结果不能再改。没有写入。"
    en = "The report is signed and answers stay as they are. Nothing was written."


class ChecksMissing(DomainError):
    """Data: missing."""

    code = "checks_missing"
    http_status = 409
    title = "还有没填的核查项"
    title_en = "Checks without an answer"
    zh = "还有 {missing} 项没有结果，不能签署。请逐条填完。"
    en = "{missing} checks have no answer yet, so the report can't be signed. Answer them first."


class AnswersMoved(DomainError):
    """What was shown at the signature is not what would be signed."""

    code = "answers_moved"
    http_status = 409
    title = "结果有改动"
    title_en = "Answers have changed"
    zh = "页面打开以后有核查项改过，没有签署。请看过现在的结果再签。"
    en = "Some answer changed after the page was opened, so nothing was signed. Look at the results and sign again."


class VerificationWithdrawn(DomainError):
    code = "verification_withdrawn"
    http_status = 409
    title = "已经撤回"
    title_en = "Withdrawn"
    zh = "这次核查已经撤回，不能再办。没有写入。需要时请重新冻结名单。"
    en = (
        "This verification was withdrawn and goes no further. Nothing was written. Freeze a new frame if one is needed."
    )


class AlreadyAnswered(DomainError):
    """What was found stays: nobody takes a verification back whose results they know."""

    code = "already_answered"
    http_status = 409
    title = "已有核查结果"
    title_en = "Answers are recorded"
    zh = "核查员已经填了结果，不能再撤回。没有改动。"
    en = "The verifier has recorded answers, so it can't be withdrawn any more. Nothing was changed."


class NotNow(DomainError):
    """A deed that the page does not offer this person now: another's to do, or done."""

    code = "not_now"
    http_status = 409
    title = "现在不能这样做"
    title_en = "Not now, or not yours"
    zh = "这一步现在不能做，或者不由您做：可能别人已经做了。没有写入。请返回刷新页面，看现在到了哪一步。"
    en = "This can't be done now, or isn't yours: somebody may have done it. Nothing was written. Reload the page."

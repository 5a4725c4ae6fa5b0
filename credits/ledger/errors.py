"""Refusals of the ledger. The database decides; these are its sentences."""

from carbon_portal.kernel.errors import DomainError, NotFound, ServiceUnavailable


class LedgerError(DomainError):
    """Base of the ledger's refusals; nothing was written."""

    title = "未记账"
    title_en = "Not posted"


class InsufficientPoints(LedgerError):
    """A participant has fewer spendable points than asked for. Data: available, wanted, missing."""

    code = "insufficient_points"
    http_status = 409
    title = "碳币不足"
    title_en = "Not enough points"
    zh = "碳币不够：可用 {available}，这次需要 {wanted}，还差 {missing}。可以换一个所需较少的，或继续积累后再来。"
    en = (
        "Not enough points: {available} can be spent, this needs {wanted}, {missing} are missing. "
        "Choose something smaller, or come back when you have earned more."
    )


class AccountShort(InsufficientPoints):
    """A pool, voucher or other bounded account would fall below zero. Data: address."""

    title = "余额不足"
    title_en = "Balance too low"
    zh = "账户 {address} 的余额不足，这笔账会使它低于零，因此没有记账。请先注资，或减少金额后重试。"
    en = (
        "Account {address} holds too little: this posting would take it below zero, so nothing was posted. "
        "Fund it first, or try again with less."
    )


class IdempotencyConflict(LedgerError):
    """The key was used before for something else. Data: key."""

    code = "idempotency_conflict"
    http_status = 409
    title = "重复的业务编号"
    title_en = "Key already used"
    zh = "业务编号 {key} 已用于另一笔内容不同的账，本次没有记账。请核对后换一个新编号提交。"
    en = "The key {key} already stands for another posting; nothing was posted. Check the content and use a new key."


class AlreadyReversed(LedgerError):
    """An entry is reversed at most once. Data: entry."""

    code = "already_reversed"
    http_status = 409
    title = "已经冲正"
    title_en = "Already reversed"
    zh = "第 {entry} 号账目已经冲正过，不能再冲一次。请在对账单中查看那笔冲正。"
    en = "Entry {entry} has been reversed already and can't be reversed again. See that reversal in the statement."


class NotReversible(LedgerError):
    """Holds end by capture, release or expiry, reversals by a new posting. Data: kind."""

    code = "not_reversible"
    http_status = 409
    title = "不能冲正"
    title_en = "Not reversible"
    zh = "“{kind}”类账目不能直接冲正。预留请核销或退回；已核销的请做退款；冲正有误请重新记一笔。"
    en = (
        'An entry of kind "{kind}" can\'t be reversed. Capture or release a hold, refund a capture, '
        "and correct a reversal by a new posting."
    )


class HoldResolved(LedgerError):
    """A hold ends exactly once. Data: kind, how it ended."""

    code = "hold_resolved"
    http_status = 409
    title = "预留已了结"
    title_en = "Hold already resolved"
    zh = "这笔预留已经了结（{kind_zh}），不能再次处理。请刷新后查看最新状态。"
    en = "This hold has already ended ({kind}); it can't be resolved again. Reload to see its present state."


class CaptureExceedsHold(LedgerError):
    """Data: held, wanted."""

    code = "capture_exceeds_hold"
    http_status = 422
    title = "核销超过预留"
    title_en = "More than was held"
    zh = "预留了 {held} 碳币，不能核销 {wanted}。请把核销数改为不超过 {held}。"
    en = "{held} points were held, {wanted} can't be captured. Capture {held} or fewer."


class VoucherAlreadyHeld(LedgerError):
    """One hold per voucher. Data: voucher."""

    code = "voucher_already_held"
    http_status = 409
    title = "券已预留"
    title_en = "Voucher already held"
    zh = "这张券已经预留过碳币，不会重复扣除。请刷新后查看。"
    en = "Points are already held for this voucher; they are not taken twice. Reload to see it."


class UnbalancedEntry(LedgerError):
    """The lines do not sum to zero in each unit."""

    code = "unbalanced_entry"
    http_status = 422
    title = "借贷不平"
    title_en = "Entry does not balance"
    zh = "各行相加不为零，借贷不平，没有记账。请核对每一行的数量。"
    en = "The lines do not sum to zero in each unit; nothing was posted. Check the amount of each line."


class UnitMismatch(LedgerError):
    """A line's unit is not its account's."""

    code = "unit_mismatch"
    http_status = 422
    title = "单位不符"
    title_en = "Wrong unit"
    zh = "某一行的单位与账户的单位不一致（碳币与分不能混记），没有记账。请改用正确的账户。"
    en = (
        "A line and its account have different units (points and fen never mix); nothing was posted. "
        "Use an account of that unit."
    )


class InvalidPosting(LedgerError):
    """Asked for something that can't be an entry. Data: reason, reason_en."""

    code = "invalid_posting"
    http_status = 422
    title = "账目内容有误"
    title_en = "Invalid posting"
    zh = "没有记账：{reason}。"
    en = "Nothing was posted: {reason_en}."


class EntryNotFound(NotFound):
    """No such entry or hold."""

    zh = "没有找到这笔账目或预留。它可能尚未记账，请核对编号后重试。"
    en = "There is no such entry or hold. It may not have been posted yet; check the number and try again."


class LedgerBusy(ServiceUnavailable):
    """A lock was not had in time; nothing was written, the same key may be sent again."""

    code = "ledger_busy"
    zh = "账本正忙，这次没有记账。请稍后用同一编号再试，不会重复记账。"
    en = "The ledger is busy; nothing was posted. Try again with the same key in a moment: it will not be posted twice."

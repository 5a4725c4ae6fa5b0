"""Refusals of redemption, in the words of the till and of the resident's page."""

from carbon_portal.kernel.errors import DomainError


class OfferClosed(DomainError):
    code = "offer_closed"
    http_status = 409
    title, title_en = "暂不能兑换", "Not available"
    zh = "“{title}”现在不能兑换：{why}。您的碳币没有变化，可以看看其他好礼。"
    en = "“{name_en}” can't be redeemed now: {why_en}. Your points are unchanged; have a look at the other offers."


class SoldOut(DomainError):
    code = "sold_out"
    http_status = 409
    title, title_en = "已兑完", "Sold out"
    zh = "“{title}”已兑完，您的碳币没有变化。可以看看其他好礼。"
    en = "“{name_en}” is sold out. Your points are unchanged; have a look at the other offers."


class LimitReached(DomainError):
    code = "per_person_limit"
    http_status = 409
    title, title_en = "已达每人上限", "Limit reached"
    zh = "“{title}”每人限兑 {limit} 份，您已兑过。没有扣碳币。"
    en = "“{name_en}” is limited to {limit} per person and you have reached it. No points were taken."


class CodeUnknown(DomainError):
    code = "code_unknown"
    http_status = 404
    title, title_en = "没有这个码", "Unknown code"
    zh = "没有找到这个兑换码。请核对 8 位数字，或请顾客打开页面重新扫码。"
    en = "No voucher has this code. Check the eight digits, or scan the customer's page again."


class CodeExpired(DomainError):
    code = "code_expired"
    http_status = 409
    title, title_en = "此码已过期", "Code expired"
    zh = "此码已过期（二维码 30 秒、数字 2 分钟更新）。请顾客打开页面，不要用截图。"
    en = "This code has expired (QR every 30 s, digits every 2 min). Ask for the live page, not a screenshot."


class AlreadyCaptured(DomainError):
    code = "already_captured"
    http_status = 409
    title, title_en = "已核销", "Already used"
    zh = "已于 {at} 核销，门店：{shop}，店员：{cashier}。请勿重复给货。"
    en = "Already used at {at}, shop “{shop}”, by “{cashier}”. Do not hand over the goods again."


class VoucherNotUsable(DomainError):
    code = "voucher_not_usable"
    http_status = 409
    title, title_en = "此券不能用", "Not usable"
    zh = "此券{state}，不能核销。碳币已退回顾客账户，请顾客重新兑换。"
    en = "This voucher is {state_en} and can't be used. The points went back; the customer may take a new one."


class WrongMerchant(DomainError):
    code = "wrong_merchant"
    http_status = 409
    title, title_en = "不是本店的券", "Another merchant's voucher"
    zh = "此券限“{merchant}”使用，本店不能核销。"
    en = "This voucher is for “{merchant}” only and can't be used here."


class NoTill(DomainError):
    code = "no_till"
    http_status = 403
    title, title_en = "没有收银台权限", "No till"
    zh = "您的账户没有绑定门店，不能核销。请店主在“店员”里添加您。"
    en = "Your account belongs to no shop, so it can't redeem. Ask the owner to add you as a cashier."


class TooManyWrongCodes(DomainError):
    code = "too_many_wrong_codes"
    http_status = 429
    title, title_en = "请稍等", "Please wait"
    zh = "1 分钟内输错 {limit} 次，本收银台暂停 1 分钟。已核销的不受影响。"
    en = "{limit} wrong codes within a minute: this till pauses for a minute. Nothing already redeemed is affected."


class RefundTooLate(DomainError):
    code = "refund_too_late"
    http_status = 409
    title, title_en = "不能撤销", "Too late"
    zh = "这笔是 {day} 核销的，隔日不能撤销。请店主联系平台按争议处理。"
    en = "This was redeemed on {day}; it can be undone on the same day only. The owner may raise a dispute."


class AlreadyRefunded(DomainError):
    code = "already_refunded"
    http_status = 409
    title, title_en = "已撤销", "Already undone"
    zh = "这笔已在 {at} 撤销，碳币已退回一次。"
    en = "This was undone at {at}; the points went back once."


class VoucherClosed(DomainError):
    code = "voucher_closed"
    http_status = 409
    title, title_en = "此券已结束", "Voucher closed"
    zh = "此券{state}，不能再退回或出示。"
    en = "This voucher is {state_en}; it can't be returned or shown any more."

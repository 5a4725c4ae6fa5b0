"""Refusals of this app."""

from carbon_portal.kernel.errors import DomainError


class NoPointsRule(DomainError):
    """Points can't be computed without a dated rule; grams are unaffected."""

    code = "no_points_rule"
    http_status = 409
    title = "没有碳币规则"
    title_en = "No points rule"
    zh = "{on} 没有生效的碳币规则，暂时不能发放碳币；减碳量不受影响。请管理员登记规则。"
    en = "No points rule is in force on {on}; grams are unaffected. An administrator must enter a rule."


class BadFunding(DomainError):
    """A funding that is no whole positive number of points."""

    code = "bad_funding"
    http_status = 400
    title = "注资数额有误"
    title_en = "Invalid funding"
    zh = "注资数额须为 1 至 {largest} 之间的整数碳币，现在是 {points}。没有写入。"
    en = "Fund a whole number of points from 1 to {largest}; got {points}. Nothing was written."


class NoReward(DomainError):
    """An idea that can't be rewarded. Data: why, why_en."""

    code = "no_reward"
    http_status = 409
    title = "不能奖励"
    title_en = "No reward possible"
    zh = "{why}。没有写入。"
    en = "{why_en}. Nothing was written."


class RewardBeyondThePool(DomainError):
    """The pool holds fewer points than the reward. Data: points, left."""

    code = "reward_beyond_the_pool"
    http_status = 409
    title = "碳币池余额不足"
    title_en = "The pool holds too little"
    zh = "碳币池现有 {left} 碳币，不够发放 {points} 碳币。没有写入；请改少一些，或等注资后再办。"
    en = "The pool holds {left} points, too few for {points}. Nothing was written; ask for fewer or wait for funds."


class OverClaimed(DomainError):
    """A gram has at most one use (R4)."""

    code = "over_claimed"
    http_status = 409
    title = "减碳量已被使用"
    title_en = "Grams already used"
    zh = "这笔减碳量可用的不足 {grams} 克：同一克减碳量只能用一次。没有写入。"
    en = "Fewer than {grams} g of this reduction are unused: a gram is used at most once. Nothing was written."


class WrongRecomputation(DomainError):
    """A choice that can't be computed again. Data: why, why_en."""

    code = "wrong_recomputation"
    http_status = 400
    title = "不能这样重算"
    title_en = "Can't be recomputed like this"
    zh = "{why}。没有写入，请改正后重新提交。"
    en = "Refused: {why_en}. Nothing was written; correct it and send it again."


class NothingToRecompute(DomainError):
    """No final record is meant. Data: code, first, last."""

    code = "nothing_to_recompute"
    http_status = 409
    title = "没有可重算的记录"
    title_en = "Nothing to recompute"
    zh = "{first} 至 {last} 之间，所选地区没有按 {code} 终算的记录。请改选日期或地区。"
    en = "No record of {code} is final in these areas from {first} to {last}. Choose other days or areas."


class RecomputationNotReady(DomainError):
    """The deed does not fit the state. Data: state."""

    code = "recomputation_not_ready"
    http_status = 409
    title = "现在不能这样做"
    title_en = "Not possible now"
    zh = "这次重算现在的状态是“{state}”，不能这样做。请刷新页面看最新进度。"
    en = "This recomputation is in another state by now. Reload the page to see where it stands."

"""Units, kinds and limits of the ledger. The kinds are one list; every posting names one of them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# One amount, positive or negative, stays far inside bigint, so that no balance and no sum of a chunk can overflow.
MAX_AMOUNT = 10**15
# Lines of one entry: a chunk of participants plus its counterparts. Memory of one statement stays under some 20 MB.
MAX_LINES = 50_000
MAX_KEY_LENGTH = 120
MAX_SOURCE_LENGTH = 120
# Points of year Y can be spent until the last day of Y + POINTS_LIFE_YEARS (mission.md, decisions).
POINTS_LIFE_YEARS = 1
# A pool is split into this many slots, so that as many chunks of awards can be paid at once; at most MAX_POOL_SLOTS
# belong to a pool (`ledger_pool_accounts`). A slot is not filled with less than what a small chunk needs.
POOL_SLOTS = 16
MAX_POOL_SLOTS = 32
POOL_SLOT_LEAST_POINTS = 1_000
STATEMENT_PAGE_SIZE = 50
EXPIRY_CHUNK_ACCOUNTS = 5_000


class Unit(models.TextChoices):
    POINTS = "points", _("碳币")
    FEN = "fen", pgettext_lazy("money", "分")


class Kind(models.TextChoices):
    """Why value moved. The comment names the usual source and destination."""

    ISSUE = (
        "issue",
        _("发行"),
    )  # world:issuance → pool, without a sponsor's money (trial points)
    FUND = "fund", _("注资")  # world:issuance → pool, backed by a sponsor's contract
    DEFUND = "defund", _("撤资")  # pool → world:issuance, what a closed pool has left
    POOL_SPREAD = "pool_spread", _("额度分格")  # pool → its own slots
    AWARD = "award", _("减碳发放")  # pool → participants, a chunk of final reductions
    AWARD_CORRECTION = (
        "award_correction",
        _("减碳更正"),
    )  # participants → pool, as far as the balance goes
    BONUS = "bonus", _("活动奖励")  # pool → participants, a campaign
    FAMILY_GIFT = (
        "family_gift",
        _("家庭转赠"),
    )  # participant → participant of the same household
    DONATION = "donation", _("捐赠")  # participant → cause
    REDEEM_HOLD = "redeem_hold", _("兑换预留")  # participant → voucher
    REDEEM_CAPTURE = (
        "redeem_capture",
        _("兑换核销"),
    )  # voucher → merchant, the remainder back to the participant
    REDEEM_RELEASE = (
        "redeem_release",
        _("兑换退回"),
    )  # voucher → participant, cancelled by someone
    REDEEM_EXPIRE = (
        "redeem_expire",
        _("兑换超时退回"),
    )  # voucher → participant, the voucher ran out
    REDEEM_REFUND = (
        "redeem_refund",
        _("兑换退款"),
    )  # merchant → participant, after the capture
    SETTLEMENT = "settlement", _("商户结算")  # merchant → world:settled
    EXPIRE_POINTS = "expire_points", _("碳币到期")  # participants' year → world:expired
    CLOSE_ACCOUNT = "close_account", _("注销作废")  # participant → world:expired
    REVERSAL = "reversal", _("冲正")  # the exact mirror of an earlier entry


class ResolutionKind(models.TextChoices):
    CAPTURE = "capture", _("核销")
    RELEASE = "release", _("退回")
    EXPIRE = "expire", _("超时退回")


# These are undone by the life cycle of their hold, or are themselves an undoing: a bare mirror would leave a hold that
# promises points which are no longer in its voucher.
IRREVERSIBLE_KINDS = frozenset(
    {
        Kind.REDEEM_HOLD,
        Kind.REDEEM_CAPTURE,
        Kind.REDEEM_RELEASE,
        Kind.REDEEM_EXPIRE,
        Kind.REVERSAL,
    }
)

UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# The chart of accounts. An address holds opaque ids only; no name, phone or identity number of a person fits.
BOUNDED_CLASSES = ("participant", "pool", "voucher")
UNBOUNDED_CLASSES = ("merchant", "income", "sponsor", "cause")
ADDRESS_PATTERN = (
    "^(world:[a-z][a-z_]{1,31}(:(points|fen))?"
    f"|({'|'.join(BOUNDED_CLASSES + UNBOUNDED_CLASSES)}):{UUID_PATTERN}(:[a-z][a-z_]{{0,31}}(:[0-9]{{1,4}})?)?)$"
)
BOUNDED_PATTERN = f"^({'|'.join(BOUNDED_CLASSES)}):"
POINTS_YEAR_PATTERN = f"^participant:{UUID_PATTERN}:points:[0-9]{{4}}$"

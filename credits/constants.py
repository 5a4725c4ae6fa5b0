"""Choices and limits of this app."""

from django.db import models
from django.utils.translation import gettext_lazy as _

# One round of work: what one transaction quantifies, closes or awards. Large enough that set-based statements pay off,
# small enough that a lock is held for about a second.
CHUNK_RECORDS = 10_000
# A record found `checking` for longer was left by a worker of an earlier release or a hand at the database.
STALE_CHECKING_MINUTES = 2
# Awards of one posting; the ledger takes at most 50 000 lines an entry.
CHUNK_AWARDS = 5_000
PROVINCE = "440000"

# Reason of the revision that takes a reduction back to 0 g.
REVERSED = "reversed"
NOT_ELIGIBLE = "participant_not_eligible"


class TotalState(models.TextChoices):
    PROVISIONAL = "provisional", "暂算"
    FINAL = "final", "终算"


class ClaimKind(models.TextChoices):
    """What a gram may be used for, once (architecture, section 7)."""

    POOLED = "pooled", "已归集"
    ISSUED = "issued", "已签发"
    DONATED = "donated", "已捐赠"
    CLAIMED_ELSEWHERE = "claimed_elsewhere", "已在他处申报"


# How many records the source of a correction names; with ten digits each they fit the ledger's column.
NAMED_RECORDS = 8


class RecomputationRule(models.TextChoices):
    """What becomes of grams that a revision changes. Points never fall by it, claimed grams are never lowered."""

    KEEP = "keep", "保留原量"
    TOP_UP = "top_up", "只增不减"
    CLAW_BACK = "claw_back", "据实调整未核证部分"


class RecomputationState(models.TextChoices):
    PREPARING = "preparing", "正在清点"
    PREVIEWING = "previewing", "正在试算"
    PREVIEWED = "previewed", "试算完成"
    WAITING = "waiting", "待审定"
    RUNNING = "running", "正在重算"
    DONE = "done", "已完成"
    DECLINED = "declined", "未通过"
    DISCARDED = "discarded", "已放弃"


class StandsBecause(models.TextChoices):
    """Why an earlier result goes on counting."""

    RULE = "rule", "按规则保留"
    REFUSED = "refused", "新版本算不出"
    CLAIMED = "claimed", "已用于核证等用途"
    SAME = "same", "结果没有变化"


class RewardState(models.TextChoices):
    WAITING = "waiting", _("待审定")
    PAID = "paid", _("已发放")
    RETURNED = "returned", _("已退回")


class PartOutcome(models.TextChoices):
    APPLIED = "applied", "已按审定结果写入"
    CHANGED = "changed", "审定后账目有变，未写入"


class CheckResult(models.TextChoices):
    """What a verifier finds about one question of the guide."""

    YES = "yes", "符合"
    NO = "no", "不符合"
    UNCLEAR = "unclear", "不能确认"
    NOT_APPLICABLE = "n_a", "不适用"


# The guide shipped names no size of a sample. This one is the portal's: 5 %, at least 30 (docs/adr/0034).
SAMPLE_PERCENT, SAMPLE_MINIMUM = 5, 30
MOST_FRAMED, MOST_SAMPLED = 500_000, 1_000

# Parts that one worker looks at for a chunk; their records together stay within CHUNK_RECORDS.
CHUNK_PARTS = 2_000
# Rounds of one task; then it wakes another, so that none runs into the limit of a task's time.
ROUNDS_OF_A_TASK = 20

# Who had a result under a method within so many days is told that it ends.
NOTICE_YEAR = 365
# Days before the last day of a year's points on which their owners are told (mission.md, P4.3-a).
EXPIRY_NOTICE_DAYS = (30, 7)
# The most points for an adopted idea: the portal's own limit against a slip of the hand; the pool is the other limit.
MOST_REWARD_POINTS = 10_000

"""States, evidence grades and channels of a record (architecture, section 7)."""

from django.db import models


class RecordState(models.TextChoices):
    RECEIVED = "received", "已收到"
    CHECKING = "checking", "核对中"
    PROVISIONAL = "provisional", "暂算"
    FINAL = "final", "终算"
    REJECTED = "rejected", "未通过"
    DUPLICATE = "duplicate", "重复"
    UNDER_REVIEW = "under_review", "人工复核"
    REVERSED = "reversed", "已撤销"


# "Pending" in commands and answers (interface, section 3).
# What workers take up; the rest of what is pending waits for a person.
QUEUED_STATES = (RecordState.RECEIVED, RecordState.CHECKING)
PENDING_STATES = (*QUEUED_STATES, RecordState.UNDER_REVIEW)


class EvidenceGrade(models.TextChoices):
    FEED = "feed", "数据直连"
    PROOF = "proof", "已核凭证"
    SELF_DECLARED = "self_declared", "自行申报"


class Channel(models.TextChoices):
    PAGE = "page", "网页"
    API = "api", "接口"
    FILE = "file", "文件"


class DeedKeyKind(models.TextChoices):
    SOURCE = "source", "来源编号"
    IDENTITY = "identity", "行为本身"


CLOSED_STATES = (RecordState.REJECTED, RecordState.DUPLICATE, RecordState.REVERSED)
CANCELLABLE_STATES = (*PENDING_STATES, RecordState.PROVISIONAL)


class Reason(models.TextChoices):
    """Why this app did not count a record; the engine's reasons stand in methodologies.engine.reasons."""

    UNKNOWN_ACTIVITY = "unknown_activity", "行为代码不在代码表中"
    NOT_ELIGIBLE = "participant_not_eligible", "不适用于这类参与者"
    METER_OF_ANOTHER = "meter_of_another", "户号由他人绑定"
    SAME_DEED = "same_deed", "同一行为已有记录"
    OVERLAPPING_TRIP = "overlapping_trip", "行程时间重叠"
    TOO_FAST = "too_fast", "速度异常"
    CANCELLED = "cancelled_by_owner", "本人撤销"


# What one person may store as photos on one day of Asia/Shanghai (T46): far more than a day of deeds needs, and little
# enough that nobody fills the disk. Bytes are those of the pictures as they are kept.
PHOTOS_PER_DAY = 30
PHOTO_BYTES_PER_DAY = 150 * 1024 * 1024

# Tasks of the layer above are named, never imported (kernel.dispatch).
WAKE_QUANTIFICATION = "credits.quantify_pending"
WAKE_UNDO = "credits.undo_reversed"
# Advisory locks: a self-declared record takes the gate shared and its own day; an import with such rows takes the gate
# alone, so that it needs one lock and not one per participant and day (docs/locking.md).
DAY_GATE = 0x6265_6861_7601

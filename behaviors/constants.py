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
PENDING_STATES = (RecordState.RECEIVED, RecordState.CHECKING, RecordState.UNDER_REVIEW)


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

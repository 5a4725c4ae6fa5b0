"""Choices and limits of this app."""

from django.db import models

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

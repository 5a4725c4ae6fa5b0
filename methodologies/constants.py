"""States of a version's life (methodology-format, section 9)."""

from django.db import models


class VersionState(models.TextChoices):
    DRAFT = "draft", "草案"
    SUBMITTED = "submitted", "已报送"
    IN_REVIEW = "in_review", "审查中"
    PUBLIC_COMMENT = "public_comment", "公示中"
    APPROVED = "approved", "已审定"
    PUBLISHED = "published", "已发布"
    SUPERSEDED = "superseded", "已被取代"
    WITHDRAWN = "withdrawn", "已停用"


# What has once been in force and is therefore frozen for ever.
FROZEN_STATES = (VersionState.PUBLISHED, VersionState.SUPERSEDED, VersionState.WITHDRAWN)

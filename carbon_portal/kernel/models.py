"""Rows that every app leans on: audit events, approvals, idempotency keys.

They store the uuid of the person (not of a login) and no foreign key, so the kernel imports nobody.
"""

import uuid

from django.db import models
from django.db.models import F, Q

from .append_only import AppendOnly

__all__ = ["AppendOnly", "Approval", "AuditEvent", "IdempotencyKey"]


class AuditEvent(AppendOnly):
    """Who did what to what, written in the deed's own transaction (integrity: A3)."""

    at = models.DateTimeField()
    actor = models.UUIDField(null=True, help_text="person; empty for the system itself")
    verb = models.CharField(max_length=60)
    target = models.CharField(max_length=200)
    region = models.CharField(max_length=6, blank=True)
    data = models.JSONField(default=dict)

    class Meta(AppendOnly.Meta):
        indexes = [
            models.Index(fields=["target", "id"], name="audit_by_target"),
            models.Index(fields=["actor", "id"], name="audit_by_actor"),
        ]


class Approval(AppendOnly):
    """A decision that binds the SHA-256 of the content that was shown.

    `founding` marks what the installation brings along (the shipped library); everything else needs two people.
    """

    class Basis(models.TextChoices):
        FOUR_EYES = "four_eyes", "两人审批"
        FOUNDING = "founding", "随系统发布"

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    content_sha256 = models.CharField(max_length=64)
    basis = models.CharField(max_length=20, choices=Basis)
    initiator = models.UUIDField(null=True)
    approver = models.UUIDField(null=True)
    decided_at = models.DateTimeField()
    note = models.TextField(blank=True)

    class Meta(AppendOnly.Meta):
        constraints = [
            # R8: initiator and approver are different people; only founding content has neither.
            models.CheckConstraint(
                name="approval_two_people",
                condition=Q(basis="founding", initiator__isnull=True, approver__isnull=True)
                | (Q(basis="four_eyes", initiator__isnull=False, approver__isnull=False) & ~Q(initiator=F("approver"))),
            ),
            # One decision on the same content of the same subject.
            models.UniqueConstraint(fields=["kind", "subject", "content_sha256"], name="approval_once_per_content"),
        ]


class IdempotencyKey(models.Model):
    """One (client, key): one effect and one answer (L6). The row commits with the effect, or not at all."""

    client = models.CharField(max_length=80)
    key = models.CharField(max_length=128)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True, help_text="the exact body that was sent")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="idempotency_once")]

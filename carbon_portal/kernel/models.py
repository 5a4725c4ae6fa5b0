"""Rows that every app leans on: audit events, requests for approval and their decisions, idempotency keys.

They store the uuid of the person (not of a login) and no foreign key, so the kernel imports nobody.
"""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from .append_only import BY_OWNER, NO_TRUNCATE, AppendOnly

__all__ = ["AppendOnly", "Approval", "ApprovalRequest", "ApprovalVoid", "AuditEvent", "IdempotencyKey"]


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


class ApprovalRequest(models.Model):
    """A wish that others decide on: what content of which subject, by whom, and who may not decide it (R8).

    `barred` are people who wrote the content without being the initiator. What was asked never changes; the state
    changes once, from open to what became of it, and as the decisions say: both are the database's own rules.
    """

    class State(models.TextChoices):
        OPEN = "open", "待审定"
        APPROVED = "approved", "已同意"
        RETURNED = "returned", "已退回"
        VOID = "void", "已作废"
        WITHDRAWN = "withdrawn", "已撤回"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200, blank=True)
    region = models.CharField(max_length=6)
    content_sha256 = models.CharField(max_length=64)
    initiator = models.UUIDField(help_text="person")
    initiator_role = models.CharField(max_length=30)
    barred = ArrayField(models.UUIDField(), default=list, help_text="authors: people who may not decide")
    needed = models.PositiveSmallIntegerField(default=1, help_text="approvals by different people in different roles")
    due_on = models.DateField(null=True)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.UUIDField(null=True, help_text="person; empty where an edit voided it")
    why = models.TextField(blank=True, help_text="why it was returned, voided or withdrawn")

    class Meta:
        constraints = [
            # One open request per kind and subject: nobody can play two texts against each other.
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(state="open"), name="approval_request_open_once"
            ),
            models.CheckConstraint(name="approval_request_needs_somebody", condition=Q(needed__gte=1)),
            models.CheckConstraint(
                name="approval_request_closed_when_decided",
                condition=Q(state="open", closed_at__isnull=True) | (~Q(state="open") & Q(closed_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "subject", "id"], name="approval_request_by_subject"),
            # The work list reads what is open, due first.
            models.Index(fields=["due_on", "id"], condition=Q(state="open"), name="approval_request_open"),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            NO_TRUNCATE,
            pgtrigger.Trigger(
                name="closed_once",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                declare=[("given", "integer"), ("refused", "integer")],
                func="""
                    IF OLD.state <> 'open' THEN
                        RAISE EXCEPTION 'request % is %: it can''t change any more', OLD.uid, OLD.state
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF (OLD.id, OLD.uid, OLD.kind, OLD.subject, OLD.title, OLD.title_en, OLD.region, OLD.content_sha256,
                        OLD.initiator, OLD.initiator_role, OLD.barred, OLD.needed, OLD.due_on, OLD.opened_at)
                        IS DISTINCT FROM
                       (NEW.id, NEW.uid, NEW.kind, NEW.subject, NEW.title, NEW.title_en, NEW.region, NEW.content_sha256,
                        NEW.initiator, NEW.initiator_role, NEW.barred, NEW.needed, NEW.due_on, NEW.opened_at) THEN
                        RAISE EXCEPTION 'what request % asks for can''t change', OLD.uid
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    SELECT count(*) FILTER (WHERE approved), count(*) FILTER (WHERE NOT approved)
                      INTO given, refused FROM kernel_approval WHERE request_id = OLD.id;
                    IF (NEW.state = 'approved' AND (given < OLD.needed OR refused > 0))
                       OR (NEW.state = 'returned' AND refused = 0) THEN
                        RAISE EXCEPTION 'request %: % of % approvals and % refusals don''t make it %',
                            OLD.uid, given, OLD.needed, refused, NEW.state USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def is_approved(self) -> bool:
        return self.state == self.State.APPROVED


class Approval(AppendOnly):
    """A decision that binds the SHA-256 of the content that was shown: yes, or no (`approved` is false).

    `founding` marks what the installation brings along (the shipped library); everything else needs two people, and
    fits its request: the database compares them. Who decided in somebody's absence names them in `approver_for`.
    """

    class Basis(models.TextChoices):
        FOUR_EYES = "four_eyes", "两人审批"
        FOUNDING = "founding", "随系统发布"

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT, null=True, related_name="decisions")
    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    content_sha256 = models.CharField(max_length=64)
    basis = models.CharField(max_length=20, choices=Basis)
    approved = models.BooleanField(default=True)
    initiator = models.UUIDField(null=True)
    initiator_role = models.CharField(max_length=30, blank=True)
    approver = models.UUIDField(null=True)
    approver_role = models.CharField(max_length=30, blank=True)
    approver_for = models.UUIDField(null=True, help_text="whose absence the approver filled")
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
            # R8: in different roles, on request, and not in the initiator's own stead.
            models.CheckConstraint(
                name="approval_two_roles",
                condition=Q(basis="founding", request__isnull=True)
                | (
                    Q(basis="four_eyes", request__isnull=False)
                    & ~Q(initiator_role=F("approver_role"))
                    & ~Q(initiator_role="")
                    & ~Q(approver_role="")
                    & (Q(approver_for__isnull=True) | ~Q(approver_for=F("initiator")))
                ),
            ),
            # One decision per person and per role on a request: a second approval is a second person in another role.
            models.UniqueConstraint(fields=["request", "approver"], name="approval_once_per_person"),
            models.UniqueConstraint(fields=["request", "approver_role"], name="approval_once_per_role"),
            # What the installation brings along is approved once per content.
            models.UniqueConstraint(
                fields=["kind", "subject", "content_sha256"],
                condition=Q(basis="founding"),
                name="approval_founding_once",
            ),
        ]
        indexes = [models.Index(fields=["kind", "subject"], name="approval_by_subject")]
        triggers = [
            *AppendOnly.Meta.triggers,
            # What has no two people comes with the installation, and installing is the owner's, who migrates: neither
            # pages nor workers can approve alone by calling it founding (R8).
            pgtrigger.Trigger(
                name="founding_by_owner",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.basis = 'founding'"),
                func=f"""
                    IF NOT {BY_OWNER} THEN
                        RAISE EXCEPTION 'only an installation approves by itself: % may not', current_user
                            USING ERRCODE = 'insufficient_privilege';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="of_request",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.request_id IS NOT NULL"),
                declare=[("asked", "kernel_approvalrequest")],
                func="""
                    SELECT * INTO asked FROM kernel_approvalrequest WHERE id = NEW.request_id FOR UPDATE;
                    IF asked.state <> 'open' THEN
                        RAISE EXCEPTION 'request % is %: nothing to decide', asked.uid, asked.state
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF (NEW.kind, NEW.subject, NEW.content_sha256, NEW.initiator, NEW.initiator_role)
                       IS DISTINCT FROM
                       (asked.kind, asked.subject, asked.content_sha256, asked.initiator, asked.initiator_role) THEN
                        RAISE EXCEPTION 'a decision must be about what request % asks for', asked.uid
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF NEW.approver = ANY (asked.barred) OR NEW.approver_for = ANY (asked.barred) THEN
                        RAISE EXCEPTION 'an author may not decide request %', asked.uid
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class ApprovalVoid(AppendOnly):
    """An edit of a subject: requests up to number `upto` count no more, whatever was decided on them."""

    kind = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    upto = models.BigIntegerField(help_text="the newest request of this kind and subject at that moment")
    at = models.DateTimeField()
    actor = models.UUIDField(null=True)
    why = models.TextField()

    class Meta(AppendOnly.Meta):
        indexes = [models.Index(fields=["kind", "subject", "-upto"], name="approval_void_newest")]


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

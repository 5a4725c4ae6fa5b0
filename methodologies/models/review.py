"""What the province, its experts, its departments and the public said about a version; each word is written once.

Everything hangs on the stage during which it was said, and carries the hash of the text that was read. Rows name
persons by uuid; an expert's name is kept as it was at the invitation: the minutes are public and people are not.
"""

import uuid

import pgtrigger
from django.db import models
from django.db.models import ExpressionWrapper, F, Q

from accounts.models import Organisation
from carbon_portal.kernel.append_only import APPEND_ONLY_TRIGGERS, AppendOnly
from methodologies.constants import AnswerVerdict, CommentOutcome, OpinionVerdict

from .library import MethodologyVersion
from .stages import Stage

SHA256 = r"^[0-9a-f]{64}$"
# The text that was read is the version's text at that moment: nobody signs what is not there.
_SAME_CONTENT = """
    IF NOT EXISTS (SELECT FROM methodologies_methodologyversion v JOIN methodologies_stage s ON s.version_id = v.id
                    WHERE s.id = {stage} AND v.sha256 = NEW.content_sha256) THEN
        RAISE EXCEPTION 'the content of the version is not the one that was read' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
"""


def _same_content(stage: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="of_the_content_read", operation=pgtrigger.Insert, when=pgtrigger.Before,
        func=_SAME_CONTENT.format(stage=stage),
    )  # fmt: skip


class Acceptance(AppendOnly):
    """The completeness check: what was looked at, what was found missing. Accepted only where nothing is missing."""

    stage = models.OneToOneField(Stage, on_delete=models.PROTECT, related_name="acceptance", help_text="submitted")
    accepted = models.BooleanField()
    checklist = models.JSONField(help_text="item → true or false")
    missing = models.PositiveSmallIntegerField()
    note = models.TextField(blank=True)
    person = models.UUIDField()
    at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(
                name="acceptance_is_complete", condition=Q(accepted=True, missing=0) | Q(accepted=False)
            ),
            models.CheckConstraint(name="acceptance_hash", condition=Q(content_sha256__regex=SHA256)),
        ]
        triggers = [*APPEND_ONLY_TRIGGERS, _same_content("NEW.stage_id")]


class ReviewExpert(AppendOnly):
    """An expert invited to one review."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="experts", help_text="expert_review")
    person = models.UUIDField()
    name = models.CharField(max_length=50)
    invited_by = models.UUIDField()
    invited_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["stage", "person"], name="expert_once_per_review")]


class Declaration(AppendOnly):
    """A conflict of interest, or that there is none. Once per review; what was declared is not taken back (T35)."""

    expert = models.OneToOneField(ReviewExpert, on_delete=models.PROTECT, related_name="declaration")
    conflicted = models.BooleanField()
    statement = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="declared_conflict_is_told", condition=Q(conflicted=False) | ~Q(statement="")),
        ]


class Opinion(AppendOnly):
    """An expert's opinion on one text. It hangs on the declaration, so there is none without one (P2.2-c).

    `signature` is the SHA-256 of what was signed: version, text, verdict, words, person and moment.
    """

    declaration = models.OneToOneField(Declaration, on_delete=models.PROTECT, related_name="opinion")
    verdict = models.CharField(max_length=20, choices=OpinionVerdict)
    text = models.TextField()
    at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="opinion_verdict", condition=Q(verdict__in=OpinionVerdict.values)),
            models.CheckConstraint(name="opinion_has_words", condition=~Q(text="")),
        ]
        triggers = [
            *APPEND_ONLY_TRIGGERS,
            _same_content(
                "(SELECT e.stage_id FROM methodologies_declaration d JOIN methodologies_reviewexpert e"
                " ON e.id = d.expert_id WHERE d.id = NEW.declaration_id)"
            ),
        ]


class JointRequest(AppendOnly):
    """A department asked to sign jointly. Without an account here it answers by letter, which the province enters."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="joint_requests", help_text="joint_signing")
    department = models.CharField(max_length=40, help_text="code in departments.yaml")
    name = models.CharField(max_length=120)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True)
    asked_by = models.UUIDField()
    asked_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["stage", "department"], name="department_once_per_signing")]


class JointReminder(AppendOnly):
    """A department was reminded."""

    request = models.ForeignKey(JointRequest, on_delete=models.PROTECT, related_name="reminders")
    person = models.UUIDField()
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        pass


class JointAnswer(AppendOnly):
    """A department's answer, once. Its absence is an absence and never a consent (P2.5-a)."""

    request = models.OneToOneField(JointRequest, on_delete=models.PROTECT, related_name="answer")
    verdict = models.CharField(max_length=20, choices=AnswerVerdict)
    text = models.TextField(blank=True)
    letter = models.CharField(max_length=80, blank=True, help_text="number of the letter, where it came on paper")
    person = models.UUIDField()
    at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="answer_verdict", condition=Q(verdict__in=AnswerVerdict.values)),
            models.CheckConstraint(name="answer_says_why", condition=Q(verdict="agree") | ~Q(text="")),
        ]
        triggers = [
            *APPEND_ONLY_TRIGGERS,
            _same_content("(SELECT r.stage_id FROM methodologies_jointrequest r WHERE r.id = NEW.request_id)"),
        ]


class PublicComment(AppendOnly):
    """What somebody of the public said during the comment period, under a public number."""

    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="comments", help_text="public_comment")
    person = models.UUIDField()
    name = models.CharField(max_length=50, blank=True, help_text="as the person wished; empty: unnamed")
    text = models.TextField()
    at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64)
    text_sha256 = models.CharField(max_length=64, help_text="the same words by the same person are one comment")

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["stage", "person", "text_sha256"], name="comment_once"),
            models.CheckConstraint(name="comment_has_words", condition=~Q(text="")),
        ]
        triggers = [*APPEND_ONLY_TRIGGERS, _same_content("NEW.stage_id")]

    @property
    def number(self) -> str:
        """The public number: GS, the year, and a count over the whole province."""
        return f"GS{self.at.year}-{self.pk:06d}"


class CommentReply(AppendOnly):
    """The answer to a comment and what was changed for it."""

    comment = models.OneToOneField(PublicComment, on_delete=models.PROTECT, related_name="reply")
    outcome = models.CharField(max_length=20, choices=CommentOutcome)
    text = models.TextField()
    change = models.TextField(blank=True, help_text="what was changed, or will be in the next text")
    person = models.UUIDField()
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="reply_outcome", condition=Q(outcome__in=CommentOutcome.values)),
            models.CheckConstraint(name="reply_has_words", condition=~Q(text="")),
            models.CheckConstraint(name="reply_adopted_names_change", condition=~Q(outcome="adopted") | ~Q(change="")),
        ]


class Publication(AppendOnly):
    """A version was published: number, first day in force, and the approval of exactly this text."""

    version = models.OneToOneField(MethodologyVersion, on_delete=models.PROTECT, related_name="publication")
    year = models.PositiveSmallIntegerField()
    sequence = models.PositiveIntegerField()
    published_on = models.DateField()
    effective_from = models.DateField()
    content_sha256 = models.CharField(max_length=64)
    approval = models.UUIDField(help_text="kernel approval")
    person = models.UUIDField()
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["year", "sequence"], name="publication_number"),
            # Rule 3.2: nobody is surprised by a method; 30 days lie between.
            models.CheckConstraint(
                name="publication_notice",
                condition=Q(effective_from__gte=ExpressionWrapper(F("published_on") + 30, models.DateField())),
            ),
        ]

    @property
    def number(self) -> str:
        """Year and number within it: 2026-001."""
        return f"{self.year}-{self.sequence:03d}"


class Withdrawal(AppendOnly):
    """The plan to take a version out of force, on which two people decide; carried out when it is approved."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    version = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, related_name="withdrawals")
    sunset_on = models.DateField(help_text="its last day in force")
    successor = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField()
    person = models.UUIDField()
    at = models.DateTimeField()
    content_sha256 = models.CharField(max_length=64, help_text="of what is decided on")

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="withdrawal_says_why", condition=~Q(reason="")),
            models.CheckConstraint(
                name="withdrawal_not_its_own_successor",
                condition=Q(successor__isnull=True) | ~Q(successor=F("version")),
            ),
        ]


class LocalConfirmation(AppendOnly):
    """A city goes by the province's values under a version for the whole province. Once per city and text."""

    version = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, related_name="local_confirmations")
    region = models.CharField(max_length=6, help_text="city")
    content_sha256 = models.CharField(max_length=64)
    person = models.UUIDField()
    at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["version", "region"], name="local_confirmed_once"),
            models.CheckConstraint(name="local_confirmation_hash", condition=Q(content_sha256__regex=SHA256)),
        ]

"""Texts in the making: a draft as it stands, and every text that it has had."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel.append_only import AppendOnly

from .library import MethodologyVersion


class DraftState(models.TextChoices):
    """Where a draft lies. One that the province returned stays `submitted`; its version says `draft` again."""

    OPEN = "open", _("起草中")
    FORWARDING = "forwarding", _("等待报送审定")
    SUBMITTED = "submitted", _("已报送")
    CLOSED = "closed", _("草案已结束")


class Draft(models.Model):
    """A text that becomes a version. `source` is as it was typed and may be no document at all."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    region = models.CharField(max_length=6, help_text="the issuing region: a city or the province")
    title = models.CharField(max_length=200, blank=True, help_text="from the text, for lists")
    code = models.CharField(max_length=40, blank=True, help_text="from the text, for lists")
    source = models.TextField()
    sha256 = models.CharField(max_length=64, help_text="of the text, byte for byte: what an approval binds")
    revision = models.PositiveIntegerField(help_text="the number of the newest edit")
    based_on = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, null=True, related_name="revisions")
    proposal_number = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=20, choices=DraftState, default=DraftState.OPEN)
    version = models.OneToOneField(MethodologyVersion, on_delete=models.PROTECT, null=True, related_name="draft")
    created_by = models.UUIDField(help_text="person")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["region", "-changed_at"], name="draft_by_region")]
        constraints = [
            models.CheckConstraint(name="draft_known_state", condition=Q(state__in=DraftState.values)),
            models.CheckConstraint(name="draft_has_an_edit", condition=Q(revision__gte=1)),
            # What was submitted is a version.
            models.CheckConstraint(
                name="draft_submitted_has_version", condition=~Q(state="submitted") | Q(version__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"draft:{self.uuid}"

    @property
    def is_returned(self) -> bool:
        """Whether the province gave it back: it may be changed and forwarded again."""
        return self.state == DraftState.SUBMITTED and self.version is not None and self.version.state == "draft"

    @property
    def is_editable(self) -> bool:
        """Whether a save is taken now. One that waits for its forwarding may be saved: the request is void then."""
        return self.state in (DraftState.OPEN, DraftState.FORWARDING) or self.is_returned


class DraftEdit(AppendOnly):
    """One save: the whole text, so that nothing is ever lost. Who saved anything is an author."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="edits")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    person = models.UUIDField()
    source = models.TextField()
    sha256 = models.CharField(max_length=64)
    note = models.CharField(max_length=200, blank=True)
    page = models.CharField(max_length=36, blank=True, help_text="the open page that saved by itself")

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="draft_edit_number"),
            models.CheckConstraint(name="draft_edit_from_one", condition=Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.draft_id}: {self.number}"

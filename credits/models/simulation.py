"""What-if simulations: what was asked, how far it is, and the report. The simulator writes nothing else."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel.append_only import NO_TRUNCATE
from methodologies.models import MethodologyVersion


class Simulation(models.Model):
    """A document over stored records of an area and a period, against the rules in force or another document.

    The texts are kept as they were run: a draft may change the next minute. The report holds sums only, nobody's rows.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("排队中")
        RUNNING = "running", _("试算中")
        DONE = "done", _("已完成")
        FAILED = "failed", _("未完成")
        CANCELLED = "cancelled", _("已取消")

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(max_length=40)
    version = models.CharField(max_length=20)
    title_zh = models.CharField(max_length=200)
    title_en = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64)
    source = models.TextField(help_text="the document as it was run")
    stored_version = models.ForeignKey(MethodologyVersion, on_delete=models.PROTECT, related_name="+", null=True)
    against_label = models.CharField(max_length=70, blank=True, help_text="CODE@VERSION; empty: the rules in force")
    against_source = models.TextField(blank=True)
    region = models.CharField(max_length=6)
    first = models.DateField()
    last = models.DateField()
    exclude_missing = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    done_parts = models.PositiveIntegerField(default=0)
    all_parts = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_by = models.UUIDField(null=True, help_text="person; empty for the command line")
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(help_text="the last sign of life")
    finished_at = models.DateTimeField(null=True)
    why = models.TextField(blank=True, help_text="why it failed, in words")
    why_en = models.TextField(blank=True)
    report = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["-requested_at"], name="simulation_newest"),
            # The sweep looks for what nobody works on any more.
            models.Index(fields=["heard_at"], name="simulation_open", condition=Q(state__in=["queued", "running"])),
        ]
        constraints = [
            models.CheckConstraint(name="simulation_days_in_order", condition=Q(first__lte=models.F("last"))),
            models.CheckConstraint(
                name="simulation_report_when_done",
                condition=Q(state="done", report__isnull=False) | (~Q(state="done") & Q(report__isnull=True)),
            ),
        ]
        triggers = [
            # A report that somebody decided on does not change afterwards.
            pgtrigger.Protect(
                name="finished_is_kept",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Condition("OLD.state IN ('done', 'failed', 'cancelled')"),
            ),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.code}@{self.version} {self.region} {self.first}–{self.last}"

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.state in (self.State.QUEUED, self.State.RUNNING)

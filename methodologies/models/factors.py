"""New values of shared factors on their way into the library: a vintage is proposed, decided on by two, then kept."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from carbon_portal.kernel.append_only import NO_TRUNCATE

from .library import FactorLibrary


class FactorVintage(models.Model):
    """One dated value of a factor with the page it was read on (P2.2-e). Old values stay as they are, for their dates.

    `content_sha256` is what was approved; once adopted the row never changes.
    """

    class State(models.TextChoices):
        OPEN = "open", "待审定"
        ADOPTED = "adopted", "已采用"
        RETURNED = "returned", "已退回"
        WITHDRAWN = "withdrawn", "已撤回"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    factor = models.CharField(max_length=60)
    unit = models.CharField(max_length=40)
    value = models.CharField(max_length=26, help_text="a decimal, exactly as printed")
    data_year = models.PositiveSmallIntegerField()
    valid_from = models.DateField(help_text="the first day of deeds that are computed with it")
    source_document = models.CharField(max_length=300)
    source_page = models.CharField(max_length=60)
    confidence = models.CharField(max_length=12)
    best_before = models.DateField()
    why = models.CharField(max_length=500)
    replaces = models.CharField(max_length=26, help_text="the newest value when this one was proposed")
    replaces_from = models.DateField()
    content_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    proposed_by = models.UUIDField(help_text="person")
    proposed_at = models.DateTimeField()
    adopted_at = models.DateTimeField(null=True)
    library = models.ForeignKey(
        FactorLibrary, on_delete=models.PROTECT, null=True, related_name="vintages", help_text="the state it led to"
    )

    class Meta:
        constraints = [
            # One proposal per factor at a time: the request for approval is the factor's.
            models.UniqueConstraint(fields=["factor"], condition=Q(state="open"), name="vintage_open_once"),
            models.UniqueConstraint(
                fields=["factor", "valid_from"], condition=Q(state="adopted"), name="vintage_adopted_once"
            ),
            models.CheckConstraint(
                name="vintage_adopted_into_library",
                condition=Q(state="adopted", library__isnull=False, adopted_at__isnull=False)
                | (~Q(state="adopted") & Q(library__isnull=True, adopted_at__isnull=True)),
            ),
            # T32: a new value begins after the newest old one, so no day changes its value behind anybody's back.
            models.CheckConstraint(
                name="vintage_after_the_last", condition=Q(valid_from__gt=models.F("replaces_from"))
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="settled_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> 'open'"),
            ),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.factor}@{self.valid_from}"

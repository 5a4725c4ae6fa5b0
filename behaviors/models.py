"""Records of deeds, and what makes each count once.

`BehaviorRecord` is partitioned by month, so nothing may point at it with a foreign key: rows carry `record_id` and
`record_on` instead, and `verify` checks them. Uniqueness lives in the unpartitioned `DeedKey` and `TripInterval`.
"""

import uuid

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models

from accounts.models import Participant, Person, Provider

from .constants import PHOTO_BYTES_PER_DAY, PHOTOS_PER_DAY, Channel, DeedKeyKind, EvidenceGrade, RecordState


class IntakeBatch(models.Model):
    """One file or API call, with its receipt. The same content from the same source is the same batch (P1.4-a)."""

    class Status(models.TextChoices):
        RECEIVED = "received", "已收到"
        PROCESSING = "processing", "处理中"
        DONE = "done", "已完成"
        FAILED = "failed", "未能处理"

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, null=True)
    channel = models.CharField(max_length=8, choices=Channel)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=12, choices=Status, default=Status.RECEIVED)
    received = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # The same file again finds its first receipt.
            models.UniqueConstraint(fields=["provider", "sha256"], nulls_distinct=False, name="batch_content_once"),
        ]


class IntakeError(models.Model):
    """One refused cell: row and column as the sender numbers them, a stable code and a sentence."""

    batch = models.ForeignKey(IntakeBatch, on_delete=models.PROTECT, related_name="errors")
    row = models.PositiveIntegerField()
    column = models.CharField(max_length=60, blank=True)
    code = models.CharField(max_length=60)
    message = models.TextField()
    message_en = models.TextField(blank=True)


class BehaviorRecord(models.Model):
    """Who, what, when, where, how much, with which evidence, from which source.

    The table's key is (id, occurred_on); `id` comes from one sequence and is unique by itself.
    `inputs` holds the methodology's inputs as the strings that were sent. Times mark the states.
    """

    id = models.BigAutoField(primary_key=True)
    occurred_on = models.DateField(help_text="Asia/Shanghai date, computed once (Q9)")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="+", null=True, help_text="who did or entered it"
    )
    activity = models.CharField(max_length=40)
    region = models.CharField(max_length=6)
    town = models.CharField(max_length=9, blank=True)
    state = models.CharField(max_length=12, choices=RecordState, default=RecordState.RECEIVED)
    reason = models.CharField(max_length=40, blank=True, help_text="why rejected or duplicate")
    duplicate_of = models.BigIntegerField(null=True, help_text="the earlier record that stands")
    duplicate_on = models.DateField(null=True)
    evidence = models.CharField(max_length=14, choices=EvidenceGrade)
    channel = models.CharField(max_length=8, choices=Channel)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+", null=True)
    batch = models.ForeignKey(IntakeBatch, on_delete=models.PROTECT, related_name="+", null=True)
    source_record_id = models.CharField(max_length=128)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    meter = models.CharField(max_length=30, blank=True)
    period_start = models.DateField(null=True)
    period_end = models.DateField(null=True)
    item_serial = models.CharField(max_length=64, blank=True)
    inputs = models.JSONField(default=dict)
    note = models.CharField(max_length=200, blank=True)
    content_sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    provisional_at = models.DateTimeField(null=True)
    final_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True, help_text="rejected, duplicate or reversed")
    window_ends_at = models.DateTimeField(help_text="correction window; final not before")

    class Meta:
        indexes = [
            # The row is the queue: workers claim the oldest pending ones with SKIP LOCKED.
            models.Index(fields=["id"], name="record_pending", condition=models.Q(state__in=["received", "checking"])),
            # Apart from the queue, which workers read from its oldest end: these wait for a person.
            models.Index(fields=["region"], name="record_under_review", condition=models.Q(state="under_review")),
            models.Index(fields=["window_ends_at"], name="record_open_window", condition=models.Q(state="provisional")),
            models.Index(fields=["participant", "-occurred_on", "-id"], name="record_by_participant"),
            models.Index(fields=["region", "occurred_on"], name="record_by_region"),
        ]


class DeedKey(models.Model):
    """The authority on duplicates (R4): one `source` row per record, one `identity` row where the deed has one.

    `digest` is SHA-256 over the parts of the key; the same key with other content is a conflict.
    """

    kind = models.CharField(max_length=8, choices=DeedKeyKind)
    digest = models.BinaryField(max_length=32)
    record_id = models.BigIntegerField()
    record_on = models.DateField()
    content_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="deed_counted_once")]
        indexes = [models.Index(fields=["record_id"], name="deed_key_by_record")]


class TripInterval(models.Model):
    """No person in two places: accepted trips of one person never overlap, whoever reported them (Q8)."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    period = DateTimeRangeField()
    record_id = models.BigIntegerField(unique=True)
    record_on = models.DateField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="trip_person_in_one_place",
                expressions=[("person", RangeOperators.EQUAL), ("period", RangeOperators.OVERLAPS)],
            ),
        ]


class Evidence(models.Model):
    """A photo or document of a record: metadata stripped, outside the web root, each picture once (Q7)."""

    row_level = True

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    record_id = models.BigIntegerField()
    record_on = models.DateField()
    region = models.CharField(max_length=6)
    original_sha256 = models.CharField(max_length=64, unique=True, help_text="of the bytes as received")
    sha256 = models.CharField(max_length=64, help_text="of the stored file")
    path = models.CharField(max_length=120, help_text="relative to MEDIA_ROOT")
    media_type = models.CharField(max_length=40)
    bytes = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["record_id"], name="evidence_by_record")]


class PhotoDay(models.Model):
    """How many photos, and how many bytes of them, a person has stored on a day of Asia/Shanghai.

    What is counted stays counted: the file of a record that was taken back lies there still.
    """

    row_level = True

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+", db_index=False)  # the key below
    day = models.DateField()
    files = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "day"], name="photo_day_once"),
            models.CheckConstraint(
                condition=models.Q(files__lte=PHOTOS_PER_DAY, bytes__lte=PHOTO_BYTES_PER_DAY), name="photo_day_limited"
            ),
        ]

"""What comes in is named field by field; what goes out is an explicit list."""

import re
from typing import Any

from rest_framework import serializers

from behaviors import activities, selectors
from behaviors.models import BehaviorRecord
from carbon_portal.kernel.endpoints import StrictSerializer

_TIME_WITH_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class StrictText(serializers.CharField):
    """A string that was a string: numbers and booleans are refused, white space stays."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError('请写成文本，例如 "12.5" (write it as a string)', code="not_a_string")
        return str(super().to_internal_value(data))


class ZonedTime(serializers.DateTimeField):
    """ISO 8601 with its zone: a time without one would be guessed."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or not _TIME_WITH_ZONE.fullmatch(value):
            raise serializers.ValidationError(
                "请用带时区的 ISO 8601 时间，例如 2026-11-21T08:00:00+08:00 (ISO 8601 with its zone)", code="not_a_time"
            )
        return super().to_internal_value(value)

    def enforce_timezone(self, value: Any) -> Any:
        return value  # the zone that was sent; moving the year 0001 to another zone would overflow


class PlainDate(serializers.DateField):
    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise serializers.ValidationError("请写成 2026-11-21 (write the date as 2026-11-21)", code="not_a_date")
        return super().to_internal_value(value)


class InputsField(serializers.DictField):
    child = StrictText(allow_blank=True, max_length=64)


class NewRecordSerializer(StrictSerializer):
    """A deed as a person's app sends it. Its source key is (participant, Idempotency-Key)."""

    activity = StrictText(max_length=40)
    region = StrictText(max_length=6, min_length=6)
    town = StrictText(max_length=9, required=False, allow_blank=True, default="")
    inputs = InputsField()
    occurred_on = PlainDate(required=False, default=None)
    started_at = ZonedTime(required=False, default=None)
    ended_at = ZonedTime(required=False, default=None)
    meter = StrictText(max_length=30, required=False, allow_blank=True, default="")
    period_start = PlainDate(required=False, default=None)
    period_end = PlainDate(required=False, default=None)
    item_serial = StrictText(max_length=64, required=False, allow_blank=True, default="")
    note = StrictText(max_length=200, required=False, allow_blank=True, default="")


class StepSerializer(serializers.Serializer[Any]):
    state = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class RecordSerializer(serializers.Serializer[BehaviorRecord]):
    """An own record with the time of each state."""

    id = serializers.IntegerField()
    activity = serializers.CharField()
    activity_title = serializers.SerializerMethodField()
    participant = serializers.CharField(source="participant.public_id")
    occurred_on = serializers.DateField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    meter = serializers.CharField()
    period_start = serializers.DateField(allow_null=True)
    period_end = serializers.DateField(allow_null=True)
    item_serial = serializers.CharField()
    region = serializers.CharField()
    town = serializers.CharField()
    inputs = serializers.DictField(child=serializers.CharField())
    evidence = serializers.CharField()
    channel = serializers.CharField()
    note = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField()
    reason_text = serializers.SerializerMethodField()
    reason_text_en = serializers.SerializerMethodField()
    content_sha256 = serializers.CharField()
    timeline = serializers.SerializerMethodField()

    def get_activity_title(self, record: BehaviorRecord) -> str:
        found = activities.find(record.activity)
        return found.title.zh if found else record.activity

    def get_reason_text(self, record: BehaviorRecord) -> str:
        return selectors.why(record)[0]

    def get_reason_text_en(self, record: BehaviorRecord) -> str:
        return selectors.why(record)[1]

    def get_timeline(self, record: BehaviorRecord) -> list[dict[str, Any]]:
        return [
            {"state": step.state, "at": step.at.isoformat() if step.at else None} for step in selectors.timeline(record)
        ]


class RecordPageSerializer(serializers.Serializer[Any]):
    """A page; `next` and `previous` are whole addresses."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = RecordSerializer(many=True)


class ActivitySerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    title = serializers.CharField()
    title_en = serializers.CharField()
    hint = serializers.CharField()
    hint_en = serializers.CharField()
    sector = serializers.CharField()
    identity = serializers.CharField()
    subject = serializers.CharField()
    correction_hours = serializers.IntegerField()
    self_declared_per_day = serializers.IntegerField()


class ActivityListSerializer(serializers.Serializer[Any]):
    activities = ActivitySerializer(many=True)

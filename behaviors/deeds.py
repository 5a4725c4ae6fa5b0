"""A deed as it was told: checked, normalised, and with the digests that make it count once. No database here."""

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from carbon_portal.kernel import clock, regions

from . import activities
from .constants import EvidenceGrade
from .errors import BadField

FIRST_DAY = dt.date(2000, 1, 1)
LAST_YEAR = 9000
MAX_TRIP = dt.timedelta(hours=24)
MAX_INPUTS = 60
MAX_INPUT_LENGTH = 64
MAX_NOTE = 200
MAX_NUMBER = 128
GRADES = frozenset(EvidenceGrade.values)
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_INPUT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
METER = re.compile(r"[0-9A-Za-z-]{1,30}", re.ASCII)
SERIAL = re.compile(r"[0-9A-Za-z._/-]{1,64}", re.ASCII)
_KILOMETRES = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,12}))?", re.ASCII)
_ACTIVITY = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did, when, where and how much. `occurred_on` is the Asia/Shanghai date (Q9)."""

    participant: uuid.UUID
    activity: str
    region: str
    occurred_on: dt.date
    evidence: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    town: str = ""
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    meter: str = ""
    period_start: dt.date | None = None
    period_end: dt.date | None = None
    item_serial: str = ""
    note: str = ""

    @property
    def kind(self) -> activities.Activity | None:
        return activities.find(self.activity)

    def content_sha256(self, photo_sha256: str = "") -> str:
        """SHA-256 of the canonical JSON of all that was told (times in UTC, inputs sorted)."""
        parts = {
            "participant": str(self.participant),
            "activity": self.activity,
            "region": self.region,
            "town": self.town,
            "occurred_on": self.occurred_on.isoformat(),
            "started_at": utc(self.started_at),
            "ended_at": utc(self.ended_at),
            "meter": self.meter,
            "period_start": self.period_start and self.period_start.isoformat(),
            "period_end": self.period_end and self.period_end.isoformat(),
            "item_serial": self.item_serial,
            "inputs": dict(self.inputs),
            "evidence": self.evidence,
            "note": self.note,
        }
        if photo_sha256:
            parts["photo"] = photo_sha256
        return hashlib.sha256(canonical(parts).encode()).hexdigest()

    def identity_digest(self) -> bytes | None:
        """The digest of the deed itself, whoever reports it; None where the kind of deed has no number of its own."""
        kind = self.kind
        if kind is None:
            return None
        if kind.identity == "meter_period" and self.period_start and self.period_end:
            span = [self.period_start.isoformat(), self.period_end.isoformat()]
            return hashlib.sha256(canonical([self.activity, self.meter.upper(), *span]).encode()).digest()
        if kind.identity == "item_serial":
            return hashlib.sha256(canonical([self.activity, self.item_serial.upper()]).encode()).digest()
        return None

    def metres(self) -> int | None:
        """The trip's distance in whole metres where an input `distance` tells it in kilometres as a plain number."""
        return metres(self.inputs.get("distance", ""))

    def is_too_fast(self) -> bool:
        """Whether the distance in the time told is past what this kind of trip can do (Q8)."""
        kind, metres = self.kind, self.metres()
        if kind is None or metres is None or self.started_at is None or self.ended_at is None:
            return False
        return kind.is_too_fast(metres, int((self.ended_at - self.started_at).total_seconds()))

    def window_ends_at(self, at: dt.datetime) -> dt.datetime:
        """When the correction window of this kind of deed closes, counted from its receipt at `at`."""
        return at + dt.timedelta(hours=self.kind.correction_hours if self.kind else 0)


def metres(kilometres: str) -> int | None:
    """Whole metres of a plain decimal number of kilometres; None for any other text."""
    match = _KILOMETRES.fullmatch(kilometres)
    if match is None:
        return None
    return int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")[:3])


def source_digest(*, scope: str, source_record_id: str) -> bytes:
    """The digest of a source key; `scope` (provider:<code> or participant:<uuid>) says whose numbers they are."""
    return hashlib.sha256(f"{scope}\0{source_record_id}".encode()).digest()  # neither part holds a NUL


def source_scope(*, provider_code: str, participant: uuid.UUID) -> str:
    return f"provider:{provider_code}" if provider_code else f"participant:{participant}"


def check(
    *,
    participant: uuid.UUID,
    activity: str,
    inputs: Mapping[str, str],
    region: str,
    evidence: str,
    at: dt.datetime,
    occurred_on: dt.date | None = None,
    started_at: dt.datetime | None = None,
    ended_at: dt.datetime | None = None,
    meter: str = "",
    period_start: dt.date | None = None,
    period_end: dt.date | None = None,
    item_serial: str = "",
    town: str = "",
    note: str = "",
) -> Deed:
    """The deed, or `BadField` naming the first field that can't be used.

    Values of inputs stay as they were written: the engine judges them (methodology-format, section 8).
    """
    if not isinstance(activity, str) or not _ACTIVITY.fullmatch(activity):
        raise BadField("activity", "unknown_activity", "行为代码不对，请从列表中选择。", "Unknown activity code.")
    if evidence not in GRADES:
        known = ", ".join(EvidenceGrade.values)
        raise BadField("evidence", "unknown_option", f"证据等级只能是 {known}。", f"Evidence must be one of {known}.")
    check_place(region, town)
    kind = activities.find(activity)
    meter, item_serial = meter.strip(), item_serial.strip()
    _check_times(started_at, ended_at, at)
    _check_period(kind, meter, period_start, period_end, at)
    if kind and kind.identity == "interval" and (started_at is None or ended_at is None):
        missing = "started_at" if started_at is None else "ended_at"
        raise BadField(
            missing, "missing_input", "出行要写开始和结束时间，请补上。", "A trip needs its start and its end."
        )
    if kind and kind.identity == "item_serial":
        label = kind.identity_label.zh if kind.identity_label else "编号"
        if not item_serial:
            raise BadField("item_serial", "missing_input", f"请填写{label}。", "The item's number is missing.")
    if item_serial and not SERIAL.fullmatch(item_serial):
        raise BadField(
            "item_serial",
            "bad_number",
            "编号只能用英文字母、数字和 . _ / -,最多 64 位。",
            "Use Latin letters, digits and . _ / - only, at most 64.",
        )
    day = _day(kind, occurred_on, started_at, period_start, period_end)
    check_day("occurred_on", day, at)
    return Deed(
        participant=participant,
        activity=activity,
        region=region,
        town=town,
        occurred_on=day,
        evidence=evidence,
        inputs=_check_inputs(inputs),
        started_at=started_at,
        ended_at=ended_at,
        meter=meter,
        period_start=period_start,
        period_end=period_end,
        item_serial=item_serial,
        note=_check_text("note", note, MAX_NOTE),
    )


def check_source_record_id(value: str) -> str:
    """1 to 128 printable characters."""
    if (
        not isinstance(value, str)
        or not value
        or len(value) > MAX_NUMBER
        or not value.isprintable()
        or value != value.strip()
    ):
        raise BadField(
            "source_record_id",
            "bad_number",
            "来源编号须为 1 到 128 个可见字符，首尾不留空格。",
            "The source number must have 1 to 128 printable characters, no space at either end.",
        )
    return value


def check_inputs_declared(inputs: Mapping[str, str], declared: Mapping[str, object]) -> None:
    """Refuse a name that the methodology in force does not know: it would be silently left out of the result."""
    for name in inputs:
        if name not in declared:
            known = "、".join(declared)
            raise BadField(
                name,
                "unknown_input",
                f"现行方法学没有“{name}”这一项，没有写入。可填的有：{known}。",
                f"The methodology in force has no input “{name}”. It knows: {', '.join(declared)}.",
            )


def check_inputs_complete(inputs: Mapping[str, str], declared: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a deed that leaves out what the methodology in force computes with: it could never have a result."""
    for name, about in declared.items():
        if not inputs.get(name, "").strip():
            label = about["label"]
            raise BadField(
                name,
                "missing_input",
                f"缺少“{label['zh']}”（{name}），没有写入。请补上后再提交。",
                f"“{label['en']}” ({name}) is missing and nothing was stored. Add it and send it again.",
            )


def check_place(region: str, town: str) -> None:
    """`BadField` unless the region is one of the province and the town one of its region."""
    found = regions.find(region) if isinstance(region, str) and len(region) == 6 else None
    if found is None or found.code == regions.NATION:
        raise BadField(
            "region",
            "unknown_region",
            f"“{str(region)[:20]}”不是本省的六位行政区代码，例如 440100（广州市）。",
            f"“{str(region)[:20]}” is no six-digit code of this province, such as 440100 (Guangzhou).",
        )
    if not town:
        return
    place = regions.find(town) if len(town) == 9 else None
    if place is None or place.kind != "town" or place.parent != region:
        raise BadField(
            "town",
            "unknown_region",
            f"“{town[:20]}”不是 {found.name} 的镇街代码（九位，仅东莞和中山）。",
            f"“{town[:20]}” is no town of {found.name_en} (nine digits, Dongguan and Zhongshan only).",
        )


def _check_times(started_at: dt.datetime | None, ended_at: dt.datetime | None, at: dt.datetime) -> None:
    for name, moment in (("started_at", started_at), ("ended_at", ended_at)):
        if moment is None:
            continue
        if moment.tzinfo is None:
            raise BadField(name, "not_a_time", "时间要带时区，例如 +08:00。", "A time needs its zone, such as +08:00.")
        if not FIRST_DAY.year <= moment.year <= LAST_YEAR:
            raise BadField(name, "bad_date", "年份不合理，请核对。", "The year can't be right.")
        if moment > at:
            raise BadField(
                name,
                "in_the_future",
                "时间还没有到。请在行程结束后再提交，或改正时间。",
                "This time has not come yet. Submit when the trip is over, or correct the time.",
            )
    if started_at and ended_at and started_at >= ended_at:
        raise BadField("ended_at", "bad_order", "结束时间要晚于开始时间。", "The end must be after the start.")
    if started_at and ended_at and ended_at - started_at > MAX_TRIP:
        raise BadField("ended_at", "too_long", "一次行程不能超过 24 小时。", "A trip can't take more than 24 hours.")


def _check_period(
    kind: activities.Activity | None,
    meter: str,
    start: dt.date | None,
    end: dt.date | None,
    at: dt.datetime,
) -> None:
    if kind and kind.identity == "meter_period":
        label = kind.identity_label.zh if kind.identity_label else "户号"
        english = kind.identity_label.en if kind.identity_label else "meter number"
        for name, value, zh, en in (
            ("meter", meter, f"请填写{label}。", f"{english} is missing."),
            ("period_start", start, "请填写本期开始日期。", "The first day of the period is missing."),
            ("period_end", end, "请填写本期结束日期。", "The last day of the period is missing."),
        ):
            if not value:
                raise BadField(name, "missing_input", zh, en)
    if meter and not METER.fullmatch(meter):
        raise BadField(
            "meter",
            "bad_number",
            "户号只能用英文字母、数字和 -,最多 30 位。",
            "Use Latin letters, digits and - only, at most 30.",
        )
    for name, day in (("period_start", start), ("period_end", end)):
        if day is not None:
            check_day(name, day, at)
    if start and end:
        if start > end:
            raise BadField("period_end", "bad_order", "本期结束日期早于开始日期。", "The period ends before it starts.")
        days = (end - start).days + 1
        if kind and kind.max_period_days and days > kind.max_period_days:
            raise BadField(
                "period_end",
                "too_long",
                f"本期有 {days} 天，一条记录最多 {kind.max_period_days} 天。请分成几条提交。",
                f"The period has {days} days; one record may have {kind.max_period_days}. Split it.",
            )


def _day(
    kind: activities.Activity | None,
    occurred_on: dt.date | None,
    started_at: dt.datetime | None,
    period_start: dt.date | None,
    period_end: dt.date | None,
) -> dt.date:
    """The local day: of the start, else as given, else the last day of the period."""
    if started_at is not None:
        day = clock.local_date(started_at)
        if occurred_on is not None and occurred_on != day:
            raise BadField(
                "occurred_on",
                "bad_date",
                f"日期与开始时间不一致：开始时间在北京时间是 {day.isoformat()}。",
                f"The date differs from the start, which is on {day.isoformat()} in Beijing time.",
            )
        return day
    if occurred_on is not None:
        inside = (period_start is None or occurred_on >= period_start) and (
            period_end is None or occurred_on <= period_end
        )
        if not inside:
            raise BadField("occurred_on", "bad_date", "日期不在本期之内。", "The date lies outside the period.")
        return occurred_on
    if period_end is not None:
        return period_end
    raise BadField("occurred_on", "missing_input", "请填写日期。", "The date is missing.")


def check_day(name: str, day: dt.date, at: dt.datetime) -> None:
    """`BadField` for a day to come or before FIRST_DAY."""
    today = clock.local_date(at)
    if day > today:
        raise BadField(
            name,
            "in_the_future",
            f"日期 {day.isoformat()} 还没有到(今天是 {today.isoformat()})。",
            f"The date {day.isoformat()} has not come yet (today is {today.isoformat()}).",
        )
    if day < FIRST_DAY:
        raise BadField(name, "bad_date", f"日期 {day.isoformat()} 太早，请核对年份。", "The year can't be right.")


def _check_inputs(inputs: Mapping[str, str]) -> dict[str, str]:
    if len(inputs) > MAX_INPUTS:
        raise BadField("inputs", "too_many", f"填写项最多 {MAX_INPUTS} 个。", f"At most {MAX_INPUTS} inputs.")
    checked = {}
    for name in sorted(inputs):
        value = inputs[name]
        if not _INPUT_NAME.fullmatch(name):
            raise BadField("inputs", "unknown_input", f"没有“{name[:40]}”这一项。", f"No input “{name[:40]}”.")
        if not isinstance(value, str):
            raise BadField(name, "not_a_string", '数值请写成文本，例如 "12.5"。', 'Write values as text: "12.5".')
        checked[name] = _check_text(name, value, MAX_INPUT_LENGTH)
    return checked


def _check_text(name: str, value: str, limit: int) -> str:
    if len(value) > limit:
        raise BadField(name, "too_long", f"最多 {limit} 个字，现在是 {len(value)} 个。", f"At most {limit} characters.")
    if not value.isprintable():
        raise BadField(
            name, "bad_text", "文字里有不能显示的字符，请重新输入。", "The text has characters that can't be shown."
        )
    return value


def canonical(value: object) -> str:
    """JSON with sorted names and no spaces: what is hashed."""
    return _ENCODER.encode(value)


def utc(moment: dt.datetime | None) -> str | None:
    """A moment as text in UTC."""
    return None if moment is None else moment.astimezone(dt.UTC).isoformat()

"""The plain majority of a file's rows, checked by look-ups: what was found good once is not judged again.

A cell is taken apart into pieces that repeat (an activity in a district, a date and hour, minutes and zone), and each
piece is judged by the very code that judges single rows, once. A row of which any piece is unknown, odd or refused is
left to `RowReader.read`, whose sentence counts; what is taken is staged to the letter as that reader would stage it.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from behaviors import activities, deeds
from behaviors.constants import EvidenceGrade, RecordState
from behaviors.declared import is_eligible
from behaviors.errors import BadField

from .rows import FIELDS, RowReader, date_of, time_of
from .staged import BYTES, NULL, SELF_DECLARED, TOO_FAST

_FEED = EvidenceGrade.FEED.value
_RECEIVED, _UNDER_REVIEW = RecordState.RECEIVED.value, RecordState.UNDER_REVIEW.value
_HOUR = 13  # characters of 2026-11-20T08
_DATE_HOUR = re.compile(r"\d{4}-\d{2}-\d{2}[T ]([01]\d|2[0-3])", re.ASCII)
_MINUTES = re.compile(r":\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_SOME_HOUR = "2020-01-01T00"
_SAFE_YEAR = "2001"  # earlier days are near or before the first that a record may have
_BEIJING = 8 * 3600
_LONGEST_TRIP = int(deeds.MAX_TRIP.total_seconds())
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FORGET = 200_000
Found = TypeVar("Found")


class Shape(NamedTuple):
    """What rows of one kind share: activity, place, evidence, provider, kind of account."""

    kind: activities.Activity
    region: str
    town: str
    evidence: str
    provider: str
    scope: str
    account_kind: str
    window_ends: str

    @property
    def self_declared(self) -> bool:
        return self.evidence == SELF_DECLARED


class Subject(NamedTuple):
    """A participant as staged."""

    participant: str
    person: str
    kind: str


class Deed(NamedTuple):
    """The part of a row that its identity rules, as text; None where nothing was told."""

    day: str
    started: str | None = None
    ended: str | None = None
    seconds: int = 0
    meter: str = ""
    period_start: str | None = None
    period_end: str | None = None
    serial: str = ""


class PlainRows:
    """Reads plain rows of the table that `reader` reads."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self._width = len(reader.columns)
        self._at = reader.at
        self._now = int((reader.at - _EPOCH).total_seconds())
        place = reader.places
        # A column that the file lacks reads the empty cell that is put behind each row.
        self._fields = [place.get(name, self._width) for name in FIELDS]
        self._inputs = [(name, place[name]) for name in sorted(reader.inputs)]
        self._shapes: dict[tuple[str, ...], Shape | None] = {}
        self._dates: dict[str, str | None] = {}
        self._hours: dict[str, int | None] = {}
        self._minutes: dict[str, int | None] = {}
        self._days: dict[int, str] = {}
        self._periods: dict[tuple[str, str, int | None], bool] = {}
        self._allowed: dict[tuple[str, str, str, str], frozenset[str] | bool] = {}
        self._metres: dict[str, int | None] = {}
        self._subjects: dict[str, Subject | None] = {}
        self._deeds: dict[str, Callable[[Shape, Sequence[str]], Deed | None]] = {
            "interval": self._trip,
            "meter_period": self._reading,
            "item_serial": self._item,
        }

    def line(self, row: int, cells: Sequence[str]) -> tuple[str, bool] | None:
        """The staged line and whether it is self-declared; None for a row that is not plain."""
        if len(cells) != self._width or not _is_plain_text(cells):
            return None
        padded = [*cells, ""]
        told = [padded[place] for place in self._fields]
        subject = self._memo(self._subjects, told[1], self._judge_subject)
        if subject is None or not 0 < len(told[0]) <= deeds.MAX_NUMBER or len(told[14]) > deeds.MAX_NOTE:
            return None
        key = (told[2], told[3], told[11], told[12], told[13], subject.kind)
        shape = self._shapes[key] if key in self._shapes else self._new_shape(key)
        deed = shape and self._deeds[shape.kind.identity](shape, told)
        if shape is None or deed is None:
            return None
        inputs = [(name, padded[place]) for name, place in self._inputs if padded[place]]
        if not self._inputs_fit(shape, deed.day, inputs):
            return None
        return self._staged(row, told[0], subject, shape, deed, inputs, told[14]), shape.self_declared

    def _staged(
        self,
        row: int,
        number: str,
        subject: Subject,
        shape: Shape,
        deed: Deed,
        inputs: Sequence[tuple[str, str]],
        note: str,
    ) -> str:
        """As `staged.line` would write it; `content` is the canonical JSON of `deeds.Deed.content_sha256`."""
        kind, participant = shape.kind, subject.participant
        values = ",".join([f'"{name}":"{value}"' for name, value in inputs])
        content = (
            f'{{"activity":"{kind.code}","ended_at":{_json(deed.ended)},"evidence":"{shape.evidence}",'
            f'"inputs":{{{values}}},"item_serial":"{deed.serial}","meter":"{deed.meter}","note":"{note}",'
            f'"occurred_on":"{deed.day}","participant":"{participant}","period_end":{_json(deed.period_end)},'
            f'"period_start":{_json(deed.period_start)},"region":"{shape.region}",'
            f'"started_at":{_json(deed.started)},"town":"{shape.town}"}}'
        )
        source = _sha256(f"{shape.scope or f'participant:{participant}'}\0{number}")
        fast = deed.seconds > 0 and self._is_too_fast(kind, inputs, deed.seconds)
        return (
            f"{row}\t{deed.day}\t{participant}\t{subject.person}\t{kind.code}\t{shape.region}\t{shape.town}\t"
            f"{_UNDER_REVIEW if fast else _RECEIVED}\t{TOO_FAST if fast else ''}\t{shape.evidence}\t{shape.provider}\t"
            f"{number}\t{deed.started or NULL}\t{deed.ended or NULL}\t{deed.meter}\t{deed.period_start or NULL}\t"
            f"{deed.period_end or NULL}\t{deed.serial}\t{{{values}}}\t{note}\t{_sha256(content)}\t{shape.window_ends}\t"
            f"{BYTES}{source}\t{_identity(kind, deed)}\t{'t' if deed.started else 'f'}\t"
            f"{kind.sector if deed.meter else ''}"
        )

    # -- pieces --------------------------------------------------------------------------------------------------------

    def _judge_subject(self, name: str) -> Subject | None:
        account = self._reader.accounts.get(name)
        if account is None or not account.is_active:
            return None
        return Subject(str(account.uuid), str(account.person) if account.person else NULL, account.kind)

    def _new_shape(self, key: tuple[str, ...]) -> Shape | None:
        if len(self._shapes) >= _FORGET:
            self._shapes.clear()
        self._shapes[key] = self._judge_shape(*key)
        return self._shapes[key]

    def _judge_shape(
        self, activity: str, provider: str, region: str, town: str, evidence: str, account_kind: str
    ) -> Shape | None:
        kind = activities.find(activity or self._reader.activity)
        if kind is None or kind.identity not in self._deeds:
            return None
        try:
            found = self._reader.provider_of(provider)
            deeds.check_place(region, town)
        except BadField:
            return None
        grade = evidence or (_FEED if found else SELF_DECLARED)
        if grade not in deeds.GRADES:
            return None
        scope = f"provider:{found.code}" if found else ""
        ends = deeds.utc(self._at + dt.timedelta(hours=kind.correction_hours)) or ""
        return Shape(kind, region, town, grade, str(found.pk) if found else NULL, scope, account_kind, ends)

    def _trip(self, shape: Shape, told: Sequence[str]) -> Deed | None:
        start, end = self._moment(told[5]), self._moment(told[6])
        if told[7] or told[8] or told[9] or told[10] or start is None or end is None:
            return None
        if not 0 < end - start <= _LONGEST_TRIP or end > self._now:
            return None
        day = self._day((start + _BEIJING) // 86_400)
        if told[4] and self._date(told[4]) != day:
            return None
        return Deed(day, self._utc(start), self._utc(end), end - start)

    def _reading(self, shape: Shape, told: Sequence[str]) -> Deed | None:
        meter, first, last = told[7], self._date(told[8]), self._date(told[9])
        if told[5] or told[6] or told[10] or first is None or last is None or not deeds.METER.fullmatch(meter):
            return None
        span = (first, last, shape.kind.max_period_days)
        if span not in self._periods:
            days = (dt.date.fromisoformat(last) - dt.date.fromisoformat(first)).days + 1
            self._periods[span] = days >= 1 and (not span[2] or days <= span[2])
        day = self._date(told[4]) if told[4] else last
        if not self._periods[span] or day is None or not first <= day <= last:
            return None
        return Deed(day, meter=meter, period_start=first, period_end=last)

    def _item(self, shape: Shape, told: Sequence[str]) -> Deed | None:
        serial, day = told[10], self._date(told[4])
        if told[5] or told[6] or told[7] or told[8] or told[9] or day is None or not deeds.SERIAL.fullmatch(serial):
            return None
        return Deed(day, serial=serial)

    def _inputs_fit(self, shape: Shape, day: str, inputs: Sequence[tuple[str, str]]) -> bool:
        """Whether the methodology in force knows them, and this kind of account may earn by it."""
        key = (shape.kind.code, shape.region, shape.account_kind, day)
        if key not in self._allowed:
            version = self._reader.version(shape.kind.code, shape.region, dt.date.fromisoformat(day))
            eligible = is_eligible(shape.account_kind, shape.kind, version)
            self._allowed[key] = eligible if version is None or not eligible else frozenset(version.inputs)
        allowed = self._allowed[key]
        known = allowed if isinstance(allowed, bool) else all(name in allowed for name, _ in inputs)
        return known and len(inputs) <= deeds.MAX_INPUTS and all(len(v) <= deeds.MAX_INPUT_LENGTH for _, v in inputs)

    def _is_too_fast(self, kind: activities.Activity, inputs: Sequence[tuple[str, str]], seconds: int) -> bool:
        metres = self._memo(self._metres, dict(inputs).get("distance", ""), deeds.metres)
        return metres is not None and kind.is_too_fast(metres, seconds)

    def _memo(self, known: dict[str, Found], text: str, judge: Callable[[str], Found]) -> Found:
        """What is known of a text, judged once; forgotten as a whole before it fills the memory."""
        if text not in known:
            if len(known) >= _FORGET:
                known.clear()
            known[text] = judge(text)
        return known[text]

    def _date(self, text: str) -> str | None:
        return self._memo(self._dates, text, self._judge_date)

    def _judge_date(self, text: str) -> str | None:
        try:
            day = date_of("", {"": text})
            if day is None:
                return None
            deeds.check_day("", day, self._at)
        except BadField:
            return None
        return day.isoformat()

    def _moment(self, text: str) -> int | None:
        """Seconds since 1970, put together from the hour and what follows it."""
        hour = self._memo(self._hours, text[:_HOUR], _judge_hour)
        rest = self._memo(self._minutes, text[_HOUR:], _judge_minutes)
        return None if hour is None or rest is None else hour + rest

    def _utc(self, seconds: int) -> str:
        days, rest = divmod(seconds, 86_400)
        return f"{self._day(days)}T{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}+00:00"

    def _day(self, days: int) -> str:
        if days not in self._days:
            self._days[days] = (_EPOCH.date() + dt.timedelta(days=days)).isoformat()
        return self._days[days]


def _judge_hour(text: str) -> int | None:
    """Seconds since 1970 of a date and hour that are taken for UTC."""
    if not _DATE_HOUR.fullmatch(text) or text < _SAFE_YEAR:
        return None
    return _seconds(f"{text}:00+00:00")


def _judge_minutes(text: str) -> int | None:
    """Seconds that minutes, seconds and zone add to an hour that was taken for UTC."""
    if not _MINUTES.fullmatch(text):
        return None
    moment, hour = _seconds(f"{_SOME_HOUR}{text}"), _seconds(f"{_SOME_HOUR}:00+00:00")
    return None if moment is None or hour is None else moment - hour


def _seconds(text: str) -> int | None:
    try:
        moment = time_of("", {"": text})
    except BadField:
        return None
    return None if moment is None else int((moment - _EPOCH).total_seconds())


def _is_plain_text(cells: Sequence[str]) -> bool:
    """Printable in every cell, with no space at an end and nothing that JSON or COPY would escape."""
    text = "\t".join(cells)
    return (
        "".join(cells).isprintable()
        and '"' not in text
        and "\\" not in text
        and " \t" not in text
        and "\t " not in text
        and text[:1] != " "
        and text[-1:] != " "
    )


def _json(text: str | None) -> str:
    return "null" if text is None else f'"{text}"'


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(kind: activities.Activity, deed: Deed) -> str:
    """As `deeds.Deed.identity_digest`."""
    if deed.meter:
        return BYTES + _sha256(f'["{kind.code}","{deed.meter.upper()}","{deed.period_start}","{deed.period_end}"]')
    return BYTES + _sha256(f'["{kind.code}","{deed.serial.upper()}"]') if deed.serial else NULL

"""The form of a record, made from the inputs of the methodology in force for its activity, region and day."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from accounts.models import Participant
from accounts.selectors import meters_of_participant
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.quantities import QuantityError, parse_quantity
from carbon_portal.kernel.units import unit_text
from methodologies.engine import reasons

from .activities import Activity
from .declared import Declared

DAYS_BACK = 7
_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)
PREFIX = "input_"


def new_key() -> str:
    """A one-time key: the page's source key, so that a second press changes nothing."""
    return uuid.uuid4().hex


def in_language(texts: Mapping[str, str]) -> str:
    """The text in the page's language, Chinese where there is no other."""
    return (texts.get("en") if (get_language() or "").startswith("en") else None) or texts["zh"]


class QuantityInput(forms.CharField):
    """A number with a unit, kept as the text that was typed; the engine's own sentences say what is wrong."""

    def __init__(self, declared: Mapping[str, Any]) -> None:
        self.places = int(declared.get("places", 0))
        self.lowest, self.highest = str(declared["min"]), str(declared["max"])
        self.unit = unit_text(declared["unit"], get_language())
        whole = declared["type"] == "integer"
        super().__init__(
            label=in_language(declared["label"]),
            max_length=64,
            error_messages={"required": reasons.sentence("missing_input", get_language() or "zh")},
            widget=forms.TextInput(attrs={"inputmode": "numeric" if whole else "decimal", "autocomplete": "off"}),
        )

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        try:
            quantity = parse_quantity(text, max_places=self.places)
        except QuantityError as error:
            raise forms.ValidationError(self._sentence(error.code), code=error.code) from error
        if quantity.fraction < parse_quantity(self.lowest).fraction:
            raise forms.ValidationError(self._sentence("below_min"), code="below_min")
        if quantity.fraction > parse_quantity(self.highest).fraction:
            raise forms.ValidationError(self._sentence("above_max"), code="above_max")
        return text

    def _sentence(self, code: str) -> str:
        bounds = _("可填 %(low)s 到 %(high)s%(unit)s") % {
            "low": self.lowest,
            "high": self.highest,
            "unit": f" {self.unit}" if self.unit else "",
        }
        places = _("最多 %(places)s 位小数") % {"places": self.places} if self.places else _("填整数")
        return f"{reasons.sentence(code, get_language() or 'zh')}{_('（')}{bounds}{_('，')}{places}{_('）')}"


def input_field(declared: Mapping[str, Any]) -> forms.Field:
    """The form field of one declared input."""
    if declared["type"] != "choice":
        return QuantityInput(declared)
    options = [(name, in_language(texts)) for name, texts in declared["options"].items()]
    few = len(options) <= 5
    return forms.ChoiceField(
        label=in_language(declared["label"]),
        choices=options if few else [("", _("请选择")), *options],
        widget=forms.RadioSelect if few else forms.Select,
        error_messages={
            "required": reasons.sentence("missing_input", get_language() or "zh"),
            "invalid_choice": reasons.sentence("unknown_option", get_language() or "zh"),
        },
    )


class RecordForm(forms.Form):
    """One deed. Built anew for each request; `cleaned()` gives the arguments of `services.submit_record`."""

    key = forms.CharField(widget=forms.HiddenInput, required=False)
    activity = forms.CharField(widget=forms.HiddenInput, required=False)
    participant = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        *args: Any,
        participant: Participant,
        kind: Activity,
        version: Declared,
        region: str,
        at: dt.datetime,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.version, self.at, self.owner = kind, version, at, participant
        for name, declared in version.inputs.items():
            self.fields[PREFIX + name] = input_field(declared)
        self._add_time()
        self.fields["region"] = _region_field(participant, region)
        self.fields["photo"] = forms.FileField(
            label=_("照片"),
            required=False,
            help_text=_("JPEG、PNG 或 WebP，10 MB 以内。拍摄位置等信息会自动去除。"),
            widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
            error_messages={"empty": _("这个照片文件是空的（0 字节）。请重新选择。")},
        )
        self.fields["note"] = forms.CharField(label=_("备注"), required=False, max_length=200)
        self.initial = {
            "key": new_key(),
            "activity": kind.code,
            "participant": str(participant.pk),
            "region": region,
            **self._initial_times(),
            **self.initial,
        }
        for name, field in self.fields.items():
            if field.required and not isinstance(field.widget, forms.RadioSelect):
                field.error_messages.setdefault("required", _("请填写这一项。"))
            field.widget.attrs.setdefault("id", f"id_{name}")

    # -- fields ------------------------------------------------------------------------------------------------------

    def _add_time(self) -> None:
        today = clock.local_date(self.at)
        if self.kind.identity == "meter_period" and (self.kind.max_period_days or 0) > 1:
            self.fields["period_start"] = _date_field(_("本期开始"), today)
            self.fields["period_end"] = _date_field(_("本期结束"), today)
        else:
            self.fields["day"] = forms.ChoiceField(
                label=_("日期"),
                choices=[(day.isoformat(), _day_label(day, today)) for day in _days(today)],
                error_messages={
                    "invalid_choice": _("只能补记最近 7 天。请重新选择日期。"),
                    "required": _("请选择日期。"),
                },
            )
        label = self.kind.identity_label
        if self.kind.identity == "interval":
            self.fields["start"] = forms.TimeField(
                label=_("开始时间"),
                input_formats=["%H:%M", "%H:%M:%S"],
                widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
                error_messages={"invalid": _("时间请写成 08:30 这样。"), "required": _("请填写开始时间。")},
            )
            self.fields["minutes"] = forms.CharField(
                label=_("用时"),
                required=False,
                max_length=5,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
            )
            self.fields["minutes"].unit = _("分钟")  # type: ignore[attr-defined]
        elif label is not None:
            name = "meter" if self.kind.identity == "meter_period" else "item_serial"
            text = label.in_language(get_language())
            self.fields[name] = forms.CharField(
                label=text, max_length=64, error_messages={"required": _("请填写%(label)s。") % {"label": text}}
            )

    def renew_key(self) -> None:
        """A new one-time key for what was typed: the next press is meant as a new record."""
        typed = QueryDict(mutable=True)
        typed.update(self.data)
        typed["key"] = new_key()
        self.data = typed

    def _initial_times(self) -> dict[str, Any]:
        began = self.at.astimezone(clock.LOCAL_ZONE) - dt.timedelta(hours=1)
        began -= dt.timedelta(minutes=began.minute % 5)
        bound = [meter for meter in meters_of_participant(self.owner) if meter.kind == self.kind.sector]
        return {
            "day": (began if self.kind.identity == "interval" else self.at)
            .astimezone(clock.LOCAL_ZONE)
            .date()
            .isoformat(),
            "start": began.time(),
            "meter": bound[0].number if bound else "",
        }

    # -- reading -----------------------------------------------------------------------------------------------------

    def clean_key(self) -> str:
        """A missing or foreign key is replaced: then the deed's own keys alone keep it single."""
        key = self.cleaned_data["key"]
        return key if _KEY.fullmatch(key) else new_key()

    def clean_minutes(self) -> int | None:
        text = self.cleaned_data["minutes"]
        if not text:
            return None
        try:
            minutes = parse_quantity(text, max_places=0).at(0)
        except QuantityError:
            minutes = 0
        if not 1 <= minutes <= 24 * 60:
            raise forms.ValidationError(_("用时请填 1 到 1440 之间的整数（分钟），或留空由里程推算。"))
        return minutes

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.kind.identity == "interval" and not self.errors:
            self._read_trip(data)
        return data

    def _read_trip(self, data: dict[str, Any]) -> None:
        minutes = data["minutes"] or self._usual_minutes(data)
        if minutes is None:
            self.add_error("minutes", _("请填写用时（分钟）。"))
            return
        start = dt.datetime.combine(dt.date.fromisoformat(data["day"]), data["start"], tzinfo=clock.LOCAL_ZONE)
        end = start + dt.timedelta(minutes=minutes)
        metres = self._metres(data)
        if metres is not None and self.kind.is_too_fast(metres, minutes * 60):
            self.add_error(
                "minutes",
                _("按里程和用时，速度超过每小时 %(limit)s 公里。请核对里程或用时。")
                % {"limit": self.kind.max_speed_kmh},
            )
        elif end > self.at:
            self.add_error(
                "start", _("行程到 %(end)s 才结束，还没有到。请改开始时间，或结束后再提交。") % {"end": f"{end:%H:%M}"}
            )
        data["started_at"], data["ended_at"] = start, end

    def _metres(self, data: Mapping[str, Any]) -> int | None:
        declared = self.version.inputs.get("distance")
        text = data.get(PREFIX + "distance")
        if not text or declared is None or declared.get("unit") != "km":
            return None
        return parse_quantity(text).floor_at(3)

    def _usual_minutes(self, data: Mapping[str, Any]) -> int | None:
        metres = self._metres(data)
        return None if metres is None else self.kind.prefill_minutes(metres)

    def submission(self) -> dict[str, Any]:
        """What `services.submit_record` takes from a valid form."""
        data = self.cleaned_data
        day = dt.date.fromisoformat(data["day"]) if "day" in data else None
        single_day = self.kind.identity == "meter_period" and day is not None
        return {
            "activity": self.kind.code,
            "inputs": {name: data[PREFIX + name] for name in self.version.inputs},
            "occurred_on": day,
            "started_at": data.get("started_at"),
            "ended_at": data.get("ended_at"),
            "meter": data.get("meter", ""),
            "period_start": day if single_day else data.get("period_start"),
            "period_end": day if single_day else data.get("period_end"),
            "item_serial": data.get("item_serial", ""),
            "region": data["region"],
            "note": data["note"],
            "photo": data["photo"],
            "source_record_id": f"page:{data['key']}",
        }

    def refuse(self, field: str, sentence: str) -> None:
        """Show a service's refusal beside the field it is about, or above the form."""
        names = {"started_at": "start", "ended_at": "minutes", "occurred_on": "day", "source_record_id": None}
        name = names.get(field, field)
        if name is not None and PREFIX + name in self.fields:
            name = PREFIX + name
        self.add_error(name if name in self.fields else None, sentence)

    # -- for the template --------------------------------------------------------------------------------------------

    @property
    def input_fields(self) -> list[forms.BoundField]:
        return [self[PREFIX + name] for name in self.version.inputs]

    @property
    def number_field(self) -> forms.BoundField | None:
        return next((self[name] for name in ("meter", "item_serial") if name in self.fields), None)

    @property
    def more_is_open(self) -> bool:
        return self.is_bound and any(name in self.errors for name in ("region", "photo", "note"))


def estimate_arguments(
    data: Mapping[str, str], participants: list[Participant], at: dt.datetime
) -> dict[str, Any] | None:
    """What an estimate needs, from a form that may be half filled in; None while it names no activity of one's own.

    Keys: participant, activity, inputs (only those typed), occurred_on, region, evidence.
    """
    participant = next((one for one in participants if str(one.pk) == data.get("participant")), None)
    activity, region = data.get("activity", ""), data.get("region", "")
    if participant is None or not activity or regions.find(region) is None:
        return None
    try:
        day = dt.date.fromisoformat(data.get("day") or data.get("period_end") or "")
    except ValueError:
        day = clock.local_date(at)
    inputs = {
        name.removeprefix(PREFIX): str(value).strip()[:64]
        for name, value in data.items()
        if name.startswith(PREFIX) and str(value).strip()
    }
    return {
        "participant": participant,
        "activity": activity,
        "inputs": inputs,
        "occurred_on": day,
        "region": region,
        "evidence": "self_declared",
    }


def _date_field(label: str, today: dt.date) -> forms.DateField:
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date", "max": today.isoformat()}, format="%Y-%m-%d"),
        error_messages={"invalid": _("日期请写成 2026-11-21 这样。"), "required": _("请选择日期。")},
    )


def _days(today: dt.date) -> list[dt.date]:
    return [today - dt.timedelta(days=back) for back in range(DAYS_BACK)]


def _day_label(day: dt.date, today: dt.date) -> str:
    if day == today:
        return _("今天")
    if day == today - dt.timedelta(days=1):
        return _("昨天")
    return f"{day:%d %b}" if (get_language() or "").startswith("en") else f"{day.month}月{day.day}日"


def _region_field(participant: Participant, region: str) -> forms.ChoiceField:
    english = (get_language() or "").startswith("en")
    offered: dict[str, str] = {}
    for code in dict.fromkeys((region, participant.region, *(city.code for city in regions.cities()))):
        found = regions.find(code)
        if found is not None and found.code != regions.PROVINCE:
            city = regions.city_of(code)
            inside = city is not None and city.code != code
            name = found.name_en if english else found.name
            parent = (city.name_en if english else city.name) if city else ""
            offered[code] = (f"{name}, {parent}" if english else f"{parent}{name}") if inside else name
    return forms.ChoiceField(
        label=gettext_lazy("地点"),
        choices=list(offered.items()),
        error_messages={"invalid_choice": _("请从列表中选择地点。")},
    )

"""Form fields of this app. A refusal is the domain's own sentence, in the reader's language."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel import regions
from carbon_portal.kernel.errors import DomainError, InvalidInput

from . import credit_code, phones
from .services import meter_number


def add_refusal(form: forms.Form, field: str | None, error: DomainError) -> None:
    """Put a refusal of a service beside the field it is about."""
    form.add_error(field, error.sentence(get_language()))


class ParsedField(forms.CharField):
    """A text field whose value goes through a parser that refuses with a `DomainError`."""

    parser: Callable[[str], str]

    def clean(self, value: Any) -> str:
        text = str(super().clean(value) or "")
        if not text and not self.required:
            return ""
        try:
            return type(self).parser(text)
        except DomainError as error:
            raise forms.ValidationError(error.sentence(get_language()), code=error.code) from error


class PhoneField(ParsedField):
    """+86 and eleven digits out of any spelling."""

    parser = staticmethod(phones.normalise)

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("手机号"))
        kwargs.setdefault("max_length", 60)
        kwargs.setdefault("error_messages", {"required": _("请填写手机号。")})
        kwargs.setdefault(
            "widget", forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel-national"})
        )
        super().__init__(**kwargs)


class CreditCodeField(ParsedField):
    """统一社会信用代码."""

    parser = staticmethod(credit_code.parse)

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("统一社会信用代码"))
        kwargs.setdefault("max_length", 60)
        kwargs.setdefault("help_text", _("营业执照右上角，18 位数字和大写字母。"))
        kwargs.setdefault("error_messages", {"required": _("请填写统一社会信用代码。")})
        kwargs.setdefault(
            "widget",
            forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        )
        super().__init__(**kwargs)


class MeterNumberField(ParsedField):
    """户号 on a bill."""

    parser = staticmethod(meter_number)

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("户号"))
        kwargs.setdefault("max_length", 60)
        kwargs.setdefault("help_text", _("在账单上，6 至 20 位数字或字母。"))
        kwargs.setdefault("error_messages", {"required": _("请填写户号。")})
        kwargs.setdefault("widget", forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}))
        super().__init__(**kwargs)


class CityField(forms.ChoiceField):
    """One of the 21 cities."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("所在城市"))
        kwargs.setdefault(
            "error_messages",
            {"required": _("请从列表里选择所在的地市。"), "invalid_choice": _("请从列表里选择所在的地市。")},
        )
        super().__init__(choices=city_choices, **kwargs)


def city_choices() -> list[tuple[str, str]]:
    """Empty first: nobody is put into a city by default."""
    english = (get_language() or "").startswith("en")
    return [("", str(_("请选择")))] + [(city.code, city.name_en if english else city.name) for city in regions.cities()]


def is_agreed(posted: QueryDict, *, yes: str = "approve", no: str = "return") -> bool:
    """Whether the pressed button agreed or returned. A form without either is refused, never taken for a no."""
    decision = posted.get("decision", "")
    if decision not in (yes, no):
        raise InvalidInput(reason="请选择同意或退回。", reason_en="Choose to agree or to return.")
    return decision == yes

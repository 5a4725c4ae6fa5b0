"""Forms of the exchange and the till."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Participant


class TakeForm(forms.Form):
    """Confirm one exchange. `request_key` is made by the server when the form is shown: sent twice, taken once."""

    request_key = forms.RegexField(regex=r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    participant = forms.ChoiceField(label=_("用谁的碳币"))

    def __init__(self, *args: Any, participants: list[Participant], names: dict[Any, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(participant.uuid), names[participant.uuid]) for participant in participants]
        field = self.fields["participant"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if len(choices) == 1:
            field.widget = forms.HiddenInput()
            field.initial = choices[0][0]


class CodeForm(forms.Form):
    """What the cashier scanned or typed."""

    request_key = forms.RegexField(regex=r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    code = forms.CharField(
        label=_("兑换码"),
        max_length=120,
        strip=True,
        error_messages={
            "required": _("请扫码，或输入顾客的 8 位数字。"),
            "max_length": _("这不是兑换码。请扫码，或输入 8 位数字。"),
        },
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "off", "autofocus": True, "placeholder": "4821 7730"}
        ),
    )

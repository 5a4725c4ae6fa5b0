"""Forms about methods: parse and say what is wrong. The deeds are in services."""

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.fields import CityField, PhoneField
from carbon_portal.kernel.errors import DomainError

from .constants import CreditAs, ProposalChannel
from .selectors import public_versions
from .services.proposals import Answers, Credit, clean_text


class WordsField(forms.CharField):
    """Plain words within a length, judged as the service judges them."""

    def __init__(self, *, least: int, most: int, rows: int = 0, **kwargs: Any) -> None:
        self.least, self.most = least, most
        attrs: dict[str, Any] = {"maxlength": most, "autocomplete": "off"}
        widget = forms.Textarea(attrs=attrs | {"rows": rows}) if rows else forms.TextInput(attrs=attrs)
        super().__init__(required=least > 0, widget=widget, strip=True, **kwargs)
        self.error_messages["required"] = _("请填写这一项。")

    def clean(self, value: Any) -> str:
        text = str(super().clean(value) or "")
        try:
            return clean_text(text, self.least, self.most)
        except DomainError as error:
            raise forms.ValidationError(error.sentence(get_language()), code=error.code) from error


class ProposalForm(forms.Form):
    """The five plain questions, and how one wants to be named."""

    key = forms.RegexField(r"^[0-9a-f]{32}$", widget=forms.HiddenInput)
    what = WordsField(
        least=2,
        most=60,
        label=_("1. 您想让大家做哪一件低碳的事？"),
        help_text=_("一句话就好。例如：自带饭盒打包，不用一次性餐盒。"),
    )
    why = WordsField(
        least=5,
        most=1000,
        rows=4,
        label=_("2. 现在大家一般怎么做？改了以后，省在哪里？"),
        help_text=_("例如：现在一份外卖用两个塑料盒，自带以后就不用了。"),
    )
    proof = WordsField(
        least=5,
        most=1000,
        rows=4,
        label=_("3. 怎么知道有人做了、做了多少？"),
        help_text=_("例如：收据、照片、扫码、电表读数，或者由谁来登记。"),
    )
    who = WordsField(
        least=2,
        most=500,
        rows=3,
        label=_("4. 哪些人能参加，大概有多少？"),
        help_text=_("例如：小区里的住户、路边的小店、学校的学生。"),
    )
    risk = WordsField(
        least=0,
        most=500,
        rows=3,
        label=_("5. 会不会有人做假，或者有别的难处？"),
        help_text=_("想到什么写什么，没有可以不填。"),
    )
    credit_as = forms.ChoiceField(
        label=_("如果采纳，公布时怎么署名？"),
        choices=CreditAs.choices,
        initial=CreditAs.NOBODY,
        widget=forms.RadioSelect,
        error_messages={"required": _("请选择怎么署名。"), "invalid_choice": _("请选择怎么署名。")},
    )
    credit_name = WordsField(
        least=0,
        most=30,
        label=_("公布用的名字"),
        help_text=_("会公开显示，选“不署名”的不用填。"),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        wants_a_name = cleaned.get("credit_as") not in (None, CreditAs.NOBODY)
        if wants_a_name and not cleaned.get("credit_name") and "credit_name" not in self.errors:
            self.add_error("credit_name", _("您选择了署名，请写公布用的名字；不想公开就选“不署名”。"))
        return cleaned

    def answers(self) -> Answers:
        return Answers(**{name: self.cleaned_data[name] for name in ("what", "why", "proof", "who", "risk")})

    def credit(self) -> Credit:
        return Credit(CreditAs(self.cleaned_data["credit_as"]), self.cleaned_data["credit_name"])


class EnterForm(ProposalForm):
    """The same five answers out of a letter, a newspaper, a message or a call."""

    channel = forms.ChoiceField(
        label=_("来信渠道"),
        choices=[choice for choice in ProposalChannel.choices if choice[0] != ProposalChannel.WEB],
        error_messages={"required": _("请选择来信渠道。"), "invalid_choice": _("请选择来信渠道。")},
    )
    received_on = forms.DateField(
        label=_("收到日期"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("办理期限从这一天起算。"),
        error_messages={"required": _("请填写收到日期。"), "invalid": _("日期应写成 2026-11-22。")},
    )
    region = CityField(label=_("由哪个城市办理"))
    name = WordsField(least=0, most=50, label=_("提出人姓名"), help_text=_("只有工作人员能看到。"))
    phone = PhoneField(
        label=_("提出人手机号"), required=False, help_text=_("填了就用短信告知编号。只有工作人员能看到。")
    )

    field_order = ("channel", "received_on", "region", "name", "phone")


class NoteForm(forms.Form):
    """A word for the public page."""

    note = WordsField(least=0, most=500, rows=2, label=_("公开说明"))


class MergeForm(NoteForm):
    number = forms.RegexField(
        r"^[Pp]-[0-9]{4}-[0-9]{6}$",
        label=_("并入哪一条"),
        help_text=_("填保留的那一条的编号，例如 P-2026-000123。"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": _("请填写编号。"),
            "invalid": _("编号写成 P-2026-000123 的样子。"),
        },
    )


class AnswerForm(forms.Form):
    """The written answer."""

    answer = WordsField(least=10, most=2000, rows=5, label=_("书面答复"), help_text=_("会公开，并短信告知提出人。"))


def methodology_choices() -> list[tuple[str, str]]:
    """Codes of the catalogue; none is a choice too, where the method is still to be written."""
    english = (get_language() or "").startswith("en")
    found = {one.methodology_id: (one.title_en if english else one.title_zh) for one in public_versions()}
    return [("", str(_("还没有，以后再关联"))), *((code, f"{code} {title}") for code, title in sorted(found.items()))]


class MethodologyField(forms.ChoiceField):
    """A methodology of the catalogue."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("对应的方法学"))
        super().__init__(choices=methodology_choices, **kwargs)
        self.error_messages |= {"required": _("请选择方法学。"), "invalid_choice": _("请从列表里选择方法学。")}


class AdoptForm(AnswerForm):
    """The answer that another person decides on."""

    methodology = MethodologyField(required=False)


class LinkForm(forms.Form):
    """The method that an idea became."""

    methodology = MethodologyField()


class DecideForm(forms.Form):
    """A second person's decision, bound to what was shown."""

    shown = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)
    approved = forms.ChoiceField(
        label=_("您的决定"),
        choices=[("yes", _("同意采纳")), ("no", _("退回研究"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("请选择同意或退回。"), "invalid_choice": _("请选择同意或退回。")},
    )
    note = WordsField(least=0, most=500, rows=2, label=_("理由"), help_text=_("退回时必填。"))


class RedactForm(forms.Form):
    """A passage to hide for good."""

    passage = WordsField(least=2, most=200, label=_("要隐去的文字"), help_text=_("从原文里复制，隐去后不能恢复。"))
    reason = WordsField(least=2, most=200, label=_("原因"), help_text=_("例如：含手机号。记入审计，不公开。"))

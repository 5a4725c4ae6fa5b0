"""Forms: parse and say what is wrong. The deeds are in services."""

import unicodedata

from allauth.account import forms as allauth_forms
from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel.language import region_name

from .actors import role_name
from .constants import DELEGATION_DAYS_LIMIT, MeterKind
from .fields import CityField, CreditCodeField, MeterNumberField, PhoneField
from .models import Person
from .selectors import delegable_roles, deputies_for


class PhoneForm(forms.Form):
    """The one field of the login page."""

    phone = PhoneField(widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel"}))


class JoinForm(PhoneForm):
    """Phone, city, terms: all that an account needs."""

    region = CityField(help_text=_("决定您能用的方法学和兑换。"))
    terms = forms.BooleanField(
        label=_("我已阅读并同意用户协议和个人信息处理规则"),
        error_messages={"required": _("同意用户协议和个人信息处理规则后才能开户。")},
    )


class OpenForm(forms.Form):
    """For a verified phone that came by the login page and has no account yet."""

    region = CityField()
    name = forms.CharField(
        label=_("称呼"), max_length=50, required=False, widget=forms.TextInput(attrs={"autocomplete": "nickname"})
    )
    terms = forms.BooleanField(
        label=_("我已阅读并同意用户协议和个人信息处理规则"),
        error_messages={"required": _("同意用户协议和个人信息处理规则后才能开户。")},
    )


class ConfirmCodeForm(allauth_forms.ConfirmLoginCodeForm):
    """Six digits; spaces and full-width digits are forgiven."""

    code = forms.CharField(
        label=_("验证码"),
        max_length=40,
        error_messages={"required": _("请填写短信里的 6 位验证码。")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
    )

    def clean_code(self) -> str:
        """Compare what was typed with what was sent."""
        self.cleaned_data["code"] = unicodedata.normalize("NFKC", self.cleaned_data["code"])
        return str(super().clean_code())


class PasswordLoginForm(allauth_forms.LoginForm):
    """User name and password, for staff."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("用户名")
        self.fields["login"].max_length = 60
        self.fields["login"].widget = forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        )
        self.fields["login"].error_messages["required"] = _("请填写用户名。")
        self.fields["password"].label = _("密码")
        self.fields["password"].help_text = ""
        self.fields["password"].max_length = 200
        self.fields["password"].error_messages["required"] = _("请填写密码。")
        self.fields["password"].widget = forms.PasswordInput(attrs={"autocomplete": "current-password"})

    def user_credentials(self) -> dict[str, str]:
        """The user name only: a phone number has no password here, so there is nothing to try."""
        return {"username": self.cleaned_data["login"], "password": self.cleaned_data["password"]}


class NameForm(forms.Form):
    name = forms.CharField(label=_("称呼"), max_length=50, widget=forms.TextInput(attrs={"autocomplete": "nickname"}))


class HouseholdForm(forms.Form):
    name = forms.CharField(
        label=_("家庭名称"),
        max_length=50,
        help_text=_("家人认得出的名字就行，例如“陈家”。"),
        error_messages={"required": _("请给家庭起个名字。")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    region = CityField(help_text=_("水电气所在的城市。"))


class InviteForm(forms.Form):
    phone = PhoneField(
        label=_("对方手机号"),
        widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel", "autocomplete": "off"}),
    )


class MeterForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("种类"),
        choices=MeterKind.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("请选择电表、水表或气表。"),
            "invalid_choice": _("请选择电表、水表或气表。"),
        },
    )
    number = MeterNumberField()

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["kind"].icons = {"electricity": "zap", "water": "droplets", "gas": "flame"}  # type: ignore[attr-defined]
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            ("electricity", _("电表")),
            ("water", _("水表")),
            ("gas", _("气表")),
        ]


class FirmForm(forms.Form):
    credit_code = CreditCodeField()
    name = forms.CharField(
        label=_("企业名称"),
        max_length=120,
        help_text=_("与营业执照一致。"),
        error_messages={"required": _("请填写企业名称。")},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    region = CityField(label=_("登记所在城市"))


class DelegationForm(forms.Form):
    """Who stands in for one, in which role, from when to when."""

    held = forms.ChoiceField(label=_("职责"), error_messages={"required": _("请选择要交给代办人的职责。")})
    deputy = forms.ChoiceField(
        label=_("代办人"),
        help_text=_("同一地区或上级的在岗人员。"),
        error_messages={"required": _("请选择代办人。")},
    )
    starts_on = forms.DateField(
        label=_("开始日期"),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": _("请填写开始日期。"), "invalid": _("请按年-月-日填写日期。")},
    )
    ends_on = forms.DateField(
        label=_("结束日期"),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": _("请填写结束日期。"), "invalid": _("请按年-月-日填写日期。")},
    )
    reason = forms.CharField(
        label=_("原因"),
        max_length=200,
        help_text=_("例如“出差”。记入审计记录。"),
        error_messages={"required": _("请写明原因。")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: object, principal: Person, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        english = (get_language() or "").startswith("en")
        self.fields["ends_on"].help_text = _("含当天，最长 %(days)s 天。") % {"days": DELEGATION_DAYS_LIMIT}
        self.fields["held"].choices = [  # type: ignore[attr-defined]
            (f"{one.role}|{one.region}", f"{role_name(one.role, english=english)} · {region_name(one.region)}")
            for one in delegable_roles(principal)
        ]
        self.fields["deputy"].choices = [  # type: ignore[attr-defined]
            ("", _("请选择")),
            *((str(who), name) for who, name in deputies_for(principal)),
        ]

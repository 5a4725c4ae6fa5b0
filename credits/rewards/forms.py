"""Forms of a reward: what is asked for, and the decision."""

from django import forms
from django.utils.translation import gettext_lazy as _

from credits.constants import MOST_REWARD_POINTS


class AskForm(forms.Form):
    """Points and why."""

    points = forms.IntegerField(label=_("奖励多少碳币"), min_value=1, max_value=MOST_REWARD_POINTS)
    reason = forms.CharField(
        label=_("理由"), min_length=4, max_length=300, widget=forms.Textarea(attrs={"rows": 2, "maxlength": 300}),
        help_text=_("审定人会读到；不要写个人信息。"),
    )  # fmt: skip


class DecideForm(forms.Form):
    """A second person's decision, bound to what was shown."""

    shown = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)
    approved = forms.ChoiceField(
        label=_("您的决定"),
        choices=[("yes", _("同意发放")), ("no", _("退回"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("请选择同意或退回。"), "invalid_choice": _("请选择同意或退回。")},
    )
    note = forms.CharField(
        label=_("意见"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2, "maxlength": 500}),
        help_text=_("退回时必填。"),
    )  # fmt: skip

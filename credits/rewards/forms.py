"""Forms of a reward: what is asked for, and the decision."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from credits.constants import MOST_REWARD_POINTS
from methodologies.forms import DecideForm as DecideAboutIdea
from methodologies.forms import WordsField


class AskForm(forms.Form):
    """Points and why."""

    points = forms.IntegerField(label=_("奖励多少碳币"), min_value=1, max_value=MOST_REWARD_POINTS)
    reason = WordsField(least=4, most=300, rows=2, label=_("理由"), help_text=_("审定人会读到；不要写个人信息。"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        told = _("请填 1 至 %(most)s 之间的整数。") % {"most": MOST_REWARD_POINTS}
        self.fields["points"].error_messages |= dict.fromkeys(("required", "invalid", "min_value", "max_value"), told)


class DecideForm(DecideAboutIdea):
    """As about the idea itself, with what agreeing does here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["approved"].choices = [("yes", _("同意发放")), ("no", _("退回，不发放"))]

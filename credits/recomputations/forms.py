"""The choice of a recomputation, and the decision about it."""

import datetime as dt
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.language import region_name
from credits import selectors
from credits.constants import RecomputationRule
from methodologies.models import MethodologyVersion

from .words import rule_sentence, rule_title


class ChoiceForm(forms.Form):
    """Version, days, areas, rule, reason; each in words that the people affected will read."""

    version = forms.ChoiceField(label=_("按哪个已发布版本重算"))
    first = forms.DateField(label=_("开始日期"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    last = forms.DateField(label=_("结束日期"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
    areas = forms.MultipleChoiceField(label=_("地区"), widget=forms.CheckboxSelectMultiple)
    rule = forms.ChoiceField(label=_("处理规则"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("原因"), min_length=4, max_length=300, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("受影响的居民会在记录页和对账单上读到这句话。"),
    )  # fmt: skip
    reason_en = forms.CharField(
        label=_("原因（英文）"), required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 2, "lang": "en"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.versions = {str(one): one for one in selectors.versions_to_choose()}
        english = (get_language() or "").startswith("en")
        fields: dict[str, Any] = self.fields
        fields["version"].choices = [
            (key, f"{one.title_en if english and one.title_en else one.title_zh} · {key}")
            for key, one in self.versions.items()
        ]
        areas = [regions.region(regions.PROVINCE), *regions.cities()]
        fields["areas"].choices = [(area.six, region_name(area.code)) for area in areas]
        fields["rule"].choices = [
            (rule.value, f"{rule_title(rule)}{_('：')}{rule_sentence(rule)}") for rule in RecomputationRule
        ]
        today = clock.today()
        fields["first"].initial = dt.date(today.year, 1, 1)
        fields["last"].initial = today
        fields["areas"].initial = [regions.region(regions.PROVINCE).six]

    def chosen_version(self) -> MethodologyVersion:
        """The version that was chosen from the list."""
        return self.versions[self.cleaned_data["version"]]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", _("结束日期不能早于开始日期。"))
        return data

"""How a draft begins, as a form."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel.language import region_name
from methodologies.models import MethodologyVersion
from methodologies.present import title


class NewDraftForm(forms.Form):
    """How a draft begins."""

    region = forms.ChoiceField(label=_("起草地区"))
    base = forms.ChoiceField(
        label=_("从哪里开始"),
        required=False,
        help_text=_("修订已发布的版本时，正文和参数照搬，版本号加一，生效日期改到将来；停用日期和后继版本不照搬。"),
    )
    title = forms.CharField(
        label=_("名称"), max_length=80, required=False, help_text=_("从空白模板开始时填写，以后可以改。")
    )
    proposal = forms.CharField(
        label=_("公众建议编号"), max_length=40, required=False, help_text=_("由已采纳的公众建议而来时填写。")
    )

    def __init__(self, *args: Any, regions: list[str], bases: list[MethodologyVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["region"].choices = [(code, region_name(code)) for code in regions]  # type: ignore[attr-defined]
        empty = ("", _("空白模板（带说明）"))
        rows = [(str(one.pk), f"{title(one)} · {one}") for one in bases]
        self.fields["base"].choices = [empty, *rows]  # type: ignore[attr-defined]
        if len(regions) == 1:
            self.fields["region"].widget = forms.HiddenInput()
            self.fields["region"].initial = regions[0]

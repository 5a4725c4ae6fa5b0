"""The form of a new value of a factor: parse and say what is wrong. The deeds are in services."""

from django import forms
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel.language import pick

from . import present
from .constants import VINTAGE_CONFIDENCES
from .engine.document import FactorLibrary as Factors

_DATE_ERRORS = {"required": _("请填写日期。"), "invalid": _("请按年-月-日填写日期。")}


class VintageForm(forms.Form):
    """A new value of a factor, with the page on which it stands."""

    factor = forms.ChoiceField(label=_("因子"))
    value = forms.CharField(
        label=_("新数值"),
        max_length=26,
        help_text=_("照原文填写，不换算、不取整。"),
        error_messages={"required": _("请填写数值。")},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    data_year = forms.IntegerField(
        label=_("数据年份"),
        min_value=1990,
        max_value=2100,
        help_text=_("数值所描述的年份，不是公布的年份。"),
        error_messages={"required": _("请填写数据年份。"), "invalid": _("请填写四位年份。")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    valid_from = forms.DateField(
        label=_("启用日期"),
        help_text=_("从这一天起发生的行为用新数值；须晚于现行数值的启用日期。"),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages=_DATE_ERRORS,
    )
    source_document = forms.CharField(
        label=_("来源文件"),
        max_length=300,
        help_text=_("发文机关、文号和标题。"),
        error_messages={"required": _("请填写来源文件。")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    source_page = forms.CharField(
        label=_("页码或表号"),
        max_length=60,
        help_text=_("例如“第 3 页表 2”。审定人据此核对。"),
        error_messages={"required": _("请填写页码或表号。")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    confidence = forms.ChoiceField(label=_("可信度"), help_text=_("如实选择：在官方文件里读到的才选“官方文件”。"))
    best_before = forms.DateField(
        label=_("复核日期"),
        help_text=_("到这一天须再核对一次。"),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages=_DATE_ERRORS,
    )
    why = forms.CharField(
        label=_("原因"),
        max_length=500,
        error_messages={"required": _("请写明原因。")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: object, factors: Factors, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["factor"].choices = [  # type: ignore[attr-defined]
            (code, f"{pick(factor.title)} · {factor.values[-1][1].value} {present.unit(factor.unit)}")
            for code, factor in factors.factors.items()
        ]
        self.fields["confidence"].choices = [  # type: ignore[attr-defined]
            (code, present.confidence(code)["label"]) for code in VINTAGE_CONFIDENCES
        ]

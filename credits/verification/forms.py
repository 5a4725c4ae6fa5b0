"""Forms of verifications. The rules are the services'; here is parsed, and offered what may be chosen."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel.language import is_english, region_name
from credits.constants import MOST_SAMPLED, SAMPLE_MINIMUM, SAMPLE_PERCENT
from credits.models import VerificationAnswer
from methodologies import guides
from methodologies.models import MethodologyVersion

from .present import results


def _day(**kwargs: Any) -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **kwargs)


def _words(rows: int, **attrs: Any) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


class OpenForm(forms.Form):
    """What is verified, by which guide, how large the sample is, and which random number is going to decide."""

    version = forms.ChoiceField(label=_("方法学版本"))
    region = forms.ChoiceField(label=_("地区"))
    first = _day(label=_("从"))
    last = _day(label=_("到"))
    guide = forms.ChoiceField(label=_("核查指南"))
    percent = forms.IntegerField(label=_("抽样比例（%）"), min_value=SAMPLE_PERCENT, max_value=100)
    minimum = forms.IntegerField(label=_("最少条数"), min_value=SAMPLE_MINIMUM, max_value=MOST_SAMPLED)
    announced = forms.CharField(
        label=_("将用哪个随机数"), max_length=200, widget=_words(2),
        help_text=_("公告时要写明来源和公布日期，例如“双色球第 2026139 期，12 月 3 日开奖”。须晚于今天。"),
    )  # fmt: skip

    def __init__(
        self, *args: Any, versions: Sequence[MethodologyVersion], areas: Sequence[str], today: dt.date, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.versions = {str(one): one for one in versions}
        known = [one for one in reversed(guides.guides()) if one.in_force_from <= today]
        self.guides = {one.version: one for one in known}
        fields: dict[str, Any] = self.fields
        fields["version"].choices = [
            (key, f"{one.title_en if is_english() and one.title_en else one.title_zh} · {key}")
            for key, one in self.versions.items()
        ]
        fields["region"].choices = [(code, region_name(code)) for code in areas]
        fields["guide"].choices = [
            (one.version, f"{one.number} · {one.title_en if is_english() else one.title}") for one in known
        ]
        for name, value in (
            ("first", (today - dt.timedelta(days=90)).isoformat()),
            ("last", (today - dt.timedelta(days=1)).isoformat()),
            ("percent", SAMPLE_PERCENT),
            ("minimum", SAMPLE_MINIMUM),
        ):
            fields[name].initial = value

    def choice(self) -> dict[str, Any]:
        """What the frame and its size follow from, of a valid form."""
        data = self.cleaned_data
        return {"version": self.versions[data["version"]]} | {
            name: data[name] for name in ("region", "first", "last", "percent", "minimum")
        }


class WithdrawForm(forms.Form):
    """Why it was frozen by mistake."""

    reason = forms.CharField(
        label=_("撤回原因"), max_length=300, widget=_words(2),
        error_messages={"required": _("请写明撤回的原因，原因会公开。")},
        help_text=_("原因会公开，例如“方法学版本选错了”。"),
    )  # fmt: skip


class DrawForm(forms.Form):
    """The random number, where it was published and when."""

    seed = forms.CharField(
        label=_("随机数"), max_length=200, help_text=_("照公布的原样填写，一个字符不同，样本就不同。")
    )
    source = forms.CharField(
        label=_("公开来源"), max_length=300, help_text=_("写到任何人都能查到，例如期号、网址、公告页码。")
    )
    published_on = _day(label=_("公布日期"))


class DeclareForm(forms.Form):
    """A conflict of interest, or none."""

    conflicted = forms.ChoiceField(
        label=_("您与名单里的记录、参与者或数据来源有利益关系吗？"), widget=forms.RadioSelect,
        choices=[("no", _("没有，由我核查")), ("yes", _("有，不能由我核查"))],
    )  # fmt: skip
    statement = forms.CharField(label=_("是什么关系"), required=False, max_length=300, widget=_words(2))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("conflicted") == "yes" and not (found.get("statement") or "").strip():
            self.add_error("statement", _("请写明是什么关系，例如“与运营单位有合作”。"))
        return found


class SignForm(forms.Form):
    """The signature under the answers that the page shows."""

    shown = forms.CharField(widget=forms.HiddenInput, max_length=64)
    remark = forms.CharField(
        label=_("总的说明"), required=False, max_length=1000, widget=_words(3), help_text=_("只给主管部门看，不公开。")
    )


class AnswerForm(forms.Form):
    """One question about one record. What is left as it was shown is not sent on: not answered yet is no error."""

    result = forms.ChoiceField(
        label=_("结果"), widget=forms.RadioSelect, error_messages={"required": _("请选一个结果。")}
    )  # fmt: skip
    note = forms.CharField(label=_("说明"), required=False, max_length=1000, widget=_words(2))
    evidence = forms.CharField(label=_("看过的证据"), required=False, max_length=300)
    seen = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=32_000, required=False)

    def __init__(self, data: Any, *, answer: VerificationAnswer | None, prefix: str) -> None:
        initial: dict[str, Any] = {"seen": answer.revision if answer else 0}
        if answer is not None:
            initial |= {name: getattr(answer, name) for name in ("result", "note", "evidence")}
        super().__init__(data, initial=initial, prefix=prefix, empty_permitted=True, use_required_attribute=False)
        field: Any = self.fields["result"]
        field.choices = list(results().items())

    def has_changed(self) -> bool:
        """An item that was empty on the page and still is says nothing, whatever another page saved since."""
        typed = any((self[name].value() or "").strip() for name in ("result", "note", "evidence"))
        shown_empty = str(self["seen"].value() or 0) == "0"
        return (typed or not shown_empty) and super().has_changed()

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("result") in ("no", "unclear") and not (found.get("note") or "").strip():
            self.add_error("note", _("“不符合”和“不能确认”须写明原因。"))
        return found

    def show_revision(self, revision: int) -> None:
        """Show what was typed over the answer that stands by now: saving again means to replace it."""
        typed = {self.add_prefix(name): self[name].value() for name in self.fields}
        self.data = typed | {self.add_prefix("seen"): str(revision)}

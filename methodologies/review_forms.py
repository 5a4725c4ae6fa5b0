"""Forms of the review: parse and say what is wrong. `shown` carries the hash of the text that the page showed."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.models import ModelChoiceIterator
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.constants import Role
from accounts.models import Membership, Person

from .constants import (
    CHECKLIST,
    COMMENT_LENGTH,
    AnswerVerdict,
    CommentOutcome,
    OpinionVerdict,
)
from .services.joint import routing

_NOTE = {"rows": 3}


def _words(label: Any, *, required: bool = True, help_text: Any = "", rows: int = 3) -> forms.CharField:
    return forms.CharField(
        label=label, required=required, max_length=COMMENT_LENGTH, help_text=help_text,
        error_messages={"required": _("请填写这一项。")}, widget=forms.Textarea(attrs={"rows": rows}),
    )  # fmt: skip


def _departments() -> list[tuple[str, str]]:
    # A department's name is what it is in any language of the page.
    named = routing()["departments"].items()
    return [(code, format_html('<span lang="zh-Hans">{}</span>', one["name"])) for code, one in named]


class DeedForm(forms.Form):
    """Base of what is done to a version. Fields of several forms on one page need ids of their own: `auto_id`."""

    shown = forms.CharField(widget=forms.HiddenInput, max_length=64)


class AcceptForm(DeedForm):
    """受理清单."""

    items = forms.MultipleChoiceField(
        label=_("受理清单"), required=False, choices=list(CHECKLIST.items()), widget=forms.CheckboxSelectMultiple,
        help_text=_("逐项核对，齐全的打勾。没打勾的会列入退回清单。"),
    )  # fmt: skip
    note = _words(_("说明"), required=False)


class ReturnForm(DeedForm):
    note = _words(_("退回原因"), help_text=_("原因会公开，也会发给报送单位。"))


class _ReadAtOnce(ModelChoiceIterator):
    """Choices read in one statement: Django's own open a server-side cursor, which people's tables refuse."""

    def __iter__(self) -> Iterator[Any]:
        return iter([self.choice(one) for one in self.queryset.all()])


class _PeopleField(forms.ModelMultipleChoiceField):
    iterator = _ReadAtOnce


class ExpertsForm(DeedForm):
    """Who is invited; the list is of people, so it is read when the form is made."""

    experts = _PeopleField(
        label=_("邀请专家"), queryset=Person.objects.none(), widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("请至少选一位专家。"), "invalid_choice": _("请从名单里选择专家。")},
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = Membership.objects.filter(role=Role.EXPERT, is_active=True).values("person")
        field: Any = self.fields["experts"]
        field.queryset = Person.objects.filter(pk__in=held).order_by("name")


class DeclareForm(DeedForm):
    conflicted = forms.ChoiceField(
        label=_("利益冲突声明"), choices=[("no", _("没有利益冲突")), ("yes", _("有利益冲突"))],
        widget=forms.RadioSelect, error_messages={"required": _("请选择有无利益冲突。")},
        help_text=_("与申报单位有雇佣、合作、投资或亲属关系的，都算有冲突。声明后不能修改，并会公开。"),
    )  # fmt: skip
    statement = _words(_("冲突情况"), required=False, help_text=_("有冲突时必填，例如“与申报单位有合作”。"))


class OpinionForm(DeedForm):
    verdict = forms.ChoiceField(
        label=_("表决"), choices=OpinionVerdict.choices, widget=forms.RadioSelect,
        error_messages={"required": _("请选择表决意见。")},
    )  # fmt: skip
    text = _words(_("意见和理由"), help_text=_("会写入公开纪要，提交即签名，不能修改。"), rows=5)


class DepartmentsForm(DeedForm):
    departments = forms.MultipleChoiceField(
        label=_("加送部门"), required=False, choices=_departments,
        widget=forms.CheckboxSelectMultiple, help_text=_("按领域应会签的部门会自动列入。"),
    )  # fmt: skip


class AnswerForm(DeedForm):
    request = forms.IntegerField(widget=forms.HiddenInput)
    verdict = forms.ChoiceField(
        label=_("会签意见"), choices=AnswerVerdict.choices, widget=forms.RadioSelect,
        error_messages={"required": _("请选择会签意见。")},
    )  # fmt: skip
    text = _words(_("具体意见"), required=False, help_text=_("有意见或不同意时必填，会公开。"))


class LetterForm(AnswerForm):
    """The same from a letter."""

    letter = forms.CharField(label=_("来函文号"), max_length=80, error_messages={"required": _("请填写来函文号。")})


class RemindForm(DeedForm):
    request = forms.IntegerField(widget=forms.HiddenInput)


class ConsultForm(DeedForm):
    note = _words(_("说明"), required=False, help_text=_("有部门不同意时必填：写明如何处理，会公开。"))


class ReplyForm(DeedForm):
    comment = forms.IntegerField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label=_("处理"), choices=CommentOutcome.choices, widget=forms.RadioSelect,
        error_messages={"required": _("请选择怎样处理。")},
    )  # fmt: skip
    text = _words(_("答复"))
    change = _words(_("改了什么"), required=False, help_text=_("采纳的意见必填。"))


class PlainForm(DeedForm):
    """A deed that needs no words."""


class DecideForm(DeedForm):
    """Approve or return; the button says which."""

    note = _words(_("审定意见"), required=False, help_text=_("退回时必填。"))


class WithdrawForm(DeedForm):
    sunset_on = forms.DateField(
        label=_("最后适用日期"), widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("从审定之日起至少 30 天，请给审定留出时间。"),
        error_messages={"required": _("请填写日期。"), "invalid": _("请按 2027-06-30 的样子填写日期。")},
    )  # fmt: skip
    successor = forms.CharField(
        label=_("后续方法学"),
        required=False,
        max_length=61,
        help_text=_("代码@版本，例如 GD-METRO-TRIP@1.0；没有就留空。"),
    )
    reason = _words(_("停用原因"), help_text=_("原因会公开。"))


class CommentForm(forms.Form):
    """The public's form."""

    text = forms.CharField(
        label=_("您的意见"), max_length=COMMENT_LENGTH, widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": _("请写下您的意见。"), "max_length": _("请写得短一些，不超过 2000 字。")},
    )  # fmt: skip
    name = forms.CharField(
        label=_("公开署名"), max_length=50, required=False, help_text=_("留空就显示为“一位参与者”。手机号不会公开。"),
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
    )  # fmt: skip

"""The form that starts a simulation. The rules are the service's; here is parsed and offered what may be chosen."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from carbon_portal.kernel.language import region_name
from methodologies.models import Draft, MethodologyVersion

from .present import draft_label, version_state

LONGEST_TEXT = 256 * 1024
#: Before the number of a draft among the choices; a version is CODE@VERSION.
_DRAFT = "draft:"


class SimulationForm(forms.Form):
    """A stored version, a draft or a text, an area, days, and what it is held against."""

    version = forms.ChoiceField(label=_("方法学版本或草案"), required=False)
    source = forms.CharField(
        label=_("或粘贴草案文本（YAML）"),
        required=False,
        strip=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_("填了文本就按文本试算，不按上面选的版本。"),
    )
    region = forms.ChoiceField(label=_("地区"))
    first = forms.DateField(label=_("从"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label=_("到"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    against = forms.ChoiceField(label=_("与什么比较"), required=False)
    exclude_missing = forms.BooleanField(
        label=_("先排除缺少数据的记录"), required=False, help_text=_("草案要求而记录没有填的，不参加两边的计算。")
    )

    def __init__(
        self,
        *args: Any,
        versions: Sequence[MethodologyVersion],
        drafts: Sequence[Draft],
        areas: Sequence[str],
        today: dt.date,
        chosen: str = "",
        draft: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.versions = {str(version): version for version in versions}
        self.drafts = {f"{_DRAFT}{one.uuid}": one for one in drafts}
        labels = [(name, f"{name} · {version_state(version)}") for name, version in self.versions.items()]
        written = [(name, draft_label(one)) for name, one in self.drafts.items()]
        self._choose("version", [("", _("（不选，用下面的文本）")), *written, *labels])
        self._choose("against", [("", _("现行方法学")), *labels])
        self._choose("region", [(code, region_name(code)) for code in areas])
        self.fields["first"].initial = (today - dt.timedelta(days=365)).isoformat()
        self.fields["last"].initial = (today - dt.timedelta(days=1)).isoformat()
        self.fields["version"].initial = chosen if chosen in self.versions else labels[0][0] if labels else ""
        mine = self.drafts.get(f"{_DRAFT}{draft}")
        if mine is not None:
            self.fields["version"].initial = f"{_DRAFT}{draft}"
            if mine.region in areas:
                self.fields["region"].initial = mine.region

    def _choose(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        """One of the two: a version or a text."""
        found = super().clean() or {}
        source = found.get("source") or ""
        if not found.get("version") and not source.strip():
            self.add_error("version", _("请选一个版本，或粘贴草案文本。"))
        return found

    def wanted(self) -> dict[str, Any]:
        """Arguments of the service, of a valid form."""
        data = self.cleaned_data
        text = data["source"] if data["source"].strip() else ""
        draft = None if text else self.drafts.get(data["version"])
        version = None if text or draft else self.versions[data["version"]]
        written = draft or version  # the draft's text as it stands at this moment
        return {
            "source": text or (written.source if written else ""),
            "version": version,
            "against": self.versions.get(data["against"]),
            "region": data["region"],
            "first": data["first"],
            "last": data["last"],
            "exclude_missing": data["exclude_missing"],
        }

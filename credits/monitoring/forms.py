"""What is asked of the pages by their address."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from credits.selectors.monitoring import LONGEST
from methodologies.models import MethodologyVersion

from .present import title


class VersionForm(forms.Form):
    """Any version that was ever in force here; none chosen, none shown."""

    version = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, versions: Sequence[MethodologyVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.versions = {str(one): one for one in versions}
        field: Any = self.fields["version"]
        field.label = _("另看一个版本")
        field.choices = [
            ("", _("（不选）")),
            *((name, f"{name} · {title(one)}") for name, one in self.versions.items()),
        ]

    def chosen(self) -> MethodologyVersion | None:
        """The version asked for; None for none and for one that is not on the list."""
        return self.versions.get(self.cleaned_data["version"]) if self.is_valid() else None


class DaysForm(forms.Form):
    """Days as the links give them, both or none, as far as figures reach back; and whether refused records only."""

    first = forms.DateField(required=False)
    last = forms.DateField(required=False)
    refused = forms.BooleanField(required=False)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if bool(first) != bool(last) or (first and last and not dt.timedelta(0) <= last - first <= LONGEST):
            self.add_error("last", _("起止日期不对。"))
        return data

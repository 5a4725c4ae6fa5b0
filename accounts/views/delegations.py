"""代办: who stands in for one while away, and for whom one stands in."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import actors, selectors, services
from accounts.fields import add_refusal
from accounts.forms import DelegationForm
from accounts.models import Delegation, Person
from accounts.permissions import desk_required
from carbon_portal.kernel import clock, scope
from carbon_portal.kernel.errors import DomainError
from carbon_portal.kernel.language import region_name

from .household import person

SHOWN = 50


@require_http_methods(["GET", "HEAD", "POST"])
@desk_required
def delegations(request: HttpRequest) -> HttpResponse:
    """What one gave and took on, and the form to name a deputy."""
    me, now = person(request), clock.now()
    form = DelegationForm(request.POST if request.method == "POST" else None, principal=me)
    if request.method == "POST" and form.is_valid():
        try:
            _give(me, form, now)
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, _("代办已登记。"))
            return redirect("accounts:delegations")
    rows = list(selectors.delegations_of(me)[:SHOWN])
    names = actors.names({who for row in rows for who in (row.principal_id, row.deputy_id)})
    context = {
        "form": form,
        "may_give": bool(form.fields["held"].choices),  # type: ignore[attr-defined]
        "rows": [_row(row, me, names, now) for row in rows],
    }
    return render(request, "accounts/delegations.html", context)


def _give(me: Person, form: DelegationForm, now: dt.datetime) -> None:
    role, _bar, region = form.cleaned_data["held"].partition("|")
    who = UUID(form.cleaned_data["deputy"])
    with scope.admitting(who):  # chosen from the list: a colleague who may live in another area
        deputy = Person.objects.get(pk=who)
    services.delegate_role(
        principal=me,
        deputy=deputy,
        role=role,
        region=region,
        starts_on=form.cleaned_data["starts_on"],
        ends_on=form.cleaned_data["ends_on"],
        reason=form.cleaned_data["reason"],
        at=now,
    )


def _row(row: Delegation, me: Person, names: dict[UUID, str], now: dt.datetime) -> dict[str, Any]:
    english, today = (get_language() or "").startswith("en"), clock.local_date(now)
    given = row.principal_id == me.pk
    ended = row.ended_at is not None or row.ends_on < today
    return {
        "row": row,
        "given": given,
        "who": names.get(row.deputy_id if given else row.principal_id, ""),
        "role": actors.role_name(row.role, english=english),
        "region": region_name(row.region),
        "running": not ended,
        "state": _("已结束") if ended else _("未开始") if row.starts_on > today else _("代办中"),
        "kind": "" if ended else "wait" if row.starts_on > today else "ok",
    }


@require_POST
@desk_required
def end_delegation(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """End one of one's own, given or taken on."""
    me = person(request)
    services.end_delegation(delegation=selectors.delegation_for(me, uuid), actor=me, at=clock.now())
    messages.success(request, _("代办已结束。"))
    return redirect("accounts:delegations")

"""“我的”: who one is here, what one belongs to, and the doors to everything personal (crosses apps, hence here)."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import phones, selectors, services
from accounts.constants import FIRM_ROLES
from accounts.fields import add_refusal
from accounts.forms import NameForm
from accounts.models import Person
from accounts.permissions import account_required
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError
from carbon_portal.kernel.language import region_name
from credits.selectors import account_summary
from merchants.selectors import works_a_till


@require_safe
@account_required
def me(request: HttpRequest) -> HttpResponse:
    """The page behind the tab “我的”."""
    user = request.user
    person = selectors.person_of(user)
    assert person is not None  # account_required
    membership = selectors.membership_of(person)
    consents = selectors.consents_of(person).values()
    context = {
        "name": person.name,
        "masked_phone": phones.masked(user.phone) if user.phone else "",  # type: ignore[union-attr]
        "username": "" if user.phone else user.get_username(),  # type: ignore[union-attr]
        "region": region_name(person.region),
        "participant": next(iter(selectors.participants_of(user)), None),
        "has_password": user.has_usable_password(),  # type: ignore[union-attr]
        "identity_confirmed": bool(person.real_name_hash),
        "household": membership.household if membership else None,
        "is_head": bool(membership and membership.is_head),
        "firms": selectors.organisations_of(user, *FIRM_ROLES),
        "consents_granted": sum(1 for step in consents if step and step.granted),
        "consents_all": len(consents),
        "invitations": selectors.invitations_for(user, at=clock.now()),
        "desks": _desks(request, person),
    }
    return render(request, "pages/me.html", context)


@require_safe
@account_required
def welcome(request: HttpRequest) -> HttpResponse:
    """The account just opened: what stands on it, and how the first grams come (D1-a)."""
    participants = selectors.participants_of(request.user)
    if not participants:
        return redirect("pages:me")
    context: dict[str, Any] = {
        "summary": account_summary(participants[0]),
        "region": region_name(participants[0].region),
    }
    return render(request, "pages/welcome.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def rename(request: HttpRequest) -> HttpResponse:
    """How one wants to be called."""
    person = selectors.person_of(request.user)
    assert person is not None  # account_required
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": person.name})
    if request.method == "POST" and form.is_valid():
        try:
            services.rename_person(person=person, name=form.cleaned_data["name"])
        except DomainError as refusal:
            add_refusal(form, "name", refusal)
        else:
            return redirect("pages:me")
    return render(request, "pages/rename.html", {"form": form})


def _desks(request: HttpRequest, person: Person) -> list[dict[str, str]]:
    """Places of work beside one's own account: those that will open."""
    desks = []
    if selectors.staff_scope(request.user):
        desks.append({"href": reverse("pilots:staff-home"), "icon": "layout-dashboard", "title": _("工作台")})
    if works_a_till(person):
        desks.append({"href": reverse("merchants:till"), "icon": "scan-qr-code", "title": _("收银核销")})
    return desks

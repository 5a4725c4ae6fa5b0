"""The family: members and meters (D1-b)."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import phones, selectors, services
from accounts.fields import add_refusal
from accounts.forms import HouseholdForm, InviteForm, MeterForm
from accounts.models import HouseholdMember, Person
from accounts.permissions import account_required
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError, NotFound

METER_ICONS = {"electricity": "zap", "water": "droplets", "gas": "flame"}


def person(request: HttpRequest) -> Person:
    """The person at the keyboard, behind `account_required`."""
    found = selectors.person_of(request.user)
    assert found is not None  # account_required
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def household(request: HttpRequest) -> HttpResponse:
    """One's family, or the form that founds one, with invitations beside it."""
    me = person(request)
    membership = selectors.membership_of(me)
    if membership:
        return _show(request, membership)
    form = HouseholdForm(request.POST if request.method == "POST" else None, initial={"region": me.region})
    if request.method == "POST" and form.is_valid():
        try:
            services.create_household(head=me, at=clock.now(), **form.cleaned_data)
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, _("家庭已建立，您是户主。"))
            return redirect("accounts:household")
    invitations = selectors.invitations_for(request.user, at=clock.now())
    return render(request, "accounts/household_new.html", {"form": form, "invitations": invitations})


def _show(
    request: HttpRequest,
    membership: HouseholdMember,
    *,
    invite_form: forms.Form | None = None,
    meter_form: forms.Form | None = None,
) -> HttpResponse:
    family = membership.household
    members = [
        {
            "person": member.person,
            "name": member.person.name or phones.masked(selectors.phone_of(member.person)),
            "is_head": member.is_head,
            "is_me": member.person_id == membership.person_id,
            "joined_on": member.joined_on,
        }
        for member in selectors.members_of(family)
    ]
    meters = [
        {"meter": meter, "icon": METER_ICONS[meter.kind], "number": meter.number}
        for meter in selectors.meters_of(household=family)
    ]
    sent = selectors.invitations_from(household=family, at=clock.now()) if membership.is_head else []
    context: dict[str, Any] = {
        "household": family,
        "is_head": membership.is_head,
        "members": members,
        "meters": meters,
        "sent": [{"invitation": row, "phone": phones.masked(row.phone)} for row in sent],
        "invite_form": invite_form or InviteForm(auto_id="invite_%s"),
        "meter_form": meter_form or MeterForm(auto_id="meter_%s"),
        "form": next((form for form in (invite_form, meter_form) if form and form.errors), None),
    }
    return render(request, "accounts/household.html", context)


def _membership(request: HttpRequest) -> HouseholdMember:
    membership = selectors.membership_of(person(request))
    if membership is None:
        raise NotFound
    return membership


@require_POST
@account_required
def invite(request: HttpRequest) -> HttpResponse:
    """Invite by phone. The answer does not tell whether the number has an account."""
    membership = _membership(request)
    form = InviteForm(request.POST, auto_id="invite_%s")
    if form.is_valid():
        try:
            services.invite(
                actor=membership.person,
                household=membership.household,
                phone=form.cleaned_data["phone"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_refusal(form, "phone", refusal)
        else:
            messages.success(
                request,
                _("已邀请 %(phone)s。对方登录后在“我的家庭”里确认即可加入。")
                % {"phone": phones.masked(form.cleaned_data["phone"])},
            )
            return redirect("accounts:household")
    return _show(request, membership, invite_form=form)


@require_POST
@account_required
def bind_meter(request: HttpRequest) -> HttpResponse:
    """Bind a supply account to the family."""
    membership = _membership(request)
    form = MeterForm(request.POST, auto_id="meter_%s")
    if form.is_valid():
        try:
            services.bind_meter(
                household=membership.household,
                actor=membership.person,
                region=membership.household.region,
                at=clock.now(),
                **form.cleaned_data,
            )
        except DomainError as refusal:
            add_refusal(form, "number", refusal)
        else:
            messages.success(request, _("户号已绑定，以后的抄表记入家庭。"))
            return redirect("accounts:household")
    return _show(request, membership, meter_form=form)


@require_POST
@account_required
def release_meter(request: HttpRequest, pk: int) -> HttpResponse:
    """End a binding, of the family or of a firm one owns."""
    me = person(request)
    meter = services.release_meter(meter=selectors.meter_for(me, pk), actor=me, at=clock.now())
    messages.success(request, _("户号已解除绑定，已计入的不变。"))
    if meter.organisation_id:
        return redirect("accounts:firm", uuid=meter.organisation_id)
    return redirect("accounts:household")


@require_POST
@account_required
def end_membership(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Leave, or (as head) let a member go. Personal records stay with the person."""
    membership = _membership(request)
    target = next((m.person for m in selectors.members_of(membership.household) if m.person_id == uuid), None)
    if target is None:
        raise NotFound
    services.end_household_membership(
        household=membership.household, person=target, actor=membership.person, at=clock.now()
    )
    messages.success(request, _("成员已退出。个人记录和碳币仍归本人。"))
    return redirect("accounts:household")


@require_POST
@account_required
def hand_over(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Make another member the head."""
    membership = _membership(request)
    target = next((m.person for m in selectors.members_of(membership.household) if m.person_id == uuid), None)
    if target is None:
        raise NotFound
    services.hand_over_household(household=membership.household, actor=membership.person, to=target)
    messages.success(request, _("户主已变更。"))
    return redirect("accounts:household")


@require_POST
@account_required
def answer_invitation(request: HttpRequest, pk: int) -> HttpResponse:
    """Yes or no to an invitation sent to one's own phone."""
    invitation = selectors.invitations_for(request.user, at=clock.now()).filter(pk=pk).first()
    if invitation is None:
        raise NotFound
    accept = request.POST.get("accept") == "1"
    services.answer_invitation(invitation=invitation, person=person(request), accept=accept, at=clock.now())
    messages.success(request, _("已加入。") if accept else _("已谢绝这份邀请。"))
    if invitation.organisation_id and accept:
        return redirect("accounts:firms")
    return redirect("accounts:household" if invitation.household_id else "pages:me")


@require_POST
@account_required
def withdraw_invitation(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back an invitation of one's family."""
    membership = _membership(request)
    invitation = selectors.invitations_from(household=membership.household, at=clock.now()).filter(pk=pk).first()
    if invitation is None:
        raise NotFound
    services.withdraw_invitation(invitation=invitation, actor=membership.person, at=clock.now())
    messages.success(request, _("邀请已撤回。"))
    return redirect("accounts:household")

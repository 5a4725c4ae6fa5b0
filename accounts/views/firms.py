"""Small firms: registration, staff, meters (D1-c)."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import phones, selectors, services
from accounts.constants import FIRM_ROLES, Role
from accounts.errors import CreditCodeInvalid, OrganisationExists
from accounts.fields import add_refusal
from accounts.forms import FirmForm, InviteForm, MeterForm
from accounts.models import Organisation
from accounts.permissions import account_required
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.errors import DomainError, NotFound

from .household import METER_ICONS, person


@require_safe
@account_required
def firms(request: HttpRequest) -> HttpResponse:
    """Firms one belongs to, and invitations."""
    found = [
        {
            "organisation": firm,
            "region": regions.region(firm.region),
            "is_owner": selectors.holds(person(request), Role.SME_OWNER, organisation=firm),
        }
        for firm in selectors.organisations_of(request.user, *FIRM_ROLES)
    ]
    invitations = selectors.invitations_for(request.user, at=clock.now()).filter(organisation__isnull=False)
    return render(request, "accounts/firms.html", {"firms": found, "invitations": invitations})


@require_http_methods(["GET", "HEAD", "POST"])
@account_required
def firm_new(request: HttpRequest) -> HttpResponse:
    """Register a firm by its credit code; whoever does becomes its owner."""
    me = person(request)
    form = FirmForm(request.POST if request.method == "POST" else None, initial={"region": me.region})
    if request.method == "POST" and form.is_valid():
        try:
            participant = services.register_sme(owner=me, at=clock.now(), **form.cleaned_data)
        except (CreditCodeInvalid, OrganisationExists) as refusal:
            add_refusal(form, "credit_code", refusal)
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, _("企业已登记，您是负责人。"))
            return redirect("accounts:firm", uuid=participant.organisation_id)
    return render(request, "accounts/firm_new.html", {"form": form})


@require_safe
@account_required
def firm(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Staff and meters of a firm."""
    return _show(request, selectors.organisation_for(request.user, uuid, *FIRM_ROLES))


def _show(
    request: HttpRequest,
    organisation: Organisation,
    *,
    invite_form: forms.Form | None = None,
    meter_form: forms.Form | None = None,
) -> HttpResponse:
    me = person(request)
    is_owner = selectors.holds(me, Role.SME_OWNER, organisation=organisation)
    staff = [
        {
            "membership": row,
            "name": row.person.name or phones.masked(selectors.phone_of(row.person)),
            "role": _("负责人") if row.role == Role.SME_OWNER else _("经办人"),
            "is_owner": row.role == Role.SME_OWNER,
        }
        for row in selectors.staff_of(organisation)
    ]
    sent = selectors.invitations_from(organisation=organisation, at=clock.now()) if is_owner else []
    context: dict[str, Any] = {
        "organisation": organisation,
        "region": regions.region(organisation.region),
        "is_owner": is_owner,
        "staff": staff,
        "meters": [
            {"meter": meter, "icon": METER_ICONS[meter.kind], "number": meter.number}
            for meter in selectors.meters_of(organisation=organisation)
        ],
        "sent": [{"invitation": row, "phone": phones.masked(row.phone)} for row in sent],
        "invite_form": invite_form or InviteForm(auto_id="invite_%s"),
        "meter_form": meter_form or MeterForm(auto_id="meter_%s"),
        "form": next((form for form in (invite_form, meter_form) if form and form.errors), None),
    }
    return render(request, "accounts/firm.html", context)


def _owned(request: HttpRequest, uuid: UUID) -> Organisation:
    return selectors.organisation_for(request.user, uuid, Role.SME_OWNER)


@require_POST
@account_required
def firm_invite(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Invite a clerk by phone."""
    organisation = _owned(request, uuid)
    form = InviteForm(request.POST, auto_id="invite_%s")
    if form.is_valid():
        try:
            services.invite(
                actor=person(request),
                organisation=organisation,
                role=Role.SME_CLERK,
                phone=form.cleaned_data["phone"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_refusal(form, "phone", refusal)
        else:
            messages.success(
                request,
                _("已邀请 %(phone)s。对方登录后在“我的企业”里确认即可加入。")
                % {"phone": phones.masked(form.cleaned_data["phone"])},
            )
            return redirect("accounts:firm", uuid=uuid)
    return _show(request, organisation, invite_form=form)


@require_POST
@account_required
def firm_meter(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Bind a supply account to the firm."""
    organisation = _owned(request, uuid)
    form = MeterForm(request.POST, auto_id="meter_%s")
    if form.is_valid():
        try:
            services.bind_meter(
                organisation=organisation,
                actor=person(request),
                region=organisation.region,
                at=clock.now(),
                **form.cleaned_data,
            )
        except DomainError as refusal:
            add_refusal(form, "number", refusal)
        else:
            messages.success(request, _("户号已绑定，以后的抄表记入企业。"))
            return redirect("accounts:firm", uuid=uuid)
    return _show(request, organisation, meter_form=form)


@require_POST
@account_required
def firm_revoke(request: HttpRequest, uuid: UUID, pk: int) -> HttpResponse:
    """End a clerk's role."""
    organisation = _owned(request, uuid)
    membership = selectors.staff_of(organisation).filter(pk=pk, role=Role.SME_CLERK).first()
    if membership is None:
        raise NotFound
    services.revoke_role(membership=membership, actor=person(request))
    messages.success(request, _("已结束该成员的经办权限。"))
    return redirect("accounts:firm", uuid=uuid)


@require_POST
@account_required
def firm_withdraw(request: HttpRequest, uuid: UUID, pk: int) -> HttpResponse:
    """Take back an invitation of one's firm."""
    organisation = _owned(request, uuid)
    invitation = selectors.invitations_from(organisation=organisation, at=clock.now()).filter(pk=pk).first()
    if invitation is None:
        raise NotFound
    services.withdraw_invitation(invitation=invitation, actor=person(request), at=clock.now())
    messages.success(request, _("邀请已撤回。"))
    return redirect("accounts:firm", uuid=uuid)

"""A reward on the desk: asked for by an officer of the area, decided by an approver."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.constants import AREA_APPROVERS, AREA_OFFICERS, AREA_ROLES
from accounts.fields import add_refusal
from accounts.permissions import acting, login_required_with_role
from accounts.selectors import in_scope
from carbon_portal.kernel import approvals, clock
from carbon_portal.kernel.errors import DomainError, NotFound
from credits import services
from credits.constants import RewardState
from credits.ledger.selectors import pool_balance
from credits.models import ProposalReward
from credits.services.rewards import KIND, content_of, paying_pool, subject_of
from methodologies.constants import ProposalState
from methodologies.models import Proposal
from methodologies.selectors.proposals import desk_proposal

from .forms import AskForm, DecideForm

_PILLS = {RewardState.WAITING: "wait", RewardState.PAID: "ok", RewardState.RETURNED: "no"}


@require_safe
@login_required_with_role(*AREA_ROLES)
def page(request: HttpRequest, number: str) -> HttpResponse:
    """What was asked for, what the pool holds, and what the reader may do about it."""
    return _show(request, desk_proposal(request.user, number))


@require_POST
@login_required_with_role(*AREA_OFFICERS)
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """Ask for points for the sender."""
    found = desk_proposal(request.user, number, *AREA_OFFICERS)
    form = AskForm(request.POST)
    if form.is_valid():
        role = next(role for role in AREA_OFFICERS if in_scope(request.user, found.region, role))
        try:
            services.ask_for_reward(
                proposal=found, actor=acting(request), role=role.value, points=form.cleaned_data["points"],
                reason=form.cleaned_data["reason"], at=clock.now(),
            )  # fmt: skip
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, _("已提交审定。"))
            return redirect("credits:reward", number)
    return _show(request, found, asking=form)


@require_POST
@login_required_with_role(*AREA_APPROVERS)
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """Agree, and the pool pays at once; or return it with a reason."""
    found = desk_proposal(request.user, number, *AREA_APPROVERS)
    form = DecideForm(request.POST)
    if form.is_valid():
        reward = ProposalReward.objects.filter(proposal=found).first()
        if reward is None:
            raise NotFound
        approved = form.cleaned_data["approved"] == "yes"
        try:
            services.decide_reward(
                reward=reward, actor=acting(request), shown_sha256=form.cleaned_data["shown"], approved=approved,
                note=form.cleaned_data["note"], at=clock.now(),
            )  # fmt: skip
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, _("已同意，碳币已发放。") if approved else _("已退回。"))
            return redirect("credits:reward", number)
    return _show(request, found, deciding=form)


def _show(
    request: HttpRequest, found: Proposal, *, asking: forms.Form | None = None, deciding: forms.Form | None = None
) -> HttpResponse:
    """The page; after a refusal with the sentence and with what was typed."""
    reward = ProposalReward.objects.select_related("proposal", "pool").filter(proposal=found).first()
    pool = reward.pool if reward else paying_pool(found)
    is_open = reward is None or reward.state == RewardState.RETURNED
    context: dict[str, Any] = {
        "proposal": found,
        "adopted": found.state == ProposalState.ADOPTED,
        "reward": reward,
        "pill": {"label": reward.get_state_display(), "kind": _PILLS[RewardState(reward.state)]} if reward else None,
        "pool": pool,
        "left": pool_balance(pool.uuid) if pool else 0,
        "ask_form": asking or AskForm(),
        "may_ask": is_open and any(in_scope(request.user, found.region, role) for role in AREA_OFFICERS),
        **_decision(request, reward, deciding),
        "form": asking or deciding,
    }
    return render(request, "credits/rewards/page.html", context, status=422 if asking or deciding else 200)


def _decision(request: HttpRequest, reward: ProposalReward | None, bound: forms.Form | None) -> dict[str, Any]:
    """The request and whether the reader may decide it; why it was returned."""
    asked = approvals.request_for(KIND, subject_of(reward)) if reward else None
    if reward is None or asked is None:
        return {}
    if not asked.is_open:
        return {"returned": asked.why if reward.state == RewardState.RETURNED else ""}
    refusal = approvals.refusal_of(asked, acting(request).pk, at=clock.now())
    return {
        "asked": asked,
        "refusal": refusal.sentence(get_language()) if refusal else "",
        "decide_form": bound or DecideForm(initial={"shown": content_of(reward)}),
    }

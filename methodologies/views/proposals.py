"""The public call for proposals: read without a login, send with a phone, follow by number (P2.4)."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.constants import AREA_ROLES
from accounts.fields import add_refusal
from accounts.models import Person
from accounts.permissions import account_required
from accounts.selectors import has_role, person_of
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError
from methodologies import present_proposals as present
from methodologies.constants import OPEN_PROPOSALS, ProposalState
from methodologies.forms import ProposalForm
from methodologies.models import Proposal
from methodologies.selectors import proposals as selectors
from methodologies.services import proposals as services

PAGE = 20
DRAFT = "proposal_draft"
_KEPT = ("key", "what", "why", "proof", "who", "risk", "credit_as", "credit_name")


@require_safe
def proposal_list(request: HttpRequest) -> HttpResponse:
    """All proposals with their states, by search and state; one's own on top."""
    today = clock.today()
    q, state = request.GET.get("q", "").strip()[:50], request.GET.get("state", "")
    rows = selectors.public_proposals(q=q, state=state, today=today)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    me = person_of(request.user)
    context = {
        "page": page,
        "rows": [present.row(one, today) for one in page],
        "own": [present.row(one, today, own=True) for one in selectors.own_proposals(me)] if me else [],
        "q": q,
        "states": present.filters(state, q),
        "state": state,
        "found": page.paginator.count,
        "may_desk": me is not None and has_role(request.user, *AREA_ROLES),
    }
    return render(request, "methodologies/proposal_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def proposal_new(request: HttpRequest) -> HttpResponse:
    """Five plain questions. Words written before the login wait in the session; whoever is in sends at once."""
    kept: dict[str, Any] | None = request.session.get(DRAFT)
    if request.method != "POST":
        form = ProposalForm(initial={"key": uuid4().hex, "credit_as": "nobody"} | (kept or {}))
        return render(request, "methodologies/proposal_new.html", {"form": form, "kept": bool(kept)})
    form = ProposalForm(request.POST)
    if not form.is_valid():
        return render(request, "methodologies/proposal_new.html", {"form": form})
    me = person_of(request.user)
    if me is None:
        request.session[DRAFT] = {name: form.cleaned_data[name] for name in _KEPT}
        messages.info(request, _("内容已保留。登录后核对一下，再按一次“提交”就好。"))
        login = "accounts:open" if request.user.is_authenticated else None
        return redirect_to_login(request.get_full_path(), login_url=login)
    try:
        proposal = services.submit_proposal(
            person=me,
            answers=form.answers(),
            credit=form.credit(),
            request_key=form.cleaned_data["key"],
            at=clock.now(),
        )
    except DomainError as refusal:
        add_refusal(form, None, refusal)
        return render(request, "methodologies/proposal_new.html", {"form": form}, status=refusal.http_status)
    request.session.pop(DRAFT, None)
    messages.success(request, _("已收到。您的编号是 %(number)s。") % {"number": proposal.number})
    return redirect("methodologies:proposal", number=proposal.number)


@require_safe
def proposal_page(request: HttpRequest, number: str) -> HttpResponse:
    """One proposal: its words once they are public, every step with its date, the answer, who supports it."""
    proposal = selectors.public_proposal(number)
    me = person_of(request.user)
    own = selectors.is_own(proposal, me)
    context = present.page(proposal, today=clock.today(), own=own) | {
        "supported": selectors.supports(proposal, me),
        "may_support": _may_support(proposal, own),
    }
    return render(request, "methodologies/proposal.html", context)


def _may_support(proposal: Proposal, own: bool) -> bool:
    return proposal.shown_at is not None and not own and ProposalState(proposal.state) in OPEN_PROPOSALS


@require_POST
@account_required
def proposal_support(request: HttpRequest, number: str) -> HttpResponse:
    """Support it, or take the support back."""
    proposal = selectors.public_proposal(number)
    me = person_of(request.user)
    assert isinstance(me, Person)  # account_required
    if request.POST.get("support") == "no":
        kept = services.withdraw_support(proposal=proposal, person=me)
        messages.success(request, _("已取消支持。"))
    else:
        kept = services.support_proposal(proposal=proposal, person=me, at=clock.now())
        messages.success(request, _("已记下您的支持，一人一份。"))
    return redirect("methodologies:proposal", number=kept.number)

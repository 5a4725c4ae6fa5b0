"""The desk for proposals: a work list by term, entering what came by letter or call, the deeds on one of them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import phones
from accounts.constants import AREA_APPROVERS, AREA_OFFICERS, AREA_ROLES
from accounts.fields import add_refusal
from accounts.models import Person
from accounts.permissions import acting, login_required_with_role
from accounts.selectors import has_role, in_scope, phone_of
from carbon_portal.kernel import approvals, clock
from carbon_portal.kernel.errors import DomainError, NotFound
from methodologies import present_proposals as present
from methodologies.constants import ProposalChannel, ProposalState
from methodologies.errors import MergeTargetInvalid, OutsideTheArea
from methodologies.forms import AdoptForm, AnswerForm, DecideForm, EnterForm, LinkForm, MergeForm, NoteForm, RedactForm
from methodologies.models import Methodology, Proposal
from methodologies.selectors import proposals as selectors
from methodologies.services import adoption
from methodologies.services import proposals as services
from methodologies.services.proposals import ADOPT, target_of

PAGE = 30
readers = login_required_with_role(*AREA_ROLES)
officers = login_required_with_role(*AREA_OFFICERS)
approvers = login_required_with_role(*AREA_APPROVERS)


@require_safe
@readers
def desk(request: HttpRequest) -> HttpResponse:
    """What waits in one's area, by term."""
    today = clock.today()
    page = Paginator(selectors.desk_proposals(request.user, today=today), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [present.row(one, today, desk=True) for one in page],
        "may_enter": has_role(request.user, *AREA_OFFICERS),
    }
    return render(request, "methodologies/proposal_desk_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@officers
def enter(request: HttpRequest) -> HttpResponse:
    """Write down what came by newspaper, letter, WeChat or phone."""
    form = EnterForm(
        request.POST if request.method == "POST" else None, initial={"key": uuid4().hex, "credit_as": "nobody"}
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            if not in_scope(request.user, data["region"], *AREA_OFFICERS):
                raise OutsideTheArea
            proposal = services.enter_proposal(
                actor=acting(request),
                channel=ProposalChannel(data["channel"]),
                received_on=data["received_on"],
                region=data["region"],
                answers=form.answers(),
                credit=form.credit(),
                request_key=data["key"],
                name=data["name"],
                phone=data["phone"],
                at=clock.now(),
            )
        except DomainError as refusal:
            add_refusal(form, "region" if isinstance(refusal, OutsideTheArea) else None, refusal)
        else:
            messages.success(request, _("已登记，编号 %(number)s。") % {"number": proposal.number})
            return redirect("methodologies:proposal-desk", number=proposal.number)
    return render(request, "methodologies/proposal_enter.html", {"form": form})


@require_safe
@readers
def proposal(request: HttpRequest, number: str) -> HttpResponse:
    """One proposal as it was sent, with what may be done about it."""
    return _show(request, selectors.desk_proposal(request.user, number))


def _show(
    request: HttpRequest, found: Proposal, failed: tuple[str, forms.Form] | None = None, status: int = 200
) -> HttpResponse:
    bound = dict([failed]) if failed else {}
    contact = selectors.contact_of(found)
    sender = Person.objects.filter(pk=contact.person).first() if contact and contact.person else None
    officer = any(in_scope(request.user, found.region, role) for role in AREA_OFFICERS)
    context: dict[str, Any] = present.page(found, today=clock.today(), own=False, desk=True) | {
        "contact_name": contact.name if contact else "",
        "contact_phone": phones.masked(contact.phone or phone_of(sender)) if contact else "",
        "suspicious": selectors.holds_personal_data(found.what, found.why, found.proof, found.who, found.risk),
        "officer": officer,
        "accept_form": bound.get("accept") or NoteForm(auto_id="accept_%s"),
        "merge_form": bound.get("merge") or MergeForm(auto_id="merge_%s"),
        "decline_form": bound.get("decline") or AnswerForm(auto_id="decline_%s"),
        "redact_form": bound.get("redact") or RedactForm(auto_id="redact_%s"),
        "adopt_form": bound.get("adopt") or AdoptForm(auto_id="adopt_%s", initial={"answer": found.offered_answer}),
        "link_form": bound.get("link") or LinkForm(auto_id="link_%s", initial={"methodology": found.methodology_id}),
        **_adoption(request, found, bound.get("decide")),
        "failed": failed[0] if failed else "",
        "form": failed[1] if failed else None,
    }
    return render(request, "methodologies/proposal_desk.html", context, status=status)


def _adoption(request: HttpRequest, found: Proposal, bound: forms.Form | None) -> dict[str, Any]:
    """The open request to adopt, and whether the reader may decide it."""
    asked = approvals.request_for(ADOPT, target_of(found))
    if asked is None or not asked.is_open:
        returned = asked is not None and asked.state == asked.State.RETURNED and found.state == ProposalState.IN_STUDY
        return {"returned": asked.why if returned and asked else ""}
    refusal = approvals.refusal_of(asked, acting(request).pk, at=clock.now())
    return {
        "asked": asked,
        "refusal": refusal.sentence(get_language()) if refusal else "",
        "decide_form": bound or DecideForm(auto_id="decide_%s", initial={"shown": adoption.content_of(found)}),
    }


@require_POST
@approvers
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """Agree to the adoption, or return it."""
    found = selectors.desk_proposal(request.user, number, *AREA_APPROVERS)
    form = DecideForm(request.POST, auto_id="decide_%s")
    if form.is_valid():
        try:
            adoption.decide_adoption(
                proposal=found,
                actor=acting(request),
                shown_sha256=form.cleaned_data["shown"],
                approved=form.cleaned_data["approved"] == "yes",
                note=form.cleaned_data["note"],
                at=clock.now(),
            )
        except NotFound:
            raise
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, _("已办理。"))
            return redirect("methodologies:proposal-desk", number=number)
    return _show(request, selectors.desk_proposal(request.user, number), ("decide", form))


Deed = Callable[[HttpRequest, Proposal, dict[str, Any]], Proposal]


def _accept(request: HttpRequest, found: Proposal, data: dict[str, Any]) -> Proposal:
    return services.accept_proposal(proposal=found, actor=acting(request), note=data["note"], at=clock.now())


def _merge(request: HttpRequest, found: Proposal, data: dict[str, Any]) -> Proposal:
    number = data["number"].upper()
    try:
        into = selectors.desk_proposal(request.user, number, *AREA_OFFICERS)
    except NotFound as error:
        raise MergeTargetInvalid(number=number) from error
    return services.merge_proposal(proposal=found, into=into, actor=acting(request), note=data["note"], at=clock.now())


def _decline(request: HttpRequest, found: Proposal, data: dict[str, Any]) -> Proposal:
    return services.decline_proposal(proposal=found, actor=acting(request), answer=data["answer"], at=clock.now())


def _redact(request: HttpRequest, found: Proposal, data: dict[str, Any]) -> Proposal:
    return services.redact_proposal(proposal=found, actor=acting(request), at=clock.now(), **data)


def _adopt(request: HttpRequest, found: Proposal, data: dict[str, Any]) -> Proposal:
    role = next(role for role in AREA_OFFICERS if in_scope(request.user, found.region, role))
    return adoption.offer_adoption(
        proposal=found,
        actor=acting(request),
        role=role.value,
        answer=data["answer"],
        methodology=Methodology.objects.filter(pk=data["methodology"]).first(),
        at=clock.now(),
    )


def _link(request: HttpRequest, found: Proposal, data: dict[str, Any]) -> Proposal:
    methodology = Methodology.objects.filter(pk=data["methodology"]).first()
    if methodology is None:
        raise NotFound
    return adoption.link_methodology(proposal=found, methodology=methodology, actor=acting(request))


DEEDS: dict[str, tuple[type[forms.Form], Deed]] = {
    "accept": (NoteForm, _accept),
    "merge": (MergeForm, _merge),
    "decline": (AnswerForm, _decline),
    "redact": (RedactForm, _redact),
    "adopt": (AdoptForm, _adopt),
    "link": (LinkForm, _link),
}


@require_POST
@officers
def deed(request: HttpRequest, number: str, name: str) -> HttpResponse:
    """Take up, merge, decline, hide a passage, or show and hide the words."""
    found = selectors.desk_proposal(request.user, number, *AREA_OFFICERS)
    if name == "words":
        shown = request.POST.get("shown") == "yes"
        services.show_words(proposal=found, shown=shown, actor=acting(request), at=clock.now())
        messages.success(request, _("原文已公开。") if shown else _("原文已从公开页面撤下。"))
        return redirect("methodologies:proposal-desk", number=number)
    if name not in DEEDS:
        raise NotFound
    form_class, run = DEEDS[name]
    form = form_class(request.POST, auto_id=f"{name}_%s")
    if form.is_valid():
        try:
            done = run(request, found, form.cleaned_data)
        except DomainError as refusal:
            add_refusal(form, "number" if isinstance(refusal, MergeTargetInvalid) else None, refusal)
        else:
            messages.success(request, _("已办理。"))
            return redirect("methodologies:proposal-desk", number=done.number)
    return _show(request, selectors.desk_proposal(request.user, number), (name, form))

"""The factor library: public, and the desk where a new value is proposed and decided on."""

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import actors
from accounts.constants import PROVINCE_ROLES
from accounts.fields import is_agreed
from accounts.permissions import login_required_with_role
from accounts.selectors import actor_of, has_role
from carbon_portal.kernel import approvals, clock, worklist
from carbon_portal.kernel.errors import DomainError
from carbon_portal.kernel.language import is_english
from carbon_portal.kernel.models import ApprovalRequest
from methodologies import present, selectors, services
from methodologies.constants import BEST_BEFORE_DAYS, VINTAGE_KIND, VINTAGE_READERS, VINTAGE_ROLE
from methodologies.factor_forms import VintageForm
from methodologies.models import FactorVintage
from methodologies.selectors.factors import newest_vintage, subject_of
from methodologies.selectors.samples import SAMPLE

readers_only = login_required_with_role(*VINTAGE_READERS)


@require_safe
def public_library(request: HttpRequest) -> HttpResponse:
    """Every factor with all of its values: since when, from where, how it is known, who approved it."""
    return render(request, "methodologies/factors.html", _library(clock.today()))


@require_safe
@readers_only
def desk(request: HttpRequest) -> HttpResponse:
    """The values in use, what is past its best-before, and what waits for approval."""
    open_ = {one.factor: one for one in FactorVintage.objects.filter(state=FactorVintage.State.OPEN)}
    context = _library(clock.today())
    for one in context["factors"]:
        one["open"] = open_.get(one["code"])
    context["settled"] = [
        {"row": row, "state": _state(row)}
        for row in FactorVintage.objects.exclude(state=FactorVintage.State.OPEN).order_by("-proposed_at")[:20]
    ]
    context["may_propose"] = has_role(request.user, VINTAGE_ROLE)
    return render(request, "methodologies/factor_desk.html", context)


def _library(today: dt.date) -> dict[str, Any]:
    factors, approved = selectors.factor_library(), selectors.vintages_by_factor()
    shown = [
        present.factor(factor, vintages=approved.get(code, {}), today=today) for code, factor in factors.factors.items()
    ]
    return {"sha256": factors.sha256, "factors": shown, "sample": any(one["sample"] for one in shown)}


@require_safe
@readers_only
def best_before(request: HttpRequest) -> HttpResponse:
    """Values that somebody must look at again, soon or since a while."""
    today = clock.today()
    found = selectors.best_before_report(selectors.factor_library(), on=today, within=BEST_BEFORE_DAYS)
    context = {
        "within": BEST_BEFORE_DAYS,
        "late": sum(one.days_left(today) < 0 for one in found),
        "columns": [{"label": label} for label in (_("数值"), _("来自"), _("复核日期"), _("还有"))],
        "rows": [_report_row(one, today) for one in found],
    }
    return render(request, "methodologies/factor_best_before.html", context)


def _report_row(one: Any, today: dt.date) -> list[Any]:
    left = one.days_left(today)
    words = _("已过 %(days)s 天") % {"days": -left} if left < 0 else _("%(days)s 天") % {"days": left}
    return [
        {"text": f"{one.entry.value} ({one.name})", "mark": _("示例数据") if one.entry.confidence == SAMPLE else ""},
        one.code,
        present.day(one.entry.best_before),
        {"text": words, "pill": "no" if left < 0 else "wait"},
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required_with_role(VINTAGE_ROLE)
def propose(request: HttpRequest) -> HttpResponse:
    """The form for a new value; what is sent asks for two approvals at once."""
    form = VintageForm(
        request.POST if request.method == "POST" else None,
        factors=selectors.factor_library(),
        initial={"factor": request.GET.get("factor", ""), "confidence": "official"},
    )
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        now = clock.now()
        try:
            made = services.propose_vintage(**form.cleaned_data, actor=actor_of(request.user, at=now), at=now)
        except DomainError as refusal:
            form.add_error(None, refusal.sentence(get_language()))
            status = refusal.http_status
        else:
            messages.success(request, _("新数值已提交审定。"))
            return redirect("methodologies:factor-vintage", made.factor)
    return render(request, "methodologies/factor_propose.html", {"form": form}, status=status)


@require_safe
@readers_only
def vintage(request: HttpRequest, code: str) -> HttpResponse:
    """The newest proposal of a factor: old and new value, its page, what it touches, and the decisions so far."""
    return _show(request, newest_vintage(code))


def _show(
    request: HttpRequest, row: FactorVintage, *, note: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    """The page; after a refused decision with the reason, and with what was written beside it."""
    now = clock.now()
    asked = approvals.request_for(VINTAGE_KIND, subject_of(row.factor))
    affected = selectors.affected_by(row.factor, since=row.valid_from, until=row.adopted_at)
    refusal = approvals.refusal_of(asked, actor_of(request.user, at=now), at=now) if asked and asked.is_open else None
    context = {
        "row": row,
        "state": _state(row),
        "factor": present.factor(
            selectors.factor_library().factors[row.factor], vintages={}, today=clock.local_date(now)
        ),
        "confidence": present.confidence(row.confidence),
        "unit": present.unit(row.unit),
        "asked": asked,
        "due": worklist.due_words(asked.due_on, clock.local_date(now)) if asked and asked.is_open else "",
        "decisions": _decisions(asked),
        "affected": affected,
        "records": sum(one.records for one in affected),
        "may_list": has_role(request.user, *PROVINCE_ROLES),
        "refusal": refusal.sentence(get_language()) if refusal else "",
        "may_decide": bool(asked and asked.is_open and refusal is None),
        "is_mine": bool(asked and asked.is_open and asked.initiator == request.user.person_id),  # type: ignore[union-attr]
        "note": note,
        "problem": problem,
    }
    return render(request, "methodologies/factor_vintage.html", context, status=status)


def _state(row: FactorVintage) -> dict[str, str]:
    labels = {
        "open": (_("待审定"), "wait"),
        "adopted": (_("已采用"), "ok"),
        "returned": (_("已退回"), "no"),
        "withdrawn": (_("已撤回"), ""),
    }
    label, kind = labels[row.state]
    return {"label": label, "kind": kind}


def _decisions(asked: ApprovalRequest | None) -> list[dict[str, Any]]:
    rows = list(asked.decisions.all()) if asked else []
    names: dict[UUID, str] = actors.names({one.approver for one in rows if one.approver})
    return [
        {
            "decision": one,
            "who": names.get(one.approver, "") if one.approver else "",
            "role": actors.role_name(one.approver_role, english=is_english()),
        }
        for one in rows
    ]


@require_POST
@readers_only
def decide(request: HttpRequest, code: str) -> HttpResponse:
    """One person's yes or no to what the page showed."""
    row, now = newest_vintage(code), clock.now()
    note = request.POST.get("note", "")[:1000].replace("\0", "")
    try:
        made = services.adopt_or_return(
            vintage=row, actor=actor_of(request.user, at=now), shown_sha256=request.POST.get("shown", ""),
            approved=is_agreed(request.POST), note=note, at=now,
        )  # fmt: skip
    except DomainError as refusal:
        problem = refusal.sentence(get_language())
        return _show(request, row, note=note, problem=problem, status=refusal.http_status)
    messages.success(request, _("决定已记入。") if made.approved else _("已退回。"))
    return redirect("methodologies:factor-vintage", row.factor)


@require_POST
@login_required_with_role(VINTAGE_ROLE)
def withdraw(request: HttpRequest, code: str) -> HttpResponse:
    """The proposer takes it back."""
    row, now = newest_vintage(code), clock.now()
    services.withdraw_vintage(vintage=row, actor=actor_of(request.user, at=now), at=now)
    messages.success(request, _("已撤回。"))
    return redirect("methodologies:factor-desk")

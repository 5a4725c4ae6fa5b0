"""Recomputations on the province's desks: list, start, preview, decision, run, report."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.actors import names as names_of
from accounts.constants import Role
from accounts.fields import is_agreed
from accounts.permissions import login_required_with_role
from accounts.selectors import has_role, person_of
from carbon_portal.kernel import approvals, clock
from carbon_portal.kernel.errors import DomainError, Forbidden
from credits import selectors, services
from credits.constants import RecomputationState
from credits.errors import RecomputationNotReady
from credits.models import Recomputation
from credits.services.recomputation import KIND, subject_of

from . import export, present
from .forms import ChoiceForm

PAGE_SIZE = 20
State = RecomputationState
READERS = (Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER, Role.AUDITOR)
readers_only = login_required_with_role(*READERS)
officers_only = login_required_with_role(Role.PROVINCE_OFFICER)
deciders_only = login_required_with_role(Role.PROVINCE_APPROVER)


@require_GET
@readers_only
def job_list(request: HttpRequest) -> HttpResponse:
    """Every recomputation, the newest first."""
    page = Paginator(selectors.recomputations(), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "table": present.table(list(page.object_list)),
        "may_start": has_role(request.user, Role.PROVINCE_OFFICER),
    }
    return render(request, "credits/recomputations/list.html", context)


@require_http_methods(["GET", "POST"])
@officers_only
def job_new(request: HttpRequest) -> HttpResponse:
    """Choose version, days, areas and rule; a worker previews it."""
    form = ChoiceForm(request.POST if request.method == "POST" else None)
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            job = services.start_recomputation(
                version=form.chosen_version(), first=data["first"], last=data["last"], areas=data["areas"],
                rule=data["rule"], reason=data["reason"], reason_en=data["reason_en"], actor=_person(request),
                at=clock.now(),
            )  # fmt: skip
        except DomainError as refusal:
            form.add_error(None, refusal.sentence(get_language()))
            status = refusal.http_status
        else:
            messages.success(request, _("已开始试算。试算不改动任何账目。"))
            return redirect("credits:recomputation", job.uuid)
    return render(request, "credits/recomputations/new.html", {"form": form}, status=status)


@require_GET
@readers_only
def job_detail(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The choice, how far it is, what the preview found, the decision, and the report."""
    return _show(request, selectors.recomputation(uuid))


def _show(
    request: HttpRequest, job: Recomputation, *, note: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    """The page of a recomputation; after a refused decision with the sentence and with what was typed."""
    asked = approvals.request_for(KIND, subject_of(job))
    me = _person(request)
    people = {job.initiator, *([job.approver] if job.approver else [])}
    context: dict[str, Any] = {
        "job": job,
        "title": present.version_title(job),
        "pill": present.pill(job),
        "rule": present.rule(job),
        "facts": present.facts(job, names_of(people)),
        **_progress(job),
        "officer": has_role(request.user, Role.PROVINCE_OFFICER),
        "may_decide": False,
        "returned": asked.why if asked is not None and job.state == State.DECLINED else "",
        "note": note,
        "problem": problem,
    }
    if job.state == State.WAITING and asked is not None and has_role(request.user, Role.PROVINCE_APPROVER):
        refusal = approvals.refusal_of(asked, me, at=clock.now())
        context |= {"may_decide": refusal is None, "refusal": str(refusal) if refusal else "", "asked": asked}
    if job.numbers:
        context |= {
            "numbers": present.numbers(job),
            "refusals": present.refusals(job),
            "cities": present.cities(job),
            "changes": present.changes(selectors.largest_changes(job)),
        }
    return render(request, "credits/recomputations/detail.html", context, status=status)


@require_GET
@readers_only
def job_progress(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The bar alone, asked for while something is under way; the page is loaded anew once it is over."""
    job = selectors.recomputation(uuid)
    response = render(request, "credits/recomputations/_progress.html", {"job": job, **_progress(job)})
    if not _under_way(job):
        response["HX-Refresh"] = "true"
    return response


def _under_way(job: Recomputation) -> bool:
    return job.state in (State.PREPARING, State.PREVIEWING, State.RUNNING)


def _progress(job: Recomputation) -> dict[str, Any]:
    return {
        "progress": selectors.progress(job),
        "under_way": _under_way(job),
        "progress_url": reverse("credits:recomputation-progress", args=[job.uuid]),
    }


@require_POST
@officers_only
def job_request(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask for the decision on exactly what the preview shows."""
    services.request_decision(job=selectors.recomputation(uuid), actor=_person(request), at=clock.now())
    messages.success(request, _("已提交审定。"))
    return _back(uuid)


@require_POST
@officers_only
def job_discard(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Give up what was not decided yet."""
    services.discard_recomputation(job=selectors.recomputation(uuid), actor=_person(request), at=clock.now())
    messages.success(request, _("已放弃这次重算，没有改动任何账目。"))
    return _back(uuid)


@require_POST
@deciders_only
def job_decide(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Agree to what was shown, or return it with a reason."""
    job = selectors.recomputation(uuid)
    note = request.POST.get("note", "")[:1000].replace("\0", "")
    try:
        approved = is_agreed(request.POST)
        services.decide_recomputation(
            job=job, actor=_person(request), shown_sha256=request.POST.get("shown_sha256", ""), approved=approved,
            note=note, at=clock.now(),
        )  # fmt: skip
    except DomainError as refusal:
        job.refresh_from_db()
        return _show(request, job, note=note, problem=refusal.sentence(get_language()), status=refusal.http_status)
    messages.success(request, _("已同意，正在重算。") if approved else _("已退回。"))
    return _back(uuid)


@require_GET
@readers_only
def report_json(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The whole report, every record."""
    job = _previewed(uuid)
    response = StreamingHttpResponse(export.as_json(job), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="recomputation-{job.uuid}.json"'
    return response


@require_GET
@readers_only
def report_xlsx(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The whole report as a workbook."""
    job = _previewed(uuid)
    return FileResponse(
        export.as_workbook(job),
        as_attachment=True,
        filename=f"recomputation-{job.uuid}.xlsx",
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )


def _previewed(uuid: UUID) -> Recomputation:
    job = selectors.recomputation(uuid)
    if not job.numbers:
        raise RecomputationNotReady(state=job.get_state_display())
    return job


def _back(uuid: UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("credits:recomputation", args=[uuid]))


def _person(request: HttpRequest) -> UUID:
    person = person_of(request.user)
    if person is None:
        raise Forbidden
    return person.pk

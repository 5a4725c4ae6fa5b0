"""Pages of a resident's own records with their grams, of how they were made, and of the points statement."""

import datetime as dt
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Participant, User
from accounts.permissions import account_required
from accounts.selectors import participant_for, participants_of
from behaviors import selectors as behaviors
from behaviors.constants import RecordState
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.errors import NotFound
from methodologies.selectors import Retirement, retirement_for, retirement_of, sample_versions

from . import present, selectors
from . import statement as statement_page
from .ledger import selectors as ledger
from .models import Reduction
from .recomputations import words

PAGE_SIZE = 20
INPUT_PREFIX = "input_"


@require_GET
@account_required
def record_list(request: HttpRequest) -> HttpResponse:
    """Own records (of the family and the firm too), newest first, each with its state, grams and points."""
    own = participants_of(request.user)
    chosen = next((one for one in own if str(one.pk) == request.GET.get("account", "")), None)
    rows = behaviors.own_records(_user(request), participant=chosen)
    state = request.GET.get("state", "")
    if state in RecordState.values:
        rows = rows.filter(state=state)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    results = selectors.results_of(list(page.object_list))
    context = {
        "page": page,
        "rows": [present.record_row(record, results.get(record.pk)) for record in page.object_list],
        "states": present.state_filter(request, state),
        "owners": present.owners(request, own, chosen),
        "filtered": bool(state or chosen),
        "may_log": bool(own),
    }
    return render(request, "credits/record_list.html", context)


@require_GET
@account_required
def record_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One own record: where it stands, when it will be final, what came of it and why."""
    record = behaviors.record_for(_user(request), pk)
    reduction = selectors.reduction_of(record)
    context = {
        "record": record,
        "title": present.activity_title(record.activity),
        "pill": present.pill(record),
        "steps": present.timeline(record),
        "facts": present.facts(record),
        "reduction": reduction,
        "earned": selectors.earned_of(reduction),
        "why": present.why(record, reduction),
        "arrival": present.arrival(record),
        "cancellable": behaviors.is_cancellable(record),
        "photos": list(behaviors.evidence_of(record)),
        "recomputed": words.notices_of_record(record),
        "retirement": _retirement(record, reduction),
        "sample": bool(reduction and sample_versions([reduction.methodology_version_id])),
    }
    return render(request, "credits/record_detail.html", context)


@require_GET
@account_required
def record_trace(request: HttpRequest, pk: int) -> HttpResponse:
    """“怎么算的”: the formula with this record's numbers, and where every number comes from."""
    record = behaviors.record_for(_user(request), pk)
    wanted = request.GET.get("revision", "")
    revision = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= 4 else None
    trace = selectors.trace_of(record, revision=revision)
    if trace is None and wanted:
        raise NotFound
    reduction = selectors.reduction_of(record)
    context: dict[str, Any] = {
        "record": record,
        "title": present.activity_title(record.activity),
        "pill": present.pill(record),
        "why": present.why(record, reduction),
        "earned": selectors.earned_of(reduction),
        "trace": trace and present.trace(trace),
        "recomputed": words.notices_of_record(record),
    }
    return render(request, "credits/record_trace.html", context)


def _retirement(record: BehaviorRecord, reduction: Reduction | None) -> Retirement | None:
    """That the record's method goes out of force, or that it had before the record's day."""
    if reduction is not None and reduction.methodology_version_id:
        return retirement_of(reduction.methodology_version_id, on=clock.today())
    if record.reason == "not_in_force":
        return retirement_for(activity=record.activity, region=record.region, on=record.occurred_on)
    return None


@require_http_methods(["POST"])
@account_required
def estimate(request: HttpRequest) -> HttpResponse:
    """The line under the form: what this deed would earn, or why nothing. Nothing is stored."""
    data = request.POST
    participant = _participant(request, data.get("participant", ""))
    given = {
        name.removeprefix(INPUT_PREFIX): str(value).strip()
        for name, value in data.items()
        if name.startswith(INPUT_PREFIX)
    }
    if not any(given.values()):
        text = _("填好后显示预计减排和可得碳币。")
        return render(request, "_partials/estimate.html", {"text": text})
    found = selectors.estimate(
        participant=participant,
        activity=data.get("activity", ""),
        inputs={name: value or None for name, value in given.items()},
        occurred_on=_day(data.get("day") or data.get("period_end") or ""),
        region=_region(data.get("region", ""), participant),
    )
    return render(request, "_partials/estimate.html", present.estimate(found))


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # account_required let nobody else in
    return request.user


def _participant(request: HttpRequest, wanted: str) -> Participant:
    if wanted:
        return participant_for(request.user, wanted, write=True)
    own = [one for one in participants_of(request.user) if one.is_active]
    if not own:
        raise NotFound
    return own[0]


def _day(text: str) -> dt.date:
    today = clock.today()
    try:
        return min(dt.date.fromisoformat(text), today)
    except ValueError:
        return today


def _region(text: str, participant: Participant) -> str:
    found = regions.find(text) if len(text) == 6 else None
    return found.code if found else participant.region


@require_GET
@account_required
def statement(request: HttpRequest) -> HttpResponse:
    """Points by year with their last day, and every line that changed them; the balance is the sum of the lines."""
    own = participants_of(request.user)
    chosen = next((one for one in own if str(one.pk) == request.GET.get("account", "")), own[0] if own else None)
    if chosen is None:
        raise NotFound
    summary = selectors.account_summary(chosen)
    years = [part.year for part in summary.points]
    year = int(request.GET["year"]) if request.GET.get("year", "") in map(str, years) else None
    page = ledger.statement(chosen.pk, year=year, cursor=request.GET.get("cursor") or None)
    context = {
        "summary": summary,
        "owners": present.owners(request, own, chosen, all_of_them=False),
        "years": present.year_filter(request, years, year),
        "months": statement_page.statement_months(chosen, page.lines),
        "cursor": page.cursor,
        "more_url": f"{reverse('credits:statement')}?{present.query(request, cursor=page.cursor)}",
        "first_page": not request.GET.get("cursor"),
        "recomputed": words.notices_of_account(chosen, at=clock.now()),
    }
    return render(request, "credits/statement.html", context)

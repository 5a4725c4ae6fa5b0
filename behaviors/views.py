"""Pages of records: log one, cancel one, look at its photo."""

import datetime as dt
import uuid
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.models import Participant
from accounts.permissions import account_required
from accounts.selectors import participants_of, person_of
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.errors import DomainError, NotFound
from methodologies.selectors import retirement_for
from methodologies.selectors.retirement import Retirement

from . import activities, evidence, selectors, services
from .constants import Channel, EvidenceGrade, RecordState
from .declared import in_force_by_activity, is_eligible
from .errors import DeedConflict
from .forms import RecordForm
from .models import BehaviorRecord


@require_http_methods(["GET", "POST"])
@account_required
def record_new(request: HttpRequest) -> HttpResponse:
    """Pick an activity, fill in what its methodology asks for, submit. Works without scripts."""
    at = clock.now()
    own = participants_of(request.user)
    data = request.POST if request.method == "POST" else request.GET
    participant = _chosen(own, data.get("participant", ""))
    region = _region(data.get("region", ""), participant)
    versions = in_force_by_activity(region=region, on=_day(data.get("day", ""), at))
    offered = [
        kind
        for kind in activities.activities().values()
        if kind.code in versions and is_eligible(participant.kind, kind, versions[kind.code])
    ]
    kind = next((one for one in offered if one.code == data.get("activity")), offered[0] if offered else None)
    asked = data.get("activity") or (kind.code if kind else "")
    context: dict[str, Any] = {
        "kinds": _tiles(request, offered, kind, participant, own),
        "kind": kind,
        "retirement": _retirement(asked, region, _day(data.get("day", ""), at)),
        "owners": _owners(own, participant),
        "participant": participant,
    }
    if kind is None:
        status = 422 if request.method == "POST" else 200
        return render(request, "behaviors/record_new.html", context, status=status)
    options: dict[str, Any] = {
        "participant": participant,
        "kind": kind,
        "version": versions[kind.code],
        "region": region,
        "at": at,
    }
    if request.method == "POST":
        form = RecordForm(request.POST, request.FILES, **options)
        if form.is_valid() and _no_surprise(form, data.get("activity", ""), kind):
            record = _submit(request, form, participant, at)
            if record is not None:
                return _after(request, record)
        return render(request, "behaviors/record_new.html", context | {"form": form}, status=422)
    return render(request, "behaviors/record_new.html", context | {"form": RecordForm(**options)})


def _retirement(activity: str, region: str, on: dt.date) -> Retirement | None:
    """What a deed of this kind meets; an address that names no kind of deed meets nothing."""
    return retirement_for(activity=activity, region=region, on=on) if activity in activities.activities() else None


@require_http_methods(["GET", "POST"])
@account_required
def record_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask once, then take back an own record that is not final."""
    record = selectors.record_for(request.user, pk)
    person = person_of(request.user)
    if person is None:
        raise NotFound
    if request.method == "POST":
        services.cancel_record(record=record, person=person, at=clock.now())
        messages.success(request, _("已撤销这条记录，时间和编号可以重新使用。"))
        return HttpResponseRedirect(_home_of_records())
    found = activities.find(record.activity)
    context = {
        "record": record,
        "title": found.title.in_language(get_language()) if found else record.activity,
        "cancellable": selectors.is_cancellable(record),
        "detail_url": _detail_url(record),
    }
    return render(request, "behaviors/record_cancel.html", context)


@require_GET
@account_required
def evidence_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The photo, for its owner and those who look after its area; never shown inline by a browser (T46)."""
    row = selectors.evidence_for(request.user, pk)
    try:
        file = evidence.path_of(row).open("rb")
    except FileNotFoundError as error:
        raise NotFound from error
    response = FileResponse(file, as_attachment=True, filename=f"{row.uuid}.jpg", content_type=row.media_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    response._csp_exempt = True  # type: ignore[attr-defined]  # the stricter policy above is the one that is sent
    return response


def _chosen(own: list[Participant], wanted: str) -> Participant:
    active = [one for one in own if one.is_active]
    if not active:
        raise NotFound
    return next((one for one in active if str(one.pk) == wanted), active[0])


def _region(wanted: str, participant: Participant) -> str:
    found = regions.find(wanted) if len(wanted) == 6 else None
    return found.code if found and found.code not in (regions.NATION, regions.PROVINCE) else participant.region


def _day(wanted: str, at: dt.datetime) -> dt.date:
    today = clock.local_date(at)
    try:
        return min(dt.date.fromisoformat(wanted), today)
    except ValueError:
        return today


def _no_surprise(form: RecordForm, wanted: str, kind: activities.Activity) -> bool:
    """A tampered or outdated activity must not become the first one on the list."""
    if wanted == kind.code:
        return True
    form.add_error(None, _("这种行为在所选地点和日期没有可用的方法学，没有提交。请重新选择行为。"))
    return False


def _submit(request: HttpRequest, form: RecordForm, participant: Participant, at: dt.datetime) -> BehaviorRecord | None:
    try:
        return services.submit_record(
            **form.submission(),
            participant=participant,
            person=person_of(request.user),
            evidence=EvidenceGrade.SELF_DECLARED,
            channel=Channel.PAGE,
            at=at,
        )
    except DomainError as error:
        if isinstance(error, DeedConflict):
            # Sent again with other content (the browser's "back"): a further press is meant as a new record.
            form.renew_key()
        form.refuse(str(error.data.get("field", "")), error.sentence(get_language()))
        return None


def _after(request: HttpRequest, record: BehaviorRecord) -> HttpResponse:
    if record.state == RecordState.RECEIVED:
        messages.success(request, _("已收到，正在核对。结果出来后积分自动入账，无需领取。"))
    elif record.state in (RecordState.DUPLICATE, RecordState.REJECTED, RecordState.UNDER_REVIEW):
        messages.warning(request, selectors.why_here(record))
    return HttpResponseRedirect(_detail_url(record) or _home_of_records())


def _detail_url(record: BehaviorRecord) -> str:
    """The page of one record lives above this app; empty where it is not mounted."""
    try:
        return reverse("credits:record-detail", args=[record.pk])
    except NoReverseMatch:
        return ""


def _home_of_records() -> str:
    try:
        return reverse("credits:record-list")
    except NoReverseMatch:
        return reverse("behaviors:record-new")


def _tiles(
    request: HttpRequest,
    offered: list[activities.Activity],
    chosen: activities.Activity | None,
    participant: Participant,
    own: list[Participant],
) -> list[dict[str, Any]]:
    language = get_language()
    suffix = f"&participant={participant.pk}" if len(own) > 1 else ""
    return [
        {
            "href": f"{request.path}?activity={kind.code}{suffix}",
            "label": kind.short.in_language(language),
            "icon": kind.icon,
            "checked": kind is chosen,
        }
        for kind in offered
    ]


def _owners(own: list[Participant], chosen: Participant) -> list[dict[str, Any]]:
    if len(own) < 2:
        return []
    return [
        {"label": _name(one), "href": f"?participant={one.pk}", "active": one.pk == chosen.pk}
        for one in own
        if one.is_active
    ]


def _name(participant: Participant) -> str:
    if participant.household is not None:
        return participant.household.name
    if participant.organisation is not None:
        return participant.organisation.name
    return _("我自己")

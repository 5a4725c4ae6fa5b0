"""Pages of drafting: the list, a new draft, its state, its parts, its earlier texts. Parse, call, render."""

import difflib
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import selectors as accounts
from accounts.constants import Role
from accounts.fields import is_agreed
from accounts.permissions import login_required_with_role
from carbon_portal.kernel import approvals, clock
from carbon_portal.kernel.errors import DomainError, Forbidden, NotFound
from carbon_portal.kernel.language import is_english, region_name
from methodologies.drafting import changes, parts, show
from methodologies.drafting import text as texts
from methodologies.drafting.errors import DraftChanged, DraftError, DraftHasNul, DraftUnreadable, RowNameTaken
from methodologies.drafting.fields import NameTaken
from methodologies.drafting.forms import NewDraftForm
from methodologies.engine import DocumentError
from methodologies.errors import FactorsMissing
from methodologies.models import Draft
from methodologies.selectors import drafts as selectors
from methodologies.selectors.library import factor_library
from methodologies.services import drafts as services
from methodologies.services import forwarding

reader_required = login_required_with_role(*selectors.READERS)
_MAX_DIFF_LINES = 6000
_SIMULATORS = (Role.CITY_OFFICER, Role.CITY_APPROVER, Role.PROVINCE_OFFICER, Role.PROVINCE_APPROVER)


def _person(request: HttpRequest) -> uuid.UUID:
    person = accounts.person_of(request.user)
    if person is None:
        raise Forbidden
    return person.pk


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


@reader_required
@require_GET
def draft_list(request: HttpRequest) -> HttpResponse:
    """Drafts of the person's own areas."""
    rows = selectors.drafts_for(request.user)
    return render(
        request,
        "methodologies/draft_list.html",
        {"rows": [show.row(draft) for draft in rows], "may_begin": bool(selectors.writable_regions(request.user))},
    )


@reader_required
@require_http_methods(["GET", "HEAD", "POST"])
def draft_new(request: HttpRequest) -> HttpResponse:
    """Begin a draft: empty, from a version, or from an adopted proposal."""
    regions = selectors.writable_regions(request.user)
    if not regions:
        raise Forbidden
    bases = selectors.bases_for(request.user)
    data = request.POST if request.method == "POST" else None
    form = NewDraftForm(data, regions=regions, bases=bases, initial={"base": request.GET.get("base", "")})
    if data is not None and form.is_valid():
        chosen = form.cleaned_data
        try:
            draft = services.start_draft(
                person=_person(request),
                region=chosen["region"],
                at=clock.now(),
                based_on=selectors.base_for(request.user, int(chosen["base"])) if chosen["base"] else None,
                proposal_number=chosen["proposal"],
                title=chosen["title"],
            )
        except DraftError as refusal:
            form.add_error("proposal", refusal.sentence("en" if is_english() else "zh"))
        else:
            return HttpResponseRedirect(reverse("methodologies:draft-part", args=[draft.uuid, "basics"]))
    return render(request, "methodologies/draft_new.html", {"form": form}, status=422 if data is not None else 200)


@reader_required
@require_GET
def draft_page(request: HttpRequest, uuid: uuid.UUID) -> HttpResponse:
    """Where a draft stands: what is missing, who wrote, what may be done next."""
    return _overview(request, selectors.draft_for(request.user, uuid))


def _overview(
    request: HttpRequest, draft: Draft, refusal: DomainError | None = None, *, note: str = ""
) -> HttpResponse:
    """The state of a draft; with the sentence of a refusal, its status, and the note that was typed."""
    fresh = selectors.draft_for(request.user, draft.uuid)
    report = selectors.report_on(fresh.source, region=fresh.region, today=clock.today(), draft=fresh)
    context = {**_about(request, fresh), **show.overview(fresh, report), **_forwarding(request, fresh)}
    # Simulations are another app's; who starts them holds one of these, in the draft's own area.
    context["may_simulate"] = fresh.is_editable and accounts.in_scope(request.user, fresh.region, *_SIMULATORS)
    context["draft_number"] = str(fresh.uuid)
    context["is_document"] = report.document is not None
    context["note"] = note
    if refusal is not None:
        context["refusal"] = refusal.sentence("en" if is_english() else "zh")
    return render(request, "methodologies/draft.html", context, status=refusal.http_status if refusal else 200)


def _forwarding(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    """The open request to forward, whether this person decides it, and why not."""
    asked = forwarding.request_of(draft)
    latest = approvals.request_for(forwarding.kind_for(draft), str(draft))
    sent_back = latest if latest is not None and latest.state == "returned" and draft.state == "open" else None
    context: dict[str, Any] = {"asked": asked, "sent_back": sent_back}
    if asked is None:
        return context
    context["asked_by"] = selectors.names_of([asked.initiator]).get(asked.initiator, "—")
    if selectors.may_forward(request.user, draft.region) or selectors.may_write(request.user, draft.region):
        refusal = approvals.refusal_of(asked, accounts.actor_of(request.user), at=clock.now())
        context["may_decide"] = refusal is None
        context["why_not"] = refusal.sentence("en" if is_english() else "zh") if refusal else ""
    return context


@reader_required
@require_GET
def draft_edit(request: HttpRequest, uuid: uuid.UUID, number: int) -> HttpResponse:
    """An earlier text, and what that save changed."""
    draft = selectors.draft_for(request.user, uuid)
    if number > 2**31 - 1:
        raise NotFound
    source = selectors.text_seen(draft, number)
    before = selectors.text_seen(draft, number - 1) if number > 1 else ""
    context = {**_about(request, draft), "number": number, "source": source, "changes": _changes(before, source)}
    return render(request, "methodologies/draft_edit.html", context)


@reader_required
@require_POST
def draft_forward(request: HttpRequest, uuid: uuid.UUID) -> HttpResponse:
    """Ask that the draft goes to the province."""
    draft = selectors.draft_to_write(request.user, uuid)
    actor, shown = accounts.actor_of(request.user), request.POST.get("sha256", "")
    try:
        forwarding.ask_to_forward(draft=draft, actor=actor, shown_sha256=shown, at=clock.now())
    except DomainError as refusal:
        return _overview(request, draft, refusal)
    messages.success(request, _("已提交。另一位同事审定后报送省级。"))
    return HttpResponseRedirect(reverse("methodologies:draft", args=[draft.uuid]))


@reader_required
@require_POST
def draft_decide(request: HttpRequest, uuid: uuid.UUID) -> HttpResponse:
    """Forward the draft, or send it back with a reason."""
    draft = selectors.draft_to_forward(request.user, uuid)
    note = request.POST.get("note", "")[:2000].replace("\0", "")
    decided: dict[str, Any] = {
        "draft": draft,
        "actor": accounts.actor_of(request.user),
        "shown_sha256": request.POST.get("sha256", ""),
        "at": clock.now(),
        "note": note,
    }
    try:
        if is_agreed(request.POST, yes="forward", no="back"):
            forwarding.forward_draft(**decided)
            messages.success(request, _("已报送省级。"))
        else:
            forwarding.send_back(**decided)
            messages.success(request, _("已退回起草人。"))
    except DomainError as refusal:
        return _overview(request, draft, refusal, note=note)
    return HttpResponseRedirect(reverse("methodologies:draft", args=[draft.uuid]))


@reader_required
@require_GET
def draft_part(request: HttpRequest, uuid: uuid.UUID, part: str) -> HttpResponse:
    """One part of a draft as a form, with the check of the whole beside it."""
    if part not in parts.SLUGS:
        raise NotFound
    return _part_page(request, selectors.draft_for(request.user, uuid), part)


@reader_required
@require_POST
def draft_save(request: HttpRequest, uuid: uuid.UUID, part: str) -> HttpResponse:
    """Save a part: by its button, or by itself while somebody types (htmx), which answers with the check."""
    if part not in parts.SLUGS:
        raise NotFound
    draft = selectors.draft_to_write(request.user, uuid)
    seen = request.POST.get("revision", "")
    revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else draft.revision
    source = ""
    try:
        base = selectors.text_seen(draft, revision)
        source = _wanted(request, part, base)
        saved = services.save_draft(
            draft=draft, person=_person(request), source=source, revision=revision, at=clock.now(),
            page=_page_of(request),
        )  # fmt: skip
    except DraftChanged as refusal:
        if _is_htmx(request):
            return _told(request, draft, part, refusal, conflict=True)
        return _conflict(request, draft, part, source)
    except DraftError as refusal:
        return _told(request, draft, part, refusal) if _is_htmx(request) else _refused(request, draft, part, refusal)
    if not _is_htmx(request):
        return HttpResponseRedirect(reverse("methodologies:draft-part", args=[draft.uuid, part]) + _anchor(request))
    answer = render(request, "methodologies/_draft_check.html", _panel(request, saved, part, saved=True))
    if part != "text" and _shape(part, base) != _shape(part, saved.source):
        answer["HX-Refresh"] = "true"  # other fields than the page shows
    return answer


def _page_of(request: HttpRequest) -> str:
    """Which open page saves, as it was named when it was drawn; what is no such name is no page."""
    try:
        return str(uuid.UUID(request.POST.get("page", "")))
    except ValueError:
        return ""


def _anchor(request: HttpRequest) -> str:
    return "#rows-end" if request.POST.get("add") else ""


def _wanted(request: HttpRequest, part: str, base: str) -> str:
    """The text that the form asks for. Errors: DraftUnreadable, DraftHasNul, RowNameTaken."""
    if part == "text":
        return request.POST.get("source", base)
    if any("\0" in text for name in request.POST for text in request.POST.getlist(name)):
        raise DraftHasNul  # written as an escape it would be in the text, and in no column of a list
    try:
        data = texts.plain_data(base)
        new = changes.changed(part, data, {key: request.POST.getlist(key) for key in request.POST}, factors=_factors())
        if what := request.POST.get("add"):
            new = changes.added(new, what[:60], today=clock.today())
        if what := request.POST.get("remove"):
            new = changes.removed(new, what[:60])
        if what := request.POST.get("up"):
            new = changes.moved_up(new, what[:60])
        return texts.change(base, new)
    except DocumentError as error:
        raise DraftUnreadable from error
    except NameTaken as error:
        raise RowNameTaken(name=str(error)[:40]) from error


def _factors() -> list[str]:
    try:
        return list(factor_library().factors)
    except FactorsMissing:
        return []


def _shape(part: str, source: str) -> list[str]:
    """The fields of a part by name: when they change, the page has to be drawn anew."""
    return [field.name for field in parts.form_of(part, texts.plain_data(source), factors=_factors()).fields()]


# -- what is shown -----------------------------------------------------------------------------------------------------


def _about(request: HttpRequest, draft: Draft) -> dict[str, Any]:
    authors = selectors.names_of([draft.created_by, *(edit.person for edit in selectors.edits_of(draft))])
    writable = selectors.may_write(request.user, draft.region)
    return {
        "draft": draft,
        "title": draft.title or _("没有名称的草案"),
        "region": region_name(draft.region),
        "pill": show.pill(draft),
        "may_write": writable,
        "editable": writable and draft.is_editable,
        "read_only": not (writable and draft.is_editable),
        "returned": selectors.return_note(draft),
        "edits": show.edits(draft, selectors.edits_of(draft), authors),
        "tabs": show.tabs(draft),
    }


def _panel(request: HttpRequest, draft: Draft, part: str, **more: Any) -> dict[str, Any]:
    report = selectors.report_on(draft.source, region=draft.region, today=clock.today(), draft=draft)
    return {"draft": draft, "part": part, "check": show.panel(draft, report, part), "page_report": report, **more}


def _part_page(
    request: HttpRequest, draft: Draft, part: str, *, source: str = "", refusal: str = "", status: int = 200
) -> HttpResponse:
    context = {**_about(request, draft), **_panel(request, draft, part), "refusal": refusal}
    context |= {"page": uuid.uuid4(), "part_title": parts.part_title(part), "source": source or draft.source}
    context["lines"] = draft.source.count("\n")
    if part != "text":
        try:
            data = texts.plain_data(draft.source)
        except DocumentError:
            context["unreadable"] = True
        else:
            form = parts.form_of(part, data, factors=_factors())
            show.attach(form, data, context["page_report"])
            if refusal:
                show.keep(form, request.POST)
            context["editor"] = form
    return render(request, "methodologies/draft_part.html", context, status=status)


def _refused(request: HttpRequest, draft: Draft, part: str, refusal: DraftError) -> HttpResponse:
    """The page again with the sentence; what was typed stays in its fields."""
    kept = request.POST.get("source", "").replace("\0", "") if part == "text" else ""
    sentence = refusal.sentence("en" if is_english() else "zh")
    return _part_page(request, draft, part, source=kept, refusal=sentence, status=refusal.http_status)


def _told(
    request: HttpRequest, draft: Draft, part: str, refusal: DraftError, *, conflict: bool = False
) -> HttpResponse:
    """The check's panel says why a save by itself was refused; what was typed stands on the page still."""
    fresh = selectors.draft_for(request.user, draft.uuid)
    sentence = refusal.sentence("en" if is_english() else "zh")
    context = _panel(request, fresh, part, refusal=sentence, conflict=conflict)
    return render(request, "methodologies/_draft_check.html", context, status=422)


def _conflict(request: HttpRequest, draft: Draft, part: str, mine: str) -> HttpResponse:
    """Both texts, and what differs; the author keeps either."""
    fresh = selectors.draft_for(request.user, draft.uuid)
    context = {**_about(request, fresh), "mine": mine, "theirs": fresh.source, "part": part}
    context |= {"changes": _changes(fresh.source, mine), "last": context["edits"][0]}
    return render(request, "methodologies/draft_conflict.html", context, status=409)


def _changes(before: str, after: str) -> list[dict[str, str]]:
    """Lines that differ, for reading; nothing for texts of too many lines."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > _MAX_DIFF_LINES:
        return []
    found = []
    for line in difflib.unified_diff(old, new, n=1, lineterm=""):
        if not line.startswith(("---", "+++")):
            kind = {"+": "add", "-": "del", "@": "at"}.get(line[:1], "")
            found.append({"kind": kind, "sign": line[:1] if kind in ("add", "del") else "", "text": line[1:]})
    return [one for one in found if one["kind"] != "at"]

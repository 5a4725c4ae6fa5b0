"""Verifications: in public what proves the draw and what came of it; on desks the work."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actors import names as names_of
from accounts.constants import Role
from accounts.models import User
from accounts.permissions import login_required_with_role
from accounts.selectors import in_scope, person_of
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError, Forbidden, NotFound
from credits import present as records
from credits import services
from credits.models import SampledRecord, Verification
from credits.selectors import reduction_of, trace_of
from credits.selectors import verifications as selectors
from credits.services.verifications import digest_of, size_up

from . import present
from .drawing import lines_to_redraw
from .errors import AnswerChanged, AnswersMoved, NotNow
from .forms import AnswerForm, DeclareForm, DrawForm, OpenForm, SignForm, WithdrawForm

PAGE_SIZE = 20
_reader = login_required_with_role(*selectors.READERS)
_opener = login_required_with_role(*selectors.OPENERS)


# -- in public ---------------------------------------------------------------------------------------------------------


@require_safe
def public_list(request: HttpRequest) -> HttpResponse:
    """Every verification, those that wait for their number too: nobody can drop one whose sample was unwelcome."""
    page = Paginator(selectors.verifications(), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [present.public_row(one) for one in page.object_list]}
    return render(request, "credits/verification/public_list.html", context)


@require_safe
def public_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Frame, number, sample and how to draw it again; the report in numbers. No person, no data of a record."""
    one = selectors.verification(uuid)
    context: dict[str, Any] = {
        "one": one,
        "title": present.title(one),
        "pill": present.pill(one),
        "facts": present.facts(one),
        "steps": present.steps(one),
        "source_of_rule": present.source_of_rule(),
        "withdrawn": present.state(one) == "withdrawn",
    }
    if present.is_drawn(one):
        context |= {
            "lines": lines_to_redraw(seed=one.draw.seed, size=one.sample_size),
            "sample": list(one.sample.order_by("place").values_list("record_id", flat=True)),
        }
    if present.state(one) == "signed":
        context["numbers"] = present.report_numbers(one, one.report)
    return render(request, "credits/verification/public.html", context)


@require_safe
def public_frame(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The frame as a file: the bytes that were hashed."""
    answer = HttpResponse(selectors.verification(uuid).frame, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="frame.txt"'
    return answer


# -- on desks ----------------------------------------------------------------------------------------------------------


@require_safe
@_reader
def desk_list(request: HttpRequest) -> HttpResponse:
    """Those of one's areas, the newest first."""
    page = Paginator(selectors.verifications_for(_user(request)), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "columns": present.list_columns(),
        "rows": [present.list_row(one) for one in page.object_list],
        "may_open": bool(selectors.areas_to_verify(_user(request))),
    }
    return render(request, "credits/verification/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@_opener
def desk_new(request: HttpRequest) -> HttpResponse:
    """Choose; look at how many records that is; freeze the frame, which can't be taken back."""
    user, today = _user(request), clock.today()
    given = request.POST if request.method == "POST" else None
    areas = selectors.areas_to_verify(user)
    form = OpenForm(given, versions=selectors.versions_to_verify(), areas=areas, today=today)
    counted: dict[str, int] = {}
    status = 200
    if form.is_bound and form.is_valid():
        if not selectors.may_open(user, form.cleaned_data["region"]):
            raise Forbidden
        try:
            if request.POST.get("deed") == "freeze":
                return redirect("credits:verification-work", _opened(form, user).pk)
            ids, size = size_up(**form.choice(), at=clock.now())
            counted = {"frame": len(ids), "size": size}
        except DomainError as refusal:
            status = _tell(form, refusal)
    elif form.is_bound:
        status = 422
    context = {"form": form, "counted": counted, "source_of_rule": present.source_of_rule()}
    return render(request, "credits/verification/new.html", context, status=status)


def _opened(form: OpenForm, user: User) -> Verification:
    data = form.cleaned_data
    return services.open_verification(
        **form.choice(), guide=form.guides[data["guide"]], announced=data["announced"], by=_person(user),
        at=clock.now(),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@_reader
def desk_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Where it stands, with the next deed for whoever may do it."""
    user = _user(request)
    one = selectors.verification_for(user, uuid)
    answers = selectors.newest_answers(one)
    offered = _offered(user, one, answers)
    status = 200
    if request.method == "POST":
        if not offered:
            raise NotNow
        asked = request.POST.get("deed", "")
        deed = asked if asked in offered else next(iter(offered))
        form = offered[deed]
        form.is_bound, form.data = True, request.POST
        if asked != deed:  # another page's button: what was typed stays, nothing is done
            status = _tell(form, NotNow())
        elif form.is_valid():
            try:
                _do(deed, one, form, _person(user))
            except DomainError as refusal:
                status = _tell(form, refusal)
                if isinstance(refusal, AnswersMoved):  # the page shows the new results; signing again means them
                    answers = selectors.newest_answers(one)
                    form.data = {**request.POST.dict(), "shown": digest_of(answers)}
            else:
                messages.success(request, _("已撤回。") if deed == "withdraw" else _("已保存。"))
                return redirect("credits:verification-work", one.pk)
        else:
            status = 422
    return render(request, "credits/verification/work.html", _standing(user, one, answers, offered), status=status)


def _offered(user: User, one: Verification, answers: selectors.Answers) -> dict[str, Form]:
    """The deeds that this person may do now, by name; the next one of its way first."""
    found: dict[str, Form] = {}
    now = present.state(one)
    if now == "frozen" and selectors.may_open(user, one.region):
        found["draw"] = DrawForm()
    if now == "drawn" and in_scope(user, one.region, Role.VERIFIER):
        found |= _offered_to_verifier(_person(user), one, answers)
    if now in ("frozen", "drawn") and not answers and selectors.may_withdraw(user, one):
        found["withdraw"] = WithdrawForm()
    return found


def _offered_to_verifier(person: UUID, one: Verification, answers: selectors.Answers) -> dict[str, Form]:
    taken = selectors.verifier_of(one)
    if taken is not None and taken.person == person:
        return {"sign": SignForm(initial={"shown": digest_of(answers)})} if _is_whole(one, answers) else {}
    apart = person not in (one.opened_by, one.draw.drawn_by)
    declared = one.declarations.filter(person=person).exists()
    return {"declare": DeclareForm()} if taken is None and apart and not declared else {}


def _is_whole(one: Verification, answers: selectors.Answers) -> bool:
    return not selectors.counts(one, answers).missing


def _do(deed: str, one: Verification, form: Form, person: UUID) -> None:
    data, at = form.cleaned_data, clock.now()
    if deed == "draw":
        services.draw_sample(verification=one, **data, by=person, at=at)
    elif deed == "withdraw":
        services.withdraw_verification(verification=one, reason=data["reason"], by=person, at=at)
    elif deed == "declare":
        services.declare_as_verifier(
            verification=one, person=person, conflicted=data["conflicted"] == "yes", statement=data["statement"], at=at
        )
    else:
        services.sign_report(verification=one, person=person, **data, at=at)


def _standing(user: User, one: Verification, answers: selectors.Answers, offered: dict[str, Form]) -> dict[str, Any]:
    now, taken = present.state(one), selectors.verifier_of(one)
    reads = selectors.reads_records(user, one)
    people = {
        one.opened_by,
        *([taken.person] if taken else []),
        *([one.draw.drawn_by] if present.is_drawn(one) else []),
    }
    names = names_of(people)
    facts = [*present.facts(one), {"label": _("发起"), "value": present.who(names, one.opened_by)}]
    if taken is not None:
        facts.append({"label": _("核查员"), "value": present.who(names, taken.person)})
    context: dict[str, Any] = {
        "one": one,
        "title": present.title(one),
        "pill": present.pill(one),
        "facts": facts,
        "steps": present.steps(one),
        "offered": offered,
        "withdrawn": now == "withdrawn",
        "mine": taken is not None and taken.person == _person(user),
        "source_of_rule": present.source_of_rule(),
    }
    if now in ("drawn", "signed") and reads:
        sample = list(one.sample.order_by("place"))
        context |= {
            "progress": present.progress(selectors.counts(one, answers)),
            "columns": present.sample_columns(),
            "rows": present.sample_rows(one, sample, answers),
            "next": _next_place(one, sample, answers),
        }
    if now == "signed":
        context["numbers"] = present.report_numbers(one, one.report)
    return context


def _next_place(one: Verification, sample: list[SampledRecord], answers: selectors.Answers) -> int | None:
    """The first record of the sample with a check that has no answer."""
    return next((row.place for row in sample if any((row.pk, code) not in answers for code in one.questions)), None)


@require_http_methods(["GET", "HEAD", "POST"])
@_reader
def desk_record(request: HttpRequest, uuid: UUID, place: int) -> HttpResponse:
    """The checklist of one sampled record. Each item is saved by itself; a bad one stays as typed beside the others."""
    user = _user(request)
    one = selectors.verification_for(user, uuid)
    if present.state(one) not in ("drawn", "signed") or not selectors.reads_records(user, one):
        raise NotFound
    sampled = selectors.sampled(one, place)
    taken = selectors.verifier_of(one)
    mine = taken is not None and taken.person == _person(user) and in_scope(user, one.region, Role.VERIFIER)
    open_to_me = mine and present.state(one) == "drawn"
    status, items = 200, list(_items(request, one, sampled))
    if request.method == "POST":
        if not open_to_me:
            raise NotNow
        status = _save(items, sampled, _person(user))
        if status == 200:
            messages.success(request, _("已保存。"))
            forward = request.POST.get("then") == "next" and place < one.sample_size
            return redirect("credits:verification-record", one.pk, place + forward)
        items = list(_with_saved(items, selectors.newest_answers(one, of=sampled), sampled))
    record = BehaviorRecord.objects.select_related("provider").filter(pk=sampled.record_id).first()
    if record is None:
        raise NotFound
    trace = trace_of(record)
    context = {
        "one": one,
        "title": present.title(one),
        "sampled": sampled,
        "items": items,
        "facts": present.record_facts(one, record, reduction_of(record)),
        "trace": trace and records.trace(trace),
        "may_answer": open_to_me,
        "before": place - 1 or None,
        "after": place + 1 if place < one.sample_size else None,
    }
    return render(request, "credits/verification/record.html", context, status=status)


def _items(request: HttpRequest, one: Verification, sampled: SampledRecord) -> Iterator[dict[str, Any]]:
    """The questions in the guide's order, each with its form and what stands saved."""
    answers = selectors.newest_answers(one, of=sampled)
    given = request.POST if request.method == "POST" else None
    for code in one.questions:
        answer = answers.get((sampled.pk, code))
        yield {
            "code": code,
            "text": present.question_text(one, code),
            "form": AnswerForm(given, answer=answer, prefix=code),
            "saved": present.saved(answer),
            "answer": answer,
        }


def _save(items: list[dict[str, Any]], sampled: SampledRecord, person: UUID) -> int:
    """Save every item that can be saved; the status of the first that could not."""
    status = 200
    for item in items:
        form = item["form"]
        if not form.is_valid():
            status = 422 if status == 200 else status
            continue
        if not form.has_changed():
            continue
        data = form.cleaned_data
        try:
            services.save_answer(
                sampled=sampled, question=item["code"], result=data["result"], note=data["note"],
                evidence=data["evidence"], seen=data["seen"] or 0, person=person, at=clock.now(),
            )  # fmt: skip
        except DomainError as refusal:
            told = _tell(form, refusal)
            item["overtaken"] = isinstance(refusal, AnswerChanged)
            status = told if status == 200 else status
    return status


def _with_saved(
    items: list[dict[str, Any]], answers: selectors.Answers, sampled: SampledRecord
) -> Iterator[dict[str, Any]]:
    """The items after a save that did not wholly succeed: what stands by now, and what was typed."""
    for item in items:
        answer = answers.get((sampled.pk, item["code"]))
        if item["form"].is_valid() or item.get("overtaken"):
            item["form"].show_revision(answer.revision if answer else 0)
        yield item | {"answer": answer, "saved": present.saved(answer)}


@require_safe
@_reader
def desk_report(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The signed report, byte for byte what its hash is of."""
    user = _user(request)
    one = selectors.verification_for(user, uuid)
    if present.state(one) != "signed" or not selectors.reads_records(user, one):
        raise NotFound
    answer = HttpResponse(one.report.content, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="verification-{one.pk}.json"'
    return answer


def _tell(form: Form, refusal: DomainError) -> int:
    form.add_error(None, refusal.sentence(get_language()))
    return refusal.http_status


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the gates let nobody else in
    return request.user


def _person(user: User) -> UUID:
    person = person_of(user)
    assert person is not None  # roles are held by people
    return person.pk

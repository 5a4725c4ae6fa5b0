"""The desk's side of the review: what is under way, and one page per version with the deed that is due beside it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.fields import add_refusal
from accounts.models import Person
from accounts.permissions import desk_required
from carbon_portal.kernel import approvals, clock
from carbon_portal.kernel.errors import DomainError, Forbidden, NotFound
from methodologies import present, present_compare, present_review, present_version, services
from methodologies import review_forms as f
from methodologies import selectors as library
from methodologies.compare import compare_documents
from methodologies.constants import APPROVE_KIND, StageState
from methodologies.engine import DocumentError
from methodologies.errors import FactorsMissing
from methodologies.models import MethodologyVersion
from methodologies.present import title
from methodologies.selectors import desk as desks
from methodologies.selectors import review as selectors
from methodologies.selectors.stages import stages, status_line

Deed = Callable[[MethodologyVersion, Person, dict[str, Any], HttpRequest], object]


@require_GET
@desk_required
def reviews(request: HttpRequest) -> HttpResponse:
    """What lies with the province and may be seen by this desk, due first; what was returned after it."""
    today = clock.today()
    seen = desks.desk_of(request.user)
    under_way = [row for row in selectors.versions_under_way() if seen.sees(row)]
    returned = [row for row in selectors.returned_versions() if seen.sees(row)]
    context = {
        "rows": sorted((present_review.row(one, today=today) for one in under_way), key=lambda one: one["due"]),
        "returned": [present_review.row(one, today=today) for one in returned],
    }
    return render(request, "methodologies/reviews.html", context)


@require_GET
@login_required
def review(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """One version under review."""
    return _show(request, *_opened(request, code, version))


def _opened(request: HttpRequest, code: str, version: str) -> tuple[MethodologyVersion, desks.Desk]:
    """The version and the desk, if this desk may see it; otherwise as if there were none."""
    found = selectors.version_in_review(code=code, version=version)
    seen = desks.desk_of(request.user)
    if not seen.sees(found):
        raise NotFound
    return found, seen


@require_http_methods(["POST"])
@login_required
def deed(request: HttpRequest, code: str, version: str, deed: str) -> HttpResponse:
    """Do one of `DEEDS`; a refusal is shown beside the form that asked."""
    found, seen = _opened(request, code, version)
    if deed not in DEEDS or seen.person is None:
        raise NotFound
    form_class, act, done = DEEDS[deed]
    item = _item(deed, request)
    form = form_class(request.POST, auto_id=_auto_id(deed, item))
    if form.is_valid():
        try:
            act(found, seen.person, form.cleaned_data, request)
        except (Forbidden, NotFound):
            raise
        except DomainError as refusal:
            add_refusal(form, None, refusal)
        else:
            messages.success(request, str(done()))
            return redirect("methodologies:review", code, version)
    found.refresh_from_db()
    return _show(request, found, seen, bound={f"{deed}{item}": form})


def _item(deed: str, request: HttpRequest) -> str:
    """The department or comment that a form is about, by its number; empty for none and for nonsense."""
    given = request.POST.get(_PER_ITEM.get(deed, ""), "")
    return given if given.isascii() and given.isdigit() else ""


def _auto_id(deed: str, item: object = "") -> str:
    """Several forms of one kind stand on a page: each has ids of its own."""
    return f"{deed}{item}_%s"


def _show(
    request: HttpRequest,
    version: MethodologyVersion,
    seen: desks.Desk,
    *,
    bound: dict[str, forms.Form] | None = None,
) -> HttpResponse:
    today, now = clock.today(), clock.now()
    line = status_line(version, today=today)
    walked = stages(version)
    vote = selectors.vote_of(version)
    signing = selectors.latest(version, StageState.JOINT_SIGNING)
    request_ = approvals.request_for(APPROVE_KIND, selectors.subject_of(version))
    plan = desks.open_withdrawal(version)
    offered = desks.deeds_for(seen, version, now=now)
    bound = bound or {}
    said = selectors.comments_on(version)
    refusal = desks.decision_refusal(seen, version, now=now) if "decide" in offered else None
    context = {
        "version": version,
        "title": title(version),
        "steps": present_review.status_steps(version, today=today),
        "overdue": present_review.overdue_notice(line),
        "forms": {name: bound.get(name) or _form(name, version) for name in offered if name not in _PER_ITEM},
        "form": next(iter(bound.values()), None),
        # A deed that the page does not offer (any more) has no form to stand beside.
        "orphan": next((form for key, form in bound.items() if key.rstrip("0123456789") not in offered), None),
        "offered": offered,
        "vote": vote,
        "experts": present_review.experts(vote, public=False),
        "departments": _with_forms(
            present_review.departments(
                selectors.joint_requests(version), due_on=signing.due_on if signing else None, today=today
            ),
            "answered",
            "letter",
            offered,
            version,
            bound,
        ),
        "own_requests": [
            {"name": one.name, "form": bound.get(f"answer{one.pk}") or _form("answer", version, one.pk)}
            for one in seen.own_requests(version)
        ],
        "comments": _with_forms(
            present_review.comments(said, version, selectors.kept_texts(said, version)),
            "replied",
            "reply",
            offered,
            version,
            bound,
        ),
        "unanswered": selectors.unanswered(version),
        "gates": _gates(version, walked, today),
        "request": request_ if request_ is not None and request_.is_open else None,
        "refusal": refusal,
        "plan": plan,
        "simulation": selectors.simulation_on_file(version),
        "runs": seen.officer or seen.approver or bool(seen.cities),
        "reads": seen.whole_province or seen.expert,
        **_text(version),
        "chapters": present_review.chapters(version),
        "history": present_review.history(walked),
        "is_public": present_review.is_public_state(version),
        "consulted": any(stage.state == StageState.PUBLIC_COMMENT for stage in walked),
    }
    return render(request, "methodologies/review.html", context)


def _text(version: MethodologyVersion) -> dict[str, Any]:
    """What is reviewed, for people: formulas as they would run, values with their sources, the version before it.

    Empty for a text that doesn't compile (a factor it names is gone): the page is where it is returned, so it opens.
    """
    try:
        factors = library.factor_library()
        program = library.program_for(version, factors)
    except (DocumentError, FactorsMissing):
        return {}
    found: dict[str, Any] = {
        "formulas": present_version.steps(program),
        "values": [one for each in program.document.parameters.values() for one in present.values(each, program)],
        "sample": library.uses_sample(program),
    }
    before = selectors.version_before(version)
    if before is not None:
        old = library.program_for(before, factors).document
        compared = compare_documents(old, program.document, factors, note=library.revision_note(version))
        found["comparison"] = present_compare.comparison(compared)
    return found


def _gates(version: MethodologyVersion, walked: list[Any], today: Any) -> list[dict[str, str]]:
    if not walked or version.state not in ("public_comment", "approved"):
        return []
    publishing = version.state == "approved"
    return present_review.gate_rows(selectors.gates(version, today=today, publishing=publishing))


#: Deeds with a form for each department or comment.
_PER_ITEM = {"answer": "request", "letter": "request", "remind": "request", "reply": "comment"}


def _form(name: str, version: MethodologyVersion, item: int | None = None) -> forms.Form:
    initial: dict[str, Any] = {"shown": version.sha256}
    if name == "withdraw-decide" and (plan := desks.open_withdrawal(version)) is not None:
        initial["shown"] = plan.content_sha256
    if item is not None:
        initial[_PER_ITEM[name]] = item
    form: forms.Form = DEEDS[name][0](auto_id=_auto_id(name, item or ""), initial=initial)
    return form


def _with_forms(
    rows: list[dict[str, Any]],
    done: str,
    name: str,
    offered: list[str],
    version: MethodologyVersion,
    bound: dict[str, forms.Form],
) -> list[dict[str, Any]]:
    """Each row that waits for a word gets its form, if this desk may give it."""
    for row in rows:
        if name in offered and not row[done]:
            row["form"] = bound.get(f"{name}{row['pk']}") or _form(name, version, row["pk"])
    return rows


# -- deeds -------------------------------------------------------------------------------------------------------------


def _accept(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.check_completeness(
        version=version, person=person.uuid, shown_sha256=data["shown"],
        checklist=dict.fromkeys(data["items"], True), accept=request.POST.get("decision") == "accept",
        note=data["note"], at=clock.now(),
    )  # fmt: skip


def _return(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.return_version(
        version=version, person=person.uuid, shown_sha256=data["shown"], why=data["note"], at=clock.now()
    )


def _experts(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.invite_experts(
        version=version, person=person.uuid, shown_sha256=data["shown"], experts=list(data["experts"]), at=clock.now()
    )


def _declare(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.declare_interest(
        version=version, person=person.uuid, conflicted=data["conflicted"] == "yes", statement=data["statement"],
        at=clock.now(),
    )  # fmt: skip


def _opinion(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.give_opinion(
        version=version, person=person.uuid, shown_sha256=data["shown"], verdict=data["verdict"], text=data["text"],
        at=clock.now(),
    )  # fmt: skip


def _departments(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.ask_departments(
        version=version, person=person.uuid, shown_sha256=data["shown"], departments=data["departments"],
        at=clock.now(),
    )  # fmt: skip


def _remind(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.remind_department(
        request=desks.joint_request(version, data["request"]), person=person.uuid, at=clock.now()
    )


def _answer(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.answer_jointly(
        request=desks.joint_request(version, data["request"]), person=person, shown_sha256=data["shown"],
        verdict=data["verdict"], text=data["text"], letter=data.get("letter", ""), at=clock.now(),
    )  # fmt: skip


def _consult(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.open_comments(
        version=version, person=person.uuid, shown_sha256=data["shown"], note=data["note"], at=clock.now()
    )


def _reply(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.reply_to_comment(
        comment=selectors.comment_on(version, data["comment"]), person=person.uuid, outcome=data["outcome"],
        text=data["text"], change=data["change"], at=clock.now(),
    )  # fmt: skip


def _request(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.request_approval(version=version, person=person.uuid, shown_sha256=data["shown"], at=clock.now())


def _decide(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    asked = approvals.request_for(APPROVE_KIND, selectors.subject_of(version))
    if asked is None:
        raise NotFound
    services.decide_version(
        request=asked, version=version, person=person.uuid, shown_sha256=data["shown"],
        approved=request.POST.get("decision") == "approve", note=data["note"], at=clock.now(),
    )  # fmt: skip


def _publish(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.publish_version(version=version, person=person.uuid, shown_sha256=data["shown"], at=clock.now())


def _withdraw(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    services.plan_withdrawal(
        version=version, person=person.uuid, shown_sha256=data["shown"], sunset_on=data["sunset_on"],
        successor=desks.named_version(data["successor"]), reason=data["reason"], at=clock.now(),
    )  # fmt: skip


def _withdraw_decide(version: MethodologyVersion, person: Person, data: dict[str, Any], request: HttpRequest) -> None:
    plan = desks.open_withdrawal(version)
    if plan is None:
        raise NotFound
    services.decide_withdrawal(
        plan=plan, person=person.uuid, shown_sha256=data["shown"],
        approved=request.POST.get("decision") == "approve", note=data["note"], at=clock.now(),
    )  # fmt: skip


#: The deed's address → its form, what it does, what is said when it is done.
DEEDS: dict[str, tuple[Any, Deed, Callable[[], str]]] = {
    "accept": (f.AcceptForm, _accept, lambda: _("受理结果已记录，公开页面同时更新。")),
    "return": (f.ReturnForm, _return, lambda: _("已退回修改，原因已公开。")),
    "experts": (f.ExpertsForm, _experts, lambda: _("已邀请专家。")),
    "declare": (f.DeclareForm, _declare, lambda: _("声明已保存，现在可以提交意见。")),
    "opinion": (f.OpinionForm, _opinion, lambda: _("意见已签名保存。")),
    "departments": (f.DepartmentsForm, _departments, lambda: _("已送部门会签。")),
    "remind": (f.RemindForm, _remind, lambda: _("已催办。")),
    "answer": (f.AnswerForm, _answer, lambda: _("会签意见已保存。")),
    "letter": (f.LetterForm, _answer, lambda: _("会签意见已保存。")),
    "consult": (f.ConsultForm, _consult, lambda: _("公示已开始。")),
    "reply": (f.ReplyForm, _reply, lambda: _("答复已公布。")),
    "request": (f.PlainForm, _request, lambda: _("已提交审定。")),
    "decide": (f.DecideForm, _decide, lambda: _("审定结果已记录。")),
    "publish": (f.PlainForm, _publish, lambda: _("已发布。内容从此不能改动。")),
    "withdraw": (f.WithdrawForm, _withdraw, lambda: _("停用方案已提交审定。")),
    "withdraw-decide": (f.DecideForm, _withdraw_decide, lambda: _("停用方案已办理。")),
}

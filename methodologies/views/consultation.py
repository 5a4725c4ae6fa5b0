"""公示 for everybody: what is open for comment, the comments with their replies, the minutes."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import selectors as people
from accounts.fields import add_refusal
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import DomainError
from methodologies import present_compare, present_review, services
from methodologies import selectors as library
from methodologies.compare import compare_documents
from methodologies.constants import StageState
from methodologies.present import title
from methodologies.review_forms import CommentForm
from methodologies.selectors import review as selectors
from methodologies.selectors.stages import stages


@require_GET
def consultations(request: HttpRequest) -> HttpResponse:
    """What the public may comment on now, the first to close first; and where the others stand, overdue days said."""
    today = clock.today()
    found = selectors.open_consultations(today=today)
    rows = [
        {"version": one, "title": title(one), "until": stage.due_on, "region": one.methodology.region}
        for one in found
        if (stage := selectors.latest(one, StageState.PUBLIC_COMMENT))
    ]
    others = [one for one in selectors.versions_under_way() if one not in found]
    under_way = sorted((present_review.row(one, today=today) for one in others), key=lambda one: one["due"])
    return render(request, "methodologies/consultations.html", {"rows": rows, "under_way": under_way})


@require_http_methods(["GET", "HEAD", "POST"])
def comments(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """The text, every comment with its reply and what was changed, and the form while the period runs."""
    found = selectors.consulted_version(code=code, version=version)
    person = people.person_of(request.user)
    form = CommentForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if person is None:
            return redirect_to_login(request.get_full_path())
        if form.is_valid():
            try:
                made = services.make_comment(version=found, person=person, at=clock.now(), **form.cleaned_data)
            except DomainError as refusal:
                add_refusal(form, None, refusal)
            else:
                messages.success(
                    request,
                    _("意见已收到，编号 %(number)s。答复后会在本页公布，请记下编号。") % {"number": made.number},
                )
                return redirect("methodologies:comments", code, version)
    stage = selectors.open_comment_stage(found, today=clock.today())
    said = selectors.comments_on(found)
    context = {
        "version": found,
        "title": title(found),
        "open": stage is not None,
        "until": stage.due_on if stage else None,
        "person": person,
        "form": form,
        "steps": present_review.status_steps(found),
        "comments": present_review.comments(said, found, selectors.kept_texts(said, found)),
        "chapters": present_review.chapters(found),
        "is_public": present_review.is_public_state(found),
        "sample": library.uses_sample(library.program_for(found)),
        "is_shown": present_review.is_shown_state(found),
    }
    return render(request, "methodologies/comments.html", context)


@require_GET
def comment_change(request: HttpRequest, code: str, version: str, pk: int) -> HttpResponse:
    """What was changed since the text that a comment was about, line by line."""
    found = selectors.consulted_version(code=code, version=version)
    comment = selectors.comment_on(found, pk)
    context = {
        "version": found,
        "title": title(found),
        "comment": present_review.comments([comment], found)[0],
        "unchanged": comment.content_sha256 == found.sha256,
    }
    if not context["unchanged"] and (before := selectors.text_read(comment)) is not None:
        factors = library.factor_library()
        after = library.program_for(found, factors).document
        compared = compare_documents(before, after, factors, note=selectors.changes_told(comment))
        context["comparison"] = present_compare.comparison(compared)
    return render(request, "methodologies/comment_change.html", context)


@require_GET
def minutes(request: HttpRequest, code: str, version: str) -> HttpResponse:
    """Public minutes: declarations, opinions, the vote, the departments, every step with its date."""
    found = selectors.consulted_version(code=code, version=version)
    vote = selectors.vote_of(found)
    signing = selectors.latest(found, StageState.JOINT_SIGNING)
    context = {
        "version": found,
        "title": title(found),
        "vote": vote,
        "experts": present_review.experts(vote, public=True),
        "departments": present_review.departments(
            selectors.joint_requests(found), due_on=signing.due_on if signing else None, today=clock.today()
        ),
        "history": present_review.history(stages(found)),
        "steps": present_review.status_steps(found),
    }
    return render(request, "methodologies/minutes.html", context)

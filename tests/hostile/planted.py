"""A portal with bad forms beside its own, one for each way to answer badly, so that a test sees the gate shut."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from carbon_portal.kernel import clock
from carbon_portal.kernel.models import AuditEvent
from carbon_portal.urls import urlpatterns as real

PAGE = '<html><form method="post">{}<input name="note" value="{}"><select name="day"><option>1</select></form></html>'
SENTENCE = '<p class="err">请填写数字。</p>'


def _page(note: str = "", error: str = "", status: int = 200) -> HttpResponse:
    return HttpResponse(format_html(PAGE, mark_safe(error), note), status=status)


def breaks(request: HttpRequest) -> HttpResponse:
    """Answers 500 to a digit that it did not think of."""
    note = request.POST.get("note", "1")
    return _page(note, SENTENCE if int(note) < 10 else "")


def forgets(request: HttpRequest) -> HttpResponse:
    """Says what is wrong, and shows an empty form."""
    return _page("", SENTENCE if request.method == "POST" else "")


def keeps_quiet(request: HttpRequest) -> HttpResponse:
    """Shows the form again, and says nothing."""
    return _page(request.POST.get("note", ""))


def writes_first(request: HttpRequest) -> HttpResponse:
    """Refuses what it has written down already."""
    if request.method == "POST":
        AuditEvent.objects.create(at=clock.now(), verb="planted", target="form", data={})
    return _page(request.POST.get("note", "").replace("\x00", ""), SENTENCE if request.method == "POST" else "")


def hoards(request: HttpRequest) -> HttpResponse:
    """Takes whatever is sent, however long."""
    if request.method == "GET":
        return _page()
    note = request.POST.get("note", "").replace("\x00", "")
    AuditEvent.objects.create(at=clock.now(), verb="planted", target="form", data={"note": note})
    return HttpResponse(status=302, headers={"Location": "/"})


def unseen(request: HttpRequest) -> HttpResponse:
    """Takes a form that no page shows."""
    return HttpResponse("ok")


FORMS = {"breaks": breaks, "forgets": forgets, "quiet": keeps_quiet, "early": writes_first, "hoards": hoards}
urlpatterns: list[Any] = [
    *real,
    *(path(f"planted/{name}", view, name=f"planted-{name}") for name, view in FORMS.items()),
    path("planted/unseen", unseen, name="planted-unseen"),
]

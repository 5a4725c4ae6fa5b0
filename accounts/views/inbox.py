"""消息: what the portal told somebody, in the resident's space and at the desk; read when its reader says so."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import selectors, services
from accounts.constants import NoticeKind
from accounts.models import Notification
from accounts.permissions import account_required, desk_required
from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import UnknownCursor

from .household import person

_ICONS = {
    NoticeKind.METHOD: "file-check",
    NoticeKind.LOCAL_VALUES: "map-pin",
    NoticeKind.SIMULATION: "calculator",
    NoticeKind.POINTS: "coins",
}


@require_safe
@account_required
def inbox(request: HttpRequest) -> HttpResponse:
    """One's own messages, the newest first."""
    return _page(request, "_layouts/resident.html", desk=False)


@require_safe
@desk_required
def desk_inbox(request: HttpRequest) -> HttpResponse:
    """The same at the desk."""
    return _page(request, "_layouts/staff.html", desk=True)


def _page(request: HttpRequest, layout: str, *, desk: bool) -> HttpResponse:
    given = request.GET.get("before", "")
    rows, more = selectors.notices_of(person(request), before=_number(given) if given else None)
    context: dict[str, Any] = {
        "layout": layout,
        "desk": desk,
        "rows": [_row(row) for row in rows],
        "newest": rows[0].pk if rows else 0,
        "more": more,
        "first_page": not given,
    }
    return render(request, "accounts/inbox.html", context)


def _row(row: Notification) -> dict[str, Any]:
    english = (get_language() or "").startswith("en")
    return {
        "row": row,
        "title": row.title_en if english else row.title_zh,
        "body": row.body_en if english else row.body_zh,
        "kind": _kind(row.kind),
        "icon": _ICONS[NoticeKind(row.kind)],
    }


def _kind(kind: str) -> str:
    return {
        NoticeKind.METHOD: _("方法学"),
        NoticeKind.LOCAL_VALUES: _("各市数值"),
        NoticeKind.SIMULATION: _("试算"),
        NoticeKind.POINTS: _("碳币即将到期"),
    }[NoticeKind(kind)]


@require_POST
@account_required
def read_one(request: HttpRequest, pk: int) -> HttpResponse:
    """One message is read."""
    back = _back(request)  # a body that can't be read is refused before anything is written
    services.mark_read(person=person(request), pk=pk, at=clock.now())
    return back


@require_POST
@account_required
def read_all(request: HttpRequest) -> HttpResponse:
    """All that stood on the page, and those before, are read; what came meanwhile is not."""
    services.mark_all_read(person=person(request), upto=_number(request.POST.get("upto", "")), at=clock.now())
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    return redirect("accounts:desk-inbox" if request.POST.get("desk") == "1" else "accounts:inbox")


def _number(text: str) -> int:
    """The number of a message. Errors: UnknownCursor."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UnknownCursor
    return int(text)

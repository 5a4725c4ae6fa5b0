"""待办: what waits for the person at the desk, due first."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.permissions import desk_required
from accounts.selectors import actor_of
from carbon_portal.kernel import clock, workdays, worklist
from carbon_portal.kernel.language import region_name


@require_safe
@desk_required
def todo(request: HttpRequest) -> HttpResponse:
    """All items, those of one kind (`kind`, its label), or those overdue (`overdue=1`)."""
    now = clock.now()
    today = clock.local_date(now)
    every = worklist.items(actor_of(request.user, at=now), at=now)
    kinds = sorted({item.kind for item in every})
    chosen = request.GET.get("kind", "")
    late = request.GET.get("overdue") == "1"
    shown = [
        item for item in every if (not chosen or item.kind == chosen) and (not late or item.overdue_days(today) > 0)
    ]
    context: dict[str, Any] = {
        "rows": [_row(item, today) for item in shown[: worklist.LIMIT]],
        "left_off": max(0, len(shown) - worklist.LIMIT),
        "filtered": bool(chosen or late),
        "overdue": sum(item.overdue_days(today) > 0 for item in every),
        "filters": [
            {"label": _("全部"), "href": "?", "active": not chosen and not late},
            {"label": _("已超期"), "href": "?overdue=1", "active": late},
            *(
                {"label": kind, "href": f"?{urlencode({'kind': kind})}", "active": kind == chosen}
                for kind in kinds
                if len(kinds) > 1 or chosen
            ),
        ],
    }
    return render(request, "pages/todo.html", context)


def _row(item: worklist.WorkItem, today: dt.date) -> dict[str, Any]:
    late = item.overdue_days(today) > 0
    soon = item.due_on is not None and not late and workdays.working_days_between(today, item.due_on) <= 1
    return {
        "item": item,
        "region": region_name(item.region),
        "due": worklist.due_words(item.due_on, today),
        "pill": "no" if late else "wait" if soon else "",
        "late": late,
    }

"""The front page: for a visitor what this is and how it begins, for a resident where they stand today."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Participant
from accounts.selectors import desk_roles, participants_of, staff_scope
from behaviors import activities
from behaviors.activities import Activity
from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.templatetags.portal import grams_parts, points
from credits.selectors import account_summary
from pilots import boards, selectors
from pilots.selectors import Cut

from .selectors import month_of, recent_records

RECENT = 5
TILES = 8


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Residents see their account; staff without one go to their desk; everybody else the front page."""
    participants = participants_of(request.user)
    if participants:
        return render(request, "pages/home.html", _account(participants[0]))
    if request.user.is_authenticated and staff_scope(request.user):
        return redirect("pilots:staff-home")
    if desk_roles(request.user):
        return redirect("pages:todo")
    return render(request, "pages/front.html", _front())


def _account(participant: Participant) -> dict[str, Any]:
    today = clock.today()
    summary = account_summary(participant)
    month = month_of(participant, first=today.replace(day=1), last=today)
    total, this_month = grams_parts(summary.final_g, 1), grams_parts(month.reduction_g, 1)
    return {
        "participant": participant,
        "summary": summary,
        "points": points(summary.spendable_points),
        "badge": _("今日 %(points)s") % {"points": points(month.points_today, "+")} if month.points_today else "",
        "stats": [
            {"label": _("累计减碳"), "number": total.number, "unit": total.unit},
            {"label": _("本月减碳"), "number": this_month.number, "unit": this_month.unit},
            {"label": _("本月记录"), "number": month.records, "unit": _("条")},
        ],
        "tiles": _tiles(activities.for_subject("person")[:TILES]),
        "recent": recent_records(participant, limit=RECENT),
    }


def _tiles(offered: list[Activity]) -> list[dict[str, str]]:
    language, form = get_language(), reverse("behaviors:record-new")
    return [
        {
            "href": f"{form}?activity={activity.code}",
            "label": activity.short.in_language(language),
            "icon": activity.icon,
        }
        for activity in offered
    ]


@dataclass(frozen=True)
class Step:
    """One of the three steps of the front page."""

    icon: str
    title: str
    text: str


def _front() -> dict[str, Any]:
    today = clock.today()
    cut = Cut(region=regions.PROVINCE, first=dt.date(today.year, 1, 1), last=today)
    grams, count = selectors.total_g(cut)
    language = get_language()
    return {
        "total": grams_parts(grams, 1),
        "records": count,
        "trace_url": boards.trace_url(cut),
        "steps": [
            Step("leaf", _("记一次低碳行为"), _("坐地铁、骑车、少用电、捐旧衣……手机上点几下，约半分钟。")),
            Step("calculator", _("按公开方法算减碳量"), _("用审定并公开的方法学核算，每一克都能点开看怎么算的。")),
            Step("gift", _("换成身边的优惠"), _("减碳量换成碳币，到店出示兑换码即可使用。")),
        ],
        "activities": [
            {"icon": activity.icon, "label": activity.short.in_language(language)}
            for activity in activities.activities().values()
        ],
    }

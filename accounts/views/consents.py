"""Consent per data scene (G1-a): one switch each, none on by itself, each step shown with its time."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from accounts import selectors, services
from accounts.constants import ConsentScene
from accounts.models import Person
from accounts.permissions import account_required
from carbon_portal.kernel import clock

SCENES: dict[str, dict[str, Any]] = {
    ConsentScene.TRAVEL: {
        "icon": "train-front",
        "title": _("公交地铁和骑行记录"),
        "what": _("由运营单位报送的乘车时间、线路和里程，用来计算出行减碳量。"),
    },
    ConsentScene.ELECTRICITY: {
        "icon": "zap",
        "title": _("家庭用电"),
        "what": _("由供电单位报送的抄表电量，只看您绑定的户号。"),
    },
    ConsentScene.WATER: {
        "icon": "droplets",
        "title": _("家庭用水"),
        "what": _("由供水单位报送的抄表水量，只看您绑定的户号。"),
    },
    ConsentScene.GAS: {
        "icon": "flame",
        "title": _("家庭用气"),
        "what": _("由燃气单位报送的抄表气量，只看您绑定的户号。"),
    },
    ConsentScene.RECYCLING: {
        "icon": "recycle",
        "title": _("回收记录"),
        "what": _("由回收企业报送的种类、重量和时间。"),
    },
    ConsentScene.VEHICLE: {
        "icon": "ev-charger",
        "title": _("新能源汽车"),
        "what": _("由车企或充电运营商报送的行驶里程和充电量，不含行车轨迹。"),
    },
}


def rows_of(person: Person) -> list[dict[str, Any]]:
    """A row per scene with its newest step."""
    steps = selectors.consents_of(person)
    return [
        {"scene": scene, "granted": bool(step and step.granted), "at": step.at if step else None, **SCENES[scene]}
        for scene, step in steps.items()
    ]


@require_safe
@account_required
def consents(request: HttpRequest) -> HttpResponse:
    """All scenes and the history."""
    person = selectors.person_of(request.user)
    assert person is not None  # account_required
    history = [
        {"title": SCENES[row.scene]["title"], "granted": row.granted, "at": row.at, "version": row.text_version}
        for row in selectors.consent_history(person)[:50]
    ]
    context = {"rows": rows_of(person), "history": history, "first": request.GET.get("first") == "1"}
    return render(request, "accounts/consents.html", context)


@require_POST
@account_required
def set_consent(request: HttpRequest, scene: str) -> HttpResponse:
    """One switch; htmx gets its row back."""
    person = selectors.person_of(request.user)
    assert person is not None  # account_required
    services.set_consent(person=person, scene=scene, granted=request.POST.get("granted") == "1", at=clock.now())
    if getattr(request, "htmx", False):
        row = next(row for row in rows_of(person) if row["scene"] == scene)
        return render(request, "accounts/_consent.html", {"row": row})
    return redirect("accounts:consents")

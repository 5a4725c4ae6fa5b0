"""The verification guide in public: its versions, in full and in plain words, with the verifier's checklist."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from carbon_portal.kernel import clock
from carbon_portal.kernel.errors import NotFound
from methodologies import guides


def _names() -> dict[str, str]:
    return {"full": _("完整版"), "sme": _("小微企业版"), "residents": _("居民版")}


@require_safe
def guide_list(request: HttpRequest) -> HttpResponse:
    """Every version, the newest first; old ones stay."""
    current = guides.guide_on(clock.today())
    rows = [{"guide": one, "current": one is current} for one in reversed(guides.guides())]
    return render(request, "methodologies/guide_list.html", {"rows": rows})


@require_safe
def guide_page(request: HttpRequest, version: str, audience: str = "full") -> HttpResponse:
    """One version for one kind of reader."""
    found = guides.guide(version)
    if found is None or audience not in guides.AUDIENCES:
        raise NotFound
    context = {
        "guide": found,
        "blocks": found.texts[audience],
        "audience": audience,
        "name": _names()[audience],
        "others": [{"audience": key, "label": label} for key, label in _names().items() if key != audience],
        "current": guides.guide_on(clock.today()) is found,
    }
    return render(request, "methodologies/guide.html", context)

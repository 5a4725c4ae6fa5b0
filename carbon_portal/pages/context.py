"""What every template may use as `site`."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from accounts.selectors import desk_roles, unread_notices

SIZE_COOKIE = "size"


def site(request: HttpRequest) -> dict[str, Any]:
    """Names of the scheme and its authority (settings, dated facts), the demo switch, size and language."""
    english = translation.get_language() == "en"
    return {
        "site": {
            "name": settings.SITE_NAME_EN if english else settings.SITE_NAME,
            "authority": settings.SITE_AUTHORITY_EN if english else settings.SITE_AUTHORITY,
            "points_name": settings.POINTS_NAME_EN if english else settings.POINTS_NAME,
            "hotline": settings.SITE_HOTLINE,
            "icp": settings.SITE_ICP,
            "demo": settings.DEMO,
            "size": "large" if request.COOKIES.get(SIZE_COOKIE) == "large" else "normal",
            "language": translation.get_language(),
            # A set of role names, empty for residents: asked for by pages of the desk alone.
            "desk_roles": SimpleLazyObject(lambda: desk_roles(getattr(request, "user", None))),
            # One count for a page that shows the bell, none for the others.
            "unread": SimpleLazyObject(lambda: unread_notices(getattr(request, "user", None))),
        }
    }

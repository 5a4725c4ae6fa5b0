"""Pages that cross apps: preferences, health. Home and "my account" join here."""

import time

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST
from redis.exceptions import RedisError

from carbon_portal.kernel.tasks import HEARTBEAT_KEY

from .context import SIZE_COOKIE

YEAR = 365 * 24 * 3600
HEARTBEAT_MAX_AGE = 60


@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """The process is up."""
    return JsonResponse({"status": "ok"})


@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """Database, broker and a worker's heartbeat younger than a minute; 503 names what is missing."""
    parts = {"database": _database_answers(), "broker": False, "worker": False}
    try:
        beat = cache.get(HEARTBEAT_KEY)
        parts["broker"] = True
        parts["worker"] = beat is not None and time.time() - beat < HEARTBEAT_MAX_AGE
    except RedisError:
        parts["broker"] = False
    ready = all(parts.values())
    return JsonResponse({"status": "ok" if ready else "unavailable", **parts}, status=200 if ready else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return True
    except DatabaseError:
        return False


def _back(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    return HttpResponseRedirect(target)


@require_POST
def set_size(request: HttpRequest) -> HttpResponse:
    """大字版: stored in a cookie, applied by the server."""
    response = _back(request)
    size = "large" if request.POST.get("size") == "large" else "normal"
    response.set_cookie(SIZE_COOKIE, size, max_age=YEAR, samesite="Lax", secure=settings.SECURE_COOKIES)
    return response


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Chinese or English; the address stays the same."""
    response = _back(request)
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, code, max_age=YEAR, samesite="Lax", secure=settings.SECURE_COOKIES
        )
    return response

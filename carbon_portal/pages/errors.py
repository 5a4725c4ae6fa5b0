"""Error answers: a sentence in both languages, never a trace; JSON problems under /api/."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.utils import translation

from carbon_portal.kernel import problems

_CODES = {400: "malformed", 403: "forbidden", 404: "not_found"}


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        code, zh, en = problems.SENTENCES[status]
        body = problems.problem(status=status, code=code, title=zh.split("。")[0], detail=zh, detail_en=en)
        return JsonResponse(body, status=status, content_type=problems.CONTENT_TYPE)
    return render(request, f"errors/{status}.html", status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: the request can't be read; 413 where it is too long to be read at all."""
    return _answer(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: known, but not this person's to do."""
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: missing, or another area's; the two look the same."""
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: renders without database and context processors, which may be what is broken."""
    if request.path.startswith("/api/"):
        return problems.server_error(request)
    english = translation.get_language() == "en"
    context = {"english": english, "site_name": settings.SITE_NAME_EN if english else settings.SITE_NAME}
    return HttpResponse(loader.get_template("errors/500.html").render(context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of the CSRF check: the form is stale or came from elsewhere."""
    if request.path.startswith("/api/"):
        return _answer(request, 403)
    context: dict[str, Any] = {"reason": reason}
    return render(request, "errors/csrf.html", context, status=403)

"""Small middlewares that hold for every answer."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import get_callable
from django.utils import translation
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseFileResponse

from . import scope
from .errors import DomainError, MethodNotAllowed
from .problems import CONTENT_TYPE, from_domain_error

Handler = Callable[[HttpRequest], HttpResponse]
PERMISSIONS_POLICY = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"


def headers(get_response: Handler) -> Handler:
    """What every answer carries (B19), wherever it was made; `private, no-store` on what is somebody's (T42).

    Styles, scripts and pictures are nobody's, whoever asks: a phone keeps them instead of loading them with each page.
    """
    always = {
        "Permissions-Policy": PERMISSIONS_POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "X-Content-Type-Options": "nosniff",
    }

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in always.items():
            response.setdefault(name, value)
        if isinstance(response, WhiteNoiseFileResponse):
            return response
        user = getattr(request, "user", None)
        personal = (user is not None and user.is_authenticated) or response.cookies
        # The API forgets who a cookie stands for, and an error may come before anybody asked.
        if personal or request.headers.get("Authorization") or settings.SESSION_COOKIE_NAME in request.COOKIES:
            response["Cache-Control"] = "private, no-store"
        return response

    return middleware


def language(get_response: Handler) -> Handler:
    """Chinese unless the person chose otherwise: the language is a preference in a cookie, not a path."""
    known = dict(settings.LANGUAGES)

    def middleware(request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        code = chosen if chosen in known else settings.LANGUAGE_CODE
        translation.activate(code)
        request.LANGUAGE_CODE = code
        response = get_response(request)
        patch_vary_headers(response, ("Cookie", "HX-Request"))
        response.setdefault("Content-Language", code)
        return response

    return middleware


def row_scope(get_response: Handler) -> Handler:
    """Whatever a request reads or writes of people, it does with the eyes of whoever sends it (ADR 0020)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with scope.scoped_request(request):
            return get_response(request)

    return middleware


def plain_query(get_response: Handler) -> Handler:
    """U+0000 is in no address of ours, and PostgreSQL takes it for an error: nothing behind here has to think of it.

    A parameter of the API is there once or not at all: of two, one would be dropped silently.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path_info:
            raise Http404
        if any("\x00" in text for values in request.GET.lists() for text in (values[0], *values[1])):
            raise BadRequest("NUL in the query")
        if request.path_info.startswith("/api/") and any(len(values) > 1 for _name, values in request.GET.lists()):
            raise BadRequest("a parameter twice")
        return get_response(request)

    return middleware


class from_here:
    """A deed with a cookie is sent from a page of ours (T41): the browser says where from, and no token outweighs it.

    Browsers send Sec-Fetch-Site; what sends none, or speaks with a bearer token, is left to the other guards.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """403 before the view runs."""
        if request.method in ("GET", "HEAD", "OPTIONS", "TRACE") or getattr(view, "csrf_exempt", False):
            return None
        elsewhere = request.headers.get("Sec-Fetch-Site", "") in ("cross-site", "same-site")
        if not elsewhere or request.headers.get("Origin") in settings.CSRF_TRUSTED_ORIGINS:
            return None
        refusal: HttpResponse = get_callable(settings.CSRF_FAILURE_VIEW)(request, reason="sent from another site")
        return refusal


class domain_errors:
    """A refusal that nobody caught becomes its sentence, with its status."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:
            # Django's own 405 is an empty page.
            refusal = self._refusal(request, MethodNotAllowed())
            refusal["Allow"] = response.get("Allow", "")
            return refusal
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return self._refusal(request, exception) if isinstance(exception, DomainError) else None

    def _refusal(self, request: HttpRequest, exception: DomainError) -> HttpResponse:
        if request.path.startswith("/api/"):
            return JsonResponse(from_domain_error(exception), status=exception.http_status, content_type=CONTENT_TYPE)
        context = {"error": exception, "sentence": exception.sentence(translation.get_language())}
        return render(request, "errors/refusal.html", context, status=exception.http_status)


class own_site:
    """allauth's views put Django's own site object into their context; here `site` is the portal's."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        """Drop the foreign `site` before the template is rendered."""
        if response.context_data:
            response.context_data.pop("site", None)
        return response

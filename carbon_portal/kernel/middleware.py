"""Small middlewares that hold for every answer."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers

from .errors import DomainError
from .problems import CONTENT_TYPE, from_domain_error

Handler = Callable[[HttpRequest], HttpResponse]
PERMISSIONS_POLICY = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"


def headers(get_response: Handler) -> Handler:
    """Permissions-Policy everywhere; `private, no-store` on whatever belongs to somebody (T42)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        user = getattr(request, "user", None)
        personal = (user is not None and user.is_authenticated) or response.cookies
        if personal or request.headers.get("Authorization"):
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


class domain_errors:
    """A refusal that nobody caught becomes its sentence, with its status."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError):
            return None
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

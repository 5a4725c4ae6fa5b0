"""problem+json (RFC 9457) for the API: the same sentence as the page, in both languages, with a stable code."""

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from .errors import DomainError, Forbidden, InvalidInput, NotFound

CONTENT_TYPE = "application/problem+json"

# Errors that the framework raises itself: code, title, title_en, detail, detail_en.
SENTENCES: dict[int, tuple[str, str, str]] = {
    400: (
        "malformed",
        "请求格式有误，没有写入。请按接口文档检查内容后重发。",
        "Malformed request. Nothing was written.",
    ),
    401: ("not_authenticated", "请先取得访问令牌，放在 Authorization 头里。", "Send a bearer token in Authorization."),
    403: ("forbidden", Forbidden.zh, Forbidden.en),
    404: ("not_found", NotFound.zh, NotFound.en),
    405: (
        "method_not_allowed",
        "这个地址不支持该方法，请看接口文档。",
        "This method is not allowed here. See the docs.",
    ),
    406: ("not_acceptable", "只能返回 JSON，请改 Accept 头。", "Only JSON is available. Change the Accept header."),
    413: ("too_large", "内容过大，没有写入。请拆成小份再发。", "The body is too large. Split it and send again."),
    415: ("unsupported_media_type", "请用 application/json 发送。", "Send application/json."),
    429: ("too_many_requests", "请求太频繁，请稍后再试。", "Too many requests. Try again later."),
    503: ("unavailable", "系统正忙，请稍后再试。", "The system is busy. Try again later."),
}


def problem(
    *, status: int, code: str, title: str, detail: str, detail_en: str, errors: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The body; `errors` lists fields as `{"field", "message", "message_en"}`."""
    return {
        "type": f"/api/v1/docs/#problem-{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "detail_en": detail_en,
        "errors": errors or [],
    }


def from_domain_error(error: DomainError) -> dict[str, Any]:
    """A domain error as a problem; `data["errors"]` passes through."""
    return problem(
        status=error.http_status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        detail_en=error.detail_en,
        errors=error.data.get("errors"),
    )


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's one way out for errors. An unknown exception returns None and becomes the plain 500 problem."""
    from django.db import connection

    if isinstance(exc, Http404):
        exc = NotFound()
    if isinstance(exc, DomainError):
        body, headers = from_domain_error(exc), {}
        if exc.http_status in (429, 503) or exc.code == "idempotency_in_progress":
            headers["Retry-After"] = "1"
    elif isinstance(exc, exceptions.APIException):
        body, headers = _from_framework(exc), _framework_headers(exc)
    else:
        return None
    if connection.settings_dict.get("ATOMIC_REQUESTS") and connection.in_atomic_block:
        connection.set_rollback(True)
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _from_framework(exc: exceptions.APIException) -> dict[str, Any]:
    code, zh, en = SENTENCES.get(exc.status_code, SENTENCES[400])
    errors = _field_errors(exc.detail) if isinstance(exc, exceptions.ValidationError) else []
    if errors:
        code, zh, en = (
            InvalidInput.code,
            "有填写有误的内容，没有写入。请逐项改正后重发。",
            "Some fields are invalid. Nothing was written.",
        )
    return problem(status=exc.status_code, code=code, title=zh.split("。")[0], detail=zh, detail_en=en, errors=errors)


def _framework_headers(exc: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _field_errors(detail: Any, path: str = "") -> list[dict[str, Any]]:
    if isinstance(detail, dict):
        return [
            entry
            for key, value in detail.items()
            for entry in _field_errors(value, f"{path}.{key}" if path else str(key))
        ]
    if isinstance(detail, list):
        return [entry for value in detail for entry in _field_errors(value, path)]
    return [{"field": path, "code": getattr(detail, "code", "invalid"), "message": str(detail)}]


def server_error(request: HttpRequest) -> JsonResponse:
    """The API's 500: a sentence and no trace."""
    body = problem(
        status=500,
        code="server_error",
        title="系统出错",
        detail="系统出了错，已经记录。您的数据没有改变，请稍后再试。",
        detail_en="Something went wrong on our side and was recorded. Nothing changed; please try again.",
    )
    return JsonResponse(body, status=500, content_type=CONTENT_TYPE)

"""What every endpoint shares: a strict JSON parser, cursor pages, idempotent writes."""

import json
import math
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DataError, transaction
from django.http import HttpResponse
from rest_framework import exceptions, pagination, parsers
from rest_framework.request import Request

from . import idempotency
from .errors import InvalidInput, UnknownCursor

MAX_DEPTH = 32


class BodyTooLarge(exceptions.APIException):
    """413: what the framework's own limit says, which a streamed body would pass by."""

    status_code = 413


class StrictJSONParser(parsers.JSONParser):
    """JSON without duplicate keys, NaN, NUL, lone surrogates, or depth beyond 32 (integrity, section 6)."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise exceptions.ParseError("请用 UTF-8 编码 (use UTF-8)") from error
        _refuse_depth(text)
        try:
            value = json.loads(
                text, object_pairs_hook=_no_duplicates, parse_constant=_refuse_constant, parse_float=_finite
            )
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError(str(error)[:200]) from error
        _refuse_bad_text(value)
        return value


def _refuse_depth(text: str) -> None:
    """Count brackets outside strings before the recursive parser sees them."""
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise exceptions.ParseError(f"嵌套超过 {MAX_DEPTH} 层 (nested deeper than {MAX_DEPTH})")
        elif character in "]}":
            depth -= 1


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"键 {key!r} 出现两次 (duplicate key)")
        result[key] = value
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} 不是数 (not a JSON number)")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} 太大 (not a number that JSON can carry)")
    return value


def _refuse_bad_text(value: Any) -> None:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if "\x00" in item or any("\ud800" <= character <= "\udfff" for character in item):
                raise exceptions.ParseError("文字里有不允许的字符 (NUL or a lone surrogate)")
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


class CursorPages(pagination.CursorPagination):
    """Keyset pages, newest first; the caller may ask for at most 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "-id"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """The page asked for. Errors: UnknownCursor, InvalidInput for a size that is no number up to 200."""
        try:
            with transaction.atomic():  # a position that the database refuses must not spoil the request's transaction
                return super().paginate_queryset(queryset, request, view)
        except (exceptions.NotFound, ValueError, ValidationError, DataError) as error:
            raise UnknownCursor from error

    def get_page_size(self, request: Request) -> int:
        """As asked, 50 without. A size that can't be had is refused, not replaced."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not (asked.isascii() and asked.isdigit() and len(asked) < 5 and 1 <= int(asked) <= self.max_page_size):
            reason, reason_en = "page_size 须为 1 至 200 的整数。", "page_size must be a whole number from 1 to 200."
            raise InvalidInput(
                reason=reason,
                reason_en=reason_en,
                errors=[{"field": "page_size", "code": "invalid", "message": reason, "message_en": reason_en}],
            )
        return int(asked)


def refuse_body(request: Request) -> None:
    """For writes that take no body: whatever is in one would be dropped silently (T25). An empty object is none."""
    data = request.data
    if not isinstance(data, dict):
        raise exceptions.ValidationError({"non_field_errors": ["这个请求不带内容 (send no body, or an empty object)"]})
    if data:
        refusal = exceptions.ErrorDetail("没有这个字段 (unknown field)", code="unknown_field")
        raise exceptions.ValidationError({str(name)[:60]: [refusal] for name in list(data)[:20]})


def idempotent_write(request: Request, *, client: str, deed: Callable[[], tuple[int, Any]]) -> HttpResponse:
    """Run a write under its `Idempotency-Key`; the same key and body get the first answer, byte for byte.

    `client` names whose keys these are (a person or an API client). `deed` returns (status, JSON-able body).
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key.strip() or len(key) > 128 or not key.isprintable():
        raise idempotency.IdempotencyKeyMissing
    scope = f"{request.method} {request.path}\n".encode()

    def answer() -> tuple[int, str]:
        status, body = deed()
        return status, json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    # DRF has read the stream by the time a view runs; the parsed data is the body as it was understood.
    body = scope + json.dumps(request.data, sort_keys=True, ensure_ascii=False).encode()
    result = idempotency.once(client=client, key=key, body=body, deed=answer)
    response = HttpResponse(result.body, status=result.status, content_type="application/json")
    if result.replayed:
        response["Idempotent-Replay"] = "true"
    return response

"""Building blocks of endpoints. Apart from api.py, which the framework itself loads while it is still starting."""

import hashlib
import json
from typing import Any

from django.http import HttpResponse, HttpResponseNotModified
from drf_spectacular.utils import OpenApiParameter
from rest_framework import permissions, serializers, views
from rest_framework.request import Request
from rest_framework.response import Response

IDEMPOTENCY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=True)
#: The parameters of CursorPages.
PAGING = [
    OpenApiParameter("cursor", str, description="where to go on: from `next` or `previous` of another page"),
    OpenApiParameter("page_size", {"type": "integer", "minimum": 1, "maximum": 200}),
]


class PublicView(views.APIView):
    """Open to everybody, without a token; reads nothing personal."""

    authentication_classes = ()
    permission_classes = (permissions.AllowAny,)


class StrictSerializer(serializers.Serializer[Any]):
    """An unknown field is an error, never silently dropped (T25)."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(str(name)[:60] for name in set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            refusal = serializers.ErrorDetail("没有这个字段 (unknown field)", code="unknown_field")
            raise serializers.ValidationError({name: [refusal] for name in unknown})
        return super().to_internal_value(data)


def code_list(request: Request, body: Any) -> HttpResponse:
    """A public list that is cheap to ask again: 304 to its ETag, cacheable for five minutes."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
    etag = f'"{digest[:32]}"'
    known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    response: HttpResponse = HttpResponseNotModified() if {etag, "*"} & set(known) else Response(body)
    response["ETag"] = etag
    response["Cache-Control"] = "public, max-age=300"
    return response

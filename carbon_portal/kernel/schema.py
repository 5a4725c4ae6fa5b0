"""What the published schema says of every endpoint besides its own answers: refusals, and that bodies are closed.

Each refusal is listed by its status, never as a "default": an answer that is not in the list is a fault, and the gate
over the API finds it (tests/api).
"""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent

from .endpoints import StrictSerializer
from .problems import CONTENT_TYPE

_REFUSALS = {
    "400": "The request can't be read, or a field can't be used; `errors` names the fields.",
    "401": "No valid bearer token.",
    "403": "The token lacks the scope, or its owner the right.",
    "404": "Missing, or somebody else's.",
    "406": "Only JSON is available.",
    "409": "Refused by a rule of the portal or its present state; or the key was used with another body.",
    "413": "The body is too large.",
    "415": "The body must be JSON.",
    "429": "Too many requests; `Retry-After` says when.",
    "503": "Busy for a moment; nothing was written.",
}
_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457, with the sentence in both languages.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": _TEXT,
        "detail": _TEXT,
        "detail_en": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": _TEXT, "code": _TEXT, "message": _TEXT, "message_en": _TEXT},
                "required": ["field", "code", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "code", "detail", "detail_en", "errors"],
}


class PortalSchema(AutoSchema):
    """The schema of one endpoint, with the refusals that any endpoint of its kind can answer."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        problem = ResolvedComponent(
            name="Problem", type=ResolvedComponent.SCHEMA, schema=_PROBLEM, object="carbon_portal.kernel.problems"
        )
        self.registry.register_on_missing(problem)
        for status in self._refusals():
            if status not in responses:
                body = {"content": {CONTENT_TYPE: {"schema": problem.ref}}, "description": _REFUSALS[status]}
                responses[status] = body
        return dict(sorted(responses.items()))

    def _refusals(self) -> list[str]:
        found = {"400", "406", "429", "503"}
        secured = any(need for need in self.get_auth())
        if secured:
            found |= {"401", "403", "404"}  # 404: nothing of one's own is there, such as no account yet
        if "{" in self.path:
            found.add("404")
        if self.method in {"POST", "PUT", "PATCH", "DELETE"}:
            found |= {"409", "413", "415"}
        return sorted(found)

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return schema

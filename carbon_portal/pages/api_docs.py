"""The readable page of the API, drawn from the same schema that is served as JSON.

Plain HTML instead of a script bundle: it keeps the content security policy, and a screen reader can use it.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

_METHODS = ("get", "post", "put", "patch", "delete")


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every path with its methods, parameters, bodies and answers."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return render(request, "pages/api_docs.html", {"info": schema["info"], "operations": _operations(schema)})


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    components = schema.get("components", {}).get("schemas", {})
    return [
        {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "description": operation.get("description", ""),
            "scopes": sorted(
                {scope for need in operation.get("security", []) for part in need.values() for scope in part}
            ),
            "public": not operation.get("security") or {} in operation.get("security", []),
            "parameters": operation.get("parameters", []),
            "body": _fields(_json_schema(operation.get("requestBody", {})), components),
            "answers": [
                {
                    "status": status,
                    "description": answer.get("description", ""),
                    "fields": _fields(_json_schema(answer), components),
                }
                for status, answer in sorted(operation.get("responses", {}).items())
            ],
        }
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]


def _json_schema(part: dict[str, Any]) -> dict[str, Any]:
    content = part.get("content", {})
    return next((media.get("schema", {}) for media in content.values()), {})


def _fields(schema: dict[str, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, type and meaning of the fields of a schema, one level deep (its parts are named)."""
    schema = _resolved(schema.get("items", schema) if schema.get("type") == "array" else schema, components)
    required = set(schema.get("required", []))
    return [
        {
            "name": name,
            "type": _type(field),
            "required": name in required,
            "description": field.get("description", field.get("title", "")),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    found: dict[str, Any] = components.get(reference.rsplit("/", 1)[-1], {}) if reference else schema
    return found


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    kind = field.get("type", "object")
    if isinstance(kind, list):
        kind = " | ".join(kind)
    if kind == "array":
        return f"[{_type(field.get('items', {}))}]"
    return f"{kind} ({field['format']})" if field.get("format") else str(kind)

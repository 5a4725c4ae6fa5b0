"""The library over HTTP: public, and cheap to ask again (ETag)."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from carbon_portal.kernel.endpoints import PublicView, code_list
from methodologies import selectors
from methodologies.models import MethodologyVersion

from . import serializers


class FactorsView(PublicView):
    """The shared emission factors with source, date and confidence."""

    @extend_schema(responses={200: serializers.FactorsSerializer, 304: None})
    def get(self, request: Request) -> HttpResponse:
        library = selectors.factor_library()
        factors = [
            {
                "code": factor.code,
                "title": factor.title["zh"],
                "title_en": factor.title.get("en", ""),
                "unit": factor.unit,
                "basis": factor.basis,
                "values": [
                    {
                        "start": start.isoformat(),
                        "value": str(entry.value),
                        "data_year": entry.data_year,
                        "source": entry.source,
                        "confidence": entry.confidence,
                        "best_before": entry.best_before.isoformat(),
                    }
                    for start, entry in factor.values
                ],
            }
            for factor in library.factors.values()
        ]
        return code_list(request, {"sha256": library.sha256, "factors": factors})


class MethodologiesView(PublicView):
    """Every version that was ever published."""

    @extend_schema(responses={200: serializers.MethodologiesSerializer, 304: None})
    def get(self, request: Request) -> HttpResponse:
        versions = selectors.with_sample_mark(selectors.public_versions())
        return code_list(request, {"methodologies": [_head(version) for version in versions]})


class VersionView(PublicView):
    """One version: the document that runs, with its hash."""

    @extend_schema(responses={200: serializers.VersionSerializer, 304: None})
    def get(self, request: Request, code: str, version: str) -> HttpResponse:
        found = selectors.public_version(code=code, version=version)
        found.has_sample = found.pk in selectors.sample_versions([found.pk])  # type: ignore[attr-defined]
        return code_list(request, {**_head(found), "document": found.document, "source": found.source})


def _head(version: MethodologyVersion) -> dict[str, Any]:
    return {
        "code": version.methodology_id,
        "version": version.version,
        "state": version.state,
        "title": version.title_zh,
        "title_en": version.title_en,
        "sector": version.methodology.sector,
        "activity": version.methodology.activity,
        "region": version.methodology.region,
        "effective_from": version.effective_from.isoformat(),
        "sunset_on": version.sunset_on.isoformat() if version.sunset_on else None,
        "certifiable": version.certifiable,
        "sample": getattr(version, "has_sample"),  # noqa: B009
        "sha256": version.sha256,
    }

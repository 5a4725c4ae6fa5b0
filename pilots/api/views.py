"""Code list of regions and the dashboards' figures."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from carbon_portal.kernel import clock, regions
from carbon_portal.kernel.endpoints import PublicView, code_list
from carbon_portal.kernel.errors import NotFound
from pilots import boards, selectors
from pilots.constants import Period
from pilots.errors import BadFilter
from pilots.selectors import Cut

from . import serializers


class RegionListView(PublicView):
    """Divisions of the province: GB/T 2260, and the towns of the two cities without counties."""

    @extend_schema(responses={200: serializers.RegionSerializer(many=True)})
    def get(self, request: Request) -> HttpResponse:
        return code_list(request, serializers.RegionSerializer(regions.all_regions(), many=True).data)


class DashboardView(PublicView):
    """Sums by sector, activity, month, subject and evidence grade, each with its trace link. No records of persons."""

    @extend_schema(
        parameters=[OpenApiParameter("period", str, enum=Period.values)],
        responses={200: serializers.DashboardSerializer},
    )
    def get(self, request: Request, region: str) -> Response:
        area = regions.find(region)
        if area is None or area.kind not in {"province", "city", "county"}:
            raise NotFound
        period = request.query_params.get("period", Period.YEAR.value)
        if period not in Period.values:
            raise BadFilter(name="period", value=period[:40])
        first, last = selectors.period_days(period, clock.today())
        return Response(serializers.DashboardSerializer(_figures(Cut(area.code, first, last))).data)


def _figures(cut: Cut) -> dict[str, Any]:
    grams, count = selectors.total_g(cut)
    provisional_g, _records = selectors.total_g(Cut(cut.region, cut.first, cut.last, state="provisional"))
    result: dict[str, Any] = {
        "region": cut.region,
        "first": cut.first,
        "last": cut.last,
        "reduction_g": grams,
        "records": count,
        "provisional_g": provisional_g,
        "trace": boards.trace_url(cut),
    }
    for dimension in ("sector", "activity", "subject", "evidence"):
        rows = selectors.by(cut, dimension)
        result[f"by_{dimension}"] = [{**row, "trace": boards.trace_url(cut, **{dimension: row["key"]})} for row in rows]
    result["by_month"] = [
        {
            "key": f"{year}-{month:02d}",
            "reduction_g": sum(values.values()),
            "trace": boards.trace_url(cut, **boards.month_days((year, month), cut)),
        }
        for (year, month), values in sorted(selectors.by_month(cut).items())
    ]
    cities = selectors.by_city(cut) if regions.region(cut.region).kind == "province" else {}
    result["by_city"] = [
        {"key": code, "reduction_g": value, "trace": boards.trace_url(cut, region=code)}
        for code, value in cities.items()
    ]
    return result

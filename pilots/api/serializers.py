"""What `regions` and `dashboards/{region}` answer."""

from typing import Any

from rest_framework import serializers


class RegionSerializer(serializers.Serializer[Any]):
    """One division; a code of nine digits is a town of 441900 or 442000, for addresses only."""

    code = serializers.CharField()
    kind = serializers.CharField()
    parent = serializers.CharField()  # type: ignore[assignment]  # a field named like the base class's attribute
    name = serializers.CharField()
    name_en = serializers.CharField()
    slug = serializers.CharField()


class FigureSerializer(serializers.Serializer[Any]):
    """One sum with the way back to its records."""

    key = serializers.CharField()
    reduction_g = serializers.IntegerField()
    records = serializers.IntegerField(required=False)
    trace = serializers.CharField()


class DashboardSerializer(serializers.Serializer[Any]):
    """Totals of an area over days (inclusive); grams are final, `provisional_g` stands beside."""

    region = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    reduction_g = serializers.IntegerField()
    records = serializers.IntegerField()
    provisional_g = serializers.IntegerField()
    trace = serializers.CharField()
    by_sector = FigureSerializer(many=True)
    by_activity = FigureSerializer(many=True)
    by_subject = FigureSerializer(many=True)
    by_evidence = FigureSerializer(many=True)
    by_month = FigureSerializer(many=True)
    by_city = FigureSerializer(many=True)

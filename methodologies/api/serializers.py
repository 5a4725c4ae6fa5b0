"""Shapes of the answers, for the published schema."""

from rest_framework import serializers


class FactorValueSerializer(serializers.Serializer[object]):
    start = serializers.DateField(help_text="the province applies it from this day")
    value = serializers.CharField()
    data_year = serializers.IntegerField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    confidence = serializers.ChoiceField(
        choices=["official", "press", "register", "derived", "memory", "sample"], help_text="how the value is known"
    )
    best_before = serializers.DateField()


class FactorSerializer(serializers.Serializer[object]):
    code = serializers.CharField()
    title = serializers.CharField()
    title_en = serializers.CharField(allow_blank=True)
    unit = serializers.CharField()
    basis = serializers.CharField(allow_null=True)
    values = FactorValueSerializer(many=True)


class FactorsSerializer(serializers.Serializer[object]):
    sha256 = serializers.CharField()
    factors = FactorSerializer(many=True)


class MethodologySerializer(serializers.Serializer[object]):
    code = serializers.CharField()
    version = serializers.CharField()
    state = serializers.CharField()
    title = serializers.CharField()
    title_en = serializers.CharField(allow_blank=True)
    sector = serializers.CharField()
    activity = serializers.CharField()
    region = serializers.CharField()
    effective_from = serializers.DateField()
    sunset_on = serializers.DateField(allow_null=True)
    certifiable = serializers.BooleanField()
    sample = serializers.BooleanField(
        help_text="whether a value it uses is an illustrative figure: for the demo and trial points only"
    )
    sha256 = serializers.CharField()


class MethodologiesSerializer(serializers.Serializer[object]):
    methodologies = MethodologySerializer(many=True)


class VersionSerializer(MethodologySerializer):
    document = serializers.DictField(help_text="the document as plain data; its canonical JSON has the hash")
    source = serializers.CharField(help_text="the YAML as it was published")  # type: ignore[assignment]

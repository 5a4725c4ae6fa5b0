"""Shapes of the answers, for the published schema."""

from rest_framework import serializers


class YearSerializer(serializers.Serializer[object]):
    year = serializers.IntegerField()
    points = serializers.IntegerField()
    expires_on = serializers.DateField()
    spendable = serializers.BooleanField()


class AccountSerializer(serializers.Serializer[object]):
    """Grams by state; points by the year they were earned in."""

    participant = serializers.CharField(help_text="public id")
    kind = serializers.CharField()
    final_g = serializers.IntegerField()
    provisional_g = serializers.IntegerField()
    records = serializers.IntegerField()
    pending_records = serializers.IntegerField()
    spendable_points = serializers.IntegerField()
    queued_g = serializers.IntegerField(help_text="final grams whose points wait for a funded pool")
    debt_points = serializers.IntegerField(help_text="owed after a reversal, repaid by the next awards")
    points = YearSerializer(many=True)


class AccountsSerializer(serializers.Serializer[object]):
    accounts = AccountSerializer(many=True)


class EntrySerializer(serializers.Serializer[object]):
    """One line of the points statement; `balance_points` is the sum of the lines up to and including it."""

    entry = serializers.UUIDField(source="entry_uid")
    kind = serializers.CharField()
    effective_on = serializers.DateField()
    posted_at = serializers.DateTimeField()
    year = serializers.IntegerField()
    expires_on = serializers.DateField()
    points = serializers.IntegerField()
    balance_points = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]


class EntriesSerializer(serializers.Serializer[object]):
    results = EntrySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class TraceSerializer(serializers.Serializer[object]):
    """How the grams were made. `trace` is null until the record is quantified, and for a rejected one."""

    record = serializers.IntegerField()
    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    reason_zh = serializers.CharField(allow_blank=True)
    reason_en = serializers.CharField(allow_blank=True)
    sample = serializers.BooleanField(
        help_text="whether a value in the trace is an illustrative figure; false while there is no trace"
    )
    trace = serializers.DictField(allow_null=True)


class ReconciliationSerializer(serializers.Serializer[object]):
    """final = kept + pooled + remainder + issued + donated + claimed_elsewhere + uncertifiable; difference 0."""

    final_g = serializers.IntegerField()
    kept_g = serializers.IntegerField()
    pooled_g = serializers.IntegerField()
    remainder_g = serializers.IntegerField()
    issued_g = serializers.IntegerField()
    donated_g = serializers.IntegerField()
    claimed_elsewhere_g = serializers.IntegerField()
    uncertifiable_g = serializers.IntegerField()
    corrected_g = serializers.IntegerField()
    difference_g = serializers.IntegerField()

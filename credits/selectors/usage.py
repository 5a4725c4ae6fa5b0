"""What methods were used for: counts that the library asks for (methodologies.selectors.count_records_by)."""

import datetime as dt
from collections.abc import Mapping, Sequence

from django.db.models import Count

from credits.models import Reduction


def records_of_versions(versions: Sequence[int], since: dt.date, until: dt.datetime | None = None) -> Mapping[int, int]:
    """How many records of deeds on this day or later got a result by each version before a moment. One query."""
    found = Reduction.objects.filter(methodology_version__in=versions, record_on__gte=since)
    if until is not None:
        found = found.filter(created_at__lt=until)
    rows = found.order_by().values("methodology_version").annotate(n=Count("record_id", distinct=True))
    return {row["methodology_version"]: row["n"] for row in rows}

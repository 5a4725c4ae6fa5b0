"""Records computed with a factor's old value though its new one holds for their day; they keep what they have.

The same records that the page of the new value counts (credits.selectors.usage): those of deeds since its first day
that a version with the factor gave a result before it was adopted.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from carbon_portal.kernel import regions
from credits.services import bulk
from methodologies.models import FactorVintage, MethodologyVersion
from methodologies.selectors import Affected, affected_by

PAGE_SIZE = 200
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class AffectedRecord:
    """A record by number, with its newest result by one of the versions."""

    record_id: int
    on: dt.date
    region: str
    version: MethodologyVersion
    reduction_g: int

    @property
    def city(self) -> str:
        return f"{self.region[:4]}00"


@dataclass(frozen=True)
class Touched:
    """What a new value touches: the documents, and the records of some areas."""

    vintage: FactorVintage
    documents: Sequence[Affected]
    areas: Sequence[str]

    def count(self) -> int:
        """How many records there are in the areas."""
        if not self.documents:
            return 0
        return int(bulk.rows(f"SELECT count(*) {_RECORDS}", self._asked())[0][0])

    def page(self, *, after: int, limit: int = PAGE_SIZE) -> list[AffectedRecord]:
        """Records by number, from behind `after`."""
        if not self.documents:
            return []
        sql = f"""
            SELECT b.id, b.occurred_on, b.region, r.version, r.reduction_g {_RECORDS} AND b.id > %(after)s
             ORDER BY b.id LIMIT %(limit)s
        """
        rows = bulk.rows(sql, {**self._asked(), "after": after, "limit": limit})
        known = {one.version.pk: one.version for one in self.documents}
        return [AffectedRecord(pk, on, region, known[version], grams) for pk, on, region, version, grams in rows]

    def all_records(self) -> Iterator[AffectedRecord]:
        """Every record by number, in chunks."""
        after = 0
        while rows := self.page(after=after, limit=CHUNK):
            yield from rows
            after = rows[-1].record_id

    def _asked(self) -> dict[str, object]:
        return {
            "since": self.vintage.valid_from,
            "until": self.vintage.adopted_at,
            "versions": [one.version.pk for one in self.documents],
            "activities": sorted({one.version.methodology.activity for one in self.documents}),
            "places": sorted(
                {one.six for one in regions.all_regions() if any(regions.covers(area, one.six) for area in self.areas)}
            ),
        }


# The day prunes the table's months; a record's results lie together under its number.
_RECORDS = """
      FROM behaviors_behaviorrecord b
     CROSS JOIN LATERAL (
           SELECT x.methodology_version_id AS version, x.reduction_g FROM credits_reduction x
            WHERE x.record_id = b.id AND x.methodology_version_id = ANY(%(versions)s)
              AND (%(until)s::timestamptz IS NULL OR x.created_at < %(until)s)
            ORDER BY x.revision DESC LIMIT 1) r
     WHERE b.occurred_on >= %(since)s AND b.activity = ANY(%(activities)s) AND b.region = ANY(%(places)s)
"""


def touched_by(vintage: FactorVintage, areas: Sequence[str]) -> Touched:
    """The documents and records that a new value of a factor touches in some areas."""
    return Touched(vintage, affected_by(vintage.factor, since=vintage.valid_from, until=vintage.adopted_at), areas)

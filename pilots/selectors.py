"""Dashboards: sums over the daily totals, each with the way back to the records behind it.

A figure is asked for by a `Cut`: an area, days, and any of sector, activity, subject, evidence grade and state.
The cut that makes a figure on a page is the query string of its trace link, so both read the same rows.
"""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count, Q, Sum

from accounts.models import Participant
from behaviors.constants import QUEUED_STATES, RecordState
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import regions
from credits.models import PointsAccrual
from credits.selectors import Total, totals

from .constants import FIRST_DAY, SUMMED_AT_ONCE, Period

DIMENSIONS = ("sector", "activity", "subject", "evidence", "code")


@dataclass(frozen=True)
class Cut:
    """What is summed. Days are inclusive; an empty dimension means all of it.

    `exact` takes the region's own code only, not the areas inside it: records that name a city but no district.
    """

    region: str
    first: dt.date
    last: dt.date
    state: str = "final"
    sector: str = ""
    activity: str = ""
    subject: str = ""
    evidence: str = ""
    code: str = ""
    exact: bool = False

    def query(self, **changes: Any) -> str:
        """The query string of this figure's trace."""
        cut = replace(self, **changes)
        pairs = [("from", cut.first.isoformat()), ("to", cut.last.isoformat()), ("state", cut.state)]
        pairs += [(name, getattr(cut, name)) for name in DIMENSIONS if getattr(cut, name)]
        pairs += [("exact", "1")] if cut.exact else []
        return urlencode(pairs)


def region_prefix(code: str) -> str:
    """The leading digits that all codes inside an area share: 44, 4401 or 440106."""
    kind = regions.region(code).kind
    return {"nation": "", "province": code[:2], "city": code[:4]}.get(kind, code)


def period_days(period: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of 本月, 本年 or 累计."""
    first = {Period.MONTH: today.replace(day=1), Period.YEAR: today.replace(month=1, day=1)}
    return first.get(Period(period), dt.date.fromisoformat(FIRST_DAY)), today


def _sums(cut: Cut, *by: str) -> list[Total]:
    """The daily totals of a cut, grouped."""
    filters = {name: getattr(cut, name) for name in DIMENSIONS if getattr(cut, name)}
    return totals(region=cut.region, first=cut.first, last=cut.last, by=by, state=cut.state, exact=cut.exact, **filters)


def total_g(cut: Cut) -> tuple[int, int]:
    """Grams and records of a cut."""
    (whole,) = _sums(cut)
    return whole.reduction_g, whole.records


def by(cut: Cut, dimension: str) -> list[dict[str, Any]]:
    """Grams and records by one dimension, largest first: `[{"key", "reduction_g", "records"}]`."""
    rows = sorted(_sums(cut, dimension), key=lambda row: (-row.reduction_g, row.key))
    return [{"key": row.key[0], "reduction_g": row.reduction_g, "records": row.records} for row in rows]


def by_city(cut: Cut) -> dict[str, int]:
    """Grams by city code; every city of the province is there, with 0 where nothing happened."""
    found = {row.key[0]: row.reduction_g for row in _sums(cut, "city")}
    return {city.code: found.get(city.code, 0) for city in regions.cities()}


def by_county(cut: Cut) -> list[tuple[str, int]]:
    """Grams by the code that the records carry, inside one city, largest first."""
    return [(row["key"], row["reduction_g"]) for row in by(cut, "region")]


def by_month(cut: Cut, dimension: str = "sector") -> dict[tuple[int, int], dict[str, int]]:
    """Grams by (year, month) and one dimension."""
    result: dict[tuple[int, int], dict[str, int]] = {}
    for row in _sums(cut, "month", dimension):
        year, _, month = row.key[0].partition("-")
        result.setdefault((int(year), int(month)), {})[row.key[1]] = row.reduction_g
    return result


def people(region: str) -> dict[str, int]:
    """Participants of an area by kind."""
    rows = Participant.objects.filter(region__startswith=region_prefix(region), is_active=True)
    return dict(rows.values_list("kind").annotate(count=Count("uuid")))


def awarded_points(region: str, *, first_year: int, last_year: int) -> int:
    """Points awarded to participants of an area in these years (the year a record became final)."""
    rows = PointsAccrual.objects.filter(
        participant__region__startswith=region_prefix(region), year__range=(first_year, last_year)
    )
    return rows.aggregate(points=Sum("awarded_points"))["points"] or 0


def pending_records(region: str) -> int:
    """Records that were received and are not decided yet."""
    return sum(number for _state, number in pending_by_state(region))


@dataclass(frozen=True)
class Proof:
    """A figure and what stands behind it, counted twice: in the daily totals and in the reductions themselves."""

    total_g: int
    total_records: int
    summed_g: int
    summed_records: int
    versions: list[dict[str, Any]]

    @property
    def difference_g(self) -> int:
        return self.total_g - self.summed_g


def proof(cut: Cut) -> Proof:
    """Sum the latest revision of each record behind a cut and set it beside the daily totals; difference must be 0."""
    grams, count = total_g(cut)
    where, values = _record_filter(cut)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.code, coalesce(v.version, ''), coalesce(v.sha256, ''), coalesce(v.title_zh, ''),
                   coalesce(v.title_en, ''), count(*), coalesce(sum(r.reduction_g), 0)::bigint,
                   min(b.occurred_on), max(b.occurred_on)
              {_LATEST} {where}
             GROUP BY 1, 2, 3, 4, 5 ORDER BY 7 DESC, 1, 2
            """,
            values,
        )
        names = ("code", "version", "sha256", "title_zh", "title_en", "records", "reduction_g", "first", "last")
        versions = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    summed = [int(version["reduction_g"]) for version in versions]
    return Proof(grams, count, sum(summed), sum(version["records"] for version in versions), versions)


@dataclass(frozen=True)
class Part:
    """A piece of a cut too large to be summed at once; `kind` is month, city, day or region, `key` which one."""

    kind: str
    key: str
    cut: Cut
    total_g: int
    records: int


def is_summed_at_once(cut: Cut) -> bool:
    """Whether a page may sum the records behind a cut while somebody waits; otherwise `parts` leads there."""
    _grams, count = total_g(cut)
    return count <= SUMMED_AT_ONCE or _next_split(cut) is None


def parts(cut: Cut) -> list[Part]:
    """The cut in pieces that do not overlap and leave nothing out: by month, then city, then day, then county."""
    kind = _next_split(cut)
    if kind is None:
        return []
    return [
        Part(kind, row.key[0], _piece(cut, kind, row.key[0]), row.reduction_g, row.records)
        for row in sorted(_sums(cut, kind), key=lambda row: row.key)
    ]


def _next_split(cut: Cut) -> str | None:
    kind = regions.region(cut.region).kind
    if (cut.first.year, cut.first.month) != (cut.last.year, cut.last.month):
        return "month"
    if kind == "province" and not cut.exact:
        return "city"
    if cut.first != cut.last:
        return "day"
    return "region" if kind == "city" and not cut.exact else None


def _piece(cut: Cut, kind: str, key: str) -> Cut:
    if kind == "month":
        start = dt.date.fromisoformat(f"{key}-01")
        end = (start + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
        return replace(cut, first=max(cut.first, start), last=min(cut.last, end))
    if kind == "day":
        day = dt.date.fromisoformat(key)
        return replace(cut, first=day, last=day)
    # A record may name the area itself and none inside it.
    return replace(cut, region=key, exact=kind == "region" or key == cut.region)


def records(cut: Cut, *, before: int | None = None, limit: int) -> list[dict[str, Any]]:
    """The records behind a cut, newest id first, for staff; `before` continues a page."""
    where, values = _record_filter(cut)
    if before is not None:
        where, values = f"{where} AND b.id < %s", [*values, before]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT b.id, b.occurred_on, b.region, b.activity, b.evidence, r.code, coalesce(v.version, ''),
                   r.computed_g, r.reduction_g, r.reason
              {_LATEST} {where} ORDER BY b.id DESC LIMIT %s
            """,
            [*values, limit],
        )
        names = (
            "id", "occurred_on", "region", "activity", "evidence", "code", "version", "computed_g", "reduction_g",
            "reason",
        )  # fmt: skip
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


_LATEST = """
              FROM behaviors_behaviorrecord b
              JOIN LATERAL (SELECT * FROM credits_reduction x
                             WHERE x.record_id = b.id ORDER BY x.revision DESC LIMIT 1) r ON true
              LEFT JOIN methodologies_methodologyversion v ON v.id = r.methodology_version_id
"""


def _record_filter(cut: Cut) -> tuple[str, list[Any]]:
    clauses, values = ["b.occurred_on BETWEEN %s AND %s", "b.state = %s"], [cut.first, cut.last, cut.state]
    if cut.exact:
        clauses.append("b.region = %s")
        values.append(cut.region)
    elif prefix := region_prefix(cut.region):
        clauses.append("b.region LIKE %s")
        values.append(prefix + "%")
    for name, column in (("sector", "r"), ("activity", "b"), ("subject", "r"), ("evidence", "r"), ("code", "r")):
        if value := getattr(cut, name):
            clauses.append(f"{column}.{name} = %s")
            values.append(value)
    return "WHERE " + " AND ".join(clauses), values


def points_by_year(region: str) -> list[dict[str, int]]:
    """Points awarded to an area's participants by year, counted twice: in the accruals and in the ledger's lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH people AS (SELECT uuid FROM accounts_participant WHERE region LIKE %s),
            accrued AS (SELECT a.year, sum(a.awarded_points) AS points, sum(a.credited_g) AS grams
                          FROM credits_pointsaccrual a JOIN people p ON p.uuid = a.participant_id GROUP BY a.year),
            posted AS (SELECT a.points_year AS year, sum(l.amount) AS points
                         FROM people p
                         -- The uuid of participant:<uuid>:points:<year>; an equality, so that it is hashed once.
                         JOIN ledger_ledgeraccount a
                           ON substr(a.address, 13, 36) = p.uuid::text AND a.points_year IS NOT NULL
                         JOIN ledger_ledgerline l ON l.account_id = a.id
                         JOIN ledger_ledgerentry e ON e.id = l.entry_id AND e.kind IN ('award', 'award_correction')
                        GROUP BY a.points_year)
            SELECT coalesce(c.year, p.year)::int, coalesce(c.grams, 0)::bigint, coalesce(c.points, 0)::bigint,
                   coalesce(p.points, 0)::bigint
              FROM accrued c FULL JOIN posted p ON p.year = c.year ORDER BY 1 DESC
            """,
            [region_prefix(region) + "%"],
        )
        names = ("year", "credited_g", "awarded_points", "posted_points")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def pending_by_state(region: str) -> list[tuple[str, int]]:
    """Records that wait, by state."""
    inside = BehaviorRecord.objects.filter(region__startswith=region_prefix(region))
    # One question per partial index; together they would read every record there is.
    found = [
        inside.filter(condition).values_list("state").annotate(count=Count("id"))
        for condition in (Q(state__in=QUEUED_STATES), Q(state=RecordState.UNDER_REVIEW))
    ]
    return sorted(row for rows in found for row in rows)

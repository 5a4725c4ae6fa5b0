"""Sums for dashboards and the public reconciliation, from the totals by day, month and city."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from credits.services import bulk

# What a caller may group by, and the expression over a row of totals; `day` of a month's row is its first day.
GROUPS = {
    "day": "day",
    "month": "to_char(day, 'YYYY-MM')",
    "year": "to_char(day, 'YYYY')",
    "sector": "sector",
    "activity": "activity",
    "code": "code",
    "subject": "subject",
    "evidence": "evidence",
    "state": "state",
    "city": "left(region, 4) || '00'",
    "region": "region",
    "certifiable": "certifiable",
}
FILTERS = ("sector", "activity", "code", "subject", "evidence", "state")
# The few rows of the totals by city know nothing finer than these.
_OF_CITIES = frozenset({"day", "month", "year", "sector", "state", "city"})


@dataclass(frozen=True, slots=True)
class Total:
    """One group: its key values in the order asked for, records, those of 0 g, grams."""

    key: tuple[str, ...]
    records: int
    zero_records: int
    reduction_g: int


def totals(
    *,
    region: str = "440000",
    first: dt.date | None = None,
    last: dt.date | None = None,
    by: Sequence[str] = (),
    state: str | None = "final",
    exact: bool = False,
    **filters: str,
) -> list[Total]:
    """Totals of an area (province, city or county code) between two days, grouped by any of GROUPS.

    `state=None` adds provisional and final; `exact` takes the region's own code without the areas inside it. One query,
    over the coarsest tables that know the answer: whole months by month, the days around them by day.
    """
    if state is not None:
        filters = {**filters, "state": state}
    of_cities = not exact and region.endswith("00") and _OF_CITIES.issuperset([*by, *filters])
    where, params = _where(region, filters, exact)
    parts, values = [], []
    for months, start, end in _spans(first, last, by_day="day" in by):
        parts.append(f"{_source(of_cities, months)} WHERE {_DATE[of_cities, months]} BETWEEN %s AND %s")
        values += [start, end]
    keys = [GROUPS[name] for name in by]
    columns = ", ".join(f"({key})::text" for key in keys)
    sql = (
        f"SELECT {columns}{', ' if keys else ''}coalesce(sum(records), 0)::bigint,"  # noqa: S608 - names from GROUPS
        " coalesce(sum(zero_records), 0)::bigint, coalesce(sum(reduction_g), 0)::bigint"
        f" FROM ({' UNION ALL '.join(parts)}) t WHERE {where}"
    )
    if keys:
        numbers = ", ".join(str(index + 1) for index in range(len(keys)))
        sql += f" GROUP BY {numbers} HAVING sum(records) > 0 ORDER BY {numbers}"
    return [Total(tuple(row[:-3]), *row[-3:]) for row in bulk.rows(sql, [*values, *params])]


_SUMS = "records, zero_records, reduction_g"
_FINE = "region, activity, code, sector, subject, evidence, certifiable, state"
_DATE = {(True, True): "span = 'month' AND start", (True, False): "span = 'day' AND start",
         (False, True): "month", (False, False): "day"}  # fmt: skip


def _source(of_cities: bool, months: bool) -> str:
    """The table that is read, with the columns that all tables share."""
    if of_cities:
        return f"SELECT start AS day, city AS region, sector, state, {_SUMS} FROM credits_citytotal"  # noqa: S608
    if months:
        return f"SELECT month AS day, {_FINE}, {_SUMS} FROM credits_monthlytotal"  # noqa: S608
    return f"SELECT day, {_FINE}, {_SUMS} FROM credits_dailytotal"  # noqa: S608


def _spans(first: dt.date | None, last: dt.date | None, *, by_day: bool) -> list[tuple[bool, dt.date, dt.date]]:
    """The days asked for, cut into whole months (True, first month, last month) and single days (False, from, to)."""
    first, last = first or dt.date.min, last or dt.date.max
    begin, end = _month(first) + (first.day > 1), _month(last) - (not _ends_month(last))
    if by_day or begin > end:
        return [(False, first, last)]
    spans = [(True, _first_day(begin), _first_day(end))]
    if first.day > 1:
        spans.append((False, first, _first_day(begin) - _DAY))
    if not _ends_month(last):
        spans.append((False, last.replace(day=1), last))
    return spans


_DAY = dt.timedelta(days=1)


def _month(day: dt.date) -> int:
    """Months since the year 0."""
    return day.year * 12 + day.month - 1


def _first_day(month: int) -> dt.date:
    return dt.date(month // 12, month % 12 + 1, 1)


def _ends_month(day: dt.date) -> bool:
    return day == dt.date.max or (day + _DAY).day == 1


def _where(region: str, filters: dict[str, str], exact: bool) -> tuple[str, list[str]]:
    conditions, values = ["region LIKE %s"], [_prefix(region) + "%"]
    if exact:
        conditions.append("region = %s")
        values.append(region)
    for name, value in filters.items():
        if name not in FILTERS:
            raise ValueError(f"{name!r} is no filter of the totals")
        conditions.append(f"{name} = %s")
        values.append(value)
    return " AND ".join(conditions), values


def _prefix(region: str) -> str:
    """The digits that the codes inside an area share."""
    if region.endswith("0000"):
        return "" if region == "000000" else region[:2]
    return region[:4] if region.endswith("00") else region


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """final = kept + pooled + remainder + issued + donated + claimed elsewhere + uncertifiable; difference 0.

    `corrected_g` (grams taken back by revisions and reversals) stands beside and is no term.
    """

    final_g: int
    kept_g: int
    pooled_g: int
    remainder_g: int
    issued_g: int
    donated_g: int
    claimed_elsewhere_g: int
    uncertifiable_g: int
    corrected_g: int
    difference_g: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


_PARTS = """
    WITH newest AS (
        SELECT DISTINCT ON (x.record_id) x.id, x.record_id, x.record_on, x.reduction_g, x.certifiable
          FROM credits_reduction x ORDER BY x.record_id, x.revision DESC
    ), final AS (
        SELECT n.*, coalesce(c.claimed_g, 0) AS claimed_g
          FROM newest n
          JOIN behaviors_behaviorrecord r ON r.id = n.record_id AND r.occurred_on = n.record_on AND r.state = 'final'
          LEFT JOIN (SELECT e.record_id, sum(u.claimed_g) AS claimed_g -- of whichever revision was claimed
                       FROM credits_claimedgrams u JOIN credits_reduction e ON e.id = u.reduction_id
                      GROUP BY e.record_id) c ON c.record_id = n.record_id
    )
    SELECT coalesce(sum(reduction_g - claimed_g) FILTER (WHERE certifiable), 0)::bigint,
           coalesce(sum(reduction_g - claimed_g) FILTER (WHERE NOT certifiable), 0)::bigint
      FROM final
"""
_CORRECTED = """
    SELECT coalesce(sum(later.reduction_g - earlier.reduction_g), 0)::bigint
      FROM credits_reduction later JOIN credits_reduction earlier
        ON earlier.record_id = later.record_id AND earlier.revision = later.revision - 1
     WHERE later.revision > 1
"""


def reconciliation() -> Reconciliation:
    """The identity of all grams. `final_g` comes from the daily totals, the parts from reductions and claims."""
    final = sum(row.reduction_g for row in totals(region="000000"))
    kept, uncertifiable = bulk.rows(_PARTS)[0]
    claimed = dict(bulk.rows("SELECT kind, sum(grams)::bigint FROM credits_claim GROUP BY kind"))
    parts = {
        "kept_g": kept,
        "pooled_g": claimed.get("pooled", 0),
        "remainder_g": 0,  # batches that freeze a remainder below a tonne come with the registry
        "issued_g": claimed.get("issued", 0),
        "donated_g": claimed.get("donated", 0),
        "claimed_elsewhere_g": claimed.get("claimed_elsewhere", 0),
        "uncertifiable_g": uncertifiable,
    }
    corrected = bulk.rows(_CORRECTED)[0][0]
    return Reconciliation(final_g=final, **parts, corrected_g=corrected, difference_g=final - sum(parts.values()))

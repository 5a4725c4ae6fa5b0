"""Sums for dashboards and the public reconciliation, from the daily totals."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from credits.services import bulk

# What a caller may group by, and the expression over the daily totals.
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

    `state=None` adds provisional and final; `exact` takes the region's own code without the areas inside it. One query.
    """
    where, params = _where(region, first, last, state, filters)
    if exact:
        where, params = f"{where} AND region = %s", [*params, region]
    keys = [GROUPS[name] for name in by]
    columns = ", ".join(f"({key})::text" for key in keys)
    sql = (
        f"SELECT {columns}{', ' if keys else ''}coalesce(sum(records), 0)::bigint,"  # noqa: S608 - names from GROUPS
        " coalesce(sum(zero_records), 0)::bigint, coalesce(sum(reduction_g), 0)::bigint"
        f" FROM credits_dailytotal WHERE {where}"
    )
    if keys:
        numbers = ", ".join(str(index + 1) for index in range(len(keys)))
        sql += f" GROUP BY {numbers} HAVING sum(records) > 0 ORDER BY {numbers}"
    return [Total(tuple(row[:-3]), *row[-3:]) for row in bulk.rows(sql, params)]


def _where(
    region: str, first: dt.date | None, last: dt.date | None, state: str | None, filters: dict[str, str]
) -> tuple[str, list[object]]:
    conditions: list[str] = ["region LIKE %s"]
    values: list[object] = [_prefix(region) + "%"]
    if first is not None:
        conditions.append("day >= %s")
        values.append(first)
    if last is not None:
        conditions.append("day <= %s")
        values.append(last)
    if state is not None:
        filters = {**filters, "state": state}
    for name, value in filters.items():
        if name not in FILTERS:
            raise ValueError(f"{name!r} is no filter of the daily totals")
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
          LEFT JOIN credits_claimedgrams c ON c.reduction_id = n.id
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

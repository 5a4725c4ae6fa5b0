"""What a preview says: sums over its lines, by city and in all, and the hash that an approval binds."""

import datetime as dt
from typing import Any

from carbon_portal.kernel import clock
from credits.errors import NoPointsRule
from credits.models import Recomputation
from credits.services import bulk
from credits.services.basis import canonical, digest
from credits.services.points import rule_on

# After: what counts once the lines are written. Under: what the version gives where it gives a result at all.
_SUMS = """
    SELECT {key}, count(*), count(DISTINCT participant_id), sum(before_g)::bigint,
           sum(CASE WHEN stands THEN before_g ELSE new_g END)::bigint,
           sum(CASE WHEN because = 'refused' THEN before_g ELSE new_g END)::bigint,
           count(*) FILTER (WHERE NOT stands AND new_g > before_g),
           coalesce(sum(new_g - before_g) FILTER (WHERE NOT stands AND new_g > before_g), 0)::bigint,
           count(*) FILTER (WHERE NOT stands AND new_g < before_g),
           coalesce(sum(before_g - new_g) FILTER (WHERE NOT stands AND new_g < before_g), 0)::bigint,
           count(*) FILTER (WHERE NOT stands AND new_g = before_g),
           count(*) FILTER (WHERE because = 'rule'), count(*) FILTER (WHERE because = 'refused'),
           count(*) FILTER (WHERE because = 'claimed'), count(*) FILTER (WHERE because = 'same')
      FROM credits_recomputationline WHERE recomputation_id = %s GROUP BY 1 ORDER BY 1
"""
FIELDS = (
    "records", "participants", "before_g", "after_g", "under_g", "rising", "rising_g", "falling", "falling_g",
    "level", "kept_by_rule", "refused", "claimed", "same",
)  # fmt: skip
_POINTS = """
    SELECT coalesce(sum(p.top_up_g), 0)::bigint,
           coalesce(sum(greatest((coalesce(a.credited_g, 0) + p.top_up_g) * %(num)s / %(den)s
                                 - coalesce(a.awarded_points, 0), 0)), 0)::bigint
      FROM credits_recomputationpart p
      LEFT JOIN credits_pointsaccrual a ON a.participant_id = p.participant_id AND a.rule_id = %(rule)s
                                       AND a.year = %(year)s
     WHERE p.recomputation_id = %(job)s AND p.top_up_g > 0
"""


def numbers_of(job: Recomputation, at: dt.datetime) -> dict[str, Any]:
    """Sums in all and by city; the points that what rises costs at today's accruals (None without a points rule)."""
    every = bulk.rows(_SUMS.format(key="''"), [job.pk])
    cities = bulk.rows(_SUMS.format(key="left(region, 4) || '00'"), [job.pk])
    reasons = bulk.rows(
        "SELECT new_reason, count(*) FROM credits_recomputationline WHERE recomputation_id = %s AND because = 'refused'"
        " GROUP BY 1 ORDER BY 1",
        [job.pk],
    )
    found = _named(every[0]) if every else dict.fromkeys([*FIELDS, "change_g"], 0)
    top_up_g, points = _points(job, at)
    return found | {
        "top_up_g": top_up_g,
        "points": points,
        "refusals": dict(reasons),
        "cities": [{"city": row[0], **_named(row)} for row in cities],
    }


def _named(row: tuple[Any, ...]) -> dict[str, int]:
    found = dict(zip(FIELDS, row[1:], strict=True))
    return found | {"change_g": found["after_g"] - found["before_g"]}


def _points(job: Recomputation, at: dt.datetime) -> tuple[int, int | None]:
    try:
        rule = rule_on(clock.local_date(at))
    except NoPointsRule:
        rows = bulk.rows(
            "SELECT coalesce(sum(top_up_g), 0)::bigint FROM credits_recomputationpart WHERE recomputation_id = %s",
            [job.pk],
        )
        return rows[0][0], None
    year = clock.local_date(at).year
    grams, points = bulk.rows(
        _POINTS, {"num": rule.num, "den": rule.den, "rule": rule.pk, "year": year, "job": job.pk}
    )[0]
    return grams, points


def content_of(job: Recomputation) -> str:
    """SHA-256 of the canonical JSON of the choice and of the numbers that are shown with it."""
    return digest(
        canonical(
            {
                "recomputation": str(job.uuid),
                "version": str(job.version),
                "version_sha256": job.version.sha256,
                "factors_sha256": job.library.sha256,
                "first": job.first.isoformat(),
                "last": job.last.isoformat(),
                "regions": sorted(job.regions),
                "rule": job.rule,
                "reason": job.reason,
                "reason_en": job.reason_en,
                "numbers": job.numbers,
            }
        )
    )


def content_now(job: Recomputation) -> str:
    """As `content_of`, with the sums taken anew from the lines; today's points are no part of the content's change."""
    fresh = numbers_of(job, job.previewed_at or job.created_at)
    job.numbers = fresh | {name: job.numbers.get(name) for name in ("points", "top_up_g")}
    return content_of(job)

"""Checks of the totals by month and by city: the same sums as the daily totals, in fewer rows (D3)."""

from .check import Check

CHECKS = [
    Check(
        id="V50b",
        title_zh="每月汇总等于每日汇总之和",
        title_en="The monthly totals are the sums of the daily totals",
        sql="""
            WITH sums AS (
                SELECT region, date_trunc('month', day)::date AS month, activity, code, sector, subject, evidence,
                       certifiable, state, sum(records) AS records, sum(zero_records) AS zeros, sum(reduction_g) AS g
                  FROM credits_dailytotal GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9)
            SELECT concat_ws(' ', region, month, activity, code, sector, subject, evidence, certifiable, state),
                   t.records, s.records, t.reduction_g, s.g
              FROM credits_monthlytotal t
              FULL JOIN sums s USING (region, month, activity, code, sector, subject, evidence, certifiable, state)
             WHERE (coalesce(t.records, 0), coalesce(t.zero_records, 0), coalesce(t.reduction_g, 0))
                   <> (coalesce(s.records, 0), coalesce(s.zeros, 0), coalesce(s.g, 0))
             ORDER BY 1
        """,
    ),
    Check(
        id="V50c",
        title_zh="按城市的日、月汇总等于每日汇总之和",
        title_en="The totals by city, per day and per month, are the sums of the daily totals",
        sql="""
            WITH sums AS (
                SELECT left(region, 4) || '00' AS city, span,
                       CASE span WHEN 'day' THEN day ELSE date_trunc('month', day)::date END AS start,
                       sector, state, sum(records) AS records, sum(zero_records) AS zeros, sum(reduction_g) AS g
                  FROM credits_dailytotal, unnest(ARRAY['day', 'month']) span GROUP BY 1, 2, 3, 4, 5)
            SELECT concat_ws(' ', city, span, start, sector, state), t.records, s.records, t.reduction_g, s.g
              FROM credits_citytotal t FULL JOIN sums s USING (city, span, start, sector, state)
             WHERE (coalesce(t.records, 0), coalesce(t.zero_records, 0), coalesce(t.reduction_g, 0))
                   <> (coalesce(s.records, 0), coalesce(s.zeros, 0), coalesce(s.g, 0))
             ORDER BY 1
        """,
    ),
]

"""Refusals of the dashboards."""

from carbon_portal.kernel.errors import DomainError


class BadFilter(DomainError):
    code = "bad_filter"
    http_status = 400
    title, title_en = "筛选条件有误", "Invalid filter"
    zh = "看不懂筛选条件“{name}={value}”。请从看板上的数字点进来，或写成 2026-01-31 这样的日期。"
    en = "The filter “{name}={value}” can't be read. Follow a figure of the dashboard, or write dates as 2026-01-31."

"""The records behind the count on the page of a factor's new value: a list by number, and the same as a file."""

import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.constants import AREA_ROLES, PROVINCE_ROLES
from accounts.permissions import login_required_with_role
from accounts.selectors import has_role, staff_scope
from carbon_portal.kernel.cells import guarded
from carbon_portal.kernel.errors import NotFound
from carbon_portal.kernel.language import region_name
from carbon_portal.kernel.templatetags.portal import grams, local_date
from credits.selectors.affected import PAGE_SIZE, AffectedRecord, Touched, touched_by
from methodologies.models import FactorVintage
from methodologies.selectors.factors import newest_vintage

_staff = login_required_with_role(*sorted(AREA_ROLES))


@require_safe
@_staff
def affected_records(request: HttpRequest, code: str) -> HttpResponse:
    """Documents and records that the newest value of a factor touches in the reader's area."""
    touched = _touched(request, code)
    rows = touched.page(after=_after(request), limit=PAGE_SIZE + 1)
    shown = rows[:PAGE_SIZE]
    context = {
        "row": touched.vintage,
        "documents": touched.documents,
        "count": touched.count(),
        "province": has_role(request.user, *PROVINCE_ROLES),
        "columns": _columns(),
        "rows": [_cells(one) for one in shown],
        "next": shown[-1].record_id if len(rows) > len(shown) else None,
    }
    return render(request, "credits/affected/list.html", context)


@require_safe
@_staff
def affected_csv(request: HttpRequest, code: str) -> HttpResponseBase:
    """Every one of these records as CSV; no cell is run as a formula."""
    touched = _touched(request, code)
    answer = StreamingHttpResponse(_lines(touched), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="affected-{touched.vintage.pk}.csv"'
    return answer


def _touched(request: HttpRequest, code: str) -> Touched:
    """A city reads of values that hold; one that waits for its decision is the province's. Errors: NotFound."""
    row = newest_vintage(code)
    if row.state != FactorVintage.State.ADOPTED and not has_role(request.user, *PROVINCE_ROLES):
        raise NotFound
    return touched_by(row, staff_scope(request.user, *sorted(AREA_ROLES)))


def _after(request: HttpRequest) -> int:
    given = request.GET.get("after", "0")
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise NotFound
    return int(given)


def _columns() -> list[dict[str, Any]]:
    return [
        {"label": _("记录号")}, {"label": _("日期")}, {"label": _("城市")}, {"label": _("方法学版本")},
        {"label": _("原减碳量"), "num": True},
    ]  # fmt: skip


def _cells(one: AffectedRecord) -> list[str]:
    return [
        str(one.record_id), local_date(one.on, "iso"), region_name(one.city), str(one.version), grams(one.reduction_g),
    ]  # fmt: skip


class _Echo:
    """What csv writes to: hands back each line."""

    def write(self, line: str) -> str:
        return line


def _lines(touched: Touched) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"  # by which spreadsheets know UTF-8
    yield writer.writerow([_("记录号"), _("日期"), _("城市代码"), _("城市"), _("方法学版本"), _("原减碳量（克）")])
    for one in touched.all_records():
        row = [one.record_id, one.on.isoformat(), one.city, region_name(one.city), one.version, one.reduction_g]
        yield writer.writerow([guarded(cell) for cell in row])

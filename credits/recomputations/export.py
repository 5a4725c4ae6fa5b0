"""The report as files: JSON with every record, a workbook with as many as a sheet holds."""

import json
import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from carbon_portal.kernel.cells import guarded
from carbon_portal.kernel.language import region_name
from credits import selectors
from credits.models import Recomputation

from .present import areas, span
from .words import because_label, reason_of, rule_sentence, rule_title, state_label

# A sheet holds 1 048 576 rows, one of them the heading; what is more goes on in a further sheet.
SHEET_ROWS = 1_000_000


def head(job: Recomputation) -> dict[str, Any]:
    """What the report is about, in plain JSON."""
    progress = selectors.progress(job)
    return {
        "recomputation": str(job.uuid),
        "state": job.state,
        "code": job.code,
        "version": job.version.version,
        "version_sha256": job.version.sha256,
        "factors_sha256": job.library.sha256,
        "first": job.first.isoformat(),
        "last": job.last.isoformat(),
        "regions": list(job.regions),
        "rule": job.rule,
        "reason": job.reason,
        "content_sha256": job.content_sha256,
        "numbers": job.numbers,
        "participants_left_out": progress.left_out,
    }


def as_json(job: Recomputation) -> Iterator[str]:
    """One JSON object, piece by piece: head, sums by city, total, every record. The records add up to the others."""
    cities = selectors.sums_by_city(job)
    total = {name: sum(city[name] for city in cities) for name in ("records", "before_g", "after_g", "change_g")}
    opening = json.dumps({**head(job), "cities": cities, "total": total}, ensure_ascii=False)
    yield opening[:-1] + ', "lines": ['
    first = True
    for line in selectors.lines(job):
        row = {
            "record": line.record_id, "on": line.record_on.isoformat(), "region": line.region,
            "before_g": line.before_g, "new_g": line.new_g, "after_g": line.counts_g, "change_g": line.change_g,
            "new_reason": line.new_reason,
            "stands_because": line.because,
        }  # fmt: skip
        yield ("" if first else ",") + json.dumps(row, ensure_ascii=False)
        first = False
    yield "]}"


def as_workbook(job: Recomputation) -> IO[bytes]:
    """Sheets: the choice, the cities with their total, the records. Grams are numbers, texts can't be formulas."""
    book = Workbook(write_only=True)
    _sheet(book, _("说明"), [_("项目"), _("内容")], _choice(job))
    names = [_("城市"), _("记录"), _("原来（克）"), _("计入后（克）"), _("差额（克）"), _("新结果（克）")]
    cities = selectors.sums_by_city(job)
    fields = ("records", "before_g", "after_g", "change_g", "under_g")
    rows: list[list[Any]] = [[region_name(city["city"]), *(city[name] for name in fields)] for city in cities]
    rows.append([_("合计"), *(sum(city[name] for city in cities) for name in fields)])
    _sheet(book, _("按城市"), names, iter(rows))
    titles = [
        _("记录号"),
        _("日期"),
        _("地区"),
        _("原来（克）"),
        _("新结果（克）"),
        _("计入后（克）"),
        _("差额（克）"),
        _("说明"),
    ]
    found, number = selectors.lines(job), 1
    while True:
        part = list(islice(found, SHEET_ROWS))
        if not part and number > 1:
            break
        body = (
            [line.record_id, line.record_on.isoformat(), region_name(line.region), line.before_g, line.new_g,
             line.counts_g, line.change_g, because_label(line.because, line.new_reason)]
            for line in part
        )  # fmt: skip
        _sheet(book, _("按记录") + ("" if number == 1 else f" {number}"), titles, body)
        number += 1
        if len(part) < SHEET_ROWS:
            break
    file = tempfile.TemporaryFile()  # noqa: SIM115  (handed over, closed with the answer)
    book.save(file)
    file.seek(0)
    return file


def _choice(job: Recomputation) -> Iterator[list[Any]]:
    yield [_("版本"), str(job.version)]
    yield ["SHA-256", job.version.sha256]
    yield [_("因子库") + " SHA-256", job.library.sha256]
    yield [_("日期"), span(job)]
    yield [_("地区"), areas(job)]
    yield [_("处理规则"), f"{rule_title(job.rule)}{_('：')}{rule_sentence(job.rule)}"]
    yield [_("原因"), reason_of(job)]
    yield [_("状态"), state_label(job.state)]
    yield [_("审定内容") + " SHA-256", job.content_sha256]


def _sheet(book: Workbook, title: str, names: list[str], rows: Iterator[list[Any]]) -> None:
    sheet = book.create_sheet(title)
    sheet.append(names)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, int):
        return value
    cell = WriteOnlyCell(sheet, guarded(value))
    cell.data_type = "s"
    return cell

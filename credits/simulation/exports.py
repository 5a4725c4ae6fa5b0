"""A finished report as it leaves the portal: the kept data as JSON, and a workbook of texts and numbers."""

import io
from typing import Any

from django.utils import translation
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from carbon_portal.kernel.cells import guarded
from carbon_portal.kernel.errors import NotFound
from credits.models import Simulation

from . import present, present_findings, present_top

_KEYS = ("key", "participants", "records", "draft_g", "base_g")


def as_json(simulation: Simulation) -> dict[str, Any]:
    """The report with what was asked and the findings in both languages. Errors: NotFound while there is none."""
    report = _report(simulation)
    sample = present.rests_on_sample(simulation)
    found, said = {}, {}
    for language, name in (("zh-hans", "zh"), ("en", "en")):
        with translation.override(language):
            said[name] = _sample_line()
            found[name] = (
                [one["text"] for one in present_findings.findings(report)] if present.is_substantial(report) else []
            )
    return {
        "simulation": str(simulation.pk),
        "text_sha256": present.text_sha256(simulation.source),
        "sample": sample,
        "sample_notice": said if sample else None,
        **report,
        "findings": found,
    }


def as_xlsx(simulation: Simulation) -> bytes:
    """One sheet a table, grams as whole numbers. Errors: NotFound while there is no report."""
    report = _report(simulation)
    book = Workbook(write_only=True)
    first = [[_sample_line()], []] if present.rests_on_sample(simulation) else []
    first += [[fact["label"], fact["value"]] for fact in present.facts(simulation)]
    if present.is_substantial(report):
        first += [[], *[[one["text"]] for one in present_findings.findings(report)]]
    _sheet(book, "report", first)
    if present.is_substantial(report):
        draft, base = report["draft"], report["base"]
        names = [name for name in draft if name != "reasons"]
        _sheet(book, "totals", [["", "draft", "base"], *[[name, draft[name], base[name]] for name in names]])
        for name in ("cities", "months", "households"):
            _sheet(book, name, [list(_KEYS), *[[one[key] for key in _KEYS] for one in report[name]]])
        codes = sorted({*draft["reasons"], *base["reasons"]})
        rows = [[code or "credited", draft["reasons"].get(code, 0), base["reasons"].get(code, 0)] for code in codes]
        _sheet(book, "reasons", [["reason", "draft", "base"], *rows])
        spread = report["distribution"]
        if spread["draft"] and spread["base"]:
            pairs = zip(spread["draft"]["tenths_g"], spread["base"]["tenths_g"], strict=True)
            tenths = [[n, one, other] for n, (one, other) in enumerate(pairs, start=1)]
            _sheet(book, "tenths", [["tenth", "draft_g", "base_g"], *tenths])
        if (found := present_top.top(report)) is not None:
            rows = []
            for one in (found["means"], *found["people"], *found["records"]):
                rows += [[], [column["label"] for column in one["columns"]], *one["rows"]]
            _sheet(book, "top", [[found["text"]], *rows])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sample_line() -> str:
    return " · ".join(present.sample_words())


def _report(simulation: Simulation) -> dict[str, Any]:
    if simulation.report is None:
        raise NotFound
    return dict(simulation.report)


def _sheet(book: Workbook, name: str, rows: list[list[Any]]) -> None:
    sheet = book.create_sheet(name)
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Any, value: Any) -> Any:
    """Numbers as numbers where a spreadsheet holds them exactly; every text as a text that it does not run."""
    if isinstance(value, int) and abs(value) < 10**15:
        return value
    cell = WriteOnlyCell(sheet, value="" if value is None else guarded(value))
    cell.data_type = "s"
    return cell

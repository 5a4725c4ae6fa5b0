"""`manage.py methodology check | evaluate | sync | factors | simulate`: the documents of methods."""

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from carbon_portal.kernel import clock
from methodologies.engine import DocumentError

if TYPE_CHECKING:
    from methodologies.models import MethodologyVersion


class Command(BaseCommand):
    help = "方法学文档：检查、测算、同步、因子、试算 (methodology documents)"
    # `check` and `evaluate` work where there is no database at all.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True, metavar="check|evaluate|sync|factors|simulate")
        check = deeds.add_parser("check", help="check documents; exit 1 when one has an error")
        check.add_argument("files", nargs="+", type=Path)
        evaluate = deeds.add_parser("evaluate", help="evaluate a CSV table under one document")
        evaluate.add_argument("file", type=Path)
        evaluate.add_argument("table", type=Path, metavar="INPUT.csv")
        evaluate.add_argument("--output", type=Path, metavar="OUT.csv")
        evaluate.add_argument("--explain", metavar="ROW", help="a record, or the number of a row")
        sync = deeds.add_parser("sync", help="bring the shipped library into the database")
        sync.add_argument("--folder", type=Path, help="another folder of documents")
        factors = deeds.add_parser("factors", help="the factor library")
        factors.add_argument("--expired", action="store_true", help="only what is past its best-before")
        simulate = deeds.add_parser("simulate", help="what a version would have given over stored records")
        simulate.add_argument("version", metavar="CODE@VERSION")
        simulate.add_argument("--from", dest="first", type=_day, required=True, metavar="YYYY-MM-DD")
        simulate.add_argument("--to", dest="last", type=_day, required=True, metavar="YYYY-MM-DD")
        simulate.add_argument("--against", metavar="CODE@VERSION", help="default: the rules in force")
        simulate.add_argument("--region", default="440000", help="province, city or county (default 440000)")
        simulate.add_argument("--exclude-missing", action="store_true", help="leave out records that lack an input")
        simulate.add_argument("--json", type=Path, metavar="FILE", help="write the whole report")

    def handle(self, *args: Any, **options: Any) -> None:
        code = getattr(self, f"_{options['deed']}")(options)
        if code:
            raise SystemExit(code)

    def _check(self, options: dict[str, Any]) -> int:
        from methodologies.engine.table import check_files

        return check_files(options["files"], today=clock.today(), demo=settings.DEMO, out=self._plain(self.stdout))

    def _evaluate(self, options: dict[str, Any]) -> int:
        from methodologies.engine.table import evaluate_file

        return evaluate_file(
            options["file"],
            options["table"],
            output=options["output"],
            explain=options["explain"],
            out=self._plain(self.stdout),
            err=self._plain(self.stderr),
        )

    @staticmethod
    def _plain(wrapper: Any) -> Any:
        """The stream itself: Django's wrapper ends every write with a line break, which a table can't bear."""
        return wrapper._out

    def _sync(self, options: dict[str, Any]) -> int:
        from methodologies.errors import LibraryError
        from methodologies.services import LIBRARY, sync_library

        try:
            report = sync_library(at=clock.now(), folder=options["folder"] or LIBRARY)
        except DocumentError as error:
            raise CommandError(str(error)) from error
        except LibraryError as error:
            raise CommandError(f"{error.detail} {error.detail_en}") from error
        for title, names in (("已发布 published", report.published), ("草案 drafts", report.drafts)):
            for name in names:
                self.stdout.write(f"{title}: {name}")
        for name, samples in report.with_samples.items():
            self.stdout.write(
                f"含示例值，只在演示环境随系统发布，因此先入草案，请换成有来源的数值再报送：{name}（{samples}）\n"
                f"Not published but a draft, since only a demo publishes sample figures: {name} ({samples}). "
                "Give sourced ones and forward it."
            )
        if report.factors_changed:
            self.stdout.write("因子库已更新 factor library synced")
        self.stdout.write(f"未变 unchanged: {len(report.unchanged)}")
        for refusal in report.refused:
            self.stderr.write(f"{refusal.detail} {refusal.detail_en}")
        return 1 if report.refused else 0

    def _factors(self, options: dict[str, Any]) -> int:
        from methodologies.engine.table import shared_factors

        today = clock.today()
        library = shared_factors()
        if library is None:
            raise CommandError("methodologies/library/factors.yaml 不存在 (is missing)")
        for code, factor in library.factors.items():
            current = [entry for start, entry in factor.values if start <= today] or [factor.values[0][1]]
            late = current[-1].best_before < today
            if late or not options["expired"]:
                mark = "  已过期 past best-before" if late else ""
                self.stdout.write(
                    f"{code}  {current[-1].value} {factor.unit}  {current[-1].confidence}"
                    f"  best before {current[-1].best_before}{mark}"
                )
        return 0

    def _simulate(self, options: dict[str, Any]) -> int:
        """Run here and now what the page has a worker do; the report stays in the list of simulations."""
        from carbon_portal.kernel.errors import DomainError
        from credits import services

        version = _stored(options["version"])
        against = _stored(options["against"]) if options["against"] else None
        try:
            made = services.start_simulation(
                source=version.source, version=version, against=against, region=options["region"],
                first=options["first"], last=options["last"], exclude_missing=options["exclude_missing"],
                by=None, at=clock.now(), announce=False,
            )  # fmt: skip
        except DomainError as error:
            raise CommandError(f"{error.detail} {error.detail_en}") from error
        services.run_simulation(pk=made.pk)
        made.refresh_from_db()
        if made.report is None:
            raise CommandError(f"{made.why} {made.why_en}")
        if options["json"]:
            text = json.dumps(made.report, ensure_ascii=False, indent=2)
            options["json"].write_text(f"{text}\n", encoding="utf-8")
        self._print_report(made.report)
        self.stdout.write(f"报告 report: /staff/simulations/{made.pk}/")
        return 0

    def _print_report(self, report: dict[str, Any]) -> None:
        self.stdout.write(f"记录 records: {report['records']}  参与者 participants: {report['participants']}")
        for name, label in (("draft", "草案 draft"), ("base", "对照 against")):
            side = report[name]
            if side is None:
                self.stdout.write(f"{label}: 少于 5 人，不显示 fewer than five people, not shown")
                continue
            points = "–" if side["points"] is None else f"{side['points']} 碳币 points"
            self.stdout.write(f"{label}: {side['grams']} g  {side['participants']} 人 people  {points}")


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _stored(name: str) -> "MethodologyVersion":
    from methodologies.models import MethodologyVersion

    code, _, number = name.partition("@")
    found = MethodologyVersion.objects.filter(methodology_id=code, version=number).select_related("methodology").first()
    if found is None:
        raise CommandError(f"没有 {name}：请写 CODE@VERSION。There is no {name}: write CODE@VERSION.")
    return found

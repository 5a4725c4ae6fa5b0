"""`manage.py methodology check | evaluate | sync | factors`: what an expert and an operator do with documents."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from carbon_portal.kernel import clock
from methodologies.engine import DocumentError


class Command(BaseCommand):
    help = "方法学文档：检查、测算、同步、因子 (methodology documents)"
    # `check` and `evaluate` work where there is no database at all.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True, metavar="check|evaluate|sync|factors")
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
        from methodologies.services import LIBRARY, sync_library

        try:
            report = sync_library(at=clock.now(), folder=options["folder"] or LIBRARY)
        except DocumentError as error:
            raise CommandError(str(error)) from error
        for title, names in (("已发布 published", report.published), ("草案 drafts", report.drafts)):
            for name in names:
                self.stdout.write(f"{title}: {name}")
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

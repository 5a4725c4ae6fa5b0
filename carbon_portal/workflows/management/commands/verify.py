"""`manage.py verify [--fast] [--json]`: the independent audit (integrity, section 1.3).

Exit 0: nothing wrong; 1: violations, each named; 2: it could not run.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from carbon_portal.workflows.verify import run


class Command(BaseCommand):
    help = "独立核对全部账目和减碳量 (the independent audit of ledger, grams and traceability)"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--fast",
            action="store_true",
            help="what changed since the ledger's newest checkpoint; everything while there is none",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            findings = list(run.run_since_checkpoint() if options["fast"] else run.run())
        except DatabaseError as error:
            self._say_impossible(error, as_json=options["json"])
            raise SystemExit(2) from error
        wrong = [finding for finding in findings if finding.count]
        if options["json"]:
            body = {
                "violations": sum(finding.count for finding in wrong),
                "checks": [finding.as_dict() for finding in findings],
            }
            self.stdout.write(json.dumps(body, ensure_ascii=False))
        else:
            for finding in findings:
                self._print(finding)
            total = sum(finding.count for finding in wrong)
            self.stdout.write(f"{len(findings)} 项核对，{total} 处不符 ({len(findings)} checks, {total} violations)")
        if wrong:
            raise SystemExit(1)

    def _print(self, finding: run.Finding) -> None:
        mark = "不符 FAIL" if finding.count else "通过 ok  "
        self.stdout.write(f"{mark} {finding.id:<5} {finding.title_zh} ({finding.title_en}): {finding.count}")
        for row in finding.offenders:
            self.stdout.write(f"      {' · '.join(row)}")

    def _say_impossible(self, error: DatabaseError, *, as_json: bool) -> None:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if as_json:
            self.stdout.write(json.dumps({"error": reason}, ensure_ascii=False))
        self.stderr.write(f"无法核对 (could not run): {reason}")

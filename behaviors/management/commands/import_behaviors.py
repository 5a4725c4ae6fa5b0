"""Import a CSV or XLSX file of records."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Provider
from behaviors import activities, services
from behaviors.errors import UnreadableFile
from carbon_portal.kernel import clock
from carbon_portal.kernel.cells import guarded

SHOWN_ERRORS = 20


class Command(BaseCommand):
    help = "从 CSV 或 XLSX 导入行为记录；同一文件再次导入不改变任何内容。The same file again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--provider", default="", metavar="CODE", help="for a file without the column provider")
        parser.add_argument("--activity", default="", metavar="CODE", help="for a file without the column activity")
        parser.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
        parser.add_argument("--errors", type=Path, metavar="OUT.csv", help="write the refused rows here")

    def handle(self, *args: Any, **options: Any) -> None:
        provider = _provider(options["provider"])
        if options["activity"] and activities.find(options["activity"]) is None:
            raise CommandError(activities.UnknownActivity(options["activity"]).detail)
        try:
            receipt = services.import_file(
                path=Path(options["file"]),
                provider=provider,
                activity=options["activity"],
                at=clock.now(),
                dry_run=options["dry_run"],
            )
        except UnreadableFile as error:
            raise CommandError(f"{error.detail} {error.detail_en}") from error
        if options["errors"]:
            _write_errors(Path(options["errors"]), receipt)
        self._say(receipt, dry_run=options["dry_run"])

    def _say(self, receipt: services.Receipt, *, dry_run: bool) -> None:
        for zh, en in receipt.notes:
            self.stderr.write(f"{zh} {en}")
        for error in receipt.errors[:SHOWN_ERRORS]:
            self.stderr.write(f"第 {error.row} 行 {error.column}: {error.message} {error.message_en}")
        if len(receipt.errors) > SHOWN_ERRORS:
            self.stderr.write(f"…… 共 {len(receipt.errors)} 处，用 --errors 存成文件。")
        if receipt.replayed and receipt.batch:
            at = receipt.batch.created_at.astimezone(clock.LOCAL_ZONE)
            self.stderr.write(f"该文件已于 {at:%Y-%m-%d %H:%M} 导入，没有重复入库，以下是当时的回执。")
        if dry_run:
            self.stderr.write("试运行，没有写入。Dry run, nothing was written.")
        for name in ("received", "accepted", "rejected", "duplicates"):
            self.stdout.write(f"{name}: {getattr(receipt, name)}")
        self.stdout.write(f"batch: {receipt.batch.pk if receipt.batch else '-'}")


def _provider(code: str) -> Provider | None:
    if not code:
        return None
    provider = Provider.objects.filter(code=code, is_active=True).first()
    if provider is None:
        raise CommandError(f"没有代码为“{code}”的数据提供方。There is no provider “{code}”.")
    return provider


def _write_errors(path: Path, receipt: services.Receipt) -> None:
    """Row, column, code and both sentences; UTF-8 with BOM, so that a spreadsheet shows Chinese."""
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["row", "column", "code", "message", "message_en"])
            for error in receipt.errors:
                cells = (error.row, error.column, error.code, error.message, error.message_en)
                writer.writerow([guarded(cell) for cell in cells])
    except OSError as error:
        raise CommandError(f"错误清单写不进 {path}: {error.strerror}") from error

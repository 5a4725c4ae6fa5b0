"""`manage.py quantify_pending [--until-empty]`: one sweep in this process; what the workers do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from carbon_portal.kernel import clock
from credits import services


class Command(BaseCommand):
    help = "计算待处理的记录 (quantify pending records)"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--until-empty", action="store_true", help="repeat until nothing is pending")

    def handle(self, *args: Any, **options: Any) -> None:
        sweep = services.quantify_pending(until_empty=options["until_empty"])
        undone = services.undo_reversed(at=clock.now())
        counts = ", ".join(f"{state} {count}" for state, count in sorted(sweep.counts.items())) or "0"
        self.stdout.write(f"records {sweep.records} ({counts}); undone {undone}")

"""Write plausible records for measurements."""

import datetime as dt
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Provider
from behaviors import selectors
from behaviors.intake import plausible
from carbon_portal.kernel import clock


class Command(BaseCommand):
    help = "生成可导入的测试记录，同样的参数得到同样的文件。Write deterministic records for import_behaviors."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, required=True)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument(
            "--until", type=dt.date.fromisoformat, metavar="DATE", help="the last of the 365 days (default: yesterday)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        providers = Provider.objects.filter(is_active=True).values_list("code", flat=True)
        rows = plausible.rows(
            selectors.subjects_that_earn(),
            count=options["count"],
            seed=options["seed"],
            until=options["until"] or clock.today() - dt.timedelta(days=1),
            providers=plausible.feeds(list(providers)),
        )
        try:
            with Path(options["out"]).open("w", encoding="utf-8", newline="") as stream:
                stream.write(",".join(plausible.COLUMNS) + "\n")
                stream.writelines(f"{row.text}\n" for row in rows)
        except plausible.TooMany as error:
            raise CommandError(
                f"库里的账户最多可生成 {error.most} 条。 The participants of the database carry {error.most} records."
            ) from error
        except OSError as error:
            raise CommandError(f"文件 {options['out']} 写不进: {error.strerror}") from error
        self.stdout.write(f"{options['count']} → {options['out']}")

"""`manage.py seed_demo`: the demo province, through the real services; idempotent."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from behaviors.models import BehaviorRecord
from carbon_portal.kernel import clock, regions
from carbon_portal.workflows.demo import accounts_file
from carbon_portal.workflows.demo.deeds import seed_deeds
from carbon_portal.workflows.demo.exchange import seed_exchange
from carbon_portal.workflows.demo.people import seed_people
from credits import services as credits

POOL_POINTS = 5_000_000


class Command(BaseCommand):
    help = "Fill the demo province: people, twelve months of deeds, a merchant. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="written into var/demo-accounts.json")
        parser.add_argument("--population", type=int, default=240)
        parser.add_argument("--per-month", type=int, default=120)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only the demo is seeded. 只有演示环境可以填充演示数据。")
        now = clock.now()
        path = settings.VAR / "demo-accounts.json"
        passwords = accounts_file.read_passwords(path)
        started = now - dt.timedelta(days=400)
        known = set(User.objects.filter(username__in=passwords).values_list("username", flat=True))
        passwords = {name: password for name, password in passwords.items() if name in known}
        cast = seed_people(at=started, passwords=passwords, population=options["population"])
        credits.set_points_rule(
            num=1, den=100, effective_from=dt.date(2015, 7, 1), source="演示规则:每 100 克 1 碳币", at=started
        )
        credits.fund_pool(
            region=regions.PROVINCE, sponsor=cast.sponsor, points=POOL_POINTS, actor=None, at=started, key="demo:pool"
        )
        if not BehaviorRecord.objects.exists():
            sent = seed_deeds(cast, now=now, per_month=options["per_month"], quantify=self._quantify)
            self.stdout.write(f"records submitted: {sent}")
        captured = seed_exchange(cast, now=now)
        clients = accounts_file.ensure_client(
            accounts_file.read_clients(path), region="440100", scopes=["behaviors:write", "dashboards"]
        )
        accounts_file.write(path, url=options["url"], people=cast.entries, api_clients=clients)
        self.stdout.write(f"participants: {len(cast.residents) + len(cast.households) + len(cast.firms)}")
        self.stdout.write(f"vouchers captured: {captured}; accounts: {path}")

    @staticmethod
    def _quantify(at: dt.datetime) -> None:
        """Everything that waits, as the workers would have done on that day."""
        credits.quantify_pending(at=at, until_empty=True)
        credits.close_windows(at=at)

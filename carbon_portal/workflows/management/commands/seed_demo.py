"""`manage.py seed_demo`: the demo province, through the real services; idempotent."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from carbon_portal.kernel import clock, regions
from carbon_portal.workflows.demo import accounts_file
from carbon_portal.workflows.demo.deeds import seed_deeds
from carbon_portal.workflows.demo.drafts import seed_drafts
from carbon_portal.workflows.demo.endings import seed_endings
from carbon_portal.workflows.demo.exchange import seed_exchange
from carbon_portal.workflows.demo.feeds import begun, seed_feeds
from carbon_portal.workflows.demo.ideas import seed_ideas
from carbon_portal.workflows.demo.people import seed_people
from carbon_portal.workflows.demo.reviews import seed_reviews
from carbon_portal.workflows.demo.revisions import seed_revision
from carbon_portal.workflows.demo.verifications import seed_verifications
from credits import services as credits

POOL_POINTS = 5_000_000
#: residents (families and firms come on top) and rows of a year's feeds: one in 300 tells of a deed that stands already
SCALES = {"full": (1_600, 60_500), "small": (240, 3_000)}


class Command(BaseCommand):
    help = "Fill the demo province: people, twelve months of deeds, a merchant. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="written into var/demo-accounts.json")
        parser.add_argument(
            "--scale", choices=SCALES, default="full", help="small: a tenth of the people, for a quick look and tests"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("Only the demo is seeded. 只有演示环境可以填充演示数据。")
        now = clock.now()
        path = settings.VAR / "demo-accounts.json"
        passwords = accounts_file.read_passwords(path)
        started = now - dt.timedelta(days=400)
        known = set(User.objects.filter(username__in=passwords).values_list("username", flat=True))
        passwords = {name: password for name, password in passwords.items() if name in known}
        residents, records = self._scale(options["scale"])
        cast = seed_people(at=started, passwords=passwords, population=residents)
        credits.set_points_rule(
            num=1, den=100, effective_from=dt.date(2015, 7, 1), source="演示规则:每 100 克 1 碳币", at=started
        )
        credits.fund_pool(
            region=regions.PROVINCE, sponsor=cast.sponsor, points=POOL_POINTS, actor=None, at=started, key="demo:pool"
        )
        sent = seed_feeds(cast, now=now, records=records, quantify=self._quantify)
        if told := seed_deeds(cast, now=now):
            self._quantify(now)
        self.stdout.write(f"records: {sent} by feeds, {told} by themselves")
        captured = seed_exchange(cast, now=now)
        if ideas := seed_ideas(cast, now=now):
            self.stdout.write(f"proposals: {ideas}")
        seed_drafts(cast, now=now)
        self.stdout.write(f"methods under review: {seed_reviews(cast, now=now)}")
        self.stdout.write(f"revisions published: {seed_revision(cast, now=now)}")
        self.stdout.write(f"messages: {seed_endings(cast, now=now)}")
        self.stdout.write(f"verifications: {seed_verifications(now=now)}")
        clients = accounts_file.ensure_client(
            accounts_file.read_clients(path), region="440100", scopes=["behaviors:write", "dashboards"]
        )
        accounts_file.write(path, url=options["url"], people=cast.entries, api_clients=clients)
        self.stdout.write(f"participants: {len(cast.residents) + len(cast.households) + len(cast.firms)}")
        self.stdout.write(f"vouchers captured: {captured}; accounts: {path}")

    @staticmethod
    def _scale(wanted: str) -> tuple[int, int]:
        """Residents and records. A demo that was begun at one scale stays at it: its people are there."""
        known = begun()
        of_known = [scale for scale in SCALES.values() if known and scale[1] == known[1]]
        return of_known[0] if of_known else SCALES[wanted]

    @staticmethod
    def _quantify(at: dt.datetime) -> None:
        """Everything that waits, as the workers would have done on that day."""
        credits.quantify_pending(at=at, until_empty=True)
        credits.close_windows(at=at)

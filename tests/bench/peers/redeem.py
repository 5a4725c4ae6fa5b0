"""Redemptions at one merchant by other means: ``python -m tests.bench.peers.redeem SIDE CLIENTS PARTICIPANTS``.

Sides: ``hordak`` (transfer_to, which guards nothing), ``hordak-locked`` (the payer locked, the balance checked),
``naive`` (select_for_update on rows with a balance, key checked). The database is named in BENCH_DSN (JSON).
"""

import json
import os
import random
import sys
from collections.abc import Callable

import django
from django.conf import settings

START = 1_000_000_000


def configure() -> None:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["BENCH_DSN"])}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        SECRET_KEY="bench",
        DEFAULT_CURRENCY="CNY",
        HORDAK_INTERNAL_CURRENCY="CNY",
        CURRENCIES=["CNY"],
    )
    django.setup()


def migrate(participants: int) -> None:
    """Tables and accounts, the merchant last."""
    from django.core.management import call_command
    from django.db import connection
    from hordak.models import Account, AccountType

    from tests.bench.peers import naive

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (naive.Account, naive.Entry, naive.Line):
            editor.create_model(model)
    naive.Account.objects.bulk_create(
        [naive.Account(balance=START) for _ in range(participants)] + [naive.Account(balance=0)]
    )
    with Account.objects.disable_mptt_updates():
        Account.objects.bulk_create(
            Account(name=f"a{n}", type=AccountType.asset, currencies=["CNY"], lft=1, rght=2, tree_id=n + 1, level=0)
            for n in range(participants + 1)
        )
    world = Account.objects.create(name="world", type=AccountType.equity, currencies=["CNY"])
    from djmoney.money import Money

    for account in Account.objects.filter(name__startswith="a").order_by("pk")[:participants]:
        world.transfer_to(account, Money(START, "CNY"))


def hordak(*, locked: bool) -> Callable[[str], None]:
    from django.db import transaction
    from djmoney.money import Money
    from hordak.models import Account

    accounts = list(Account.objects.filter(name__startswith="a").order_by("pk"))
    payers, merchant, dice = accounts[:-1], accounts[-1], random.Random()
    amount = Money(7, "CNY")

    def bare(_key: str) -> None:
        dice.choice(payers).transfer_to(merchant, amount)

    def guarded(_key: str) -> None:
        with transaction.atomic():
            payer = Account.objects.select_for_update().get(pk=dice.choice(payers).pk)
            if payer.get_simple_balance()["CNY"] < amount:
                raise RuntimeError("not enough")
            payer.transfer_to(merchant, amount)

    return guarded if locked else bare


def naive() -> Callable[[str], None]:
    from django.db import transaction

    from tests.bench.peers.naive import Account, Entry, Line

    *payers, merchant = Account.objects.order_by("pk").values_list("pk", flat=True)
    dice = random.Random()

    def redeem(key: str) -> None:
        with transaction.atomic():
            entry = Entry.objects.create(key=key)
            giver = Account.objects.select_for_update().get(pk=dice.choice(payers))
            taker = Account.objects.select_for_update().get(pk=merchant)
            if giver.balance < 7:
                raise RuntimeError("not enough")
            giver.balance -= 7
            taker.balance += 7
            giver.save(update_fields=["balance"])
            taker.save(update_fields=["balance"])
            Line.objects.bulk_create(
                [Line(entry=entry, account=giver, amount=-7), Line(entry=entry, account=taker, amount=7)]
            )

    return redeem


def main() -> None:
    side, clients, participants = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    configure()
    if side == "migrate":
        migrate(participants)
        return
    from tests.bench.clients import serve

    deeds = {"hordak": lambda: hordak(locked=False), "hordak-locked": lambda: hordak(locked=True), "naive": naive}
    serve(lambda: (deeds[side](), None), clients=clients)


if __name__ == "__main__":
    main()

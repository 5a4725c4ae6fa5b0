"""The product beside its model: any order of deeds, replays and changes of mind, compared after each (B8).

All of an example happens in one transaction that is rolled back, so no example sees another's rows. Time is an argument
of every deed; only the window of a code at the till is asked of the clock's argument too.
"""

import copy
import csv
import datetime as dt
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts import services as accounts
from accounts.constants import OrganisationKind
from accounts.models import Participant, Provider
from accounts.services import register_staff
from behaviors.models import BehaviorRecord, DeedKey, TripInterval
from behaviors.services import cancel_record, import_file, submit_record
from carbon_portal.kernel.errors import DomainError
from carbon_portal.workflows.verify import run, scope
from credits import services
from credits.ledger import addresses
from credits.ledger import services as ledger
from merchants import codes
from merchants import services as shops
from merchants.models import Offer, Shop, Voucher
from methodologies.services import sync_library
from tests.people import make_credit_code, person_of
from tests.stateful.model import LOCAL, Book, Deed, Refused, Ticket, local_day

BEGIN = dt.datetime(2026, 11, 2, 2, tzinfo=dt.UTC)  # 10:00 in Guangzhou; new year comes in most examples
FOSHAN, PROVINCE = "440605", "440000"
MOST_PEOPLE, MOST_OFFERS = 7, 3
UNITS = {"metro_trip": ("distance", 3), "old_clothes": ("weight", 2), "distributed_pv": ("generation", 2)}

amounts = {
    "metro_trip": st.one_of(st.sampled_from([50, 100, 30_000, 60_000]), st.integers(1_000, 60_000)),
    "old_clothes": st.sampled_from([10, 50, 1_000, 3_000, 5_000]),
    "distributed_pv": st.integers(1, 4_000),
}
late = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 20, 700])
#: What the examples of a run did, and the seconds of the checks after each deed and of all of `verify` at the end of
#: each example; the test prints the first, and `bin/bench verify` holds the others against each other.
seen: Counter[str] = Counter()
spent: list[float] = []
whole: list[float] = []
#: The checks after a deed ask the records for their keys, and each scope once, however many checks there are.
MOST_QUESTIONS = 1 + len(scope.TABLES)
#: To plan this over the partitions of all months takes longer than to ask it, which happens after each deed.
RECORDS = (
    "PREPARE stateful_records AS SELECT r.id, r.state, coalesce((SELECT x.reduction_g FROM credits_reduction x"
    " WHERE x.record_id = r.id ORDER BY x.revision DESC LIMIT 1), 0) FROM behaviors_behaviorrecord r"
)


class Portal(RuleBasedStateMachine):
    """`book` is the model. A deed that it refuses must be refused by the product, with the same word, and back."""

    base: "Portal | None" = None

    @classmethod
    def prepare(cls) -> None:
        """What all examples start from, made once: the library, a rule, a pool, two riders, a merchant."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM pg_prepared_statements WHERE name = 'stateful_records'")
            if cursor.fetchone() is None:  # else this connection knows it from the test before
                cursor.execute(RECORDS)
        sync_library(at=BEGIN)
        services.set_points_rule(num=1, den=100, effective_from=dt.date(2025, 1, 1), source="演示规则", at=BEGIN)
        Provider.objects.create(code="gz-metro", name="广州地铁", region=PROVINCE, created_at=BEGIN)
        services.fund_pool(region=PROVINCE, sponsor=None, points=150, actor=None, at=BEGIN, key="open")
        base = cls()
        base.open_books(Book(BEGIN, pool=150), {}, {}, 0)
        base.register_resident()
        base.register_resident()
        base.open_merchant()
        for who in base.who:  # 28 points each
            span = (BEGIN - dt.timedelta(days=30), BEGIN - dt.timedelta(days=30, hours=-1))
            source = ("provider", f"own-{base.next()}")
            base.send(Deed(source, who, "metro_trip", local_day(span[0]), 60_000, False, span=span))
        base.quantify()
        cls.base = base

    def open_books(self, book: Book, who: dict[Any, Participant], tills: dict[Any, Any], number: int) -> None:
        self.book, self.who, self.tills, self.number = book, who, tills, number
        self.history: list[Callable[[], None]] = []  # each sends an earlier request again and looks at the answer
        self.touched: set[int] = set()
        self.before: dict[Any, Any] = {}
        self.provider = Provider.objects.get(code="gz-metro")

    @initialize()
    def begin(self) -> None:
        assert self.base is not None
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.folder = tempfile.TemporaryDirectory(prefix="portal-stateful-")
        base = self.base
        self.open_books(copy.deepcopy(base.book), dict(base.who), dict(base.tills), base.number)

    def teardown(self) -> None:
        if not hasattr(self, "transaction"):
            return
        try:
            if not isinstance(sys.exception(), Exception):  # what a broken deed left behind is no second finding
                self.end()
        finally:
            self.folder.cleanup()
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def end(self) -> None:
        """All of `verify`, once nothing waits any more."""
        self.sweep()
        self.compare()
        began = time.perf_counter()
        with connection.cursor() as cursor:
            found = {one.id: one.offenders for one in run.ask(cursor) if one.count}
        whole.append(time.perf_counter() - began)
        assert not found, found

    # -- asking both --------------------------------------------------------------------------------------------------

    def next(self) -> int:
        self.number += 1
        return self.number

    def both(self, expected: Callable[[], Any], actual: Callable[[], Any]) -> tuple[Any, Any] | None:
        """What the model and the product answer; None where both refuse, by the same word."""
        try:
            wanted = expected()
        except Refused as refusal:
            try:
                with transaction.atomic():
                    answer = actual()
            except DomainError as error:
                told = f"the product refuses ({error.code}), the model refuses ({refusal.code})"
                assert error.code == refusal.code, told
                seen[f"refused:{refusal.code}"] += 1
                return None
            raise AssertionError(f"the model refuses ({refusal.code}), the product did {answer}") from None
        try:
            with transaction.atomic():
                return wanted, actual()
        except DomainError as error:
            raise AssertionError(f"the product refuses ({error.code}), the model did it") from error

    def add(self, participant: Participant, kind: str, person: Any = None) -> None:
        self.who[participant.pk] = participant
        self.book.kinds[participant.pk] = kind
        self.book.person[participant.pk] = person or participant.pk

    # -- people -------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.who) < MOST_PEOPLE)
    @rule()
    def register_resident(self) -> None:
        user = accounts.register_resident(phone=f"1390009{self.next():04d}", region=FOSHAN, at=self.book.at)
        person = person_of(user)
        self.add(person.participant, "resident", person.pk)

    @precondition(lambda self: len(self.who) < MOST_PEOPLE)
    @rule()
    def register_household(self) -> None:
        head = person_of(accounts.register_resident(phone=f"1390009{self.next():04d}", region=FOSHAN, at=self.book.at))
        family = accounts.create_household(head=head, name=f"家 {self.number}", region=FOSHAN, at=self.book.at)
        self.add(head.participant, "resident", head.pk)
        self.add(family.participant, "household")

    @precondition(lambda self: len(self.who) < MOST_PEOPLE)
    @rule()
    def register_firm(self) -> None:
        owner = person_of(accounts.register_resident(phone=f"1390009{self.next():04d}", region=FOSHAN, at=self.book.at))
        firm = accounts.register_sme(
            owner=owner, name=f"木棉 {self.number}", credit_code=make_credit_code(self.number), region=FOSHAN,
            at=self.book.at,
        )  # fmt: skip
        self.add(firm, "sme")

    @precondition(lambda self: len(self.book.offers) < MOST_OFFERS)
    @rule()
    def open_merchant(self) -> None:
        number, at = self.next(), self.book.at
        firm = accounts.register_organisation(
            kind=OrganisationKind.MERCHANT, name=f"榕树 {number}", credit_code=make_credit_code(number + 500),
            region=FOSHAN, at=at,
        )  # fmt: skip
        merchant = shops.open_merchant(organisation=firm, region=FOSHAN, at=at)
        shop: Shop = shops.open_shop(merchant=merchant, name="店", address="示例路", region=FOSHAN)
        till = register_staff(username=f"till-{number}", password=None, name="店员", region=FOSHAN, at=at)
        shops.add_cashier(shop=shop, person=person_of(till), at=at)
        offer: Offer = shops.publish_offer(
            merchant=merchant, title="咖啡", cost_points=5, stock=4, per_person=2, voucher_days=3,
            opens_at=at - dt.timedelta(days=1), closes_at=at + dt.timedelta(days=4_000), at=at,
        )  # fmt: skip
        self.tills[offer.pk] = person_of(till)
        self.book.offers[offer.pk], self.book.stock[offer.pk] = (5, 2, merchant.pk), 4

    # -- deeds --------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), activity=st.sampled_from(["metro_trip", "metro_trip", "old_clothes", "distributed_pv"]))
    def submit(self, data: st.DataObject, activity: str) -> None:
        who = data.draw(self.somebody(activity))
        deed = Deed(
            source=((who, f"own-{self.next()}")), who=who, activity=activity, on=self.day(data.draw(late)),
            amount=data.draw(amounts[activity]), declared=data.draw(st.booleans()),
        )  # fmt: skip
        if not deed.declared:
            deed.source = ("provider", deed.source[1])
        self.tell_when(deed, data)
        self.send(deed)

    def somebody(self, activity: str) -> st.SearchStrategy[Any]:
        """Mostly one who may earn by this; now and then one who may not."""
        fitting = [
            who for who, kind in self.book.kinds.items() if (kind == "resident") == (activity != "distributed_pv")
        ]
        everybody = list(self.book.kinds)
        return st.sampled_from([*fitting, *fitting, *everybody]) if fitting else st.sampled_from(everybody)

    def day(self, days_ago: int) -> dt.date:
        return local_day(self.book.at) - dt.timedelta(days=days_ago)

    def tell_when(self, deed: Deed, data: st.DataObject) -> None:
        if deed.activity == "metro_trip":
            start = dt.datetime.combine(deed.on, dt.time(data.draw(st.integers(0, 9))), tzinfo=dt.UTC) - LOCAL
            deed.span = (start, start + dt.timedelta(minutes=data.draw(st.sampled_from([60, 60, 90]))))
        elif deed.activity == "old_clothes":
            deed.identity = f"BAG-{data.draw(st.integers(1, 12))}"
        else:
            deed.identity = f"PV-{data.draw(st.integers(1, 2))}:{deed.on}"

    def send(self, deed: Deed) -> None:
        answer = self.both(lambda: self.book.submit(deed), lambda: self.submitted(deed))
        if answer is None:
            return
        wanted, record = answer
        if wanted.id == 0:
            self.book.store(wanted, record.pk)
        assert record.pk == wanted.id
        self.touched.add(record.pk)
        seen[f"stored:{wanted.state}"] += 1
        self.history.append(lambda: self.send_again(wanted))

    def submitted(self, deed: Deed) -> BehaviorRecord:
        name, places = UNITS[deed.activity]
        whole, rest = divmod(deed.amount, 10**places)
        participant = self.who[deed.who]
        said: dict[str, Any] = {}
        if deed.span:
            said = {"started_at": deed.span[0], "ended_at": deed.span[1]}
        elif deed.activity == "old_clothes":
            said = {"occurred_on": deed.on, "item_serial": deed.identity}
        else:
            said = {"period_start": deed.on, "period_end": deed.on, "meter": deed.identity.partition(":")[0]}
        return submit_record(
            participant=participant, person=participant.person, activity=deed.activity,
            inputs={name: f"{whole}.{rest:0{places}d}"}, region=FOSHAN,
            channel="page" if deed.declared else "api", source_record_id=deed.source[1], at=self.book.at,
            evidence="self_declared" if deed.declared else "feed",
            provider=None if deed.declared else self.provider, note=deed.note, **said,
        )  # fmt: skip

    def send_again(self, deed: Deed) -> None:
        record = self.submitted(deed)
        assert record.pk == deed.id

    @rule(hours=st.integers(1, 48))
    def submit_what_has_not_happened(self, hours: int) -> None:
        start = self.book.at + dt.timedelta(hours=hours)
        who = next(iter(self.who))
        span = (start, start + dt.timedelta(hours=1))
        self.send(Deed((who, f"own-{self.next()}"), who, "metro_trip", local_day(start), 9_000, True, span=span))

    @precondition(lambda self: self.book.deeds)
    @rule(data=st.data())
    def submit_under_a_used_number(self, data: st.DataObject) -> None:
        """The same number, another content: the first stands."""
        first = self.book.deeds[data.draw(st.sampled_from(sorted(self.book.deeds)))]
        other = Deed(first.source, first.who, first.activity, first.on, first.amount, first.declared, "again",
                     first.span, first.identity)  # fmt: skip
        if other.content == first.content:
            return
        assert self.both(lambda: self.book.submit(other), lambda: self.submitted(other)) is None

    @rule(data=st.data(), rows=st.integers(1, 3))
    def import_trips(self, data: st.DataObject, rows: int) -> None:
        """A provider's file: what is new is stored, what overlaps is a duplicate."""
        riders = st.sampled_from([who for who, kind in self.book.kinds.items() if kind == "resident"])
        deeds = []
        for _ in range(rows):
            deed = Deed(("provider", f"file-{self.next()}"), data.draw(riders), "metro_trip",
                        self.day(data.draw(st.sampled_from([1, 2, 20]))), data.draw(st.integers(1_000, 60_000)), False)  # fmt: skip
            self.tell_when(deed, data)
            deeds.append(deed)
        path = Path(self.folder.name) / f"{self.next()}.csv"
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(
                [
                    "source_record_id",
                    "participant",
                    "activity",
                    "region",
                    "started_at",
                    "ended_at",
                    "distance",
                    "evidence",
                ]
            )
            for deed in deeds:
                assert deed.span
                times = [(moment + LOCAL).strftime("%Y-%m-%d %H:%M") for moment in deed.span]
                public = self.who[deed.who].public_id
                distance = f"{deed.amount // 1000}.{deed.amount % 1000:03d}"
                writer.writerow([deed.source[1], public, "metro_trip", FOSHAN, *times, distance, "feed"])
        receipt = import_file(path=path, provider=self.provider, activity="", at=self.book.at)
        assert (receipt.received, receipt.rejected) == (rows, 0), receipt.errors
        found = {
            record.source_record_id: record.pk
            for record in BehaviorRecord.objects.filter(source_record_id__in=[deed.source[1] for deed in deeds])
        }
        assert len(found) == rows, f"of a file of {rows} rows {len(found)} were stored"
        for deed in deeds:
            stored = self.book.submit(deed)
            self.book.store(stored, found[deed.source[1]])
            self.touched.add(stored.id)
        assert receipt.duplicates == sum(deed.state == "duplicate" for deed in deeds)
        self.history.append(lambda: self.import_again(path, rows))
        seen["imported"] += rows

    def import_again(self, path: Path, rows: int) -> None:
        receipt = import_file(path=path, provider=self.provider, activity="", at=self.book.at)
        assert receipt.replayed
        assert receipt.received == rows

    @precondition(lambda self: any(deed.state == "received" for deed in self.book.deeds.values()))
    @rule()
    def quantify(self) -> None:
        done = self.book.quantify()
        sweep = services.quantify_pending(at=self.book.at, until_empty=True)
        assert sweep.records == len(done)
        self.touched.update(deed.id for deed in done)
        seen["quantified"] += len(done)

    @rule(data=st.data(), days_ago=st.integers(1, 4))
    def earn(self, data: st.DataObject, days_ago: int) -> None:
        """A long ride that the operator reports, counted at once."""
        riders = [who for who, kind in self.book.kinds.items() if kind == "resident"]
        who, on = data.draw(st.sampled_from(riders)), self.day(days_ago)
        deed = Deed(("provider", f"own-{self.next()}"), who, "metro_trip", on, 60_000, False)
        self.tell_when(deed, data)
        self.send(deed)
        if deed.state == "received":
            self.quantify()

    @precondition(lambda self: any(deed.state == "provisional" for deed in self.book.deeds.values()))
    @rule()
    def close_windows(self) -> None:
        self.book.close()
        services.close_windows(at=self.book.at)

    @precondition(lambda self: self.book.deeds)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        deed = self.book.deeds[data.draw(st.sampled_from(sorted(self.book.deeds)))]
        participant = self.who[deed.who]
        if deed.state == "reversed" or participant.person is None:
            return
        record = BehaviorRecord.objects.get(pk=deed.id)
        self.both(
            lambda: self.book.cancel(deed),
            lambda: cancel_record(record=record, person=participant.person, at=self.book.at),
        )
        self.touched.add(deed.id)

    @precondition(lambda self: any(deed.state == "final" for deed in self.book.deeds.values()))
    @rule(data=st.data())
    def reverse_a_final_one(self, data: st.DataObject) -> None:
        """What a source's correction will do: the record is reversed, its time and number are free, its effects undone."""
        finals = sorted(pk for pk, deed in self.book.deeds.items() if deed.state == "final")
        deed = self.book.deeds[data.draw(st.sampled_from(finals))]
        deed.state = "reversed"
        self.book.undo()
        BehaviorRecord.objects.filter(pk=deed.id).update(state="reversed", reason="", closed_at=self.book.at)
        TripInterval.objects.filter(record_id=deed.id).delete()
        DeedKey.objects.filter(record_id=deed.id, kind="identity").delete()
        services.undo_reversed(at=self.book.at)
        self.touched.add(deed.id)
        seen["reversed"] += 1

    @precondition(lambda self: any(deed.state == "reversed" and deed.used for deed in self.book.deeds.values()))
    @rule()
    def undo(self) -> None:
        self.book.undo()
        services.undo_reversed(at=self.book.at)

    # -- points -------------------------------------------------------------------------------------------------------

    @rule(points=st.sampled_from([1, 15, 60, 300]))
    def fund(self, points: int) -> None:
        key = f"fund-{self.next()}"
        self.book.pool += points
        self.put(key, points)
        self.history.append(lambda: self.put(key, points))
        self.history.append(lambda: self.put_other(key, points + 1))

    def put(self, key: str, points: int) -> None:
        services.fund_pool(region=PROVINCE, sponsor=None, points=points, actor=None, at=self.book.at, key=key)

    def put_other(self, key: str, points: int) -> None:
        try:
            with transaction.atomic():
                self.put(key, points)
        except DomainError as error:
            assert error.code == "idempotency_conflict"
        else:
            raise AssertionError("one key funded twice")

    @precondition(lambda self: self.book.queue)
    @rule()
    def award_queued(self) -> None:
        assert services.award_queued(at=self.book.at) == self.book.award()

    @precondition(lambda self: any(left and year < self.book.year - 1 for (_, year), left in self.book.points.items()))
    @rule()
    def expire_points(self) -> None:
        gone = self.book.expire()
        assert services.expire_points(at=self.book.at).points == gone
        seen["expired"] += bool(gone)

    @rule()
    def fold(self) -> None:
        ledger.fold_checkpoints()

    # -- vouchers -----------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        able = [who for who in self.who if self.book.spendable(who) >= 5]
        who = data.draw(st.sampled_from([*able * 3, *self.who]))
        offer = data.draw(st.sampled_from(list(self.book.offers)))
        key = f"take-{self.next()}"
        until = dt.datetime.combine(local_day(self.book.at) + dt.timedelta(days=4), dt.time(), tzinfo=dt.UTC) - LOCAL
        answer = self.both(lambda: self.book.take(who, offer, until), lambda: self.taken(who, offer, key))
        if answer is None:
            return
        ticket, voucher = answer
        self.book.tickets[voucher.pk] = ticket
        seen["taken"] += 1

        def again() -> None:
            assert self.taken(who, offer, key).pk == voucher.pk

        self.history.append(again)

    def taken(self, who: Any, offer: Any, key: str) -> Voucher:
        return shops.take_voucher(
            offer=Offer.objects.get(pk=offer), participant=self.who[who], request_key=key, at=self.book.at
        )

    def voucher(self, data: st.DataObject) -> tuple[Any, Ticket]:
        """Any; those still held come first."""
        order = sorted(self.book.tickets.items(), key=lambda item: (item[1].state != "held", str(item[1].expires)))
        return data.draw(st.sampled_from(order[:6]))

    @precondition(lambda self: self.book.tickets)
    @rule(data=st.data())
    def capture(self, data: st.DataObject) -> None:
        pk, ticket = self.voucher(data)
        code, person = codes.qr_payload(pk, self.book.at), self.tills[ticket.offer]
        self.both(
            lambda: self.book.capture(ticket), lambda: shops.capture(code=code, person=person, at=self.book.at)
        )  # fmt: skip

    @precondition(lambda self: self.book.tickets)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        pk, ticket = self.voucher(data)
        voucher = Voucher.objects.get(pk=pk)
        self.both(
            lambda: self.book.release(ticket), lambda: shops.release_voucher(voucher=voucher, at=self.book.at)
        )  # fmt: skip

    @precondition(lambda self: any(ticket.state == "captured" for ticket in self.book.tickets.values()))
    @rule(data=st.data())
    def refund(self, data: st.DataObject) -> None:
        closed = sorted(
            (pk for pk, ticket in self.book.tickets.items() if ticket.state in {"captured", "refunded"}), key=str
        )
        pk = data.draw(st.sampled_from(closed))
        ticket, voucher = self.book.tickets[pk], Voucher.objects.get(pk=pk)
        self.both(
            lambda: self.book.refund(ticket),
            lambda: shops.refund(voucher=voucher, person=self.tills[ticket.offer], at=self.book.at),
        )

    @precondition(lambda self: any(ticket.state == "held" for ticket in self.book.tickets.values()))
    @rule()
    def expire_vouchers(self) -> None:
        assert shops.expire_vouchers(at=self.book.at) == self.book.lapse()

    # -- time, and again ----------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 5, 13, 24, 30, 96, 24 * 40]))
    def wait(self, hours: int) -> None:
        self.book.at += dt.timedelta(hours=hours)

    @precondition(lambda self: self.book.year < 2031)
    @rule()
    def wait_for_the_new_year(self) -> None:
        self.book.at = dt.datetime(self.book.year + 1, 1, 1, tzinfo=dt.UTC) - LOCAL

    @precondition(lambda self: self.history)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Any earlier request once more: nothing changes, which the comparison that follows sees."""
        data.draw(st.sampled_from(self.history))()
        seen["replayed"] += 1

    def sweep(self) -> None:
        """What beat does: nothing may be left waiting when all of verify is asked."""
        if any(deed.state == "received" for deed in self.book.deeds.values()):
            self.quantify()
        self.undo()
        self.expire_vouchers()

    # -- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "book"):
            return
        self.compare()
        if (accounts := self.moved()) or self.touched:
            self.check(accounts)
        self.touched = set()

    def check(self, accounts: list[str]) -> None:
        """What `verify` asks about the accounts and records that the deed touched, in a bounded number of questions."""
        questions: list[str] = []

        def counting(execute: Any, sql: Any, *rest: Any) -> Any:
            if "EXECUTE verify_fast" in sql:
                questions.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(counting):
            began = time.perf_counter()
            found = run.fast(accounts=accounts, records=self.touched)
            spent.append(time.perf_counter() - began)
        assert not found, found
        assert 0 < len(questions) <= MOST_QUESTIONS, questions

    def moved(self) -> list[str]:
        """The accounts of people and vouchers that the deed before touched."""
        now: dict[str, Any] = {
            addresses.participant_points(who, year): left for (who, year), left in self.book.points.items()
        }
        now |= {addresses.voucher(pk): ticket.state for pk, ticket in self.book.tickets.items()}
        found = [address for address, value in now.items() if self.before.get(address, 0) != value]
        self.before = now
        return found

    def compare(self) -> None:
        book = self.book
        with connection.cursor() as cursor:
            cursor.execute("EXECUTE stateful_records")
            records = {row[0]: row[1:] for row in cursor.fetchall()}
            cursor.execute(
                "SELECT address, balance FROM ledger_ledgeraccount WHERE address LIKE 'participant:%%' AND balance <> 0"
            )
            points = dict(cursor.fetchall())
            cursor.execute("SELECT participant_id, year, credited_g, awarded_points FROM credits_pointsaccrual")
            accruals = {row[:2]: row[2:] for row in cursor.fetchall()}
            cursor.execute("SELECT v.uuid, v.state FROM merchants_voucher v")
            vouchers = dict(cursor.fetchall())
            cursor.execute("SELECT offer_id, sum(remaining)::int FROM merchants_offerslot GROUP BY offer_id")
            stock = dict(cursor.fetchall())
            cursor.execute(
                "SELECT split_part(a.address, ':', 1) || ':' || CASE WHEN a.address LIKE 'merchant:%%'"
                " THEN split_part(a.address, ':', 2) ELSE '' END, sum(l.amount)::bigint"
                " FROM ledger_ledgeraccount a JOIN ledger_ledgerline l ON l.account_id = a.id"
                " WHERE split_part(a.address, ':', 1) IN ('pool', 'merchant') OR a.address = %s GROUP BY 1",
                [addresses.EXPIRED],
            )
            sums = dict(cursor.fetchall())
            cursor.execute("SELECT reduction_id, record_id FROM credits_queuedaward ORDER BY record_id")
            queue = [row[1] for row in cursor.fetchall()]
        undone = {deed.id: deed.used for deed in book.deeds.values() if deed.state == "reversed"}
        for pk, deed in book.deeds.items():
            if not undone.get(pk):  # a cancelled one keeps its grams until the undoing
                assert records.pop(pk) == (deed.state, deed.grams), deed
            else:
                assert records.pop(pk)[0] == "reversed", deed
        assert not records, records
        wanted = {addresses.participant_points(who, year): left for (who, year), left in book.points.items() if left}
        same("points", points, wanted)
        keys = {*accruals, *book.credited}
        same(
            "accruals",
            {key: accruals.get(key, (0, 0)) for key in keys},
            {key: (book.credited[key], book.awarded[key]) for key in keys},
        )
        same("vouchers", vouchers, {pk: ticket.state for pk, ticket in book.tickets.items()})
        same("stock", stock, book.stock)
        same("queue", queue, [deed.id for deed in book.queue])
        told = {"pool:": book.pool, "world:": book.expired}
        told |= {f"merchant:{merchant}": taken for merchant, taken in book.takings.items()}
        same("sums", *({name: value for name, value in side.items() if value} for side in (sums, told)))


def same(what: str, product: Any, model: Any) -> None:
    """One comparison, which says by its name what went apart."""
    assert product == model, f"{what}: the product has {product}, the model {model}"


def wanted(name: str, usual: int) -> int:
    """A size of the run from the environment, such as STATEFUL_EXAMPLES."""
    return int(os.environ.get(name, usual))

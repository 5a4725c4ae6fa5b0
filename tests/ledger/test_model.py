"""The ledger against a model in plain dictionaries: any order of deeds, replays and races of words included."""

import datetime as dt
from collections import defaultdict
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from credits.ledger import addresses, errors, selectors, services
from credits.ledger.constants import Kind
from tests.ledger.world import POINTS, assert_sound

PEOPLE = [UUID(int=n, version=4) for n in (1, 2)]
MERCHANT, POOL, CAUSE = UUID(int=10, version=4), UUID(int=11, version=4), UUID(int=12, version=4)
person = st.sampled_from(PEOPLE)
amount = st.integers(1, 40)


class Ledger(RuleBasedStateMachine):
    """`book` maps an address to its balance; a deed that the model refuses must be refused by the ledger, and back."""

    @initialize()
    def begin(self):
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.book = defaultdict(int)
        self.holds = {}  # id → (person, [(year, points)…]) while it is open
        self.reversible = {}  # entry id → lines, until reversed
        self.at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
        self.number = 0
        self.last = None  # the deed before, to be sent again

    def teardown(self):
        if hasattr(self, "transaction"):
            try:
                assert_sound()
            finally:
                transaction.set_rollback(True)
                self.transaction.__exit__(None, None, None)

    # -- the model ----------------------------------------------------------------------------------------------------

    @property
    def year(self):
        return (self.at + dt.timedelta(hours=8)).year

    def key(self):
        self.number += 1
        return f"deed:{self.number}"

    def move(self, lines):
        for address, value in lines:
            self.book[address] += value

    def points_of(self, who, year):
        return self.book[addresses.participant_points(who, year)]

    def split(self, who, points):
        """What the oldest spendable years give, or None."""
        parts = []
        for year in (self.year - 1, self.year):
            part = min(points, self.points_of(who, year))
            if part:
                parts.append((year, part))
            points -= part
        return parts if points == 0 else None

    def do(self, deed, **asked):
        asked = {"key": self.key(), "at": self.at} | asked
        self.last = (deed, asked, deed(**asked))
        return self.last[2]

    def post(self, kind, *lines):
        posting = self.do(services.post, kind=kind, lines=[(address, POINTS, value) for address, value in lines])
        self.move(lines)
        self.reversible[posting.entry_id] = lines

    # -- the rules ----------------------------------------------------------------------------------------------------

    @rule(points=amount)
    def fund(self, points):
        self.post(Kind.FUND, (addresses.ISSUANCE, -points), (addresses.pool(POOL), points))

    @rule(who=person, points=amount)
    def earn(self, who, points):
        lines = ((addresses.pool(POOL), -points), (addresses.participant_points(who, self.year), points))
        if self.book[addresses.pool(POOL)] >= points:
            self.post(Kind.AWARD, *lines)
        else:
            with pytest.raises(errors.AccountShort):
                self.post(Kind.AWARD, *lines)

    @rule(who=person, points=amount)
    def donate(self, who, points):
        parts = self.split(who, points)
        asked = {"kind": Kind.DONATION, "participant_uid": who, "to": addresses.cause(CAUSE), "points": points}
        if parts is None:
            with pytest.raises(errors.InsufficientPoints):
                self.do(services.spend, **asked)
            return
        posting = self.do(services.spend, **asked)
        lines = [(addresses.participant_points(who, year), -part) for year, part in parts]
        lines.append((addresses.cause(CAUSE), points))
        self.move(lines)
        self.reversible[posting.entry_id] = lines

    @rule(who=person, points=amount)
    def hold(self, who, points):
        parts = self.split(who, points)
        asked = {"participant_uid": who, "voucher_uid": UUID(int=1000 + self.number, version=4), "points": points}
        if parts is None:
            with pytest.raises(errors.InsufficientPoints):
                self.do(services.hold, **asked)
            return
        held = self.do(services.hold, **asked)
        self.move([(addresses.participant_points(who, year), -part) for year, part in parts])
        self.holds[held.hold_id] = (who, parts)

    @rule(data=st.data(), share=st.integers(1, 50))
    def capture(self, data, share):
        if not self.holds:
            return
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        who, parts = self.holds[hold_id]
        held = sum(part for _, part in parts)
        asked = {"hold_id": hold_id, "points": share, "merchant_uid": MERCHANT}
        if share > held:
            with pytest.raises(errors.CaptureExceedsHold):
                self.do(services.capture, **asked)
            return
        self.do(services.capture, **asked)
        self.book[addresses.merchant(MERCHANT)] += share
        self.give_back(who, parts, held - share)
        del self.holds[hold_id]

    @rule(data=st.data(), deed=st.sampled_from([services.release, services.expire_hold]))
    def let_go(self, data, deed):
        if not self.holds:
            return
        hold_id = data.draw(st.sampled_from(sorted(self.holds)))
        self.do(deed, hold_id=hold_id)
        who, parts = self.holds.pop(hold_id)
        self.give_back(who, parts, sum(part for _, part in parts))
        with pytest.raises(errors.HoldResolved):
            services.release(key=self.key(), hold_id=hold_id, at=self.at)

    def give_back(self, who, parts, rest):
        for year, part in reversed(parts):
            back = min(part, rest)
            self.book[addresses.participant_points(who, year)] += back
            rest -= back

    @rule(data=st.data())
    def reverse(self, data):
        if not self.reversible:
            return
        entry_id = data.draw(st.sampled_from(sorted(self.reversible)))
        mirror = [(address, -value) for address, value in self.reversible[entry_id]]
        bounded = ("participant", "pool", "voucher")
        if any(self.book[address] + value < 0 and address.startswith(bounded) for address, value in mirror):
            with pytest.raises(errors.AccountShort):
                self.do(services.reverse, entry_id=entry_id)
            return
        self.do(services.reverse, entry_id=entry_id)
        self.move(mirror)
        del self.reversible[entry_id]
        with pytest.raises(errors.AlreadyReversed):
            services.reverse(key=self.key(), entry_id=entry_id, at=self.at)

    @rule()
    def send_again(self):
        if self.last is None:
            return
        deed, asked, result = self.last
        again = deed(**asked)
        assert again.replayed
        assert again.entry_id == result.entry_id

    @rule()
    def send_again_changed(self):
        if self.last is None:
            return
        deed, asked, _ = self.last
        with pytest.raises(errors.IdempotencyConflict):
            deed(**asked | {"source": "changed"})

    @rule(months=st.integers(1, 9))
    def wait(self, months):
        if self.year < 2031:
            self.at += dt.timedelta(days=30 * months)

    @rule()
    def sweep(self):
        ended = [
            (address, points)
            for address, points in self.book.items()
            if address.startswith("participant:") and int(address[-4:]) < self.year - 1 and points
        ]
        swept = services.expire_points(at=self.at)
        assert swept.points == sum(points for _, points in ended)
        for address, points in ended:
            self.book[address] = 0
            self.book[addresses.EXPIRED] += points

    @rule()
    def fold(self):
        services.fold_checkpoints()

    # -- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def the_books_agree(self):
        if hasattr(self, "book"):
            for address, expected in self.book.items():
                assert selectors.balance(address) == expected, address
            for who in PEOPLE:
                spendable = self.points_of(who, self.year) + self.points_of(who, self.year - 1)
                day = (self.at + dt.timedelta(hours=8)).date()
                assert selectors.spendable_points(who, on=day) == spendable


@pytest.mark.django_db
@pytest.mark.parametrize("derandomize", [True, False], ids=["fixed", "seeded"])
def test_the_ledger_behaves_like_its_model(derandomize):
    """Hypothesis prints how to repeat a failing example (`@reproduce_failure`)."""
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=40 if derandomize else 20,
            stateful_step_count=30,
            deadline=None,
            derandomize=derandomize,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

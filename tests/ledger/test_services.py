"""The deeds, one sentence each, with what they refuse."""

import datetime as dt
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from carbon_portal.kernel.errors import UnknownCursor
from credits.ledger import addresses, errors, selectors, services
from credits.ledger.constants import IRREVERSIBLE_KINDS, MAX_AMOUNT, MAX_LINES, Kind, ResolutionKind, Unit
from credits.ledger.services.call import call
from tests.ledger.world import AT, POINTS, assert_sound, award, fund, lines_of, scalar

pytestmark = pytest.mark.django_db

NEXT_YEAR = dt.datetime(2027, 6, 1, tzinfo=dt.UTC)


@pytest.fixture
def mei():
    """王梅 has 100 points of 2025 and 50 of 2026."""
    person = uuid4()
    award(person, 100, year=2025)
    award(person, 50, year=2026)
    return person


def years(person, on=None):
    return {part.year: part.points for part in selectors.balances_by_year(person, on=on or AT.date())}


def pair(points=5, pool=None):
    return [(addresses.ISSUANCE, POINTS, -points), (addresses.pool(pool or uuid4()), POINTS, points)]


class TestPost:
    def test_moves_value_and_keeps_the_books_even(self):
        pool = fund(100)
        assert selectors.balance(addresses.pool(pool)) == 100
        assert selectors.balance(addresses.ISSUANCE) == -100
        assert_sound()

    def test_same_key_and_content_returns_the_first_entry(self):
        lines = pair()
        first = services.post(key="k", kind=Kind.FUND, lines=lines, at=AT)
        again = services.post(key="k", kind=Kind.FUND, lines=lines, at=NEXT_YEAR)
        assert (first.replayed, again.replayed) == (False, True)
        assert (again.entry_id, again.uid) == (first.entry_id, first.uid)
        assert selectors.balance(lines[1][0]) == 5
        assert str(selectors.entry_by_uid(first.uid).effective_on) == "2026-11-22"

    @pytest.mark.parametrize(
        "change", [{"kind": Kind.ISSUE}, {"source": "else"}, {"lines": pair(6)}, {"lines": list(reversed(pair()))}]
    )
    def test_same_key_with_other_content_is_a_conflict(self, change):
        asked = {"kind": Kind.FUND, "lines": pair(), "source": ""}
        services.post(key="k", at=AT, **asked)
        with pytest.raises(errors.IdempotencyConflict, match="key k already") as caught:
            services.post(key="k", at=AT, **(asked | change))
        assert caught.value.http_status == 409
        assert "业务编号 k" in caught.value.detail

    def test_the_effective_day_is_the_local_one(self):
        posting = services.post(key="k", kind=Kind.FUND, lines=pair(), at=dt.datetime(2026, 12, 31, 16, tzinfo=dt.UTC))
        assert str(selectors.entry_by_uid(posting.uid).effective_on) == "2027-01-01"

    def test_unbalanced_lines_are_refused_and_the_callers_transaction_lives_on(self):
        lines = [(addresses.ISSUANCE, POINTS, -5), (addresses.pool(uuid4()), POINTS, 4)]
        with transaction.atomic():
            with pytest.raises(errors.UnbalancedEntry) as caught:
                services.post(key="k", kind=Kind.FUND, lines=lines, at=AT)
            fund(1)
        assert caught.value.http_status == 422
        assert scalar("SELECT count(*) FROM ledger_ledgerentry") == 1

    def test_units_never_mix(self):
        fund(1)
        lines = [(addresses.ISSUANCE, Unit.FEN, -5), (addresses.merchant(uuid4(), Unit.FEN), Unit.FEN, 5)]
        with pytest.raises(errors.UnitMismatch):
            services.post(key="k", kind=Kind.SETTLEMENT, lines=lines, at=AT)

    def test_a_pool_does_not_give_what_it_has_not(self):
        pool = fund(10)
        lines = [
            (addresses.pool(pool), POINTS, -11),
            (addresses.participant_points(uuid4(), 2026), POINTS, 11),
        ]
        with pytest.raises(errors.AccountShort, match=str(pool)) as caught:
            services.post(key="k", kind=Kind.AWARD, lines=lines, at=AT)
        assert caught.value.code == "insufficient_points"
        assert selectors.balance(addresses.pool(pool)) == 10

    @pytest.mark.parametrize("key", ["", "x" * 121, "键", "a\0b", "a\nb"])
    def test_a_key_is_short_and_printable(self, key):
        with pytest.raises(errors.InvalidPosting):
            services.post(key=key, kind=Kind.FUND, lines=pair(), at=AT)

    @pytest.mark.parametrize("source", ["x" * 121, "来源", "a\0b"])
    def test_a_source_is_short_and_printable(self, source):
        with pytest.raises(errors.InvalidPosting):
            services.post(key="k", kind=Kind.FUND, lines=pair(), at=AT, source=source)

    @pytest.mark.parametrize("kind", [*sorted(IRREVERSIBLE_KINDS), "gift"])
    def test_kinds_with_a_deed_of_their_own_are_not_posted(self, kind):
        with pytest.raises(errors.InvalidPosting):
            services.post(key="k", kind=kind, lines=pair(), at=AT)

    @pytest.mark.parametrize("amount", [0, MAX_AMOUNT + 1, 1.0, "5", True, None])
    def test_amounts_are_whole_not_zero_and_bounded(self, amount):
        lines = [(addresses.ISSUANCE, POINTS, -5), (addresses.pool(uuid4()), POINTS, amount)]
        with pytest.raises(errors.InvalidPosting):
            services.post(key="k", kind=Kind.FUND, lines=lines, at=AT)

    @pytest.mark.parametrize("address", ["pool:1", "participant:13800138000:points:2026", addresses.ISSUANCE + "\n"])
    def test_addresses_are_of_the_chart(self, address):
        with pytest.raises(errors.InvalidPosting):
            services.post(key="k", kind=Kind.FUND, lines=[(address, POINTS, -5), *pair()[1:]], at=AT)

    def test_units_are_known(self):
        with pytest.raises(errors.InvalidPosting):
            services.post(key="k", kind=Kind.FUND, lines=[(addresses.ISSUANCE, "tonnes", -5), *pair()[1:]], at=AT)

    @pytest.mark.parametrize("lines", [[], pair()[:1], pair() * (MAX_LINES // 2 + 1)])
    def test_an_entry_has_two_lines_and_not_too_many(self, lines):
        with pytest.raises(errors.InvalidPosting):
            services.post(key="k", kind=Kind.FUND, lines=lines, at=AT)

    def test_a_fault_that_is_no_refusal_stays_a_fault(self):
        with pytest.raises(DatabaseError), transaction.atomic():
            call("SELECT 1 / %s", [0])
        with pytest.raises(errors.LedgerBusy), transaction.atomic():
            call("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = %s; END $$", ["55P03"])


class TestChunk:
    def test_thousands_of_participants_are_one_entry_with_one_line_each(self):
        pool, people = fund(10_000), [uuid4() for _ in range(2_000)]
        lines = [(addresses.participant_points(person, 2026), POINTS, 2) for person in people for _ in range(2)]
        lines += [(addresses.pool(pool), POINTS, -2)] * 4_000
        posting = services.post_chunk(key="points:chunk-1", kind=Kind.AWARD, lines=iter(lines), at=AT)
        assert scalar("SELECT line_count FROM ledger_ledgerentry WHERE id = %s", [posting.entry_id]) == 2_001
        assert selectors.balance(addresses.pool(pool)) == 2_000
        assert selectors.spendable_points(people[7], on=AT.date()) == 4
        again = services.post_chunk(key="points:chunk-1", kind=Kind.AWARD, lines=reversed(lines), at=AT)
        assert again.replayed
        assert_sound()

    def test_a_chunk_that_cancels_itself_posts_nothing(self):
        here = addresses.participant_points(uuid4(), 2026)
        lines = [(here, POINTS, 5), (here, POINTS, -5), (addresses.ISSUANCE, POINTS, 0)]
        assert services.post_chunk(key="k", kind=Kind.AWARD, lines=lines, at=AT) is None
        assert scalar("SELECT count(*) FROM ledger_ledgerentry") == 0

    @pytest.mark.parametrize("line", [("world:x", "tonnes", 5), ("world:x", "points", 0.5)])
    def test_a_chunk_is_checked_like_a_posting(self, line):
        with pytest.raises(errors.InvalidPosting):
            services.post_chunk(key="k", kind=Kind.AWARD, lines=[line], at=AT)


class TestSpend:
    def test_the_oldest_year_goes_first(self, mei):
        cause = addresses.cause(uuid4())
        services.spend(key="k", kind=Kind.DONATION, participant_uid=mei, to=cause, points=120, at=AT)
        assert years(mei) == {2026: 30}
        assert selectors.balance(cause) == 120
        assert_sound()

    def test_a_year_that_suffices_is_the_only_one_touched(self, mei):
        posting = services.spend(
            key="k", kind=Kind.DONATION, participant_uid=mei, to=addresses.cause(uuid4()), points=100, at=AT
        )
        assert len(lines_of(posting.entry_id)) == 2
        assert years(mei) == {2026: 50}

    def test_an_ended_year_is_not_spent_even_before_the_sweep(self, mei):
        with pytest.raises(errors.InsufficientPoints) as caught:
            services.spend(
                key="k", kind=Kind.DONATION, participant_uid=mei, to=addresses.cause(uuid4()), points=51, at=NEXT_YEAR
            )
        assert caught.value.data == {"available": 50, "wanted": 51, "missing": 1}
        assert "还差 1" in caught.value.detail

    def test_nobody_spends_what_nobody_has(self):
        with pytest.raises(errors.InsufficientPoints) as caught:
            services.spend(
                key="k", kind=Kind.DONATION, participant_uid=uuid4(), to=addresses.cause(uuid4()), points=1, at=AT
            )
        assert caught.value.data["available"] == 0

    def test_again_with_the_same_key_is_the_same_deed(self, mei):
        asked = {"kind": Kind.DONATION, "participant_uid": mei, "to": addresses.cause(uuid4()), "at": AT}
        first = services.spend(key="k", points=90, **asked)
        again = services.spend(key="k", points=90, **asked)
        assert (again.entry_id, again.replayed) == (first.entry_id, True)
        with pytest.raises(errors.IdempotencyConflict):
            services.spend(key="k", points=91, **asked)

    @pytest.mark.parametrize(("points", "to"), [(0, None), (-5, None), (5.0, None), (5, "nowhere")])
    def test_only_a_positive_whole_number_goes_to_a_known_account(self, mei, points, to):
        with pytest.raises(errors.InvalidPosting):
            services.spend(
                key="k",
                kind=Kind.DONATION,
                participant_uid=mei,
                to=to or addresses.cause(uuid4()),
                points=points,
                at=AT,
            )


class TestHold:
    def held(self, person, points=120, key="redeem:1:hold"):
        return services.hold(key=key, participant_uid=person, voucher_uid=uuid4(), points=points, at=AT)

    def test_capture_pays_the_merchant(self, mei):
        merchant = uuid4()
        held = self.held(mei)
        services.capture(key="c", hold_id=held.hold_id, points=120, merchant_uid=merchant, at=AT)
        assert years(mei) == {2026: 30}
        assert selectors.balance(addresses.merchant(merchant)) == 120
        assert_sound()

    def test_what_is_not_captured_returns_to_the_newest_year_first(self, mei):
        held = self.held(mei, 120)  # 100 of 2025, 20 of 2026
        services.capture(key="c", hold_id=held.hold_id, points=90, merchant_uid=uuid4(), at=AT)
        assert years(mei) == {2025: 10, 2026: 50}
        assert_sound()

    @pytest.mark.parametrize("deed", [services.release, services.expire_hold])
    def test_release_and_expiry_return_to_the_same_years(self, mei, deed):
        held = self.held(mei)
        posting = deed(key="r", hold_id=held.hold_id, at=AT)
        assert years(mei) == {2025: 100, 2026: 50}
        assert scalar("SELECT kind FROM ledger_ledgerentry WHERE id = %s", [posting.entry_id]).startswith("redeem_")
        assert_sound()

    def test_a_hold_is_found_by_its_voucher(self, mei):
        voucher = uuid4()
        assert selectors.hold_of_voucher(voucher) is None
        held = services.hold(key="h", participant_uid=mei, voucher_uid=voucher, points=5, at=AT)
        found = selectors.hold_of_voucher(voucher)
        assert (found.pk, found.amount, hasattr(found, "resolution")) == (held.hold_id, 5, False)
        services.release(key="r", hold_id=held.hold_id, at=AT)
        assert selectors.hold_of_voucher(voucher).resolution.kind == ResolutionKind.RELEASE

    def test_again_with_the_same_key_is_the_same_hold(self, mei):
        asked = {"participant_uid": mei, "voucher_uid": uuid4(), "points": 30, "at": AT}
        first, again = services.hold(key="h", **asked), services.hold(key="h", **asked)
        assert (again.hold_id, again.entry_id, again.replayed) == (first.hold_id, first.entry_id, True)
        assert sum(years(mei).values()) == 120

    def test_a_voucher_is_held_once(self, mei):
        voucher = uuid4()
        services.hold(key="h1", participant_uid=mei, voucher_uid=voucher, points=5, at=AT)
        with pytest.raises(errors.VoucherAlreadyHeld):
            services.hold(key="h2", participant_uid=mei, voucher_uid=voucher, points=5, at=AT)
        assert sum(years(mei).values()) == 145

    def test_a_hold_ends_once(self, mei):
        held = self.held(mei)
        services.release(key="r", hold_id=held.hold_id, at=AT)
        with pytest.raises(errors.HoldResolved) as caught:
            services.capture(key="c", hold_id=held.hold_id, points=1, merchant_uid=uuid4(), at=AT)
        assert "退回" in caught.value.detail
        assert "release" in caught.value.detail_en
        assert services.release(key="r", hold_id=held.hold_id, at=AT).replayed

    def test_more_than_was_held_is_not_captured(self, mei):
        held = self.held(mei, 10)
        with pytest.raises(errors.CaptureExceedsHold) as caught:
            services.capture(key="c", hold_id=held.hold_id, points=11, merchant_uid=uuid4(), at=AT)
        assert caught.value.data == {"held": 10, "wanted": 11}

    @pytest.mark.parametrize("number", [10**9, 0, -1, 2**63, "1"])
    def test_an_unknown_hold_is_not_found(self, number):
        with pytest.raises(errors.EntryNotFound):
            services.release(key="r", hold_id=number, at=AT)

    def test_a_refused_hold_takes_nothing(self, mei):
        with pytest.raises(errors.InsufficientPoints):
            self.held(mei, 151)
        assert years(mei) == {2025: 100, 2026: 50}
        self.held(mei, 150)  # the key of a refusal is free


class TestRefund:
    def test_returns_what_was_captured_to_the_years_it_came_from(self, mei):
        merchant = uuid4()
        held = services.hold(key="h", participant_uid=mei, voucher_uid=uuid4(), points=120, at=AT)
        services.capture(key="c", hold_id=held.hold_id, points=110, merchant_uid=merchant, at=AT)
        first = services.refund(hold_id=held.hold_id, at=AT)
        assert services.refund(hold_id=held.hold_id, at=AT).entry_id == first.entry_id
        assert years(mei) == {2025: 100, 2026: 50}
        assert selectors.balance(addresses.merchant(merchant)) == 0
        assert_sound()

    def test_a_small_capture_touches_the_oldest_year_only(self, mei):
        held = services.hold(key="h", participant_uid=mei, voucher_uid=uuid4(), points=120, at=AT)
        services.capture(key="c", hold_id=held.hold_id, points=60, merchant_uid=uuid4(), at=AT)
        assert len(lines_of(services.refund(hold_id=held.hold_id, at=AT).entry_id)) == 2
        assert years(mei) == {2025: 100, 2026: 50}

    def test_what_was_released_is_not_refunded(self, mei):
        held = services.hold(key="h", participant_uid=mei, voucher_uid=uuid4(), points=5, at=AT)
        services.release(key="r", hold_id=held.hold_id, at=AT)
        with pytest.raises(errors.EntryNotFound):
            services.refund(hold_id=held.hold_id, at=AT)


class TestReverse:
    def test_is_the_exact_mirror(self):
        pool = fund(10)
        entry = scalar("SELECT max(id) FROM ledger_ledgerentry")
        posting = services.reverse(key="undo", entry_id=entry, at=AT)
        assert lines_of(posting.entry_id) == [(address, -amount) for address, amount in lines_of(entry)]
        assert selectors.balance(addresses.pool(pool)) == 0
        assert services.reverse(key="undo", entry_id=entry, at=AT).replayed
        assert_sound()

    def test_happens_once(self):
        fund(10)
        entry = scalar("SELECT max(id) FROM ledger_ledgerentry")
        services.reverse(key="undo", entry_id=entry, at=AT)
        with pytest.raises(errors.AlreadyReversed):
            services.reverse(key="undo again", entry_id=entry, at=AT)

    def test_what_was_spent_cannot_be_taken_back(self):
        person = uuid4()
        posting = award(person, 10)
        services.spend(
            key="k", kind=Kind.DONATION, participant_uid=person, to=addresses.cause(uuid4()), points=1, at=AT
        )
        with pytest.raises(errors.AccountShort):
            services.reverse(key="undo", entry_id=posting.entry_id, at=AT)

    def test_holds_and_reversals_end_otherwise(self, mei):
        held = services.hold(key="h", participant_uid=mei, voucher_uid=uuid4(), points=5, at=AT)
        with pytest.raises(errors.NotReversible, match="redeem_hold"):
            services.reverse(key="undo", entry_id=held.entry_id, at=AT)

    def test_an_unknown_entry_is_not_found(self):
        with pytest.raises(errors.EntryNotFound):
            services.reverse(key="undo", entry_id=10**9, at=AT)
        with pytest.raises(errors.EntryNotFound):
            selectors.entry_by_uid(uuid4())


class TestExpiry:
    NEW_YEAR = dt.datetime(2026, 12, 31, 16, tzinfo=dt.UTC)  # midnight in Guangzhou
    EVE = NEW_YEAR - dt.timedelta(seconds=1)

    def test_a_year_ends_with_the_next_one(self, mei):
        assert services.expire_points(at=self.EVE) == services.Expiry(0, 0, 0)
        assert services.expire_points(at=self.NEW_YEAR) == services.Expiry(entries=1, accounts=1, points=100)
        assert years(mei, on=dt.date(2027, 1, 1)) == {2026: 50}
        assert selectors.balance(addresses.EXPIRED) == 100
        assert services.expire_points(at=self.NEW_YEAR) == services.Expiry(0, 0, 0)
        assert_sound()

    def test_nothing_at_all_expires_in_an_empty_ledger(self):
        assert services.expire_points(at=self.NEW_YEAR) == services.Expiry(0, 0, 0)

    def test_goes_in_chunks(self):
        for _ in range(5):
            award(uuid4(), 3, year=2025)
        assert services.expire_points(at=self.NEW_YEAR, chunk_accounts=2) == services.Expiry(3, 5, 15)
        assert_sound()

    def test_points_that_come_back_late_are_taken_by_the_next_sweep(self, mei):
        for number in range(2):
            held = services.hold(key=f"h{number}", participant_uid=mei, voucher_uid=uuid4(), points=40, at=self.EVE)
            services.expire_points(at=self.NEW_YEAR)
            services.expire_hold(key=f"r{number}", hold_id=held.hold_id, at=self.NEW_YEAR)
            assert years(mei, on=dt.date(2027, 1, 1)) == {2025: 40, 2026: 50}
            assert services.expire_points(at=self.NEW_YEAR).points == 40
            award(mei, 100, year=2025)
        assert_sound()


class TestReads:
    def test_balances_say_until_when(self, mei):
        old, new = selectors.balances_by_year(mei, on=dt.date(2026, 12, 31))
        assert (old.year, old.points, old.expires_on, old.spendable) == (2025, 100, dt.date(2026, 12, 31), True)
        assert new.expires_on == dt.date(2027, 12, 31)
        old, _ = selectors.balances_by_year(mei, on=dt.date(2027, 1, 1))
        assert not old.spendable
        assert selectors.spendable_points(mei, on=dt.date(2027, 1, 1)) == 50
        assert selectors.spendable_points(mei) >= 50

    def test_an_unknown_account_is_empty(self):
        assert selectors.balance(addresses.pool(uuid4())) == 0
        assert selectors.balances_by_year(uuid4()) == []

    def test_the_statement_runs_to_the_balance(self, mei):
        services.spend(
            key="k",
            kind=Kind.DONATION,
            participant_uid=mei,
            to=addresses.cause(uuid4()),
            points=120,
            at=AT,
            source="d:1",
        )
        page = selectors.statement(mei)
        assert [(line.kind, line.year, line.points, line.balance_points) for line in page.lines] == [
            (Kind.DONATION, 2026, -20, 30),
            (Kind.DONATION, 2025, -100, 50),
            (Kind.AWARD, 2026, 50, 150),
            (Kind.AWARD, 2025, 100, 100),
        ]
        assert page.cursor is None
        assert page.lines[0].source == "d:1"
        assert [line.balance_points for line in selectors.statement(mei, year=2025).lines] == [0, 100]

    def test_the_statement_turns_pages(self, mei):
        whole = selectors.statement(mei).lines
        for _ in range(3):
            award(mei, 1)
        first = selectors.statement(mei, limit=3)
        second = selectors.statement(mei, cursor=first.cursor, limit=3)
        assert len(first.lines) == 3
        assert second.lines == whole
        assert second.cursor is None

    @pytest.mark.parametrize("cursor", ["", "1", "1-", "a-b", "-1-1", "9" * 20 + "-1", "1-" + "9" * 11, "١-١"])
    def test_a_false_cursor_is_refused(self, mei, cursor):
        with pytest.raises(UnknownCursor):
            selectors.statement(mei, cursor=cursor)

    def test_a_pool_slot_has_its_own_address(self):
        pool = uuid4()
        assert addresses.pool(pool, slot=3) == f"pool:{pool}:slot:3"
        assert addresses.is_address(addresses.pool(pool, slot=3))
        assert not addresses.is_address(f"pool:{pool}:" + "a" * 100)

    def test_words_for_people(self, mei):
        held = services.hold(key="h", participant_uid=mei, voucher_uid=uuid4(), points=5, at=AT)
        services.release(key="r", hold_id=held.hold_id, at=AT)
        services.fold_checkpoints()
        assert all(str(model.objects.first()) for model in apps.get_app_config("ledger").get_models())

    def test_one_query_each(self, mei, django_assert_num_queries):
        with django_assert_num_queries(1):
            selectors.statement(mei)
        with django_assert_num_queries(1):
            selectors.balances_by_year(mei)
        with django_assert_num_queries(1), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM ledger_post('k', 'fund', '2026-11-22', ARRAY['world:issuance', %s], NULL,"
                           " ARRAY[-1, 1])", [addresses.pool(uuid4())])  # fmt: skip


class TestCheckpoints:
    def test_a_sum_is_the_checkpoint_and_what_came_after(self):
        fund(10)
        assert services.fold_checkpoints() == 1
        assert services.fold_checkpoints() == 0
        fund(7)
        assert selectors.balance(addresses.ISSUANCE) == -17
        assert services.fold_checkpoints() == 1
        assert selectors.balance(addresses.ISSUANCE) == -17
        assert scalar("SELECT array_agg(balance ORDER BY upto_entry) FROM ledger_accountcheckpoint") == [-10, -17]
        assert_sound()

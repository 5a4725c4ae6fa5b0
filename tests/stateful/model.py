"""What should be true, in plain dictionaries: people, deeds, grams, points, vouchers. No database, nothing of the product.

The grams follow from the documents of three activities, worked out here by hand in integers:

* a metro ride: 46.7 g a kilometre; at most 120 km and six credited rides a person and day;
* a bag of old clothes: 3.6 kg a kilogram; at most 50 kg a day and 200 kg a year; final a day after receipt;
* solar power of a household or firm: 0.656525 kg a kilowatt-hour.

What a person declares alone counts half, and at most six, one and one of them a day. A hundred grams are a point.
"""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

LOCAL = dt.timedelta(hours=8)
CLOSED = {"rejected", "duplicate", "reversed"}
IN_FORCE = dt.date(2025, 1, 1)
PER_DAY = {"metro_trip": 6, "old_clothes": 1, "distributed_pv": 1}
WINDOW_HOURS = {"metro_trip": 0, "old_clothes": 24, "distributed_pv": 0}
# By activity: numerator and denominator of grams per unit of the input, least and most of it (m, 10 g, 10 Wh).
GRAMS = {"metro_trip": (467, 10_000), "old_clothes": (36, 1), "distributed_pv": (656_525, 100_000)}
RANGE = {"metro_trip": (100, 120_000), "old_clothes": (50, 5_000), "distributed_pv": (1, 1_000_000_000)}
# By activity: (how much of the input, in which period) a participant can be credited.
LIMITS = {"metro_trip": ((120_000, "day"),), "old_clothes": ((5_000, "day"), (20_000, "year")), "distributed_pv": ()}
RECORDS_PER_DAY = {"metro_trip": 6}
KINDS = {"metro_trip": {"resident"}, "old_clothes": {"resident"}, "distributed_pv": {"household", "sme"}}


def local_day(at: dt.datetime) -> dt.date:
    return (at + LOCAL).date()


def period(name: str, on: dt.date) -> dt.date:
    return on if name == "day" else dt.date(on.year, 1, 1)


@dataclass
class Deed:
    """One record. `amount` is the input in whole units; `source` is who numbers it, and the number."""

    source: tuple[Any, str]
    who: Any
    activity: str
    on: dt.date
    amount: int
    declared: bool
    note: str = ""
    span: tuple[dt.datetime, dt.datetime] | None = None
    identity: str = ""
    window: dt.datetime | None = None
    state: str = "received"
    grams: int = 0
    used: list[tuple[Any, int]] = field(default_factory=list)
    id: int = 0
    final: bool = False
    year: int = 0  # in which it became final

    @property
    def content(self) -> tuple[Any, ...]:
        return (self.who, self.activity, self.on, self.amount, self.declared, self.note, self.span, self.identity)


@dataclass
class Ticket:
    """A voucher and the years that its points came from."""

    who: Any
    offer: Any
    cost: int
    parts: list[tuple[int, int]]
    expires: dt.datetime
    state: str = "held"
    closed: dt.date | None = None


class Refused(Exception):
    """What the model expects to be refused, by the code of the refusal."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Book:
    """Everything, at one moment."""

    at: dt.datetime
    kinds: dict[Any, str] = field(default_factory=dict)  # participant → kind
    person: dict[Any, Any] = field(default_factory=dict)  # participant → whose trips may not overlap
    deeds: dict[int, Deed] = field(default_factory=dict)  # by record
    numbers: dict[tuple[Any, str], Deed] = field(default_factory=dict)
    usage: dict[tuple[Any, ...], int] = field(default_factory=lambda: defaultdict(int))
    pool: int = 0
    points: dict[tuple[Any, int], int] = field(default_factory=lambda: defaultdict(int))  # (participant, year)
    credited: dict[tuple[Any, int], int] = field(default_factory=lambda: defaultdict(int))
    awarded: dict[tuple[Any, int], int] = field(default_factory=lambda: defaultdict(int))
    paid_in: dict[int, int] = field(default_factory=dict)  # record → the year of its accrual
    queue: list[Deed] = field(default_factory=list)
    tickets: dict[Any, Ticket] = field(default_factory=dict)
    stock: dict[Any, int] = field(default_factory=dict)
    offers: dict[Any, tuple[int, int, Any]] = field(default_factory=dict)  # cost, per person, merchant
    takings: dict[Any, int] = field(default_factory=lambda: defaultdict(int))
    expired: int = 0

    @property
    def year(self) -> int:
        return local_day(self.at).year

    # -- deeds --------------------------------------------------------------------------------------------------------

    def submit(self, deed: Deed) -> Deed:
        """The deed as it is stored, or the first one of its number; Refused where nothing is stored."""
        if deed.on > local_day(self.at) or (deed.span and deed.span[1] > self.at):
            raise Refused("invalid_input")
        first = self.numbers.get(deed.source)
        if first is not None:
            if first.content != deed.content:
                raise Refused("deed_conflict")
            return first
        deed.state = self._verdict(deed)
        deed.window = self.at + dt.timedelta(hours=WINDOW_HOURS[deed.activity])
        return deed

    def store(self, deed: Deed, record: int) -> None:
        deed.id = record
        self.deeds[record] = self.numbers[deed.source] = deed

    def _verdict(self, deed: Deed) -> str:
        if self.kinds[deed.who] not in KINDS[deed.activity]:
            return "rejected"
        counted = [other for other in self.deeds.values() if other.state not in CLOSED]
        if deed.identity and any(deed.identity == other.identity for other in counted):
            return "duplicate"
        if deed.span and any(self._overlap(deed, other) for other in counted):
            return "duplicate"
        if deed.declared:
            same = [
                other
                for other in counted
                if other.declared and (other.who, other.activity, other.on) == (deed.who, deed.activity, deed.on)
            ]
            if len(same) >= PER_DAY[deed.activity]:
                raise Refused("self_declared_cap")
        return "received"

    def _overlap(self, deed: Deed, other: Deed) -> bool:
        if deed.span is None or other.span is None or self.person[deed.who] != self.person[other.who]:
            return False
        return deed.span[0] < other.span[1] and other.span[0] < deed.span[1]

    def quantify(self) -> list[Deed]:
        """Everything that waits, by activity and in the order of day and number."""
        waiting = [deed for deed in self.deeds.values() if deed.state == "received"]
        for deed in sorted(waiting, key=lambda one: (one.activity, one.on, one.id)):
            self._compute(deed)
        finals = []
        for deed in sorted(waiting, key=lambda one: one.id):
            if deed.state != "rejected":
                deed.state = "provisional"
                if deed.window is not None and deed.window <= self.at:
                    finals.append(deed)
        self._finish(finals)
        return waiting

    def _compute(self, deed: Deed) -> None:
        least, most = RANGE[deed.activity]
        if deed.on < IN_FORCE or not least <= deed.amount <= most:
            deed.state = "rejected"
            return
        amount = deed.amount
        keys = [(deed.who, deed.activity, name, period(name, deed.on)) for _, name in LIMITS[deed.activity]]
        for key, (most, _) in zip(keys, LIMITS[deed.activity], strict=True):
            amount = min(amount, max(most - self.usage[key], 0))
        num, den = GRAMS[deed.activity]
        grams = amount * num // den // (2 if deed.declared else 1)
        deed.used = [(key, amount) for key in keys if amount]
        counted = (deed.who, deed.activity, "records", deed.on)
        if deed.activity in RECORDS_PER_DAY and grams:
            if self.usage[counted] >= RECORDS_PER_DAY[deed.activity]:
                grams = 0
            else:
                deed.used.append((counted, 1))
        for key, used in deed.used:
            self.usage[key] += used
        deed.grams, deed.state = grams, "provisional"

    def close(self) -> None:
        due = [deed for deed in self.deeds.values() if deed.state == "provisional" and deed.window <= self.at]
        self._finish(sorted(due, key=lambda one: one.id))

    def _finish(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            deed.state, deed.final, deed.year = "final", True, self.year
        earning = [deed for deed in deeds if deed.grams]
        if not earning:
            return
        if self.queue or self._due(earning) > self.pool:
            self.queue += earning
            self.queue.sort(key=lambda one: one.id)
        else:
            self._pay(earning)

    def _due(self, deeds: list[Deed]) -> int:
        """Points that are missing to what these deeds entitle to, in the years that they count for."""
        grams: dict[Any, int] = defaultdict(int)
        for deed in deeds:
            grams[self._book_of(deed)] += deed.grams
        return sum(max((self.credited[key] + more) // 100 - self.awarded[key], 0) for key, more in grams.items())

    def _book_of(self, deed: Deed) -> tuple[Any, int]:
        """Whose, and of which year: when the deed became final, or the oldest year whose points can be spent still."""
        return deed.who, max(deed.year, self.year - 1)

    def _pay(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            due = self._due([deed])
            key = self._book_of(deed)
            self.credited[key] += deed.grams
            self.awarded[key] += due
            self.points[key] += due
            self.pool -= due
            self.paid_in[deed.id] = key[1]

    def award(self) -> int:
        """As many of those who wait as the pool goes to, in order."""
        paid = 0
        while self.queue and self._due(self.queue[:1]) <= self.pool:
            self._pay([self.queue.pop(0)])
            paid += 1
        return paid

    def cancel(self, deed: Deed) -> None:
        if deed.source[0] == "provider":
            raise Refused("not_yours_to_cancel")
        if deed.state not in {"received", "provisional"}:
            raise Refused("too_late_to_cancel")
        deed.state = "reversed"

    def undo(self) -> None:
        """Give back what reversed deeds had used and earned."""
        for deed in self.deeds.values():
            if deed.state != "reversed":
                continue
            for key, used in deed.used:
                self.usage[key] -= used
            deed.used = []
            if deed in self.queue:
                self.queue.remove(deed)
            year = self.paid_in.pop(deed.id, None)
            if year is not None and deed.final:
                key = deed.who, year
                self.credited[key] -= deed.grams
                back = min(max(self.awarded[key] - self.credited[key] // 100, 0), self.points[key])
                self.awarded[key] -= back
                self.points[key] -= back
                self.pool += back
            deed.grams = 0

    # -- points -------------------------------------------------------------------------------------------------------

    def spendable(self, who: Any) -> int:
        return self.points[who, self.year - 1] + self.points[who, self.year]

    def expire(self) -> int:
        gone = 0
        for (who, year), left in self.points.items():
            if year < self.year - 1 and left:
                gone += left
                self.points[who, year] = 0
        self.expired += gone
        return gone

    # -- vouchers -----------------------------------------------------------------------------------------------------

    def take(self, who: Any, offer: Any, expires: dt.datetime) -> Ticket:
        cost, most, _ = self.offers[offer]
        mine = [one for one in self.tickets.values() if (one.who, one.offer) == (who, offer)]
        if sum(one.state in {"held", "captured"} for one in mine) >= most:
            raise Refused("per_person_limit")
        if not self.stock[offer]:
            raise Refused("sold_out")
        if self.spendable(who) < cost:
            raise Refused("insufficient_points")
        parts, left = [], cost
        for year in (self.year - 1, self.year):
            part = min(left, self.points[who, year])
            if part:
                parts.append((year, part))
                self.points[who, year] -= part
            left -= part
        self.stock[offer] -= 1
        return Ticket(who, offer, cost, parts, expires)

    def capture(self, ticket: Ticket) -> None:
        if ticket.state == "captured":
            raise Refused("already_captured")
        if ticket.state != "held" or ticket.expires <= self.at:
            raise Refused("voucher_not_usable")
        ticket.state, ticket.closed = "captured", local_day(self.at)
        self.takings[self.offers[ticket.offer][2]] += ticket.cost

    def release(self, ticket: Ticket) -> None:
        if ticket.state != "held":
            raise Refused("voucher_closed")
        self._back(ticket, "released")

    def refund(self, ticket: Ticket) -> None:
        if ticket.state == "refunded":
            raise Refused("already_refunded")
        if ticket.state != "captured":
            raise Refused("voucher_closed")
        if ticket.closed != local_day(self.at):
            raise Refused("refund_too_late")
        self.takings[self.offers[ticket.offer][2]] -= ticket.cost
        self._back(ticket, "refunded")

    def lapse(self) -> int:
        due = [one for one in self.tickets.values() if one.state == "held" and one.expires <= self.at]
        for ticket in due:
            self._back(ticket, "expired")
        return len(due)

    def _back(self, ticket: Ticket, state: str) -> None:
        for year, part in ticket.parts:
            self.points[ticket.who, year] += part
        self.stock[ticket.offer] += 1
        ticket.state = state

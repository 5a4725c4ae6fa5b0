"""Plausible records of a population over twelve months, as rows of a file for `import_behaviors`.

Nothing here is measured: distances, hours, seasons and amounts are drawn from shapes that look like everyday life, so
that imports, dashboards and measurements have something to work on. The same subjects, seed and last day give the same
rows. A small share of the rows is wrong on purpose: repeated, overlapping, too fast, out of range, unknown.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from behaviors.activities import activities
from carbon_portal.kernel import regions

DAYS = 365
SLOTS = 22  # a person's trips begin in different 45 minutes between 06:00 and 22:30
SLOT_MINUTES = 45
FIRST_MINUTE = 6 * 60
LONGEST = SLOT_MINUTES - 2
FORTNIGHT = 14
BLOCKS = (DAYS - 1) // FORTNIGHT
ODD_SHARE = 0.012
INPUTS = (
    "distance", "vehicle", "weight", "daily_use", "gas_use", "water_use", "members", "days", "hot_water", "generation",
    "area", "increment", "years",
)  # fmt: skip
COLUMNS = (
    "source_record_id", "participant", "activity", "provider", "region", "occurred_on", "started_at", "ended_at",
    "meter", "period_start", "period_end", "item_serial", "evidence", *INPUTS,
)  # fmt: skip
_PLACES = {name: place for place, name in enumerate(COLUMNS)}
RAIL = frozenset({"440100", "440300", "440600", "441900"})
# activity: least, usual and greatest distance in 100 m, usual km/h
TRIPS = {
    "metro_trip": (15, 95, 230, 35),
    "electric_bus_trip": (8, 48, 110, 18),
    "shared_bike_trip": (4, 16, 60, 10),
    "shared_ebike_trip": (5, 28, 90, 15),
    "ev_trip": (10, 110, 230, 35),
}
# Shares of the trips by city with and without metro, on workdays and at weekends, in the order of TRIPS.
MIX = {
    (True, True): (40, 22, 14, 10, 14),
    (True, False): (30, 16, 12, 9, 33),
    (False, True): (0, 34, 16, 26, 24),
    (False, False): (0, 22, 13, 24, 41),
}
_VEHICLES = ("compact", "midsize", "large")
# Months January to December: two wheels suffer from heat and rain, air conditioners run in summer.
TWO_WHEELS = (90, 95, 105, 95, 75, 65, 65, 65, 85, 115, 120, 105)
COOLING = (85, 80, 80, 90, 115, 140, 150, 150, 130, 105, 88, 85)
SUN = (85, 75, 75, 85, 100, 105, 125, 120, 115, 115, 100, 90)
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class TooMany(ValueError):
    """The population can't carry so many records; `most` is what it can."""

    def __init__(self, most: int) -> None:
        super().__init__(str(most))
        self.most = most


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who earns. `meters` by sector (electricity, water, gas); `weight` says how active they are."""

    public_id: str
    kind: str
    region: str
    meters: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0

    def meter(self, sector: str) -> str:
        return self.meters.get(sector) or f"{sector[:1].upper()}{self.public_id}"


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one kind: when each was sent (minutes since the first day), and its line without the number."""

    minutes: Ints
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file, and the day on which its sender would have sent it."""

    day: dt.date
    text: str


def rows(
    subjects: Sequence[Subject], *, count: int, seed: int, until: dt.date, providers: Mapping[str, str] | None = None
) -> Iterator[Row]:
    """`count` rows of the twelve months up to `until`, by day. `providers`: the code of the feed by activity.

    Errors: TooMany.
    """
    draw = Draw(subjects, seed=seed, until=until, providers=providers or {})
    parts = draw.parts(count)
    minutes = np.concatenate([part.minutes for part in parts]) if parts else np.zeros(0, np.int64)
    lines = [line for part in parts for line in part.lines]
    order = np.argsort(minutes, kind="stable")
    first = until - dt.timedelta(days=DAYS - 1)
    days = [first + dt.timedelta(days=day) for day in range(DAYS)]
    spoil = Spoiler(np.random.default_rng([seed, 1]), draw.strangers(), until)
    odd = spoil.chosen(count)
    before = ""
    for index, place in enumerate(order.tolist()):
        text = f"G{seed}-{index:09d}{lines[place]}"
        if odd[index]:
            text = spoil.spoilt(text, before)
        before = text
        yield Row(days[minutes[place] // 1440], text)


class Draw:
    """Draws the records of a population."""

    def __init__(self, subjects: Sequence[Subject], *, seed: int, until: dt.date, providers: Mapping[str, str]) -> None:
        self._rng = np.random.default_rng([seed, 0])
        self._of = {kind: [s for s in subjects if s.kind == kind] for kind in ("resident", "household", "sme")}
        self._first = until - dt.timedelta(days=DAYS - 1)
        self._days = [self._first + dt.timedelta(days=day) for day in range(DAYS)]
        self._texts = [day.isoformat() for day in self._days]
        self._months = np.array([day.month - 1 for day in self._days])
        self._weekend = np.array([day.weekday() >= 5 for day in self._days])
        self._ends = [n for n, day in enumerate(self._days) if (day + dt.timedelta(days=1)).day == 1]
        self._providers = providers

    def strangers(self) -> list[str]:
        """Meters of families, for rows that name the meter of another."""
        return [one.meter("electricity") for one in self._of["household"][:50]]

    def parts(self, count: int) -> list[Part]:
        """`count` records: trips mostly, then what meters tell, then what is handed in."""
        people, homes, firms = (len(self._of[kind]) for kind in ("resident", "household", "sme"))
        most = {
            "plants": firms * len(self._ends),
            "plots": -(-firms // 20),
            "bills": homes * len(self._ends) * 3,
            "power": homes * BLOCKS * FORTNIGHT,
            "items": people * 52,
            "trips": people * DAYS * SLOTS,
        }
        shares = {"plants": 0.02, "plots": 0.0001, "bills": 0.06, "power": 0.22, "items": 0.03, "trips": 1.0}
        if not 0 <= count <= sum(most.values()):
            raise TooMany(sum(most.values()))
        wanted, left = {}, count
        for kind, share in shares.items():
            wanted[kind] = min(most[kind], left, max(int(count * share), 1))
            left -= wanted[kind]
        for kind, limit in most.items():  # where there are few people, meters tell the rest
            more = min(limit - wanted[kind], left)
            wanted[kind], left = wanted[kind] + more, left - more
        made = {
            "plants": self._plants, "plots": self._plots, "bills": self._bills, "power": self._power,
            "items": self._items, "trips": self._trips,
        }  # fmt: skip
        return [made[kind](number) for kind, number in wanted.items() if number]

    # -- people --------------------------------------------------------------------------------------------------------

    def _trips(self, number: int) -> Part:
        people = self._of["resident"]
        slots = np.arange(SLOTS)
        peaks = np.exp(-((slots - 2.5) ** 2) / 3.0) + 0.9 * np.exp(-((slots - 16.0) ** 2) / 4.0) + 0.12
        idle = np.exp(-((slots - 10.0) ** 2) / 60.0)
        days = np.linspace(0.75, 1.25, DAYS) * np.where(self._weekend, 0.8, 1.0)
        when = (np.where(self._weekend[:, None], idle, peaks) * days[:, None]).ravel()
        who, cell = self._cells(number, self._weights(people), when)
        day, slot = np.divmod(cell, SLOTS)
        kind = self._kinds_of_trip(who, day)
        low, usual, high, speed = (np.array(column)[kind] for column in zip(*TRIPS.values(), strict=True))
        tenths = np.clip(usual * self._rng.lognormal(-0.1, 0.45, number), low, high).astype(np.int64)
        took = np.clip(tenths * 6 / speed * self._rng.uniform(0.95, 1.35, number) + 1, 2, LONGEST).astype(np.int64)
        tenths = np.minimum(tenths, np.maximum(took * speed // 6, low))
        start = FIRST_MINUTE + slot * SLOT_MINUTES + self._rng.integers(0, SLOT_MINUTES - LONGEST + 1, number)
        declared = self._rng.random(number) < 0.03
        vehicles = self._rng.integers(0, 3, number)
        feeds = [self._source(code) for code in TRIPS]
        told = zip(*(a.tolist() for a in (day, start, start + took)), strict=True)
        times = [(self._moment(d, s), self._moment(d, e)) for d, s, e in told]
        cells = {
            "activity": [list(TRIPS)[k] for k in kind.tolist()],
            "started_at": [one for one, _ in times],
            "ended_at": [one for _, one in times],
            "distance": [f"{km // 10}.{km % 10}" for km in tenths.tolist()],
            "vehicle": [_VEHICLES[v] if k == 4 else "" for k, v in zip(kind.tolist(), vehicles.tolist(), strict=True)],
            **_declared(declared, [feeds[k] for k in kind.tolist()]),
        }
        return Part(day * 1440 + start + took, _lines(people, who, cells))

    def _kinds_of_trip(self, who: Ints, day: Ints) -> Ints:
        rail = np.array([_city(one.region) in RAIL for one in self._of["resident"]])[who]
        table = np.zeros((2, 2, 12, len(TRIPS)))
        for (metro, workday), mix in MIX.items():
            for month in range(12):
                wheels = TWO_WHEELS[month] / 100
                table[int(metro), int(workday), month] = np.array(mix) * (1, 1, wheels, wheels, 1)
        table = np.cumsum(table / table.sum(axis=3, keepdims=True), axis=3)
        chance = self._rng.random(len(who))
        rows = table[rail.astype(int), (~self._weekend[day]).astype(int), self._months[day]]
        return np.minimum((chance[:, None] >= rows).sum(axis=1), len(TRIPS) - 1)

    def _items(self, number: int) -> Part:
        people = self._of["resident"]
        tailors = np.arange(len(people)) % 240 == 7  # bring so much that the year's limit cuts it
        who, week = self._cells(number, self._weights(people) * np.where(tailors, 9, 1), np.ones(52))
        day = week * 7 + self._rng.integers(0, 7, number)
        usual = self._rng.lognormal(1.4, 0.6, number) * 100
        grams = np.where(tailors[who], 2200 + usual, usual).clip(60, 4900).astype(np.int64)
        declared = self._rng.random(number) < 0.3
        feed = [self._source("old_clothes")] * number
        cells = {
            "activity": ["old_clothes"] * number,
            "occurred_on": self._dates(day),
            "item_serial": [
                f"BAG-{people[w].public_id}-{k:02d}" for w, k in zip(who.tolist(), week.tolist(), strict=True)
            ],
            "weight": _decimals(grams, 2),
            **_declared(declared, feed),
        }
        return Part(day * 1440 + 1200, _lines(people, who, cells))

    # -- meters --------------------------------------------------------------------------------------------------------

    def _power(self, number: int) -> Part:
        homes = self._of["household"]
        # Day after day for a fortnight: an average of one's own last days needs days in a row.
        home, block = self._cells(-(-number // FORTNIGHT), self._weights(homes), np.linspace(0.8, 1.2, BLOCKS))
        who = np.repeat(home, FORTNIGHT)[:number]
        day = (1 + block[:, None] * FORTNIGHT + np.arange(FORTNIGHT)).ravel()[:number]
        level = self._rng.lognormal(2.0, 0.3, len(homes))[who]
        season = np.array(COOLING)[self._months[day]] / 100
        use = np.clip(level * season * self._rng.normal(1, 0.18, number) * 100, 60, 6000).astype(np.int64)
        cells = {"meter": [homes[w].meter("electricity") for w in who.tolist()], "daily_use": _decimals(use, 2)}
        return Part(day * 1440 + 1439, self._metered(homes, "household_electricity", who, day, day, cells))

    def _bills(self, number: int) -> Part:
        """Gas, water and heat pump, month by month."""
        homes, kinds = self._of["household"], ("household_gas", "household_water", "heat_pump_water_heater")
        who, cell = self._cells(number, self._weights(homes), np.tile([1.0, 1.0, 0.25], len(self._ends)))
        month, kind = np.divmod(cell, len(kinds))
        end = np.array(self._ends)[month]
        members = self._rng.integers(2, 6, len(homes))
        amount = self._rng.lognormal(0, 0.3, number)
        minutes: list[Ints] = []
        lines: list[str] = []
        for place, code in enumerate(kinds):
            mine = np.flatnonzero(kind == place)
            w, e, a = who[mine], end[mine], amount[mine]
            length = np.array([self._days[d].day for d in e.tolist()], dtype=np.int64)
            cells: dict[str, list[str]] = {"days": [str(days) for days in length.tolist()]}
            if code == "household_gas":
                meters = [homes[n].meter("gas") for n in w.tolist()]
                cells["gas_use"] = _decimals((a * 1500).astype(np.int64), 2)
            elif code == "household_water":
                meters = [homes[n].meter("water") for n in w.tolist()]
                cells["water_use"] = _decimals((a * 420 * members[w]).astype(np.int64), 2)
                cells["members"] = [str(n) for n in members[w].tolist()]
            else:
                meters = [f"HP{homes[n].public_id}" for n in w.tolist()]
                cells = {"hot_water": _decimals((a * 1800).astype(np.int64), 3)}
            lines += self._metered(homes, code, w, e - length + 1, e, {"meter": meters, **cells})
            minutes.append(e * 1440 + 1439)
        return Part(np.concatenate(minutes), lines)

    def _plants(self, number: int) -> Part:
        firms = self._of["sme"]
        who, month = self._cells(number, self._weights(firms), np.ones(len(self._ends)))
        size = self._rng.lognormal(3.8, 0.5, len(firms))[who]
        end = np.array(self._ends)[month]
        made = (size * np.array(SUN)[self._months[end]] * self._rng.normal(1, 0.08, number)).clip(500).astype(np.int64)
        first = end - np.array([self._days[e].day - 1 for e in end.tolist()])
        cells = {"meter": [f"PV{firms[w].public_id}" for w in who.tolist()], "generation": _decimals(made, 2)}
        return Part(end * 1440 + 1439, self._metered(firms, "distributed_pv", who, first, end, cells))

    def _plots(self, number: int) -> Part:
        """A year of a small wood, every twentieth firm's."""
        firms = self._of["sme"]
        who, last = np.arange(number) * 20, np.full(number, DAYS - 1)
        cells = {
            "meter": [f"PLOT-{firms[w].public_id}" for w in who.tolist()],
            "area": _decimals(self._rng.integers(5, 30, number), 2),
            "increment": _decimals(self._rng.integers(600, 1400, number), 2),
            "years": ["1"] * number,
        }
        return Part(last * 1440 + 1439, self._metered(firms, "forest_increment", who, last * 0, last, cells))

    def _metered(
        self,
        owners: Sequence[Subject],
        code: str,
        who: Ints,
        first: Ints,
        last: Ints,
        cells: Mapping[str, Sequence[str]],
    ) -> list[str]:
        provider, evidence = self._source(code)
        same = {"activity": code, "provider": provider, "evidence": evidence}
        period = {"period_start": self._dates(first), "period_end": self._dates(last)}
        return _lines(owners, who, {**{name: [text] * len(who) for name, text in same.items()}, **period, **cells})

    def _dates(self, days: Ints) -> list[str]:
        """Days counted from the first; a bill's month may begin before it."""
        return [self._texts[d] if d >= 0 else (self._first + dt.timedelta(days=d)).isoformat() for d in days.tolist()]

    def _moment(self, day: int, minute: int) -> str:
        return f"{self._texts[day]}T{minute // 60:02d}:{minute % 60:02d}:00+08:00"

    # -- chances -------------------------------------------------------------------------------------------------------

    def _source(self, code: str) -> tuple[str, str]:
        """Provider and evidence of a feed of this activity."""
        return self._providers.get(code, ""), "feed"

    def _weights(self, subjects: Sequence[Subject]) -> Floats:
        """A few are very active, most a little; cities differ as much as people do."""
        mood = {city.code: 0.6 + (int(city.code[2:4]) * 37 % 100) / 90 for city in regions.cities()}
        told = np.array([one.weight * mood.get(_city(one.region), 1.0) for one in subjects])
        return told * self._rng.lognormal(0, 0.7, len(subjects))

    def _cells(self, number: int, *weights: Floats) -> tuple[Ints, Ints]:
        """`number` different cells of a table of rows by columns, more of them where the weights are large."""
        rows, columns = (np.cumsum(weight) / weight.sum() for weight in weights)
        width, cells = len(columns), len(rows) * len(columns)
        if number * 2 > cells:
            taken = self._rng.permutation(cells)[:number]
        else:
            taken = np.zeros(0, np.int64)
            while len(taken) < number:
                more = number - len(taken) + 1000
                row = np.searchsorted(rows, self._rng.random(more), side="right")
                taken = np.concatenate([taken, row * width + np.searchsorted(columns, self._rng.random(more), "right")])
                taken = taken[np.sort(np.unique(taken, return_index=True)[1])]
            taken = taken[:number]
        row, column = np.divmod(taken, width)
        return row, column


class Spoiler:
    """Makes some rows wrong, each in a way that the portal has an answer to."""

    def __init__(self, rng: np.random.Generator, strangers: Sequence[str], until: dt.date) -> None:
        self._rng = rng
        self._strangers = strangers
        self._future = (until + dt.timedelta(days=400)).isoformat()
        self._ways = (
            self._repeated, self._told_again, self._too_fast, self._out_of_range, self._too_precise, self._unknown,
            self._not_yet, self._heavy, self._meter_of_another,
        )  # fmt: skip

    def chosen(self, count: int) -> npt.NDArray[np.bool_]:
        return self._rng.random(count) < ODD_SHARE

    def spoilt(self, text: str, before: str) -> str:
        """The row in one of the ways that fits it; `before` is the line before, for repetitions."""
        cells = text.split(",")
        way = int(self._rng.integers(0, len(self._ways)))
        return self._ways[way](cells, before) or text

    def _repeated(self, cells: list[str], before: str) -> str:
        return before

    def _told_again(self, cells: list[str], before: str) -> str:
        """The deed before under a number of its own: the same reading, the same bag, the same hour."""
        return ",".join([cells[0], *before.split(",")[1:]]) if before else ""

    def _too_fast(self, cells: list[str], before: str) -> str:
        start = cells[_PLACES["started_at"]]
        if not start:
            return ""
        moment = dt.datetime.fromisoformat(start) + dt.timedelta(seconds=20)
        return self._with(cells, ended_at=moment.isoformat())

    def _out_of_range(self, cells: list[str], before: str) -> str:
        return self._with(cells, **{name: "0" for name in ("distance", "weight") if cells[_PLACES[name]]})

    def _too_precise(self, cells: list[str], before: str) -> str:
        return self._with(
            cells,
            **{name: cells[_PLACES[name]] + "1234" for name in ("distance", "daily_use") if cells[_PLACES[name]]},
        )

    def _unknown(self, cells: list[str], before: str) -> str:
        return self._with(cells, participant="R404")

    def _not_yet(self, cells: list[str], before: str) -> str:
        return self._with(cells, occurred_on=self._future)

    def _heavy(self, cells: list[str], before: str) -> str:
        """So much that a limit of the day or year cuts it."""
        return self._with(cells, weight="49.5") if cells[_PLACES["weight"]] else ""

    def _meter_of_another(self, cells: list[str], before: str) -> str:
        known = cells[_PLACES["activity"]] == "household_electricity" and self._strangers
        return self._with(cells, meter=self._strangers[int(self._rng.integers(len(self._strangers)))]) if known else ""

    @staticmethod
    def _with(cells: list[str], **changes: str) -> str:
        for name, value in changes.items():
            cells[_PLACES[name]] = value
        return ",".join(cells)


def _lines(subjects: Sequence[Subject], who: Ints, cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Lines of the file without their number; columns that are not told stay empty."""
    owners = [subjects[index] for index in who.tolist()]
    told = {**cells, "participant": [one.public_id for one in owners], "region": [one.region for one in owners]}
    form = "".join(",%s" if name in told else "," for name in COLUMNS[1:])
    return [form % row for row in zip(*(told[name] for name in COLUMNS if name in told), strict=True)]


def _declared(declared: npt.NDArray[np.bool_], feeds: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Provider and evidence: of the feed, or of somebody's own word."""
    sources = [("", "self_declared") if own else feed for own, feed in zip(declared.tolist(), feeds, strict=True)]
    return {"provider": [one for one, _ in sources], "evidence": [one for _, one in sources]}


def _decimals(numbers: Ints, places: int) -> list[str]:
    """Whole numbers of the last place as decimals: 1234 with 2 places is 12.34."""
    one = 10**places
    return [f"{number // one}.{number % one:0{places}d}" for number in numbers.tolist()]


def _city(region: str) -> str:
    return region[:4] + "00"


def feeds(codes: Sequence[str]) -> dict[str, str]:
    """Which provider reports which activity, where the providers say nothing about it themselves: in turn."""
    ordered = sorted(codes)
    return {code: ordered[n % len(ordered)] for n, code in enumerate(activities())} if ordered else {}

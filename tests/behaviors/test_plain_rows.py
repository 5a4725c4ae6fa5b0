"""The short way through plain rows stages to the letter what the careful reader stages, and takes nothing it refuses."""

import datetime as dt
import random

import pytest

from behaviors.intake import staged
from behaviors.intake.chunks import ChunkReader
from behaviors.intake.plain import PlainRows
from behaviors.intake.rows import FIELDS, RowError, RowReader
from tests.behaviors.cast import NOON, firm, household, library, provider, resident

pytestmark = pytest.mark.django_db
INPUTS = ("distance", "vehicle", "weight", "daily_use", "water_use", "members", "days", "generation")
COLUMNS = (*FIELDS, *INPUTS)
# Of each column what is good, and what is odd, doubtful or refused; every row mixes them.
ODD = {
    "source_record_id": ["", " T1", "x" * 128, "x" * 129, "编号7", 'a"b', "a\\b", "a\tb", "\x00precision", "T\u3000"],
    "participant": ["", "R404", "r00000001", " "],
    "activity": ["", "BUS", "metro", " metro_trip", "forest_increment"],
    "provider": ["nobody", "GZ-METRO", " gz-metro", "é"],
    "occurred_on": ["2026-11-20", "2026/11/20", "2026-1-5", "45981", "2099-01-01", "1999-12-31", "2026-02-30", "x"],
    "started_at": [
        "2026-11-20", "2026/11/20 8:00", "2026-11-20 24:00", "2026-11-20 08:60", "2026-11-20T08:00:00.5",
        "2026-11-20 08:00Z", "2026-11-20 08:00+14:00", "2026-11-19T23:30-05:30", "2026-11-20 08:00+24:00", "45981.3",
        "2026-11-21 12:00", "2026-11-21 12:01", "2000-06-01 08:00", "1986-06-01 08:00", "2026-13-01 08:00", "２026-11-20",
        "2026-11-20 08:00:61", "2026-11-20  08:00", "2026-11-20 0８:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00",
    ],
    "ended_at": ["", "2026-11-20 08:00", "2026-11-20 07:59", "2026-11-21T08:01", "2026-11-21 08:00", "2026-11-20T01:00Z"],
    "meter": ["", "0300 0001", "x" * 30, "x" * 31, "abc-1", "户号"],
    "period_start": ["", "2026-11-20", "2026-11-22", "2026/11/19", "2025-01-01"],
    "period_end": ["", "2026-11-18", "2026-11-22", "2026-02-29"],
    "item_serial": ["", "bag/1", "x" * 64, "x" * 65, "袋 1"],
    "region": ["", "999999", "000000", "440000", "442000", "44010", "441900"],
    "town": ["442000101", "442000001", "x"],
    "evidence": ["proof", "self_declared", "gold", "FEED"],
    "note": ["上班路上", 'say "hi"', "a\\nb", "x" * 200, "x" * 201, " ", "a\nb", "a\u200bb", "tail "],
    "distance": ["", "0", "9999", "1e3", "-1", "12.4567", "１２", "x" * 64, "x" * 65, "=1+1", "120.5"],
    "vehicle": ["compact", "tank"],
    "weight": ["3"],
    "daily_use": ["5.20", "0"],
    "members": ["3"],
}  # fmt: skip


@pytest.fixture
def world(db):
    library()
    alice, bob = resident("Alice"), resident("Bob", region="440305")
    closed = resident("Closed")
    closed.is_active = False
    closed.save()
    family, shop = household(alice.person), firm(bob.person)
    provider()
    return {"resident": [alice, bob, closed], "household": [family], "sme": [shop]}


def good_row(chance, world):
    """What a careful feed sends: a trip, a reading or an item of somebody who may."""
    kind = chance.choice(["trip", "trip", "reading", "item", "plant"])
    row = dict.fromkeys(COLUMNS, "") | {
        "source_record_id": f"T{chance.randrange(10**6)}",
        "provider": chance.choice(["gz-metro", "gz-metro", ""]),
        "region": chance.choice(["440106", "440100", "440305"]),
        "evidence": chance.choice(["", "feed", "feed"]),
    }
    day = dt.date(2026, 11, 20) - dt.timedelta(days=chance.randrange(400))
    if kind == "trip":
        who, separator = chance.choice(world["resident"][:2]), chance.choice(["T", " "])
        zone = chance.choice(["", "Z", "+08:00", "-01:30"])
        hour, minutes = chance.randrange(22), chance.choice([59, 41])
        row |= {
            "activity": chance.choice(["metro_trip", "ev_trip", "shared_bike_trip"]),
            "started_at": f"{day}{separator}{hour:02d}:{chance.randrange(40):02d}{chance.choice(['', ':07'])}{zone}",
            "ended_at": f"{day}{separator}{hour:02d}:{minutes}{zone}",
            "distance": f"{chance.randrange(90)}.{chance.randrange(1000)}",
        }
    elif kind == "item":
        who = chance.choice(world["resident"][:2])
        row |= {"activity": "old_clothes", "occurred_on": str(day), "item_serial": "b-1", "weight": "3.5"}
    else:
        who = chance.choice(world["household" if kind == "reading" else "sme"])
        activity, name = (
            ("household_electricity", "daily_use") if kind == "reading" else ("distributed_pv", "generation")
        )
        row |= {"activity": activity, "meter": "ab-1", "period_start": str(day), "period_end": str(day), name: "5.5"}
    return row | {"participant": who.public_id}


def mutated(chance, row):
    for name in chance.sample(COLUMNS, chance.choice([0, 0, 1, 1, 2])):
        row[name] = chance.choice(ODD.get(name, [" 1", "", "1\x00"]))
    cells = [row[name] for name in COLUMNS]
    if chance.random() < 0.03:
        cells = cells[: chance.randrange(len(cells))] if chance.random() < 0.5 else [*cells, chance.choice(["", "x"])]
    return cells


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("told", ["all columns", "provider and activity for the file"])
def test_both_ways_stage_the_same_line(world, seed, told):
    chance = random.Random(f"{seed}-{told}")
    rows = [(number, mutated(chance, good_row(chance, world))) for number in range(2, 402)]
    columns, options = COLUMNS, {"provider": None, "activity": ""}
    if told != "all columns":
        options = {"provider": provider("demo-bikes"), "activity": "shared_bike_trip"}
        left_out = {COLUMNS.index("provider"), COLUMNS.index("activity"), COLUMNS.index("note")}
        columns = [name for place, name in enumerate(COLUMNS) if place not in left_out]
        rows = [(n, [cell for place, cell in enumerate(cells) if place not in left_out]) for n, cells in rows]
    reader = RowReader(columns, at=NOON, **options)
    reader.prepare(rows)
    plain, taken = PlainRows(reader), 0
    for number, cells in rows:
        short, careful = plain.line(number, list(cells)), reader.read(number, cells)
        if short is None:
            continue
        taken += 1
        assert not isinstance(careful, RowError), (careful, cells)
        assert short == (staged.line(careful, NOON), careful.deed.evidence == "self_declared"), cells
    assert taken >= (100 if told == "all columns" else 20)


def test_what_a_careful_feed_sends_is_plain(world):
    chance = random.Random(7)
    rows = [(number, list(good_row(chance, world).values())) for number in range(2, 202)]
    reader = RowReader(COLUMNS, provider=None, activity="", at=NOON)
    reader.prepare(rows)
    plain = PlainRows(reader)
    assert [number for number, cells in rows if plain.line(number, cells) is None] == []


def test_a_chunk_asks_the_database_only_when_it_is_prepared(world, django_assert_num_queries):
    chance = random.Random(8)
    rows = [(number, mutated(chance, good_row(chance, world))) for number in range(2, 202)]
    reader = ChunkReader(RowReader(COLUMNS, provider=None, activity="", at=NOON))
    reader.prepare(rows)
    with django_assert_num_queries(0):
        chunk = reader.read(rows)
    assert chunk.received == len(chunk.lines) + len(chunk.errors) == 200
    assert chunk.errors

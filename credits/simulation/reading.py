"""Stored records as columns, by binary COPY: every field has a fixed width, so that a block is read as one array.

A period is read with what its results depend on: the rest of the limits' periods, the days that history values look
back on, and the records that a city's participants have elsewhere. Records are read in slices of participants, so that
memory is bounded by the slice and not by the province.
"""

import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from django.db import connection

from credits.constants import NOT_ELIGIBLE
from methodologies.engine import Coded
from methodologies.engine.document import GRADES
from methodologies.engine.reasons import INPUT_AND_DATE

from .errors import UnreadableRecords

EPOCH = dt.date(1970, 1, 1)
# One slice in memory, in bytes as they arrive; the columns made of it take less.
SLICE_BYTES = 192 * 1024 * 1024
# A quantity has at most 26 characters; what is cut off behind the 32nd was none to begin with.
_WIDTH = 32

COUNTED, REFUSED = 1, 2
#: Why a record has no part: the third letter of its state, and `other` for one refused for no reason of a method.
LEFT_OUT = {"e": "checking", "c": "received", "p": "duplicate", "d": "under_review", "v": "reversed", "j": "other"}
#: Kinds of participant by the letter that is read of them.
KINDS = {"r": "resident", "h": "household", "s": "sme", "g": "group"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: an activity, days, an area (digits that its codes share), and the inputs with their widths."""

    activity: str
    first: dt.date
    last: dt.date
    prefix: str
    inputs: Mapping[str, int]
    #: Days on which somebody's record in the area brings in that participant's records elsewhere; None: it does not.
    elsewhere: tuple[dt.date, dt.date] | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """One slice, column by column; participants are numbered within it."""

    ids: np.ndarray
    days: np.ndarray
    persons: np.ndarray
    regions: np.ndarray
    evidence: np.ndarray
    status: np.ndarray  # COUNTED, REFUSED, or the letter of LEFT_OUT
    subjects: np.ndarray  # the first letter of the participant's kind
    active: np.ndarray
    sizes: np.ndarray  # people in the household, 0 where it is not known
    arrivals: np.ndarray
    inputs: Mapping[str, Coded]

    def __len__(self) -> int:
        return len(self.ids)

    def is_subject(self, kinds: Sequence[str]) -> np.ndarray:
        """Whether each record's participant is of one of these kinds."""
        letters = [ord(letter) for letter, kind in KINDS.items() if kind in kinds]
        return np.isin(self.subjects, letters)


def width_of(options: Sequence[str] | None) -> int:
    """Bytes in which an input is read: a text that is longer is neither a quantity nor an option."""
    longest = max((len(option.encode()) for option in options or ()), default=0) + 1
    return max(-(-longest // 8) * 8, _WIDTH)


def slices(wanted: Wanted) -> Iterator[tuple[int, int, Records]]:
    """(number, how many, records) of each slice, one after the other; one statement each."""
    count = max(-(-_estimate(wanted) * _row_type(wanted).itemsize // SLICE_BYTES), 1)
    for number in range(count):
        yield number, count, _read(wanted, number, count)


def _estimate(wanted: Wanted) -> int:
    """What the planner expects; an error here costs memory or time, never a record."""
    with connection.cursor() as cursor:
        plan_of = f"SELECT 1 FROM behaviors_behaviorrecord r WHERE {_where(wanted)}"  # noqa: S608 - as copy_statement
        cursor.execute(f"EXPLAIN (FORMAT JSON) {plan_of}")
        plan = cursor.fetchone()[0]
    return int(plan[0]["Plan"]["Plan Rows"])


def _read(wanted: Wanted, number: int, count: int) -> Records:
    sink = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.cursor.copy_expert(copy_statement(wanted, number, count), sink)
    return decoded(sink.getbuffer(), wanted)


def copy_statement(wanted: Wanted, number: int = 0, count: int = 1) -> str:
    """One COPY of a slice. Names are words of closed alphabets; dates and regions' codes are checked."""
    some = f"WHERE (uuid_hash(a.uuid) & 2147483647) % {count} = {number}" if count > 1 else ""
    refused = ", ".join(f"'{code}'" for code in (*INPUT_AND_DATE, NOT_ELIGIBLE))
    fields = "".join(
        f", substring(convert_to(coalesce(r.inputs->>'{_word(name)}', ''), 'UTF8') || '\\x{'00' * width}'::bytea"
        f" from 1 for {width})"
        for name, width in wanted.inputs.items()
    )
    return f"""
        COPY (
          WITH homes AS (
            SELECT household_id, count(*)::int4 AS size FROM accounts_householdmember WHERE left_on IS NULL GROUP BY 1
          ), people AS MATERIALIZED (
            SELECT a.uuid, (row_number() OVER ())::int4 AS number,
                   ascii(a.kind) + (CASE WHEN a.is_active THEN 128 ELSE 0 END)
                   + 256 * least(coalesce(h.size, 0), 9999) AS traits
              FROM accounts_participant a
              LEFT JOIN accounts_householdmember m ON m.person_id = a.person_id AND m.left_on IS NULL
              LEFT JOIN homes h ON h.household_id = coalesce(a.household_id, m.household_id)
             {some}
          )
          SELECT r.id, r.occurred_on - date '1970-01-01', p.number, p.traits, rpad(r.region, 6), ascii(r.evidence),
                 CASE r.state WHEN 'final' THEN 1 WHEN 'provisional' THEN 1
                              WHEN 'rejected' THEN CASE WHEN r.reason IN ({refused}) THEN 2 ELSE 106 END
                              ELSE ascii(substr(r.state, 3, 1)) END,
                 coalesce(r.provisional_at, r.closed_at, r.received_at){fields}
            FROM behaviors_behaviorrecord r JOIN people p ON p.uuid = r.participant_id
           WHERE {_where(wanted)}
        ) TO STDOUT (FORMAT binary)
    """  # noqa: S608 - see the docstring


def _where(wanted: Wanted) -> str:
    activity = f"r.activity = '{_word(wanted.activity)}'"
    days = f"r.occurred_on BETWEEN date '{wanted.first.isoformat()}' AND date '{wanted.last.isoformat()}'"
    if not wanted.prefix:
        return f"{days} AND {activity}"
    if not (wanted.prefix.isascii() and wanted.prefix.isdigit()):
        raise ValueError(f"{wanted.prefix!r} is no part of a region's code")
    here = f"r.region LIKE '{wanted.prefix}%'"
    if wanted.elsewhere is None:
        return f"{days} AND {activity} AND {here}"
    first, last = wanted.elsewhere
    return f"""{days} AND {activity} AND ({here} OR r.participant_id IN (
        SELECT x.participant_id FROM behaviors_behaviorrecord x
         WHERE x.occurred_on BETWEEN date '{first.isoformat()}' AND date '{last.isoformat()}'
           AND x.activity = '{_word(wanted.activity)}' AND x.region LIKE '{wanted.prefix}%'))"""  # noqa: S608


def _word(name: str) -> str:
    if not (name.isascii() and name.replace("_", "").isalnum()):
        raise ValueError(f"{name!r} is no name of an activity or input")
    return name


_FIXED = (("id", ">i8"), ("day", ">i4"), ("person", ">i4"), ("traits", ">i4"), ("region", "S6"), ("evidence", ">i4"),
          ("status", ">i4"), ("arrival", ">i8"))  # fmt: skip
_HEADER, _TRAILER = 19, 2


def _row_type(wanted: Wanted) -> np.dtype:
    """A row of the binary format: the number of fields, then each field's length and bytes."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, kind in (*_FIXED, *((f"input {name}", f"S{width}") for name, width in wanted.inputs.items())):
        fields += [(f"length of {name}", ">i4"), (name, kind)]
    return np.dtype(fields)


def decoded(data: memoryview | bytes, wanted: Wanted) -> Records:
    """The columns of one COPY. Errors: UnreadableRecords where a row has not the widths that were asked for."""
    kind = _row_type(wanted)
    size, rest = divmod(len(data) - _HEADER - _TRAILER, kind.itemsize)
    if rest:
        raise UnreadableRecords
    rows = np.frombuffer(data, dtype=kind, count=size, offset=_HEADER)
    lengths = [name for name in kind.names or () if name.startswith("length of ")]
    if any((rows[name] != kind[name.removeprefix("length of ")].itemsize).any() for name in lengths):
        raise UnreadableRecords
    traits = rows["traits"].astype(np.int64)
    grade = np.full(128, -1, dtype=np.int64)
    grade[[ord(name[0]) for name in GRADES]] = range(len(GRADES))
    return Records(
        ids=rows["id"].astype(np.int64),
        days=rows["day"].astype(np.int64),
        persons=rows["person"].astype(np.int64) - 1,
        regions=_codes(rows["region"]),
        evidence=grade[rows["evidence"].astype(np.int64) & 127],
        status=rows["status"].astype(np.uint8),
        subjects=(traits & 127).astype(np.uint8),
        active=(traits & 128) > 0,
        sizes=(traits >> 8).astype(np.int16),
        arrivals=rows["arrival"].astype(np.int64),
        inputs={name: _coded(rows[f"input {name}"]) for name in wanted.inputs},
    )


def _codes(texts: np.ndarray) -> np.ndarray:
    """Six digits as a number; -1 for anything else, which the engine refuses."""
    digits = np.ascontiguousarray(texts).view(np.uint8).reshape(len(texts), 6).astype(np.int64) - 48
    good = ((digits >= 0) & (digits <= 9)).all(axis=1)
    return np.where(good, digits @ np.array([100_000, 10_000, 1_000, 100, 10, 1]), -1)


def _coded(texts: np.ndarray) -> Coded:
    """Texts by number: equal bytes, equal number."""
    width = texts.dtype.itemsize
    words = np.ascontiguousarray(texts).view(np.uint64).reshape(len(texts), width // 8)
    codes, _ = pd.factorize(words[:, 0])
    for column in range(1, width // 8):
        word = words[:, column]
        if word.any():
            more, found = pd.factorize(word)
            codes, _ = pd.factorize(codes.astype(np.int64) * (len(found) + 1) + more)
    codes = codes.astype(np.int64)
    count = int(codes.max(initial=-1)) + 1
    first = np.zeros(count, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    found_texts = [bytes(one).rstrip(b"\0").decode("utf-8", "replace") or None for one in texts[first].tolist()]
    return Coded(found_texts, codes)

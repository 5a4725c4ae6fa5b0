"""What became of a chunk of records, by columns, and how it is written: reductions, states, points, daily totals."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carbon_portal.kernel.faults import crash_point
from credits.constants import NOT_ELIGIBLE
from methodologies.engine.reasons import CODES, NOT_IN_FORCE
from methodologies.selectors import VersionRow

from . import bulk
from .basis import basis_ids
from .points import Earning, award_or_queue
from .totals import TotalKey, Totals

# By the number of the engine's reason: whether a record with it has a result. The first reasons reject.
NOT_REJECTED = np.array([not 0 < number <= NOT_IN_FORCE for number in range(len(CODES))], dtype=bool)


def numbered(values: Sequence[Any]) -> tuple[list[Any], np.ndarray]:
    """The different values in order, and for each value its number among them."""
    names = sorted(set(values))
    numbers = {name: number for number, name in enumerate(names)}
    return names, np.fromiter(map(numbers.__getitem__, values), dtype=np.int64, count=len(values))


@dataclass(frozen=True, slots=True)
class Claim:
    """Records in hand, column by column; days are counted from 1970-01-01, `people` are sorted participants."""

    ids: np.ndarray
    days: np.ndarray
    people: list[str]
    persons: np.ndarray
    regions: Sequence[str]
    activities: Sequence[str]
    evidence: Sequence[str]
    inputs: Sequence[Mapping[str, Any]]
    due: np.ndarray  # the correction window is over
    subjects: Sequence[str]
    active: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def is_subject(self, kinds: Sequence[str]) -> np.ndarray:
        """Whether each record's participant is of one of these kinds."""
        return np.fromiter((subject in kinds for subject in self.subjects), dtype=bool, count=len(self))


@dataclass(slots=True)
class Results:
    """What became of each record of a claim; grams, version, basis and dependencies of those that have a result."""

    reasons: np.ndarray  # numbers of the engine's codes
    ineligible: np.ndarray
    computed: np.ndarray
    granted: np.ndarray
    versions: np.ndarray  # places in version_rows
    version_rows: list[VersionRow]
    bases: np.ndarray  # places in contents
    contents: list[dict[str, Any]]
    own: np.ndarray

    @classmethod
    def of(cls, claim: Claim) -> "Results":
        """Nothing computed yet."""
        size = len(claim)
        numbers = np.zeros((5, size), dtype=np.int64)
        return cls(
            numbers[0], np.zeros(size, dtype=bool), numbers[1], numbers[2], numbers[3], [], numbers[4], [],
            np.empty(size, dtype=object),
        )  # fmt: skip

    @property
    def kept(self) -> np.ndarray:
        """Which records have a result."""
        return np.asarray(NOT_REJECTED[self.reasons] & ~self.ineligible)

    def states(self, claim: Claim) -> list[str]:
        """The state that each record reaches."""
        final = np.where(claim.due, "final", "provisional")
        return list(np.where(self.kept, final, "rejected").tolist())

    def why_rejected(self) -> list[str]:
        """The reason of each rejected record, the empty text for the others."""
        texts = np.where(self.kept, "", np.array(CODES)[self.reasons])
        return list(np.where(self.ineligible, NOT_ELIGIBLE, texts).tolist())


def write(claim: Claim, results: Results, at: dt.datetime) -> None:
    """Everything a chunk changes, inside the caller's transaction."""
    kept = np.flatnonzero(results.kept)
    ids = bulk.next_ids("credits_reduction_id_seq", len(kept)) if len(kept) else []
    if len(kept):
        write_reductions(claim, results, kept, ids, at)
    crash_point("quantify:middle")
    _write_states(claim, results, at)
    _free(claim.ids[~results.kept].tolist())
    award_or_queue(earnings=_earnings(claim, results, kept, ids), at=at)
    totals = Totals()
    _add_totals(totals, claim, results, kept)
    totals.write()


def _free(rejected: list[int]) -> None:
    """A rejected deed stands in nobody's way: its time span and its own number may be reported again, rightly."""
    if rejected:
        bulk.execute("DELETE FROM behaviors_tripinterval WHERE record_id = ANY(%s)", [rejected])
        bulk.execute("DELETE FROM behaviors_deedkey WHERE kind = 'identity' AND record_id = ANY(%s)", [rejected])


def certifiable(claim: Claim, results: Results, kept: np.ndarray) -> np.ndarray:
    """Whether the results of these rows may ever be certified."""
    versions = np.array([version.certifiable for version in results.version_rows], dtype=bool)
    return np.asarray(versions[results.versions[kept]] & (np.array(claim.evidence)[kept] != "self_declared"))


def write_reductions(
    claim: Claim,
    results: Results,
    kept: np.ndarray,
    ids: list[int],
    at: dt.datetime,
    revisions: Sequence[int] | None = None,
) -> None:
    """COPY the reductions of these rows of the claim; the first revision of each, where none are given."""
    rows = kept.tolist()
    count = len(rows)
    versions = [results.version_rows[number] for number in results.versions[kept].tolist()]
    bases = np.array(basis_ids(results.contents, at), dtype=np.int64)
    bulk.copy_columns(
        "credits_reduction",
        {
            "id": ids,
            "record_id": claim.ids[kept].tolist(),
            "record_on": _dates(claim.days[kept]),
            "revision": ["1"] * count if revisions is None else list(map(str, revisions)),
            "participant_id": [claim.people[person] for person in claim.persons[kept].tolist()],
            "subject": [claim.subjects[row] for row in rows],
            "region": [claim.regions[row] for row in rows],
            "activity": [claim.activities[row] for row in rows],
            "sector": [version.sector for version in versions],
            "methodology_version_id": [version.pk for version in versions],
            "code": [version.code for version in versions],
            "computed_g": results.computed[kept].tolist(),
            "reduction_g": results.granted[kept].tolist(),
            "reason": [CODES[number] for number in results.reasons[kept].tolist()],
            "evidence": [claim.evidence[row] for row in rows],
            "certifiable": np.where(certifiable(claim, results, kept), "t", "f").tolist(),
            "basis_id": bases[results.bases[kept]].tolist(),
            "dependencies": results.own[kept].tolist(),
            "created_at": [at.isoformat()] * count,
        },
    )


def _date(day: Any) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(day))


def _dates(days: np.ndarray) -> list[str]:
    return list(days.astype("datetime64[D]").astype(str).tolist())


_STATES = """
    UPDATE behaviors_behaviorrecord r
       SET state = w.state, reason = w.reason, claimed_at = %(at)s,
           provisional_at = CASE WHEN w.state = 'rejected' THEN NULL ELSE %(at)s END,
           final_at = CASE WHEN w.state = 'final' THEN %(at)s END,
           closed_at = CASE WHEN w.state = 'rejected' THEN %(at)s END
      FROM unnest(%(ids)s::bigint[], %(days)s::int[], %(states)s::text[], %(reasons)s::text[])
           w (id, day, state, reason)
     WHERE r.id = w.id AND r.occurred_on = date '1970-01-01' + w.day
       AND r.occurred_on BETWEEN %(first)s AND %(last)s -- so that no other month is opened
"""


def _write_states(claim: Claim, results: Results, at: dt.datetime) -> None:
    bulk.execute(
        _STATES,
        {
            "at": at,
            "first": _date(claim.days.min()),
            "last": _date(claim.days.max()),
            "ids": bulk.array(claim.ids.tolist()),
            "days": bulk.array(claim.days.tolist()),
            "states": bulk.texts(results.states(claim)),
            "reasons": bulk.texts(results.why_rejected()),
        },
    )


def _earnings(claim: Claim, results: Results, kept: np.ndarray, ids: list[int]) -> Iterator[Earning]:
    """The final reductions of more than 0 g."""
    earning = np.flatnonzero(claim.due[kept] & (results.granted[kept] > 0))
    rows = kept[earning]
    return (
        Earning(pk, ids[place], claim.people[person], claim.regions[row], grams)
        for pk, place, person, row, grams in zip(
            claim.ids[rows].tolist(), earning.tolist(), claim.persons[rows].tolist(), rows.tolist(),
            results.granted[rows].tolist(), strict=True,
        )
    )  # fmt: skip


def _add_totals(totals: Totals, claim: Claim, results: Results, kept: np.ndarray) -> None:
    """Sum the chunk by the key of the daily totals; each key becomes one change."""
    rows = kept.tolist()
    versions = [(version.code, version.sector, version.certifiable) for version in results.version_rows]
    kinds, kind_of = numbered(versions)
    dimensions = [numbered([values[row] for row in rows]) for values in (claim.regions, claim.activities)]
    dimensions.append((kinds, kind_of[results.versions[kept]] if len(kept) else kept))
    dimensions += [numbered([values[row] for row in rows]) for values in (claim.subjects, claim.evidence)]
    dimensions.append((["provisional", "final"], claim.due[kept].astype(np.int64)))
    packed = claim.days[kept]
    for names, numbers in dimensions:
        packed = packed * max(len(names), 1) + numbers
    _, first, group = np.unique(packed, return_index=True, return_inverse=True)
    grams = _sums(group, results.granted[kept], len(first))
    records = np.bincount(group, minlength=len(first)).tolist()
    zeros = np.bincount(group[results.granted[kept] == 0], minlength=len(first)).tolist()
    marks = certifiable(claim, results, kept).tolist() if rows else []
    days = _dates(claim.days[kept])
    for number, place in enumerate(first.tolist()):
        row = rows[place]
        code, sector, _ = versions[int(results.versions[row])]
        key = TotalKey(
            claim.regions[row], dt.date.fromisoformat(days[place]), claim.activities[row], code, sector,
            claim.subjects[row], claim.evidence[row], marks[place], "final" if claim.due[row] else "provisional",
        )  # fmt: skip
        totals.add_sums(key, records[number], zeros[number], grams[number])


def _sums(group: np.ndarray, grams: np.ndarray, count: int) -> list[int]:
    """Sums by group; in Python integers where int64 might not hold them."""
    wide = len(grams) and int(grams.max()) * len(grams) >= 2**62
    found = np.zeros(count, dtype=object if wide else np.int64)
    np.add.at(found, group, grams.astype(found.dtype))
    return list(found.tolist())

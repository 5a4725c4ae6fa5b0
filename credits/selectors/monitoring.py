"""How published versions run: of the deeds that a version was to judge, how many it refused and why.

A result names its version. A refused record has no result, so it counts with the version that applies to its activity,
place and day. What came first of a record counts (revision 1): a later correction says nothing of how the version took
what came in.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from carbon_portal.kernel import regions
from carbon_portal.kernel.errors import NotFound
from credits.constants import NOT_ELIGIBLE
from credits.services import bulk
from methodologies.constants import FROZEN_STATES
from methodologies.engine.reasons import REFUSALS
from methodologies.models import MethodologyVersion
from methodologies.selectors import VersionRow, VersionTable

#: A version is watched from its first day for as long: what goes wrong at a change of rules shows in its first weeks.
WATCHED = dt.timedelta(weeks=8)
FIRST_WEEK = dt.timedelta(days=7)
#: The version before is judged by its last four weeks: as many Sundays as Mondays, and close enough to be comparable.
BEFORE = dt.timedelta(weeks=4)
#: "So far" reaches back no further than this, so that the figures of an old version read a bounded part of the table.
LONGEST = dt.timedelta(weeks=12)
#: A jump is a refused share this many percentage points above the version before. Weeks differ by one or two of
#: themselves; at five, a form or a feed no longer fits the text.
JUMP_POINTS = 5
#: A jump counts from this many records on either side: below, a single person's records move the share by points.
ENOUGH = 20
#: Of fewer records no share is said: it would tell of single records, and means nothing.
FEWEST = 10
#: What a version answers that is no result: the engine's refusals, and a participant of a kind that it does not take.
REASONS = (*REFUSALS, NOT_ELIGIBLE)


@dataclass(frozen=True, slots=True)
class Tally:
    """Records over some days, and those refused, by reason."""

    records: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        return sum(self.reasons.values())

    @property
    def is_small(self) -> bool:
        return self.records < FEWEST

    def jumps_over(self, before: "Tally") -> bool:
        """Whether the refused share lies JUMP_POINTS or more above the other's; exact, both sides multiplied out."""
        if min(self.records, before.records) < ENOUGH:
            return False
        difference = self.refused * before.records - before.refused * self.records
        return 100 * difference >= JUMP_POINTS * self.records * before.records


@dataclass(frozen=True, slots=True)
class Span:
    """A version over days, both included: on which of them it was the one that applied, place by place (six digits)."""

    version: MethodologyVersion
    first: dt.date
    last: dt.date
    stretches: Sequence[tuple[str, dt.date, dt.date]]


@dataclass(frozen=True)
class Running:
    """A version in its first week and so far, and the one before it, each with its days."""

    version: MethodologyVersion
    so_far_span: Span
    week_span: Span
    before_span: Span | None
    week: Tally
    so_far: Tally
    before: Tally | None

    @cached_property
    def jumps(self) -> bool:
        """Whether it refuses noticeably more than the version before it did."""
        return self.before is not None and any(one.jumps_over(self.before) for one in (self.week, self.so_far))

    @property
    def worst(self) -> Tally:
        """What the sentence is about: the first week, or what came later where that is what jumps."""
        if self.before is not None and self.so_far.jumps_over(self.before) and not self.week.jumps_over(self.before):
            return self.so_far
        return self.week


# -- which versions ----------------------------------------------------------------------------------------------------


def watched_versions(areas: Sequence[str], *, today: dt.date) -> list[MethodologyVersion]:
    """Versions that came into force in these areas in the last weeks, the newest first."""
    return [one for one in _in_force(areas, today) if one.effective_from > today - WATCHED]


def versions_to_watch(areas: Sequence[str], *, today: dt.date) -> list[MethodologyVersion]:
    """Every version that was ever in force in these areas, by code, the newest first."""
    return sorted(_in_force(areas, today), key=lambda one: one.methodology_id)


def version_to_watch(areas: Sequence[str], *, code: str, version: str, today: dt.date) -> MethodologyVersion:
    """One of `versions_to_watch`. Errors: NotFound, also for one of another area."""
    for one in _in_force(areas, today):
        if (one.methodology_id, one.version) == (code, version):
            return one
    raise NotFound


def _in_force(areas: Sequence[str], today: dt.date) -> list[MethodologyVersion]:
    rows = (
        MethodologyVersion.objects.filter(state__in=FROZEN_STATES, effective_from__lte=today)
        .select_related("methodology")
        .defer("source", "document")
        .order_by("-effective_from", "-pk")
    )
    return [one for one in rows if _meets(one.methodology.region, areas)]


def _meets(region: str, areas: Sequence[str]) -> bool:
    return any(regions.covers(region, area) or regions.covers(area, region) for area in areas)


# -- their figures -----------------------------------------------------------------------------------------------------


def running(versions: Sequence[MethodologyVersion], areas: Sequence[str], *, today: dt.date) -> list[Running]:
    """The figures of some versions in some areas: two statements a version, each over one activity and some weeks."""
    table, places = VersionTable(), places_of(areas)
    return [_running(one, table, places, today) for one in versions]


def places_of(areas: Sequence[str]) -> list[str]:
    """The codes that records of these areas carry."""
    return sorted({one.six for one in regions.all_regions() if any(regions.covers(area, one.six) for area in areas)})


def _running(version: MethodologyVersion, table: VersionTable, places: Sequence[str], today: dt.date) -> Running:
    start = version.effective_from
    week_ends = start + FIRST_WEEK - dt.timedelta(days=1)
    so_far = span(version, table, places, so_far_from(version, today=today), today)
    week = span(version, table, places, start, min(week_ends, today))
    # One statement where the first week lies within what is read anyway.
    if start >= so_far.first:
        early, late = _tallies(so_far, week_ends)
        both = Tally(early.records + late.records, dict(Counter(early.reasons) + Counter(late.reasons)))
    else:
        (early, _rest), both = _tallies(week, week_ends), _all(so_far)
    before = _before(version, table, places)
    return Running(version, so_far, week, before, early, both, None if before is None else _all(before))


def so_far_from(version: MethodologyVersion, *, today: dt.date) -> dt.date:
    """The first day of "so far"."""
    return max(version.effective_from, today - LONGEST)


def span(
    version: MethodologyVersion, table: VersionTable, places: Sequence[str], first: dt.date, last: dt.date
) -> Span:
    """A version over some days: a narrower or a newer one takes days and places away."""
    stretches = [
        (place, max(begin, first), min(end, last))
        for place in places
        for begin, end in _own_days(version, table, place)
        if begin <= last and end >= first
    ]
    return Span(version, first, last, stretches)


def _own_days(version: MethodologyVersion, table: VersionTable, place: str) -> list[tuple[dt.date, dt.date]]:
    days, answers = table.periods(version.methodology.activity, place)
    ends = [*(day - dt.timedelta(days=1) for day in days[1:]), dt.date.max]
    return [
        (begin, end)
        for begin, end, row in zip(days, ends, answers, strict=True)
        if row is not None and row.pk == version.pk
    ]


def _before(version: MethodologyVersion, table: VersionTable, places: Sequence[str]) -> Span | None:
    """The version that applied the day before in most of the places that this one took over, in its last weeks."""
    last = version.effective_from - dt.timedelta(days=1)
    taken = span(version, table, places, version.effective_from, version.effective_from).stretches
    rows: dict[int, list[str]] = defaultdict(list)
    known: dict[int, VersionRow] = {}
    for place, _first, _last in taken:
        row = table.find(version.methodology.activity, place, last)
        if row is not None:
            rows[row.pk].append(place)
            known[row.pk] = row
    if not rows:
        return None
    chosen = known[max(rows, key=lambda pk: (len(rows[pk]), pk))]
    before = MethodologyVersion.objects.select_related("methodology").defer("source", "document").get(pk=chosen.pk)
    return span(before, table, rows[chosen.pk], last - BEFORE + dt.timedelta(days=1), last)


# The days prune the table's months, the places are its index; a result is found by its unique key.
_OF_A_SPAN = """
      FROM behaviors_behaviorrecord b
      LEFT JOIN credits_reduction r ON r.record_id = b.id AND r.revision = 1 AND r.methodology_version_id = %(version)s
      JOIN unnest(%(places)s::text[], %(firsts)s::date[], %(lasts)s::date[]) AS p(place, first, last)
        ON b.region = p.place AND b.occurred_on BETWEEN p.first AND p.last
     WHERE b.activity = %(activity)s AND b.occurred_on BETWEEN %(first)s AND %(last)s AND b.region = ANY(%(places)s)
       AND (r.id IS NOT NULL OR b.state = 'rejected' AND b.reason = ANY(%(reasons)s))
"""
_WHY = "CASE WHEN r.id IS NULL THEN b.reason WHEN r.reduction_g = 0 THEN r.reason ELSE '' END"


def _asked(span: Span) -> dict[str, object]:
    places, firsts, lasts = zip(*span.stretches, strict=True)
    return {
        "version": span.version.pk, "activity": span.version.methodology.activity,
        "first": span.first, "last": span.last,
        "places": list(places), "firsts": list(firsts), "lasts": list(lasts), "reasons": list(REASONS),
    }  # fmt: skip


def _tallies(span: Span, until: dt.date) -> tuple[Tally, Tally]:
    """What came up to a day, and after it."""
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    if span.stretches:
        sql = f"SELECT b.occurred_on <= %(until)s, {_WHY}, count(*) {_OF_A_SPAN} GROUP BY 1, 2"
        for early, reason, count in bulk.rows(sql, {**_asked(span), "until": until}):
            found[early][reason if reason in REASONS else ""] += count
    return _tally(found[True]), _tally(found[False])


def _tally(counts: Counter[str]) -> Tally:
    return Tally(counts.total(), {reason: count for reason, count in counts.most_common() if reason})


def _all(span: Span) -> Tally:
    return _tallies(span, span.last)[0]


def gaps(span: Span) -> list[tuple[Mapping[str, str], int]]:
    """Which inputs the records refused for a missing one lack: each input's label, the most lacking first."""
    if not span.stretches:
        return []
    document = MethodologyVersion.objects.values_list("document", flat=True).get(pk=span.version.pk)
    labels = {name: one["label"] for name, one in document["inputs"].items()}
    counts = ", ".join(
        f"count(*) FILTER (WHERE coalesce(b.inputs->>%(input_{number})s, '') = '')" for number in range(len(labels))
    )
    named = {f"input_{number}": name for number, name in enumerate(labels)}
    sql = f"SELECT {counts} {_OF_A_SPAN} AND b.state = 'rejected' AND b.reason = 'missing_input'"
    (row,) = bulk.rows(sql, {**_asked(span), **named})
    lacking = sorted(zip(labels.values(), row, strict=True), key=lambda pair: -pair[1])
    return [(label, count) for label, count in lacking if count]


# -- the records behind a figure ---------------------------------------------------------------------------------------

PAGE_SIZE = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as a version took it: its number, day, place, what became of it; nobody's name."""

    record_id: int
    on: dt.date
    region: str
    refused_for: str
    reduction_g: int | None


def seen(span: Span, *, refused: bool, after: int) -> list[Seen]:
    """Records of a span by number, from behind `after`; one more than a page where there are more."""
    if not span.stretches:
        return []
    some = f"AND {_WHY} = ANY(%(reasons)s)" if refused else ""
    sql = f"""
        SELECT b.id, b.occurred_on, b.region, {_WHY}, r.reduction_g {_OF_A_SPAN} {some} AND b.id > %(after)s
         ORDER BY b.id LIMIT {PAGE_SIZE + 1}
    """
    rows = bulk.rows(sql, {**_asked(span), "after": after})
    return [Seen(pk, on, region, why if why in REASONS else "", grams) for pk, on, region, why, grams in rows]

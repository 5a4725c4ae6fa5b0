"""Which version applies, its compiled program, and the library for the public."""

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import QuerySet

from carbon_portal.kernel.errors import NotFound
from methodologies.constants import FROZEN_STATES, VersionState
from methodologies.engine import Program, load_document, load_factors
from methodologies.engine import compile as compile_document
from methodologies.engine.document import FactorLibrary as Factors
from methodologies.engine.document import Input
from methodologies.errors import FactorsMissing
from methodologies.models import FactorLibrary, MethodologyVersion

NATION = "000000"


@dataclass(frozen=True, slots=True)
class VersionRow:
    """What choosing needs to know of a version. `until` is the last day of a withdrawn one."""

    pk: int
    code: str
    version: str
    sector: str
    sha256: str
    certifiable: bool
    effective_from: dt.date
    until: dt.date | None


class VersionTable:
    """All versions that were ever in force, read once; answers for any number of (activity, region, date)."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], dict[str, list[VersionRow]]] = defaultdict(lambda: defaultdict(list))
        rows = (
            MethodologyVersion.objects.filter(state__in=FROZEN_STATES)
            .order_by("effective_from", "id")
            .values_list(
                "pk", "methodology_id", "version", "methodology__sector", "sha256", "certifiable", "effective_from",
                "state", "sunset_on", "methodology__activity", "methodology__region",
            )
        )  # fmt: skip
        for pk, code, version, sector, sha256, certifiable, start, state, sunset, activity, region in rows:
            until = sunset if state == VersionState.WITHDRAWN else None
            row = VersionRow(pk, code, version, sector, sha256, certifiable, start, until)
            self._codes[activity, region][code].append(row)

    def of_activity(self, activity: str) -> list[VersionRow]:
        """Every version of this activity, whichever region issued it."""
        found = (codes for (of, _), codes in self._codes.items() if of == activity)
        return [version for codes in found for versions in codes.values() for version in versions]

    def find(self, activity: str, region: str, on: dt.date) -> VersionRow | None:
        """The version that applies (methodology-format, section 9), or None: `not_in_force`."""
        for issuing in covering_regions(region):
            for versions in self._codes.get((activity, issuing), {}).values():
                if (found := _applying(versions, on)) is not None:
                    return found
        return None

    def in_force(self, on: dt.date) -> frozenset[int]:
        """Of each code the version that applies on a day where it is issued, by key: a superseded one until its
        successor begins, a withdrawn one until its last day.
        """
        found = (_applying(versions, on) for codes in self._codes.values() for versions in codes.values())
        return frozenset(version.pk for version in found if version is not None)

    def periods(self, activity: str, region: str) -> tuple[list[dt.date], list[VersionRow | None]]:
        """The answers of `find` for all days: the first days on which it may change, and the answer from each on."""
        changes = {dt.date.min}
        for issuing in covering_regions(region):
            for versions in self._codes.get((activity, issuing), {}).values():
                for version in versions:
                    changes.add(version.effective_from)
                    if version.until is not None and version.until < dt.date.max:
                        changes.add(version.until + dt.timedelta(days=1))
        days = sorted(changes)
        return days, [self.find(activity, region, day) for day in days]


def _applying(versions: Sequence[VersionRow], on: dt.date) -> VersionRow | None:
    """Of one code's versions, by first day: the latest that has begun, unless its last day is over."""
    index = bisect_right([version.effective_from for version in versions], on) - 1
    if index < 0:
        return None
    until = versions[index].until
    return versions[index] if until is None or on <= until else None


def covering_regions(region: str) -> list[str]:
    """Issuing regions that cover a six-digit region, the narrowest first: county, city, province, nation."""
    return list(dict.fromkeys((region, region[:4] + "00", region[:2] + "0000", NATION)))


def version_in_force(*, activity: str, region: str, on: dt.date) -> MethodologyVersion | None:
    """The version that applies to a deed of this activity in this region on this date, if there is one. Two queries."""
    row = VersionTable().find(activity, region, on)
    return None if row is None else MethodologyVersion.objects.select_related("methodology").get(pk=row.pk)


def factor_library() -> Factors:
    """The newest synced factor library, loaded. Errors: FactorsMissing."""
    newest = FactorLibrary.objects.order_by("-id").values_list("pk", "sha256").first()
    if newest is None:
        raise FactorsMissing
    return _factors(*newest)


def factors_of(library: FactorLibrary) -> Factors:
    """A certain state of the factor library, loaded."""
    return _factors(library.pk, library.sha256)


@lru_cache(maxsize=8)
def _factors(pk: int, sha256: str) -> Factors:
    return load_factors(FactorLibrary.objects.values_list("source", flat=True).get(pk=pk), name="factors.yaml")


def program_for(version: MethodologyVersion | VersionRow, factors: Factors | None = None) -> Program:
    """The compiled document; cached by the hashes of the document and of the factor library it was compiled with.

    Who asks for many hands over `factor_library()`, so that it is looked up once.
    """
    factors = factors or factor_library()
    return _program(version.pk, version.sha256, factors.sha256, _Unhashed(factors))


class _Unhashed:
    """Carries the loaded library past the cache, whose key is the hashes alone."""

    def __init__(self, factors: Factors) -> None:
        self.factors = factors

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashed)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=256)
def _program(pk: int, sha256: str, factors_sha256: str, carried: _Unhashed) -> Program:
    source = MethodologyVersion.objects.values_list("source", flat=True).get(pk=pk)
    return compile_document(load_document(source, name=f"version {pk}"), carried.factors)


def inputs_for_form(
    *, activity: str, region: str, on: dt.date
) -> tuple[MethodologyVersion, Mapping[str, Input]] | None:
    """The version that would apply and its declared inputs, from which a form is made; None: nothing in force."""
    version = version_in_force(activity=activity, region=region, on=on)
    return None if version is None else (version, program_for(version).document.inputs)


# -- the public library ------------------------------------------------------------------------------------------------


def public_versions() -> QuerySet[MethodologyVersion]:
    """Every version that was ever published, newest first within its code, without the large columns."""
    return (
        MethodologyVersion.objects.filter(state__in=FROZEN_STATES)
        .select_related("methodology")
        .defer("source", "document")
        .order_by("methodology__sector", "methodology_id", "-effective_from", "-id")
    )


def public_version(*, code: str, version: str) -> MethodologyVersion:
    """One published version with its document. Errors: NotFound (drafts are not public)."""
    found = (
        MethodologyVersion.objects.filter(methodology_id=code, version=version, state__in=FROZEN_STATES)
        .select_related("methodology", "successor")
        .first()
    )
    if found is None:
        raise NotFound
    return found


def latest_factor_row() -> FactorLibrary:
    """The newest synced library row. Errors: FactorsMissing."""
    row = FactorLibrary.objects.order_by("-id").first()
    if row is None:
        raise FactorsMissing
    return row


def expired_factors(factors: Factors, *, on: dt.date) -> Sequence[tuple[str, dt.date, dt.date]]:
    """(code, start date, best before) of each factor whose value in use on a day is past its best-before."""
    result = []
    for code, factor in factors.factors.items():
        current = [(start, entry) for start, entry in factor.values if start <= on]
        if current and current[-1][1].best_before < on:
            result.append((code, current[-1][0], current[-1][1].best_before))
    return result

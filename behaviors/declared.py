"""What the methodology in force asks for, read from the published document itself."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from accounts.constants import ParticipantKind
from methodologies import selectors as methodologies
from methodologies.models import MethodologyVersion

from . import activities

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the one in C where PyYAML was built with it: 10 times as fast
# Whose deed it is (activities.yaml) against who may hold the account: a person living alone has no household account,
# and a family's roof carries a solar plant. The methodology's own `participants` narrows this.
KINDS_OF_SUBJECT: Mapping[str, frozenset[str]] = {
    "person": frozenset({ParticipantKind.RESIDENT.value}),
    "household": frozenset({ParticipantKind.HOUSEHOLD.value, ParticipantKind.RESIDENT.value}),
    "organisation": frozenset(
        {ParticipantKind.SME.value, ParticipantKind.GROUP.value, ParticipantKind.HOUSEHOLD.value}
    ),
}


@dataclass(frozen=True, slots=True)
class Declared:
    """The version in force for a deed: its inputs by name, as in the document, and the kinds of participant."""

    code: str
    version: str
    inputs: Mapping[str, Mapping[str, Any]]
    participants: frozenset[str]


def declared(*, activity: str, region: str, on: dt.date) -> Declared | None:
    """The version in force, or None. One query, and one more for a version that this process has not met."""
    row = methodologies.VersionTable().find(activity, region, on)
    return None if row is None else frozen(row.pk, row.sha256)


@lru_cache(maxsize=256)
def frozen(pk: int, sha256: str) -> Declared:
    """What a version that was in force declares never changes, so it is read once; the hash names the content."""
    return of(MethodologyVersion.objects.get(pk=pk))


def in_force_by_activity(*, region: str, on: dt.date) -> dict[str, Declared]:
    """Every activity that a version in force covers there and then. Two queries."""
    table = methodologies.VersionTable()
    found = {code: table.find(code, region, on) for code in activities.activities()}
    rows = MethodologyVersion.objects.in_bulk([row.pk for row in found.values() if row])
    return {code: of(rows[row.pk]) for code, row in found.items() if row}


def of(version: MethodologyVersion) -> Declared:
    """The inputs in the order in which the document names them; the database's JSON keeps no order."""
    inputs = version.document["inputs"]
    names = _names_in_order(version.sha256, version.source)
    return Declared(
        code=version.methodology_id,
        version=version.version,
        inputs={name: inputs[name] for name in sorted(inputs, key=lambda name: names.get(name, len(names)))},
        participants=frozenset(version.document["participants"]),
    )


@lru_cache(maxsize=256)
def _names_in_order(sha256: str, source: str) -> Mapping[str, int]:
    """Position of each input in the YAML text, as published (hence valid)."""
    document = yaml.load(source, Loader=_LOADER)  # noqa: S506  (a BaseLoader builds nothing but text)
    return {name: place for place, name in enumerate(document["inputs"])}


def is_eligible(kind: str, activity: activities.Activity, version: Declared | None) -> bool:
    """Whether a participant of this kind may earn by this activity, under this version where one is in force."""
    return kind in KINDS_OF_SUBJECT[activity.subject] and (version is None or kind in version.participants)

"""What the methodology in force asks for, read from the published document itself."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.constants import ParticipantKind
from methodologies import selectors as methodologies
from methodologies.models import MethodologyVersion

from . import activities

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
    """The version in force, or None. Two queries."""
    version = methodologies.version_in_force(activity=activity, region=region, on=on)
    return None if version is None else of(version)


def of(version: MethodologyVersion) -> Declared:
    return from_document(version.methodology_id, version.version, version.document)


def from_document(code: str, version: str, document: Mapping[str, Any]) -> Declared:
    return Declared(code, version, document["inputs"], frozenset(document["participants"]))


def is_eligible(kind: str, activity: activities.Activity, version: Declared | None) -> bool:
    """Whether a participant of this kind may earn by this activity, under this version where one is in force."""
    return kind in KINDS_OF_SUBJECT[activity.subject] and (version is None or kind in version.participants)

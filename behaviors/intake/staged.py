"""A row that can be stored, as the line of text that COPY stages; the columns in order."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from behaviors import deeds
from behaviors.constants import EvidenceGrade, RecordState

from .rows import ReadyRow, RowError

COLUMNS = (
    "row", "occurred_on", "participant_id", "person_id", "activity", "region", "town", "state", "reason", "evidence",
    "provider_id", "source_record_id", "started_at", "ended_at", "meter", "period_start", "period_end", "item_serial",
    "inputs", "note", "content_sha256", "window_ends_at", "source_digest", "identity_digest", "is_trip", "sector",
)  # fmt: skip
NULL = "\\N"
BYTES = "\\\\x"  # the backslash of \x, escaped
TOO_FAST = "too_fast"
SELF_DECLARED = EvidenceGrade.SELF_DECLARED.value


@dataclass
class Chunk:
    """Rows of a file in file order: those that can be staged, and what was wrong with the others."""

    received: int = 0
    lines: list[str] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    #: whether a row counts against the self-declared records of its day
    self_declared: bool = False

    def text(self) -> str:
        """The lines as COPY takes them."""
        return "".join([f"{line}\n" for line in self.lines])


def line(one: ReadyRow, at: dt.datetime) -> str:
    """The staged columns as one line of COPY text."""
    deed, kind = one.deed, one.deed.kind
    cells: Sequence[object] = (
        one.row,
        deed.occurred_on,
        one.account.uuid,
        one.account.person,
        deed.activity,
        deed.region,
        deed.town,
        one.state,
        TOO_FAST if one.state == RecordState.UNDER_REVIEW else "",
        deed.evidence,
        one.provider.pk if one.provider else None,
        one.number,
        deeds.utc(deed.started_at),
        deeds.utc(deed.ended_at),
        deed.meter,
        deed.period_start,
        deed.period_end,
        deed.item_serial,
        deeds.canonical(dict(deed.inputs)),
        deed.note,
        one.content,
        deeds.utc(deed.window_ends_at(at)),
        f"\\x{one.source.hex()}",
        f"\\x{one.identity.hex()}" if one.identity else None,
        "t" if kind is not None and kind.identity == "interval" else "f",
        kind.sector if kind is not None and deed.meter else "",
    )
    return "\t".join(NULL if cell is None else _escaped(str(cell)) for cell in cells)


def _escaped(text: str) -> str:
    if "\\" not in text and "\t" not in text and "\n" not in text and "\r" not in text:
        return text
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")

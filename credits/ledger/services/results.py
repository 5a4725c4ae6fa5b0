"""What the deeds of the ledger take and give."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from credits.ledger.constants import Unit


class Line(NamedTuple):
    """One leg: `amount` is what the account gains, negative for what it gives."""

    address: str
    unit: Unit
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """The result of a deed. `replayed` says that an earlier call under the same key had done it."""

    entry_id: int
    uid: UUID
    replayed: bool


@dataclass(frozen=True, slots=True)
class HoldPosting(Posting):
    hold_id: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """What a sweep took back."""

    entries: int
    accounts: int
    points: int

"""What a line of the points statement came from: the record that earned, the voucher that was taken.

The ledger knows neither. Each app that posts for people registers a reader here, those above this app too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from accounts.models import Participant
from credits.ledger.selectors import StatementLine


@dataclass(frozen=True, slots=True)
class Origin:
    """A name in the page's language, and the page that tells more; `method` is what counted it, where something did."""

    title: str
    url: str
    method: "Origin | None" = None


Reader = Callable[[Participant, Sequence[StatementLine]], Mapping[int, Origin]]
_readers: list[Reader] = []


def register(reader: Reader) -> None:
    """A reader names the lines it knows, by their entry's id, for a participant who may see them."""
    if reader not in _readers:
        _readers.append(reader)


def of(participant: Participant, lines: Sequence[StatementLine]) -> dict[int, Origin]:
    """The origins of a page of lines, by entry."""
    found: dict[int, Origin] = {}
    for reader in _readers:
        found.update(reader(participant, lines))
    return found

"""Builders of account addresses. An address is a path of opaque ids: it never holds personal data (integrity 1.0)."""

import re
from uuid import UUID

from .constants import ADDRESS_PATTERN, Unit

_ADDRESS = re.compile(ADDRESS_PATTERN)

ISSUANCE = "world:issuance"  # points come from here …
EXPIRED = "world:expired"  # … and end here,
SETTLED = "world:settled"  # … or here, when a merchant has been paid


def is_address(text: str) -> bool:
    """True when the database's chart of accounts would take this address."""
    return len(text) <= 120 and _ADDRESS.fullmatch(text) is not None


def participant_points(participant_uid: UUID | str, year: int) -> str:
    """The points that a participant earned in one Asia/Shanghai year."""
    return f"participant:{participant_uid}:points:{year:04d}"


def pool(pool_uid: UUID, slot: int | None = None) -> str:
    """One of a pool's slots; without a number the account that a pool was before it had slots, and still may hold."""
    return f"pool:{pool_uid}" if slot is None else f"pool:{pool_uid}:slot:{slot}"


def pool_of(address: str) -> UUID:
    """The pool that an account belongs to, whichever slot it is."""
    return UUID(address.split(":")[1])


def voucher(voucher_uid: UUID) -> str:
    """Points that wait for a voucher's hold to be resolved."""
    return f"voucher:{voucher_uid}"


def merchant(merchant_uid: UUID, unit: Unit = Unit.POINTS) -> str:
    """What a merchant took in; unbounded, so that no till waits for another."""
    return f"merchant:{merchant_uid}:{unit}"


def cause(cause_uid: UUID) -> str:
    """Where donated points go."""
    return f"cause:{cause_uid}"

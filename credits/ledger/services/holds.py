"""Points set aside for a voucher, and the one way in which each hold ends."""

import datetime as dt
from uuid import UUID

from carbon_portal.kernel import clock
from credits.ledger import addresses, errors
from credits.ledger.constants import POINTS_LIFE_YEARS, Kind, ResolutionKind, Unit
from credits.ledger.models import HoldResolution, LedgerLine

from .asked import check_id, check_points, check_words
from .call import call
from .postings import post
from .results import HoldPosting, Posting


def hold(
    *,
    key: str,
    participant_uid: UUID,
    voucher_uid: UUID,
    points: int,
    at: dt.datetime,
    source: str = "",
) -> HoldPosting:
    """Set points aside for a voucher, the oldest year first. A hold that can't be covered fails here, not at the till.

    Errors: InsufficientPoints, VoucherAlreadyHeld, InvalidPosting, IdempotencyConflict.
    """
    check_points(points)
    check_words(key=key, source=source)
    row = call(
        "SELECT * FROM ledger_hold(%s, %s, %s, %s, %s, %s, %s)",
        [
            key,
            str(participant_uid),
            str(voucher_uid),
            points,
            clock.local_date(at),
            POINTS_LIFE_YEARS,
            source,
        ],
    )
    return HoldPosting(*row)


def capture(
    *,
    key: str,
    hold_id: int,
    points: int,
    merchant_uid: UUID,
    at: dt.datetime,
    source: str = "",
) -> Posting:
    """Give held points to the merchant; what is not captured returns to the years it came from.

    Errors: HoldResolved, CaptureExceedsHold, EntryNotFound, InvalidPosting, IdempotencyConflict.
    """
    check_points(points)
    return _resolve(
        ResolutionKind.CAPTURE,
        key=key,
        hold_id=hold_id,
        points=points,
        to=addresses.merchant(merchant_uid),
        at=at,
        source=source,
    )


def release(*, key: str, hold_id: int, at: dt.datetime, source: str = "") -> Posting:
    """Return held points to the years they came from. Errors: HoldResolved, EntryNotFound, IdempotencyConflict."""
    return _resolve(ResolutionKind.RELEASE, key=key, hold_id=hold_id, points=0, to=None, at=at, source=source)


def expire_hold(*, key: str, hold_id: int, at: dt.datetime, source: str = "") -> Posting:
    """As `release`, because the voucher ran out. The caller decides that it did."""
    return _resolve(ResolutionKind.EXPIRE, key=key, hold_id=hold_id, points=0, to=None, at=at, source=source)


def refund(*, hold_id: int, at: dt.datetime, source: str = "") -> Posting:
    """Give captured points back by the merchant to the years they came from; once per hold, however often asked.

    A capture is undone by this posting and not by a mirror, so that the hold stays resolved (L8).
    Errors: EntryNotFound (nothing was captured).
    """
    resolution = (
        HoldResolution.objects.select_related("hold")
        .filter(hold_id=check_id(hold_id), kind=ResolutionKind.CAPTURE)
        .first()
    )
    if resolution is None:
        raise errors.EntryNotFound
    merchant = (
        LedgerLine.objects.filter(entry_id=resolution.entry_id, amount__gt=0, account__bounded=False)
        .values_list("account__address", flat=True)
        .get()
    )
    taken = LedgerLine.objects.filter(entry_id=resolution.hold.entry_id, amount__lt=0).order_by("account__points_year")
    lines, left = [(merchant, Unit.POINTS, -resolution.captured_points)], resolution.captured_points
    for address, amount in taken.values_list("account__address", "amount"):
        share = min(-amount, left)
        if share:
            lines.append((address, Unit.POINTS, share))
        left -= share
    return post(key=f"refund:{hold_id}", kind=Kind.REDEEM_REFUND, lines=lines, at=at, source=source)


def _resolve(
    kind: ResolutionKind, *, key: str, hold_id: int, points: int, to: str | None, at: dt.datetime, source: str
) -> Posting:
    check_words(key=key, source=source)
    row = call(
        "SELECT * FROM ledger_resolve(%s, %s, %s, %s, %s, %s, %s)",
        [key, check_id(hold_id), kind, points, to, clock.local_date(at), source],
    )
    return Posting(*row)

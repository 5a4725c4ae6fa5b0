"""What a resident shows at the till: a QR payload that lives 30 seconds and eight digits that live 120.

The QR names the voucher and the time, signed; nothing secret is stored for it. Digits follow from a key, the voucher
and the moment at which they end: nobody guesses them, and the server can show them again while they live. The table
keeps a keyed hash of them only, and they name one voucher at a time.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.utils.crypto import constant_time_compare, salted_hmac

from .constants import DIGITS_LENGTH, QR_SECONDS

_QR_SALT, _DIGITS_SALT = "merchants.voucher.qr", "merchants.voucher.digits"
_SIGNATURE_LENGTH = 26  # hex characters of the MAC: 104 bits for 60 seconds


@dataclass(frozen=True)
class ScannedCode:
    """A QR whose signature is right; `fresh` says whether its window still counts."""

    voucher: uuid.UUID
    fresh: bool


def qr_payload(voucher: uuid.UUID, at: dt.datetime) -> str:
    """`V.<voucher>.<window>.<mac>`, upper case so that the QR stays small (alphanumeric mode)."""
    window = int(at.timestamp()) // QR_SECONDS
    return f"V.{voucher.hex}.{window}.{_mac(voucher.hex, window)}".upper()


def qr_valid_until(at: dt.datetime) -> dt.datetime:
    """End of the window shown now; the page renews the code then."""
    window = int(at.timestamp()) // QR_SECONDS
    return dt.datetime.fromtimestamp((window + 1) * QR_SECONDS, tz=dt.UTC)


def read_qr(text: str, at: dt.datetime) -> ScannedCode | None:
    """The voucher that a payload names, or None where it was not made here. The window before is accepted too."""
    parts = text.strip().lower().split(".")
    if len(parts) != 4 or parts[0] != "v" or len(parts[1]) != 32 or not parts[2].isascii() or not parts[2].isdigit():
        return None
    window = int(parts[2][:12])
    if not constant_time_compare(parts[3], _mac(parts[1], window)):
        return None
    now = int(at.timestamp()) // QR_SECONDS
    return ScannedCode(uuid.UUID(parts[1]), fresh=now - 1 <= window <= now)


def digits_of(voucher: uuid.UUID, until: dt.datetime) -> str:
    """The eight digits of a voucher that end at `until`."""
    text = f"{voucher.hex}.{until.astimezone(dt.UTC).isoformat()}"
    number = int.from_bytes(salted_hmac(_DIGITS_SALT + ".of", text, algorithm="sha256").digest()[:16], "big")
    return f"{number % 10**DIGITS_LENGTH:0{DIGITS_LENGTH}d}"


def digits_hash(digits: str) -> str:
    """What is stored of the digits: a keyed hash, so that a copy of the table opens no till."""
    return salted_hmac(_DIGITS_SALT, digits, algorithm="sha256").hexdigest()


def as_digits(text: str) -> str | None:
    """The eight digits as typed, with or without a gap; None where it is something else."""
    compact = text.replace(" ", "").replace("-", "").replace("\u3000", "")
    return compact if len(compact) == DIGITS_LENGTH and compact.isascii() and compact.isdigit() else None


def _mac(voucher_hex: str, window: int) -> str:
    return salted_hmac(_QR_SALT, f"{voucher_hex}.{window}", algorithm="sha256").hexdigest()[:_SIGNATURE_LENGTH]

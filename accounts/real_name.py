"""The reference of a natural person: a keyed hash of the identity number, never the number (T6).

The key lies in the var folder with mode 0600 and leaves with no backup of the database, so that the hashes alone tell
nothing: there are few enough identity numbers to try them all against an unkeyed hash.
"""

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from pathlib import Path

from django.conf import settings

from .errors import IdentityNumberInvalid

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)


def parse_identity_number(text: str) -> str:
    """A resident identity number (GB 11643): 18 characters with its check character (ISO 7064, MOD 11-2)."""
    number = re.sub(r"[\s-]+", "", unicodedata.normalize("NFKC", text or "")).upper()
    if len(number) != 18:
        raise IdentityNumberInvalid(
            reason=f"身份证号应为 18 位，现在是 {len(number)} 位。",
            reason_en=f"An identity number has 18 characters; this one has {len(number)}.",
        )
    if not _NUMBER.fullmatch(number):
        raise IdentityNumberInvalid(
            reason="身份证号只能是数字，最后一位可以是 X。",
            reason_en="An identity number has digits only; the last character may be X.",
        )
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    if _CHECKS[total % 11] != number[17]:
        raise IdentityNumberInvalid(
            reason="身份证号最后一位校验不符，请对照证件重新填写。",
            reason_en="The last character of the identity number does not fit. Copy it again from the card.",
        )
    return number


def reference_hash(identity_number: str) -> str:
    """HMAC-SHA-256 under this installation's key, as 64 hex digits; the same person always gives the same."""
    number = parse_identity_number(identity_number)
    return hmac.new(_key(), b"real-name:v1:" + number.encode("ascii"), hashlib.sha256).hexdigest()


def _key() -> bytes:
    path: Path = settings.VAR / "keys" / "real-name.key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written aside and linked into place, so that a second process never reads half a key.
    while not path.exists():
        aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(aside, path)
        except FileExistsError:
            continue
        finally:
            aside.unlink()
    return bytes.fromhex(path.read_text(encoding="ascii").strip())

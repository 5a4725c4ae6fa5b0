"""One mobile number, however it is written: +86 and eleven digits (E.164).

Django-free. A mainland mobile number has eleven digits and begins with 1 and 3 to 9.
"""

import re
import unicodedata

from .errors import PhoneInvalid

_SEPARATORS = re.compile(r"[\s\-()./·.‐-―−]+")
_MOBILE = re.compile(r"1[3-9][0-9]{9}", re.ASCII)
_MAX_INPUT = 40


def normalise(text: str) -> str:
    """`+8613800138000` for any spelling: spaces, dashes, brackets, full-width digits, 86, +86, 0086.

    `PhoneInvalid` says what is wrong with it.
    """
    if not text or not text.strip():
        raise PhoneInvalid(reason="请填写手机号。", reason_en="Enter a mobile number.")
    if len(text) > _MAX_INPUT:
        raise PhoneInvalid(
            reason="手机号应为 11 位，现在太长。", reason_en="A mobile number has 11 digits; this is longer."
        )
    number = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))
    number = _without_country(number)
    if not (number.isascii() and number.isdigit()):
        raise PhoneInvalid(
            reason="手机号只能是数字，请检查是否多写了其他字。", reason_en="A mobile number has digits only."
        )
    if len(number) != 11:
        raise PhoneInvalid(
            reason=f"手机号应为 11 位，现在是 {len(number)} 位。",
            reason_en=f"A mobile number has 11 digits; this one has {len(number)}.",
        )
    if not _MOBILE.fullmatch(number):
        raise PhoneInvalid(
            reason="手机号应以 13 至 19 开头，请核对前两位。",
            reason_en="A mainland mobile number begins with 13 to 19. Check the first two digits.",
        )
    return "+86" + number


def _without_country(number: str) -> str:
    if number.startswith("+"):
        if not number.startswith("+86"):
            raise PhoneInvalid(
                reason="目前只支持中国内地手机号（+86）。",
                reason_en="Only mainland Chinese mobile numbers (+86) can be used for now.",
            )
        return number[3:]
    if number.startswith("0086"):
        return number[4:]
    if number.startswith("86") and len(number) == 13:
        return number[2:]
    return number


def masked(phone: str | None) -> str:
    """`138****8000`: enough to know one's own number, too little to use another's."""
    digits = (phone or "").removeprefix("+86")
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) == 11 else "****"


def tail(phone: str | None) -> str:
    """The last four digits."""
    return (phone or "")[-4:]

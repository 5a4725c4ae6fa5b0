"""统一社会信用代码 (unified social credit code), GB 32100-2015.

Eighteen characters: registering authority (1), category (1), area (6), subject (9, its last by GB 11714) and a check
character. The alphabet has 31 characters: digits and capitals without I, O, Z, S, V. Check character: weights 3^i mod
31, C18 = (31 - sum mod 31) mod 31.
"""

import re
import unicodedata

from .errors import CreditCodeInvalid

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
LENGTH = 18
_SUBJECT_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_SUBJECT_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def check_character(first_seventeen: str) -> str:
    """The 18th character for the first seventeen (each of the 31 allowed)."""
    total = sum(ALPHABET.index(c) * w for c, w in zip(first_seventeen, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def subject_check_character(first_eight: str) -> str:
    """The 9th character of the subject code (组织机构代码, GB 11714): digit or capital, X for ten."""
    total = sum(_SUBJECT_ALPHABET.index(c) * w for c, w in zip(first_eight, _SUBJECT_WEIGHTS, strict=True))
    value = (11 - total % 11) % 11
    return "X" if value == 10 else str(value)


def parse(text: str) -> str:
    """The code in capitals, spaces and dashes taken out; `CreditCodeInvalid` says which place is wrong and why.

    The look-alikes I, O, Z, S, V are refused with a hint, never corrected silently: another firm may own the result.
    """
    code = re.sub(r"[\s-]+", "", unicodedata.normalize("NFKC", text)).upper()
    if not code:
        raise CreditCodeInvalid(
            reason="请填写统一社会信用代码，它在营业执照右上角，共 18 位。",
            reason_en="Enter the unified social credit code: 18 characters, at the top of the business licence.",
        )
    if len(code) != LENGTH:
        raise CreditCodeInvalid(
            reason=f"统一社会信用代码应为 18 位，现在是 {len(code)} 位。",
            reason_en=f"The credit code has 18 characters; this one has {len(code)}.",
        )
    for place, character in enumerate(code, start=1):
        if character not in ALPHABET:
            raise _wrong_character(place, character)
    if not code[2:8].isdigit():
        raise CreditCodeInvalid(
            reason="统一社会信用代码第 3 至 8 位是行政区划，只能是数字，请对照营业执照。",
            reason_en="Characters 3 to 8 of the credit code are the area and must be digits. Compare with the licence.",
        )
    if check_character(code[:17]) != code[17]:
        raise CreditCodeInvalid(
            reason="统一社会信用代码第 18 位校验不符，请核对是否把 0 写成 O，或有两位写反。",
            reason_en="The check character (18th) of the credit code does not fit. Look for O in place of 0, "
            "or two characters exchanged.",
        )
    if subject_check_character(code[8:16]) != code[16]:
        raise CreditCodeInvalid(
            reason="统一社会信用代码第 17 位（主体标识码校验）不符，请对照营业执照重新填写。",
            reason_en="The 17th character (check of the subject code) does not fit. Copy it again from the licence.",
        )
    return code


def _wrong_character(place: int, character: str) -> CreditCodeInvalid:
    likely = {"O": "0", "I": "1", "Z": "2", "S": "5"}.get(character)
    shown = character if character.isprintable() else "?"
    hint = f"请核对是否把 {likely} 写成 {shown}。" if likely else "只用数字和除 I、O、S、V、Z 外的大写字母。"
    hint_en = (
        f"Was {likely} written as {shown}?"
        if likely
        else "Only digits and capital letters without I, O, S, V, Z are used."
    )
    return CreditCodeInvalid(
        reason=f"统一社会信用代码第 {place} 位不能是“{shown}”，{hint}",
        reason_en=f"Character {place} of the credit code cannot be “{shown}”. {hint_en}",
    )

"""What the deeds of this app share: checked names and regions, and inserts that a twin request may win."""

import unicodedata
from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model

from accounts.errors import NameInvalid, RegionInvalid
from carbon_portal.kernel import regions

Row = TypeVar("Row", bound=Model)


def region_code(code: str, *, province: bool = False) -> str:
    """A six-digit city or county of the province (with `province`, the province too)."""
    area = regions.find(code) if isinstance(code, str) else None
    kinds = {"city", "county"} | ({"province"} if province else set())
    if area is None or area.kind not in kinds:
        raise RegionInvalid
    return area.code


def clean_name(text: str, *, optional: bool = False, limit: int = 50) -> str:
    """A name in one line: NFC, no control or direction characters, within the column."""
    cleaned = " ".join(unicodedata.normalize("NFC", text or "").split())
    if not cleaned and not optional:
        raise NameInvalid(reason="请填写名称。", reason_en="Enter a name.")
    if len(cleaned) > limit:
        raise NameInvalid(
            reason=f"名称最长 {limit} 个字，现在是 {len(cleaned)} 个。",
            reason_en=f"A name has at most {limit} characters; this one has {len(cleaned)}.",
        )
    if any(unicodedata.category(character).startswith("C") for character in cleaned):
        raise NameInvalid(
            reason="名称里有看不见的控制字符，请重新输入。",
            reason_en="The name holds invisible control characters. Type it again.",
        )
    return cleaned


def insert_or_get(insert: Callable[[], Row], get: Callable[[], Row]) -> Row:
    """Insert; where a twin request was first, take its row."""
    try:
        with transaction.atomic():
            return insert()
    except IntegrityError:
        return get()

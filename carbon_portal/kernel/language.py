"""Texts and names in the page's language: Chinese first, English where it is asked for and there."""

from collections.abc import Mapping

from django.utils.translation import get_language

from . import regions


def is_english() -> bool:
    """Whether the page is in English."""
    return (get_language() or "").startswith("en")


def pick(texts: Mapping[str, str] | None) -> str:
    """A text in the page's language, Chinese where there is no other; empty for no text."""
    if not texts:
        return ""
    return (texts.get("en") if is_english() else None) or texts["zh"]


def region_name(code: str, *, short: bool = False) -> str:
    """A division by its name (广州市, or 广州 where it is short); a code that is on no list keeps its code."""
    found = regions.find(code)
    if found is None:
        return code
    if is_english():
        return found.name_en
    return found.short_name if short else found.name

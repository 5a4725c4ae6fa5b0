"""The limits of a JSON body, at the last that is taken and the first that is not (T27)."""

import io
from typing import Any

import pytest
from rest_framework.exceptions import ParseError

from carbon_portal.kernel.api import MAX_DEPTH, BodyTooLarge, StrictJSONParser


def parsed(text: str) -> Any:
    return StrictJSONParser().parse(io.BytesIO(text.encode()))


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_thirty_two_levels_are_taken_and_thirty_three_are_not(opening: str, closing: str) -> None:
    assert MAX_DEPTH == 32
    middle = "1" if ":" in opening else ""
    assert parsed(opening * 32 + middle + closing * 32)
    with pytest.raises(ParseError, match="32"):
        parsed(opening * 33 + middle + closing * 33)


def test_brackets_in_a_text_are_no_levels() -> None:
    text = "[" * 50 + '\\"' + "{" * 50
    assert parsed(f'{{"note": "{text}"}}') == {"note": text.replace("\\", "")}


def test_a_body_of_the_limit_is_taken_and_a_byte_more_is_not(settings: Any) -> None:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert limit <= 2.5 * 1024 * 1024
    text = '{"a": "' + "b" * (limit - 9) + '"}'
    assert len(text) == limit
    assert parsed(text)
    with pytest.raises(BodyTooLarge):
        parsed(text + " ")

"""One door for numbers from outside, and exact writing of what goes out."""

from fractions import Fraction

import pytest

from carbon_portal.kernel.quantities import (
    Quantity,
    QuantityError,
    format_fen,
    format_grams,
    format_points,
    format_scaled,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("text", "scaled", "places"),
    [
        ("0", 0, 0),
        ("-0", 0, 0),
        ("007", 7, 0),
        ("1.50", 150, 2),
        ("-12.5", -125, 1),
        ("9" * 12 + "." + "9" * 12, 10**24 - 1, 12),
    ],
)
def test_it_reads_exact_numbers(text: str, scaled: int, places: int) -> None:
    assert parse_quantity(text) == Quantity(scaled, places)


@pytest.mark.parametrize(
    "text",
    ["", " ", "5 ", " 5", "5\n", "+5", "1e3", "1_000", "1,000", "NaN", "inf", ".5", "5.", "--5", "１２", "١٢", "²", "0x10",
     "1" * 13, "0." + "1" * 13, "1.2.3", "9" * 100_000, "5\x00", "½", None, 5, b"5"],
)  # fmt: skip
def test_it_refuses_everything_else(text: object) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text)  # type: ignore[arg-type]
    assert caught.value.code == "not_a_number"
    assert len(str(caught.value)) < 400


def test_places_can_be_limited_and_trailing_zeros_count() -> None:
    assert parse_quantity("1.50", max_places=2) == Quantity(150, 2)
    with pytest.raises(QuantityError) as caught:
        parse_quantity("1.500", max_places=2)
    assert caught.value.code == "too_many_places"


def test_scales_are_exact() -> None:
    quantity = parse_quantity("-1.25")
    assert (quantity.at(4), quantity.floor_at(1), quantity.ceil_at(1)) == (-12500, -13, -12)
    assert quantity.fraction == Fraction(-5, 4)
    assert str(parse_quantity("1.50")) == "1.50"
    assert parse_quantity("1.50").needed_places == 1
    with pytest.raises(ValueError, match="does not fit"):
        quantity.at(1)


def test_value_is_written_exactly() -> None:
    assert [format_grams(grams) for grams in (0, 999, 1000, 1234, -1500, 1_000_000, 1_234_567_890)] == [
        "0 克", "999 克", "1 千克", "1.234 千克", "-1.5 千克", "1 吨", "1,234.56789 吨",
    ]  # fmt: skip
    assert format_grams(2**63 - 1, language="en") == "9,223,372,036,854.775807 t"
    assert format_points(12345) == "12,345 分"
    assert (format_fen(5), format_fen(-123456), format_fen(100, language="en")) == (
        "0.05 元",
        "-1,234.56 元",
        "CNY 1.00",
    )
    assert format_scaled(-5, 3) == "-0.005"

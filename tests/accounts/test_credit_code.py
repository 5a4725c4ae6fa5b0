"""统一社会信用代码 by GB 32100-2015: the check is computed here a second time, straight from the standard."""

import random

import pytest

from accounts import credit_code
from accounts.errors import CreditCodeInvalid
from tests.people import make_credit_code

# The standard's own table of characters and weights, written out.
CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]


def check_by_the_standard(first: str) -> str:
    remainder = sum(CHARACTERS.index(c) * w for c, w in zip(first, WEIGHTS, strict=True)) % 31
    return CHARACTERS[0 if remainder == 0 else 31 - remainder]


def test_weights_are_the_powers_of_three():
    assert list(credit_code.WEIGHTS) == WEIGHTS


# Published registrations of public companies (business licences are public records).
@pytest.mark.parametrize("code", ["91440300708461136T", "914403001922038216", "91440101231245152Y"])
def test_registered_firms_pass(code):
    assert check_by_the_standard(code[:17]) == code[17], "the vector itself"
    assert credit_code.parse(code) == code


def test_made_codes_pass_and_every_wrong_check_character_fails():
    rng = random.Random(20261122)
    for _ in range(50):
        code = make_credit_code(rng.randrange(10**6))
        assert check_by_the_standard(code[:17]) == code[17]
        assert credit_code.parse(code) == code
        for wrong in set(CHARACTERS) - {code[17]}:
            with pytest.raises(CreditCodeInvalid):
                credit_code.parse(code[:17] + wrong)


def test_each_single_slip_and_each_neighbour_swap_is_noticed():
    code = make_credit_code(123456)
    for place in range(18):
        for other in set(CHARACTERS) - {code[place]}:
            with pytest.raises(CreditCodeInvalid):
                credit_code.parse(code[:place] + other + code[place + 1 :])
    for place in range(17):
        swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
        if swapped != code:
            with pytest.raises(CreditCodeInvalid):
                credit_code.parse(swapped)


def test_spelling_is_forgiven():
    code = make_credit_code(7)
    assert credit_code.parse(f" {code[:2]} {code[2:8]}-{code[8:]} ".lower()) == code


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda c: c[:17], "应为 18 位，现在是 17 位"),
        (lambda c: c + "0", "应为 18 位，现在是 19 位"),
        (lambda c: "", "请填写统一社会信用代码"),
        (lambda c: c[:10] + "O" + c[11:], "第 11 位不能是“O”，请核对是否把 0 写成 O"),
        (lambda c: c[:10] + "碳" + c[11:], "第 11 位不能是“碳”"),
        (lambda c: c[:4] + "A" + c[5:], "第 3 至 8 位是行政区划"),
        (lambda c: c[:17] + ("1" if c[17] != "1" else "2"), "第 18 位校验不符，请核对是否把 0 写成 O"),
    ],
)
def test_refusals_name_the_place(change, part):
    with pytest.raises(CreditCodeInvalid) as refusal:
        credit_code.parse(change(make_credit_code(42)))
    assert part in refusal.value.detail
    assert refusal.value.detail_en

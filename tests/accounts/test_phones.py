"""One phone, however it is written (T6); a sentence for every other input."""

import pytest

from accounts import phones
from accounts.errors import PhoneInvalid

SPELLINGS = [
    "13800138000",
    "+8613800138000",
    "8613800138000",
    "008613800138000",
    "+86 138 0013 8000",
    "+86-138-0013-8000",
    "138 0013 8000",
    "138-0013-8000",
    "１３８００１３８０００",
    "＋８６１３８００１３８０００",
    " 138　0013　8000 ",
    "(+86) 138.0013.8000",
]


def test_twelve_spellings_are_one_phone():
    assert len(set(SPELLINGS)) == 12
    assert {phones.normalise(text) for text in SPELLINGS} == {"+8613800138000"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1380013800", "手机号应为 11 位，现在是 10 位。"),
        ("138001380000", "手机号应为 11 位，现在是 12 位。"),
        ("+86138001380", "手机号应为 11 位，现在是 9 位。"),
        ("", "请填写手机号。"),
        ("   ", "请填写手机号。"),
        ("1380013800a", "手机号只能是数字，请检查是否多写了其他字。"),
        ("١٣٨٠٠١٣٨٠٠٠", "手机号只能是数字，请检查是否多写了其他字。"),
        ("12345678901", "手机号应以 13 至 19 开头，请核对前两位。"),
        ("+85261234567", "目前只支持中国内地手机号（+86）。"),
        ("1" * 500, "手机号应为 11 位，现在太长。"),
    ],
)
def test_refusals_say_what_is_wrong(text, sentence):
    with pytest.raises(PhoneInvalid) as refusal:
        phones.normalise(text)
    assert refusal.value.detail == sentence
    assert refusal.value.detail_en


def test_masked_and_tail():
    assert phones.masked("+8613800138000") == "138****8000"
    assert phones.masked(None) == "****"
    assert phones.tail("+8613800138000") == "8000"

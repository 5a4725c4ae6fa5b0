"""Forms and text are one: a change writes its own place and leaves every other byte."""

import datetime as dt
import difflib
import random

import pytest

from methodologies import services as library
from methodologies.drafting import text as texts
from methodologies.drafting.text import change, plain_data, same
from methodologies.engine import DocumentError

COMMENTED = """\
# 头上的说明
code: GZ-A      # 代码
title: {zh: '示例, 一', en: Example}   # 名称
effective_from: 2027-01-01
chapters:
  scope: |
    第一行
    第二行

  basis: "单行"  # 依据
inputs:
  # 里程的说明
  distance: {type: decimal, unit: km, places: 1, min: "0.1", max: "200"}   # 里程
  vehicle:
    type: choice
    options: {a: {zh: 甲}, b: {zh: 乙}}
# 步骤之前
steps:
  saving: distance * 2     # 第一步
  reduction: max(saving, 0)
limits:
  - {measure: distance, per: day, max: "120"}   # 一
  - measure: records
    per: day     # 二
    max: "6"
examples: []
"""


def changed_lines(before, after):
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[:1] in "+-"]


def with_value(data, path, value):
    if not path:
        return value
    step, *rest = path
    if isinstance(data, list):
        return [with_value(one, rest, value) if index == step else one for index, one in enumerate(data)]
    return {**data, step: with_value(data.get(step), rest, value)}


@pytest.mark.parametrize(
    ("path", "value", "gone", "come"),
    [
        (["code"], "GZ-B", "code: GZ-A      # 代码", "code: GZ-B      # 代码"),
        (["title", "zh"], "示例: 二", "title: {zh: '示例, 一'", 'title: {zh: "示例: 二"'),
        (["effective_from"], dt.date(2028, 2, 29), "2027-01-01", "effective_from: 2028-02-29"),
        (["inputs", "distance", "max"], "150", 'max: "200"}   # 里程', 'max: "150"}   # 里程'),
        (["steps", "saving"], "distance * 3", "saving: distance * 2     # 第一步", "saving: distance * 3     # 第一步"),
        (["limits", 1, "max"], "8", '    max: "6"', '    max: "8"'),
        (["chapters", "basis"], "另一句 # 不是说明", 'basis: "单行"  # 依据', 'basis: "另一句 # 不是说明"  # 依据'),
    ],
)
def test_one_value_changes_one_line(path, value, gone, come):
    after = change(COMMENTED, with_value(plain_data(COMMENTED), path, value))
    lines = changed_lines(COMMENTED, after)
    assert len(lines) == 2
    assert lines[0].startswith("-")
    assert gone in lines[0]
    assert come in lines[1]


def test_a_chapter_keeps_its_block():
    after = change(COMMENTED, with_value(plain_data(COMMENTED), ["chapters", "scope"], "一行\n\n三行\n"))
    assert "  scope: |\n    一行\n\n    三行\n\n  basis:" in after


def test_rows_come_go_move_and_are_renamed_without_a_word_of_the_others():
    data = plain_data(COMMENTED)
    more = change(COMMENTED, {**data, "limits": [*data["limits"], {"measure": "reduction", "per": "day", "max": "9"}]})
    assert changed_lines(COMMENTED, more) == ['+   - {measure: reduction, per: day, max: "9"}']
    fewer = change(COMMENTED, {**data, "limits": data["limits"][1:]})
    assert changed_lines(COMMENTED, fewer) == ['-   - {measure: distance, per: day, max: "120"}   # 一']
    renamed = change(COMMENTED, {**data, "steps": {"gain": "distance * 2", "reduction": "max(saving, 0)"}})
    assert "  gain: distance * 2     # 第一步" in renamed
    turned = change(COMMENTED, {**data, "steps": dict(reversed(data["steps"].items()))})
    assert list(plain_data(turned)["steps"]) == ["reduction", "saving"]
    assert "# 步骤之前\nsteps:\n" in turned


def test_an_empty_list_becomes_a_block_and_a_key_finds_its_place():
    data = plain_data(COMMENTED)
    example = {"on": dt.date(2027, 1, 2), "region": "440100", "given": {"distance": "10"}, "expect": 20}
    after = change(COMMENTED, {**data, "examples": [example]})
    assert after.endswith('examples:\n  - {on: 2027-01-02, region: "440100", given: {distance: "10"}, expect: 20}\n')
    assert same(plain_data(after)["examples"], [example])


@pytest.mark.parametrize(
    "value",
    ["a: b", "a # b", " 前后 ", "null", "true", "1.50", "2026-01-01", "- x", "{a}", "'", '"', "\\", "\t", "a\x85b",
     "\u2028", "😀", "一\n二\n", "末尾\n\n", " 缩进\n行\n", "", "*a", "&a", "!t", "@", "%", "x:", "|", "0x1f", "~"],
)  # fmt: skip
def test_whatever_is_written_reads_back_the_same(value):
    data = plain_data(COMMENTED)
    for path in (
        ["code"],
        ["title", "zh"],
        ["chapters", "scope"],
        ["limits", 0, "per"],
        ["inputs", "distance", "unit"],
    ):
        wanted = with_value(data, path, value)
        assert same(plain_data(change(COMMENTED, wanted)), wanted)


def mutated(value, dice):
    """The data with something changed somewhere."""
    if isinstance(value, dict) and value:
        key, deed = dice.choice(list(value)), dice.random()
        if deed < 0.6:
            return {**value, key: mutated(value[key], dice)}
        if deed < 0.75 and len(value) > 1:
            return {one: inner for one, inner in value.items() if one != key}
        if deed < 0.9:
            return {
                **value,
                f"new_{dice.randrange(99)}": dice.choice(["x: y", 5, None, {"a": "1"}, [{"a": "b"}], "多\n行\n"]),
            }
        return {(f"other_{dice.randrange(99)}" if one == key else one): inner for one, inner in value.items()}
    if isinstance(value, list) and value:
        place = dice.randrange(len(value))
        return [*value[:place], mutated(value[place], dice), *value[place + 1 :]] if dice.random() < 0.6 else value[1:]
    return dice.choice(["abc", "1.5", "a # b", "两\n行\n", None, True, 7, "- x", ""])


@pytest.mark.parametrize("name", ["gd-ev-trip.yaml", "sz-household-electricity.yaml", "factors.yaml"])
def test_any_change_of_a_shipped_document_is_written_without_writing_it_anew(name, monkeypatch):
    monkeypatch.setattr(texts, "_by_whole_values", lambda *_arguments: pytest.fail("a whole value was written anew"))
    text = (library.LIBRARY / name).read_text(encoding="utf-8")
    dice = random.Random(name)
    for _round in range(40):
        wanted = mutated(mutated(plain_data(text), dice), dice)
        assert same(plain_data(change(text, wanted)), wanted)


def test_nothing_changed_is_the_same_text_and_a_text_that_is_none_is_refused():
    assert change(COMMENTED, plain_data(COMMENTED)) == COMMENTED
    assert change(COMMENTED.replace("\n", "\r\n"), plain_data(COMMENTED)) == COMMENTED
    with pytest.raises(DocumentError):
        change("a: &x 1\nb: *x\n", {"a": 1})

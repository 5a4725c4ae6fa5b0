"""bin/messages sees what Django sees, refuses what would break in one language, and repeats itself exactly."""

import gettext
import importlib.util
import io
import sys
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def messages(tmp_path, monkeypatch):
    """The program on a small tree of its own."""
    spec = importlib.util.spec_from_file_location("portal_messages", ROOT / "bin" / "messages.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "portal_messages", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "PARTS", tmp_path / "locale" / "parts")
    monkeypatch.setattr(module, "CATALOGUE", tmp_path / "locale" / "en" / "LC_MESSAGES" / "django.po")
    for folder in ("templates", "accounts", "locale/parts"):
        (tmp_path / folder).mkdir(parents=True)
    return module


def part(messages, name, text):
    (messages.PARTS / f"{name}.po").write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n' + text, encoding="utf-8"
    )


def build(messages):
    catalogue = messages.read_source()
    problems = catalogue.problems
    po, missing = messages.merge(catalogue, messages.read_parts(problems))
    problems += messages.placeholder_problems(po)
    return po, missing, problems


def test_templates_are_read_as_django_reads_them(messages):
    (messages.ROOT / "templates" / "page.html").write_text(
        "{% load i18n %}<h1>{% translate '提交行程' %}</h1>{% translate \"满 5%\" context '优惠' %}"
        "{% blocktranslate count n=rows|length trimmed %}\n  共 {{ n }} 条\n{% plural %}\n  共 {{ n }} 条\n"
        "{% endblocktranslate %}{% blocktranslate with who=name %}你好，{{ who }}{% endblocktranslate %}"
        "{% include 'x.html' with title=_('首页') %}{% comment %}{% translate '不译' %}{% endcomment %}",
        encoding="utf-8",
    )
    found = {(message.context, message.text): message.plural for message in messages.read_source().messages.values()}
    assert found == {
        (None, "提交行程"): None,
        ("优惠", "满 5%%"): None,
        (None, "共 %(n)s 条"): "共 %(n)s 条",
        (None, "你好，%(who)s"): None,
        (None, "首页"): None,
    }


def test_python_calls_are_read_and_an_f_string_is_refused(messages):
    (messages.ROOT / "accounts" / "errors.py").write_text(
        "from django.utils.translation import gettext as _, pgettext_lazy, ngettext\n"
        "A = _('余额不足'\n      '，请减少数量')\nB = pgettext_lazy('动词', '记录')\n"
        "C = ngettext('%d 天', '%d 天', n)\n"
        "D = _(variable)\nE = _(f'第 {n} 页')\n",
        encoding="utf-8",
    )
    catalogue = messages.read_source()
    assert set(catalogue.messages) == {(None, "余额不足，请减少数量"), ("动词", "记录"), (None, "%d 天")}
    assert catalogue.problems == ["accounts/errors.py:7: an f-string cannot be translated; use placeholders"]


def test_missing_english_is_named_and_plain_latin_needs_none(messages):
    (messages.ROOT / "accounts" / "texts.py").write_text(
        "A = _('登录')\nB = _('退出')\nC = _('PDF')\n", encoding="utf-8"
    )
    part(messages, "accounts", 'msgid "登录"\nmsgstr "Sign in"\n')
    po, missing, problems = build(messages)
    assert missing == ["'退出' (accounts/texts.py)"]
    assert problems == []
    assert {entry.msgid: entry.msgstr for entry in po} == {"登录": "Sign in", "退出": "", "PDF": "PDF"}


def test_parts_that_disagree_and_lost_placeholders_are_problems(messages):
    (messages.ROOT / "accounts" / "texts.py").write_text("A = _('登录')\nB = _('还差 %(n)s 分')\n", encoding="utf-8")
    part(messages, "a", 'msgid "登录"\nmsgstr "Sign in"\n\nmsgid "还差 %(n)s 分"\nmsgstr "Some points short"\n')
    part(messages, "b", 'msgid "登录"\nmsgstr "Log in"\n')
    _, _, problems = build(messages)
    assert problems == [
        "'登录': a.po and b.po disagree on the English",
        "'还差 %(n)s 分': placeholders ['%(n)s'] became [] in English",
    ]


def test_the_compiled_catalogue_speaks_english_and_is_the_same_each_time(messages):
    (messages.ROOT / "accounts" / "texts.py").write_text("A = ngettext('%d 条', '%d 条', n)\n", encoding="utf-8")
    part(messages, "a", 'msgid "%d 条"\nmsgid_plural "%d 条"\nmsgstr[0] "%d record"\nmsgstr[1] "%d records"\n')
    po, missing, problems = build(messages)
    assert (missing, problems) == ([], [])
    spoken = gettext.GNUTranslations(io.BytesIO(po.to_binary()))
    assert [spoken.ngettext("%d 条", "%d 条", n) % n for n in (1, 2)] == ["1 record", "2 records"]
    again = build(messages)[0]
    assert (messages.render(po), po.to_binary()) == (messages.render(again), again.to_binary())
    assert polib.pofile(messages.render(po)) == polib.pofile(messages.render(again))


def test_a_stale_catalogue_is_noticed(messages):
    (messages.ROOT / "accounts" / "texts.py").write_text("A = _('登录')\n", encoding="utf-8")
    part(messages, "a", 'msgid "登录"\nmsgstr "Sign in"\n')
    po, _, _ = build(messages)
    assert len(list(messages.stale(messages.render(po), po.to_binary()))) == 2
    messages.CATALOGUE.parent.mkdir(parents=True)
    messages.CATALOGUE.write_text(messages.render(po), encoding="utf-8")
    messages.CATALOGUE.with_suffix(".mo").write_bytes(po.to_binary())
    assert list(messages.stale(messages.render(po), po.to_binary())) == []
    (messages.ROOT / "accounts" / "more.py").write_text("B = _('退出')\n", encoding="utf-8")
    fresh, _, _ = build(messages)
    assert len(list(messages.stale(messages.render(fresh), fresh.to_binary()))) == 1  # nothing to compile yet

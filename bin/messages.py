"""Message catalogues without gettext's programs (run through bin/messages).

Chinese is the language of the source. English stands in locale/parts/*.po, one file per part of the house, written by
hand; locale/en/LC_MESSAGES/django.po and .mo are made from them and committed, since a bare machine cannot compile.
``--check`` writes nothing and fails on a message without English, a contradiction or a stale catalogue.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import django
import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("carbon_portal", "accounts", "methodologies", "behaviors", "credits", "merchants", "pilots")
PARTS = ROOT / "locale" / "parts"
CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"
HEADER = {
    "Project-Id-Version": "carbon-portal",
    "Language": "en",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=2; plural=(n != 1);",
}

# How many leading arguments of a call are text, and which of them: (context, singular, plural).
CALLS = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
CALL = re.compile(r"(?<![\w.])(_|n?p?gettext)\s*(?=\()")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sdr]|\{\w*\}")
CHINESE = re.compile(r"[\u3400-\u9fff]")

Key = tuple[str | None, str]


@dataclass
class Message:
    """One text to translate and the files that say it."""

    context: str | None
    text: str
    plural: str | None
    files: set[str] = field(default_factory=set)

    @property
    def key(self) -> Key:
        return (self.context, self.text)


class Catalogue:
    """What the source says."""

    def __init__(self) -> None:
        self.messages: dict[Key, Message] = {}
        self.problems: list[str] = []

    def add(self, name: str, arguments: list[str | None], file: str) -> None:
        context_at, text_at, plural_at = CALLS[name]
        texts = [
            arguments[at] if at is not None and at < len(arguments) else None for at in (context_at, text_at, plural_at)
        ]
        context, text, plural = texts
        if not text:
            return  # a variable: its text is marked where it is written
        message = self.messages.setdefault((context, text), Message(context, text, plural))
        message.plural = message.plural or plural
        message.files.add(file)


def read_python(path: Path, catalogue: Catalogue) -> None:
    """Collect the gettext calls of a module."""
    file = path.relative_to(ROOT).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=file)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in CALLS:
            continue
        if any(isinstance(argument, ast.JoinedStr) for argument in node.args):
            catalogue.problems.append(f"{file}:{node.lineno}: an f-string cannot be translated; use placeholders")
        values = [argument.value if isinstance(argument, ast.Constant) else None for argument in node.args]
        catalogue.add(name, [value if isinstance(value, str) else None for value in values], file)


def read_template(path: Path, catalogue: Catalogue) -> None:
    """Collect translate and blocktranslate tags and _("…") of a template, as Django itself sees them."""
    file = path.relative_to(ROOT).as_posix()
    source = templatize(path.read_text(encoding="utf-8"), origin=file)
    for found in CALL.finditer(source):
        catalogue.add(found[1], _string_arguments(source[found.end() :]), file)


def _string_arguments(source: str) -> list[str | None]:
    """The arguments of a call as strings (None for anything else); the source starts at the bracket."""
    arguments: list[str | None] = []
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.string in "([{" and token.type == tokenize.OP:
            depth += 1
        elif token.string in ")]}" and token.type == tokenize.OP:
            depth -= 1
            if depth == 0:
                break
        elif token.type == tokenize.STRING and depth == 1:
            arguments.append(ast.literal_eval(token.string))
        elif token.type in {tokenize.NAME, tokenize.NUMBER} and depth == 1:
            arguments.append(None)
    return arguments


def read_source() -> Catalogue:
    catalogue = Catalogue()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                read_python(path, catalogue)
    folders = [ROOT / "templates", *(ROOT / package for package in PACKAGES)]
    for folder in folders:
        for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.txt")]):
            if folder.name == "templates" or "templates" in path.parts:
                read_template(path, catalogue)
    return catalogue


def read_parts(problems: list[str]) -> dict[Key, tuple[polib.POEntry, str]]:
    """English by message; two parts that differ on one message are a problem, not a race."""
    english: dict[Key, tuple[polib.POEntry, str]] = {}
    for path in sorted(PARTS.glob("*.po")):
        for entry in polib.pofile(str(path), encoding="utf-8"):
            key = (entry.msgctxt, entry.msgid)
            if entry.obsolete or not entry.msgid:
                continue
            before = english.get(key)
            if before and (before[0].msgstr, before[0].msgstr_plural) != (entry.msgstr, entry.msgstr_plural):
                problems.append(f"{entry.msgid!r}: {before[1]} and {path.name} disagree on the English")
                continue
            english[key] = (entry, path.name)
    return english


def merge(catalogue: Catalogue, english: dict[Key, tuple[polib.POEntry, str]]) -> tuple[polib.POFile, list[str]]:
    """The catalogue to commit, and the messages that have no English."""
    po = polib.POFile(wrapwidth=0)
    po.metadata = dict(HEADER)
    missing = []
    unused = [key for key in english if key not in catalogue.messages]
    # Texts that are marked as data (titles in YAML) are known to the parts only and are kept.
    messages = [*catalogue.messages.values(), *(Message(*key, english[key][0].msgid_plural or None) for key in unused)]
    for message in sorted(messages, key=lambda each: (each.text, each.context or "")):
        entry = polib.POEntry(msgctxt=message.context, msgid=message.text)
        entry.occurrences = [(file, "") for file in sorted(message.files)]
        translated = english.get(message.key)
        if message.plural:
            entry.msgid_plural = message.plural
            forms = translated[0].msgstr_plural if translated else {}
            one = forms.get(0) or (translated[0].msgstr if translated else "")
            entry.msgstr_plural = {0: one, 1: forms.get(1) or one}
            done = bool(one)
        else:
            entry.msgstr = translated[0].msgstr if translated else ""
            done = bool(entry.msgstr)
        if not done and not CHINESE.search(message.text):
            # "CO₂e", "PDF": the same in both languages.
            entry.msgstr, done = ("" if message.plural else message.text), True
        if not done:
            missing.append(f"{message.text!r} ({', '.join(sorted(message.files)) or 'parts only'})")
        if "%(" in message.text or "%s" in message.text:
            entry.flags = ["python-format"]
        po.append(entry)
    return po, missing


def placeholder_problems(po: polib.POFile) -> Iterator[str]:
    """A lost or invented placeholder is an error 500 or a hole in one language only."""
    for entry in po:
        for text in [entry.msgstr, *entry.msgstr_plural.values()]:
            wanted, found = (set(PLACEHOLDER.findall(each)) for each in (entry.msgid, text))
            if text and wanted != found:
                yield f"{entry.msgid!r}: placeholders {sorted(wanted)} became {sorted(found)} in English"


def render(po: polib.POFile) -> str:
    return f"# Made by bin/messages from locale/parts/*.po: edit those.\n{po}".rstrip() + "\n"


def stale(text: str, binary: bytes) -> Iterable[str]:
    for path, wanted in ((CATALOGUE, text.encode()), (CATALOGUE.with_suffix(".mo"), binary)):
        if not path.exists() or path.read_bytes() != wanted:
            yield f"{path.relative_to(ROOT)} is stale: run bin/messages and commit the result"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/messages", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail on what is missing or stale")
    options = parser.parse_args()
    settings.configure(USE_I18N=False)
    django.setup()
    catalogue = read_source()
    problems = catalogue.problems
    po, missing = merge(catalogue, read_parts(problems))
    problems += placeholder_problems(po)
    text, binary = render(po), po.to_binary()
    if options.check:
        problems += stale(text, binary)
    elif not problems:
        CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
        CATALOGUE.write_text(text, encoding="utf-8")
        CATALOGUE.with_suffix(".mo").write_bytes(binary)
    for line in [*problems, *(f"no English: {each}" for each in missing)]:
        print(line)
    print(f"{len(po)} messages, {len(missing)} without English, {len(problems)} problems")
    return int(bool(problems) or (options.check and bool(missing)))


if __name__ == "__main__":
    sys.exit(main())

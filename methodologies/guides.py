"""The verification guide (核查指南): its versions as files, in plain words too. Django-free.

Markdown is read into blocks (headings, paragraphs, lists) that a template prints as text: no HTML of a file ever
reaches a page.
"""

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent / "guide"
AUDIENCES = ("full", "sme", "residents")
_ITEM = re.compile(r"(?:- |(?P<number>[0-9]+)\. )(?P<text>.+)")


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, or a list (`bullets` or `numbers`)."""

    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of each sampled record."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Guide:
    """One version. `sample` text is no official document; `replaced_by` is the version that came after."""

    number: str
    version: str
    title: str
    title_en: str
    in_force_from: dt.date
    sample: bool
    sha256: str
    replaced_by: str
    texts: dict[str, tuple[Block, ...]]
    checklist: tuple[Question, ...]


class GuideChanged(Exception):
    """A published folder is not the one that was recorded."""


def blocks(text: str) -> tuple[Block, ...]:
    """The few forms that the guide uses: `# heading`, `- item`, `1. item`, paragraphs between empty lines."""
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in part.splitlines() if line.strip()]
        items = [_ITEM.fullmatch(line) for line in lines]
        if lines[0].startswith("# "):
            found.append(Block("heading", (lines[0][2:],)))
        elif all(items):
            kind = "numbers" if items[0] and items[0]["number"] else "bullets"
            found.append(Block(kind, tuple(item["text"] for item in items if item)))
        else:
            found.append(Block("paragraph", (" ".join(lines),)))
    return tuple(found)


def sha256_of(folder: Path) -> str:
    """Over the names and bytes of a version's files."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@cache
def guides(folder: Path = FOLDER) -> tuple[Guide, ...]:
    """Every version, the oldest first; `GuideChanged` where a folder differs from its recorded hash."""
    listed = yaml.safe_load((folder / "guides.yaml").read_text(encoding="utf-8"))
    listed.sort(key=lambda one: one["in_force_from"])
    found = []
    for index, one in enumerate(listed):
        place = folder / one["folder"]
        if sha256_of(place) != one["sha256"]:
            raise GuideChanged(f"{place.name} differs from its sha256 in guides.yaml: write a new version")
        later = listed[index + 1]["version"] if index + 1 < len(listed) else ""
        found.append(
            Guide(
                number=one["number"],
                version=str(one["version"]),
                title=one["title"],
                title_en=one["title_en"],
                in_force_from=one["in_force_from"],
                sample=one["sample"],
                sha256=one["sha256"],
                replaced_by=str(later),
                texts={name: blocks((place / f"{name}.md").read_text(encoding="utf-8")) for name in AUDIENCES},
                checklist=tuple(
                    Question(**row) for row in yaml.safe_load((place / "checklist.yaml").read_text(encoding="utf-8"))
                ),
            )
        )
    return tuple(found)


def guide(version: str) -> Guide | None:
    """A version by its name."""
    return next((one for one in guides() if one.version == version), None)


def guide_on(day: dt.date) -> Guide | None:
    """The version in force on a day; before the first one, none."""
    return next((one for one in reversed(guides()) if one.in_force_from <= day), None)

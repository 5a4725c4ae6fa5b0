"""The documents speak of what is there: links, commands, variables and checks exist.

`python -m tests.architecture.test_docs` writes the table of checks in docs/verify.md anew.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbon_portal.workflows.verify import documents, run

ROOT = Path(__file__).resolve().parents[2]
VERIFY_PAGE = ROOT / "docs" / "verify.md"
SCREENSHOTS = ROOT / "docs" / "screenshots"
BEGIN, END = "<!-- checks: begin -->", "<!-- checks: end -->"

_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"```.*?```", re.DOTALL)
_COMMAND = re.compile(r"manage\.py\s+([a-z][a-z0-9_]*)")
_SCRIPT = re.compile(r"(?<![\w./])(bin/[a-z_]+|\.ci/run)(?![\w/])")
_FENCED_READERS = re.compile(r"env\.(?:text|flag|number|words)\(\s*\"([A-Z][A-Z0-9_]*)\"")
_READERS = re.compile(
    r"(?:text|flag|number|words|environ\.get)\(\s*\"([A-Z][A-Z0-9_]*)\"|environ\[\"([A-Z][A-Z0-9_]*)\"\]"
)
_QUOTED_URLS = re.compile(r"\"(DATABASE_URL[A-Z_]*)\"")
_PATHS = re.compile(
    r"`((?:carbon_portal|accounts|behaviors|methodologies|credits|merchants|pilots|tests|docs|bin)/[\w./-]+)`"
)


def pages() -> list[Path]:
    """Every markdown file that git tracks or is about to."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = [ROOT / name for name in listed.stdout.split("\n") if name]
    return sorted(page for page in found if page.exists() and "vendor" not in page.parts)


def anchors(page: Path) -> set[str]:
    """The addresses of a page's headings."""
    headings = re.findall(r"^#{1,6}\s+(.*)$", _CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:", target):
            yield target


def commands() -> set[str]:
    """Management commands of the portal and of Django's own apps."""
    from django.core.management import get_commands

    return set(get_commands())


def environment_variables() -> set[str]:
    """What settings and the launcher's paths read from the environment."""
    kernel = ROOT / "carbon_portal" / "kernel"
    sources = [ROOT / "carbon_portal" / name for name in ("settings.py", "env.py")]
    sources += [*(kernel / "services").glob("*.py"), kernel / "faults.py"]
    found: set[str] = set()
    for source in sources:
        text = source.read_text(encoding="utf-8")
        for hit in (*_FENCED_READERS.findall(text), *_READERS.findall(text), *_QUOTED_URLS.findall(text)):
            found.update(name for name in ([hit] if isinstance(hit, str) else hit) if name)
        found.update(re.findall(r"^ENVIRONMENT\w* = \"([A-Z_]+)\"", text, re.MULTILINE))
    return found


def checks_table() -> str:
    """The checks of `verify`, as the registry has them."""
    rows = [(check.id, check.title_zh, check.title_en) for check in run.all_checks()]
    rows.append((documents.ID, documents.TITLE_ZH, documents.TITLE_EN))
    rows.sort(key=lambda row: (int(re.sub(r"\D", "", row[0])), row[0]))
    lines = ["| | 证明 | Proves |", "| --- | --- | --- |", *(f"| {id_} | {zh} | {en} |" for id_, zh, en in rows)]
    return "\n".join(lines)


@pytest.mark.parametrize("document", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document):
    """Pictures are made by bin/screenshots: until it has run once, it must at least make those that are shown."""
    missing = []
    for target in links(document):
        path, _, anchor = target.partition("#")
        goal = (document.parent / path).resolve() if path else document
        if goal.parent == SCREENSHOTS and not SCREENSHOTS.exists():
            exists = f'"{goal.stem}"' in (ROOT / "bin" / "screenshots").read_text(encoding="utf-8")
        else:
            exists = goal.exists()
        if not exists or (anchor and goal.suffix == ".md" and anchor.lower() not in anchors(goal)):
            missing.append(target)
    assert not missing


@pytest.mark.parametrize("document", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_named_command_script_and_file_exists(document):
    text = document.read_text(encoding="utf-8")
    unknown = {f"manage.py {name}" for name in set(_COMMAND.findall(text)) - commands()}
    unknown |= {name for name in _SCRIPT.findall(text) if not (ROOT / name).exists()}
    unknown |= {name for name in _PATHS.findall(text) if not (ROOT / name).exists()}
    assert not unknown


def test_every_environment_variable_stands_in_the_operators_guide():
    guide = (ROOT / "docs" / "guide" / "operator.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", guide))
    read = environment_variables()
    assert {"DATABASE_URL_OWNER", "SECRET_KEY", "PORTAL_VAR", "REDIS_URL", "PG_BIN", "DEBUG"} <= read
    assert not read - listed


def test_every_decision_is_in_the_index_and_short():
    folder = ROOT / "docs" / "adr"
    index = set(links(folder / "README.md"))
    records = sorted(path for path in folder.glob("0*.md"))
    assert {path.name for path in records} <= index
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    assert [path.name for path in records if len(path.read_text(encoding="utf-8").splitlines()) > 40] == []


def test_the_list_of_checks_is_the_registrys():
    text = VERIFY_PAGE.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == checks_table()


def renew() -> None:
    """Write the table of checks anew."""
    before, _, rest = VERIFY_PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    VERIFY_PAGE.write_text(f"{before}{BEGIN}\n{checks_table()}\n{END}{after}", encoding="utf-8")
    sys.stdout.write(f"{VERIFY_PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    renew()

"""docs/methodology-errors.md lists every sentence that the loader, the compiler and the gate of submission can say.

The sentences are read out of the code. `python -m tests.architecture.test_format_page` writes the list anew.
"""

import ast
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "methodology-errors.md"
BEGIN, END = "<!-- messages: begin -->", "<!-- messages: end -->"
ENGINE = ROOT / "methodologies" / "engine"
#: Where sentences are said, in the order in which a text meets them.
SOURCES = (
    (ENGINE / "loader.py", "读文字", "Reading the text"),
    (ENGINE / "reader.py", "键和值", "Keys and values"),
    (ROOT / "carbon_portal" / "kernel" / "quantities.py", "数", "Numbers"),
    (ENGINE / "schema.py", "文档的结构", "Structure of the document"),
    (ENGINE / "names.py", "名称", "Names"),
    (ENGINE / "language.py", "公式的写法", "Formulas"),
    (ENGINE / "parameters.py", "参数和因子", "Parameters and factors"),
    (ENGINE / "compiler.py", "单位和界限", "Units and bounds"),
    (ENGINE / "check.py", "算例、章节、有效期", "Examples, chapters, best-before dates"),
    (ROOT / "methodologies" / "selectors" / "drafts.py", "报送", "Forwarding"),
)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
Pair = tuple[str, str]


def constants(tree: ast.Module) -> dict[str, str]:
    """Numbers and texts that a module names."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = str(eval(compile(ast.Expression(node.value), "", "eval"), {}))
            except Exception:  # noqa: BLE001  (not a plain constant)
                continue
    return found


def words(node: ast.expr, known: dict[str, str]) -> str | None:
    """A text as it will read, … for what only the moment knows."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            named = known.get(part.value.id) if isinstance(part.value, ast.Name) else None
            parts.append(named if named is not None and len(named) < 12 else "…")
    return "".join(parts)


def pairs(source: str) -> list[Pair]:
    """Every sentence in two languages that a module holds: two texts side by side, the first of them Chinese."""
    tree = ast.parse(source)
    known = constants(tree)
    found: list[Pair] = []
    for beside in _neighbours(tree):
        for left, right in pairwise(beside):
            zh, en = words(left, known), words(right, known)
            if zh and en and _CHINESE.search(zh) and not _CHINESE.search(en) and len(zh) > 3:
                found.append((zh, en))
    return list(dict.fromkeys(found))


def _neighbours(tree: ast.AST) -> Iterator[list[ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.args
        elif isinstance(node, ast.Tuple):
            yield node.elts
        if isinstance(node, ast.FunctionDef | ast.If):
            assigned = [one.value for one in node.body if isinstance(one, ast.Assign)]
            yield assigned


def listed() -> str:
    """The list as the page must have it."""
    lines = []
    for path, zh, en in SOURCES:
        rows = sorted(pairs(path.read_text(encoding="utf-8")))
        assert rows, path
        lines += [f"### {zh} · {en}", "", "| 中文 | English |", "| --- | --- |"]
        lines += [f"| {_cell(one)} | {_cell(other)} |" for one, other in rows]
        lines.append("")
    lines += ["### 单位的写法 · Units as they are written", "", "| English |", "| --- |"]
    units = ast.parse((ENGINE / "units.py").read_text(encoding="utf-8"))
    raised = [
        node.exc.args[0] for node in ast.walk(units) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    ]
    lines += sorted({f"| {_cell(words(one, {'_MAX_LENGTH': '120'}) or '')} |" for one in raised})
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def test_every_sentence_of_the_format_stands_on_its_page():
    text = PAGE.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == listed().strip()


def test_no_sentence_is_missed_by_the_reading():
    """Whatever reads as a Chinese sentence in these modules stands beside its English."""
    for path, _zh, _en in SOURCES:
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        known = constants(tree)
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]
        said = {words(node, known) for node in texts if id(node) not in inner}
        sentences = {text for text in said if text and _CHINESE.search(text) and text.endswith("。")}
        assert sentences - {zh for zh, _en in pairs(source)} == set(), path.name


def renew() -> None:
    """Write the list anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{listed()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    renew()

"""docs/factors.md says what the library holds: no value is missing, none is left over."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "methodologies" / "library"


def read(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def rows(heading: str) -> list[str]:
    """The body rows of the table under a heading of the page."""
    page = (ROOT / "docs" / "factors.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", page.split(heading, 1)[1], flags=re.MULTILINE)[0]
    return [line for line in section.splitlines() if line.startswith("| ")][2:]


def test_the_page_lists_every_shared_factor():
    expected = [
        f"| `{code}` | {entry['data_year']} | {start} | {entry['value']} | {factor['unit']} "
        f"| {factor.get('basis', '–')} | {entry['confidence']} | {entry['source']} |"
        for code, factor in read(LIBRARY / "factors.yaml").items()
        for start, entry in factor["values"].items()
    ]
    assert rows("## 共享因子") == expected


def test_the_page_lists_every_parameter_of_the_documents():
    expected = []
    for path in sorted(LIBRARY.glob("*.yaml")):
        if path.name == "factors.yaml":
            continue
        document = read(path)
        for name, parameter in document["parameters"].items():
            if "factor" in parameter:
                vintage = f", vintage {parameter['vintage']}" if "vintage" in parameter else ""
                value = f"factor `{parameter['factor']}`{vintage}"
                expected.append(f"| `{document['code']}` | `{name}` | – | {value} | – | – | shared |")
                continue
            for start, table in parameter["values"].items():
                for key, entry in [("", table)] if "value" in table else table.items():
                    label = f"`{name}` {key}" if key else f"`{name}`"
                    expected.append(
                        f"| `{document['code']}` | {label} | {start} | {entry['value']} | {parameter['unit']} "
                        f"| {entry['confidence']} | {entry['source']} |"
                    )
    assert rows("## 各方法学自己的参数") == expected

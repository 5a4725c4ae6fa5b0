"""A version on paper: the PDF of a method, set by typst from the same context as its page.

The same content gives the same bytes: no clock, no system font, no network. What the document holds reaches typst as
data (JSON), never as markup, so no text of a document can become an instruction. Characters that the bundled font does
not have are written by their code point instead of an empty box.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from carbon_portal.kernel.templatetags.portal import local_date
from methodologies.engine import Program
from methodologies.typeset import layout

HERE = Path(__file__).parent
TEMPLATE = HERE / "methodology.typ"
FONTS = HERE / "font"

#: Drawn by the faces that come with typst itself.
_OTHER_FACES = "₀₁₂₃₄₅₆₇₈₉⁰⁴⁵⁶⁷⁸⁹\t\n "


@cache
def characters() -> frozenset[str]:
    """Every character that can be drawn."""
    return frozenset((FONTS / "characters.txt").read_text(encoding="utf-8")) | frozenset(_OTHER_FACES)


def drawable(text: str) -> str:
    """The text with each character that no face has written as 〔U+9FA6〕."""
    known = characters()
    if known.issuperset(text):
        return text
    return "".join(one if one in known else f"〔U+{ord(one):04X}〕" for one in text if one != "\r")


def content_of(page: Mapping[str, Any], program: Program, *, language: str, address: str) -> str:
    """The data of the PDF as canonical JSON, from the context of a version's page; `address` is the portal's own."""
    version = page["version"]
    day = version.effective_from  # what never changes: the PDF carries no clock
    edition = _("第 %(version)s 版") % {"version": version.version}
    inputs = [[one["label"], one["name"], f"{one['range']}{one['options']} {one['unit']}"] for one in page["inputs"]]
    data = {
        "date": [day.year, day.month, day.day],
        "language": "en" if language.startswith("en") else "zh",
        "sample": page["sample"],
        "title": page["title"],
        "sub": " · ".join((version.methodology_id, edition, page["pill"]["label"])),
        "words": _words(),
        "facts": _facts(page),
        "inputs": inputs + [[one["name"], "", one["text"]] for one in page["history_inputs"]],
        "labels": {one["name"]: one["label"] for one in page["inputs"]},
        "steps": [
            {"name": step["name"], "unit": step["unit"], "tree": layout(program.document.steps[step["name"]].tree)}
            for step in page["steps"]
        ],
        "output": page["output"],
        "evidence": [[one["grade"], f"× {one['share']}"] for one in page["evidence"]]
        + [[one["label"], one["max"]] for one in page["limits"]],
        "values": [_value(one) for one in page["values"]],
        "examples": [_example(one) for one in page["examples"]],
        "chapters": [[one["title"], one["text"].strip()] for one in page["chapters"]],
        "hashes": [["SHA-256", version.sha256], [_("文件 SHA-256"), page["file_sha256"]]],
        "approvals": [[one["at"], one["basis"]] for one in page["approvals"]],
        "foot": f"{address.rstrip('/')}/methodologies/{version.methodology_id}/{version.version}/",
    }
    return json.dumps(_drawable(data), ensure_ascii=False, sort_keys=True)


def digest(content: str) -> str:
    """What identifies the PDF: its data, the template and the font."""
    found = hashlib.sha256(content.encode("utf-8"))
    for file in (TEMPLATE, FONTS / "characters.txt"):
        found.update(file.read_bytes())
    return found.hexdigest()


def render(content: str) -> bytes:
    """The PDF (A/2b) of what `content_of` gave; some tenths of a second."""
    import typst  # 80 MB with its faces: only for who asks for a PDF

    made = typst.compile(
        str(TEMPLATE),
        root=str(HERE),
        font_paths=[str(FONTS)],
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"data": content},
        pdf_standards=["a-2b"],
        timestamp=0,
    )
    assert isinstance(made, bytes)
    return made


def _drawable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _drawable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_drawable(one) for one in value]
    return drawable(str(value)) if isinstance(value, str) else value


def _words() -> dict[str, str]:
    return {
        "sample": _("示例数据"),
        "sample_text": _("本文件含示例数值，下面逐项标明。只用于演示和积分试运行，不能用于核证。"),
        "inputs": _("输入"),
        "formula": _("公式"),
        "when": _("若"),
        "otherwise": _("否则"),
        "limits": _("证据等级和上限"),
        "values": _("参数与来源"),
        "name": _("名称"),
        "value": _("数值"),
        "source": _("来源"),
        "examples": _("算例"),
        "text": _("方法学正文"),
        "hash": _("文件指纹"),
        "approvals": _("批准记录"),
        "page": _("页"),
    }


def _facts(page: Mapping[str, Any]) -> list[list[str]]:
    version, source, published = page["version"], page["source"], page["publication"]
    return [
        [_("领域"), page["sector"]],
        [_("适用地区"), page["region"]],
        *([[_("公布编号"), f"{published.number} · {local_date(published.published_on)}"]] if published else []),
        [_("生效日期"), local_date(version.effective_from)],
        [_("能否核证"), _("可以") if version.certifiable else _("不能，只用于积分")],
        [_("来源"), f"{source['issuer']} · {source['document']} · {source['number']}"],
    ]


def _value(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{one['name']} [{one['key']}]" if one["key"] else one["name"],
        "value": f"{one['value']} {one['unit']}".strip(),
        "source": one["source"],
        "dates": _("%(day)s 起采用，%(until)s 前复核") % {"day": one["start"], "until": one["best_before"]},
        "confidence": one["confidence"]["label"],
        "sample": one["confidence"]["code"] == "sample",
    }


def _example(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "given": f"{one['given']} · {one['on']} · {one['region']}",
        "result": one["result"],
        "why": one["why"],
        "source": one["source"],
        "steps": [f"{step['name']} = {step['numbers']} = {step['value']} {step['unit']}" for step in one["steps"]],
    }

"""Every regular expression of the product, how it is used, and texts that make a careless one run for ever (T51)."""

import ast
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGES = ("accounts", "behaviors", "carbon_portal", "credits", "merchants", "methodologies", "pilots")
LENGTH = 50_000
#: Processor time in seconds for 50 000 characters; a linear pattern takes milliseconds, a quadratic one many seconds.
SECONDS = 1.0
INLINE = {"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
SCANNING = {"search", "sub", "subn", "split", "findall", "finditer"}

CHILD = """
import json, re, resource, sys, time
pattern, flags, binary, scans, texts = json.load(sys.stdin)
compiled = re.compile(pattern.encode("latin-1") if binary else pattern, flags)
worst = 0.0
for text in texts:
    subject = text.encode("latin-1", "replace") if binary else text
    for use in (compiled.match, compiled.fullmatch, *([compiled.search, compiled.findall] if scans else [])):
        began = time.process_time()
        resource.setrlimit(resource.RLIMIT_CPU, (min(int(began) + 3, 6), 6))
        use(subject)
        worst = max(worst, time.process_time() - began)
print(worst)
"""


def modules() -> Iterator[ModuleType]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(
                part in found.name for part in (".migrations", ".management.commands.", "wsgi", "asgi", "celery")
            ):
                yield importlib.import_module(found.name)


def patterns() -> dict[tuple[str, int, bool], tuple[str, bool]]:
    """(pattern, flags, is of bytes) to (where, whether it is also searched with)."""
    found: dict[tuple[str, int, bool], tuple[str, bool]] = {}
    for module in modules():
        path = Path(module.__file__ or "")
        source = path.read_text(encoding="utf-8") if path.suffix == ".py" else ""
        for holder in (module, *(one for one in vars(module).values() if isinstance(one, type))):
            for name, value in vars(holder).items():
                if isinstance(value, re.Pattern):
                    scans = re.search(rf"\b{re.escape(name)}\.(?:{'|'.join(SCANNING)})\(", source) is not None
                    _add(found, value, f"{module.__name__}.{name}", scans)
        for call in (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call)):
            _add_inline(found, call, module.__name__)
    return found


def _add_inline(found: dict[Any, Any], call: ast.Call, where: str) -> None:
    """`re.sub(r"…", …)` written out where it is used."""
    function = call.func
    if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "re"):
        return
    if function.attr in INLINE and call.args and isinstance(call.args[0], ast.Constant):
        _add(found, re.compile(call.args[0].value), f"{where}:{call.lineno}", function.attr in SCANNING)


def _add(found: dict[Any, Any], pattern: "re.Pattern[Any]", where: str, scans: bool) -> None:
    binary = isinstance(pattern.pattern, bytes)
    text = pattern.pattern.decode("latin-1") if binary else pattern.pattern
    key = (text, pattern.flags, binary)
    found[key] = (where, scans or (key in found and found[key][1]))


def adversaries(pattern: str) -> list[str]:
    """Long texts of what the pattern likes, each with an end that it does not."""
    liked = {"a", "A", "0", "1", " ", "-", ".", "中", "\t", "a0", "a-", "0-", "1.", "a ", "a\n", "aA0_", "<a", "%0"}
    liked |= {letter for letter in pattern if letter.isprintable() and letter not in "\\[](){}?*+|^$"}
    liked |= {match[0] for match in re.finditer(r"[A-Za-z0-9_]{2,12}", pattern)}
    texts = [(unit * (LENGTH // len(unit) + 1))[:LENGTH] for unit in sorted(liked)]
    return [text + end for text in texts for end in ("", "!")]


def cost(pattern: str, flags: int, binary: bool, scans: bool) -> float:
    """Processor seconds of the slowest use; infinity when one took three, or all of them six."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", CHILD],
        input=json.dumps([pattern, flags, binary, scans, adversaries(pattern)]),
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return float(done.stdout) if done.returncode == 0 else float("inf")

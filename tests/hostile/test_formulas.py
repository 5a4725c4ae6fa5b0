"""The language of formulas against everything that is none (B26, T50): nothing evaluated, little memory, bounded work."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.methodologies.engine.test_formulas import HOSTILE_PARTS

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("formulas_child.py")
SEED = int(os.environ.get("API_SEED") or 20261122)
FUZZED = int(os.environ.get("HOSTILE_FORMULAS") or 10_000)
FRAMES = ["{}", "a + {}", "min(a, {})", "where(a < {}, 1, 2)", "({})", "-{}", "{} * a", "clip({}, 0, 1)", "{0}{0}", "a {} b",
          "max({}", "1 / {}", "{} == {}", "where({}, a, b)", "  {}  "]  # fmt: skip
LONG = ["(" * 100_000, "-" * 100_000 + "a", "min(" * 50_000, "a+" * 100_000 + "a", "9" * 1_000_000, "a" * 1_000_000, " " * 1_000_000,
        "1*" * 250 + "1", "where(" * 12 + "a", "\u202e" * 5000]  # fmt: skip
DOCUMENTS = [
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)),
    "a: !!python/object/apply:os.system ['id']",
    "a: !!python/name:os.system",
    "!!python/object/new:type {}",
    "a: !include /etc/passwd",
    "a: &x\n  <<: *x",
    "[" * 100_000,
    "{a: " * 50_000,
    "a: " + "9" * 200_000,
    "- " * 100_000,
    "? " * 50_000,
    "a: 1\n" * 50_000,
    "\x00",
    "a: \ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "%YAML 9.9\n---\na: 1",
    "---\na: 1\n---\nb: 2",
    "x" * 300_000,
    "a: 0x7fffffffffffffffffffffffffffffff\nb: 1:1:1:1:1:1:1:1",
]


def hostile() -> list[str]:
    texts = {frame.format(part, part) for part in HOSTILE_PARTS for frame in FRAMES} | set(LONG)
    return sorted(texts)


def run(formulas: list[str], count: int = FUZZED) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(CHILD), str(count), str(SEED)],
        input=json.dumps({"formulas": formulas, "documents": DOCUMENTS}),
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, (SEED, done.returncode, done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_nothing_hostile_is_evaluated_and_all_of_it_fits_into_64_mb() -> None:
    texts = hostile()
    assert len(texts) >= 500
    found = run(texts)
    assert found["accepted"] == []
    assert found["events"] == [], f"Python did something for a formula (API_SEED={SEED})"
    assert found["refused"] + found["parsed"] == len(texts) + FUZZED


def test_a_formula_that_is_accepted_would_be_seen() -> None:
    assert run(["a + 1", "open('/etc/passwd')"], count=0)["accepted"] == ["a + 1"]

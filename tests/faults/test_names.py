"""Every crash point is hit by a test, every switch has its twin: a new one without fails here."""

import ast
from pathlib import Path

from carbon_portal.kernel.services.paths import BASE_DIR
from tests.concurrency import switches
from tests.database import PACKAGES
from tests.faults.test_crash_points import COMMAND_POINTS, SERVER_POINTS, WORKER_POINTS


def named(function: str, folder: Path = BASE_DIR) -> set[str]:
    """The names given to calls of `function` in the product's code; each is a literal."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (folder / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == function:
                    (argument,) = node.args
                    assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: the name must be written out"
                    found.add(argument.value)
    return found


def test_every_crash_point_is_hit_by_a_test() -> None:
    assert named("crash_point") == {*WORKER_POINTS, *SERVER_POINTS, *COMMAND_POINTS}


def test_every_switch_has_a_twin() -> None:
    assert named("switched_off") == {switch.name for switch in switches.ALL if switch.name}


def test_a_name_without_a_test_would_be_found(tmp_path) -> None:
    module = tmp_path / "credits" / "services" / "novel.py"
    module.parent.mkdir(parents=True)
    module.write_text('from carbon_portal.kernel.faults import crash_point\n\ncrash_point("novel:point")\n')
    assert named("crash_point", tmp_path) == {"novel:point"}

"""B17, B18, B19 at full size: every address × all methods × every actor × {own, neighbour's, other city's, missing}; B16.

What continuous integration asks in short (tests/security, tests/api). A request passes a gate or fails it: `N passed, N
failed`; B16 has some 20 000 requests by schemathesis, and passes or fails as a whole.
"""

import logging
import os
import re
import subprocess
import sys
from typing import Any

from django.core.cache import cache
from django.test.utils import override_settings, setup_test_environment, teardown_test_environment

from carbon_portal.kernel.services.paths import BASE_DIR
from tests import database
from tests.bench.harness import Bench, Row
from tests.security.gate import METHODS, policy_faults
from tests.security.planted import plant
from tests.security.test_matrix import ACTORS, ROWS

GATES = {
    "B17": "requests that the permission matrix judges",
    "B18": "reading requests that change no row",
    "B19": "answers with every header",
    "B16": "requests of schemathesis, each answered as the schema says",
}
MATRIX = ("B17", "B18", "B19")
API_CASES = 300  # of each operation, some 20 000 requests in all


def run(bench: Bench) -> list[Row]:
    """One row per gate; the faults are printed as sentences."""
    setup_test_environment(debug=False)
    logging.getLogger("django.request").setLevel(logging.CRITICAL)  # thousands of refusals are what is wanted here
    uploads = bench.var / "faults"
    uploads.mkdir(parents=True, exist_ok=True)
    try:
        with override_settings(MEDIA_ROOT=uploads):
            rows = _run(bench, uploads)
    finally:
        teardown_test_environment()
    return [*rows, api()]


def api() -> Row:
    """The API gate in a process of its own; its output names the seed, and what it found."""
    command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/api", "-k", "keeps_its_word"]
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    environment["API_CASES"] = environment.get("API_CASES") or str(API_CASES)
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    told = next((line for line in done.stdout.splitlines() if line.startswith("API_SEED=")), "")
    asked = sum(int(number) for number in re.findall(r" (\d+)(?:,|$)", told)) or 1
    print(f"  B16 {told}", flush=True)
    if done.returncode:
        print(done.stdout[-6_000:], flush=True)
    return _row("B16", asked, asked * bool(done.returncode))


def _run(bench: Bench, uploads: Any) -> list[Row]:
    name = bench.fresh_database()
    planted = plant(uploads)
    database.point_django_at(name)
    missing = policy_faults(ROWS)
    asked, reads, failed = 0, 0, {goal: len(missing) if goal == "B17" else 0 for goal in MATRIX}
    for fault in missing:
        print(f"  {fault}")
    for actor in ACTORS:
        cache.clear()  # rate limits of the actor before
        gate = planted.gate(actor, ROWS).run(methods=METHODS, full=True)
        asked, reads = asked + gate.asked, reads + gate.reads
        for goal, numbers in gate.failed.items():
            failed[goal] += len(numbers)
        for fault in gate.faults:
            print(f"  {fault}")
        print(f"  {actor}: {gate.asked} requests, {len(gate.faults)} faults", flush=True)
    rows = [_row(goal, reads if goal == "B18" else asked, failed[goal]) for goal in MATRIX]
    for row in rows:
        total = int(row.against["median"])
        print(
            f"  {row.goal} {GATES[row.goal]}: {int(row.ours['median'])} passed, {total - int(row.ours['median'])} failed"
        )
    return rows


def _row(goal: str, total: int, failed: int) -> Row:
    passed = max(0, total - failed)
    ours = {"name": "passed", "unit": "requests", "median": passed, "min": passed, "max": passed}
    against = {"name": GATES[goal], "unit": "requests", "median": total, "min": total, "max": total}
    return Row(goal, ours, against, ratio=passed / total, target=1.0, better="higher", rounds=[[passed, total]])

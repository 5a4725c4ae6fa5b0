"""B9 and B8 at full size: every crash point of the worker twenty times and 200 kills at random; 5 000 × 100 of the machine.

What continuous integration does once (tests/faults) or in short (tests/stateful). `size` scales both, 1.0 is all of it.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from celery import current_app

from carbon_portal.kernel.services.paths import BASE_DIR
from tests import portal
from tests.bench.harness import Bench, Row
from tests.credits.cases import prepare
from tests.faults import world
from tests.faults.test_crash_points import WORKER_POINTS

ROUNDS, KILLS, EXAMPLES, STEPS = 20, 200, 5_000, 100
RECORDS = 400  # in hand at each random kill
RECOVERY_SECONDS = 120


def run(bench: Bench, size: float = 1.0) -> list[Row]:
    """One row for the kills, one for the machine; faults are printed as sentences."""
    return [kills(bench, size), machine(size)]


def kills(bench: Bench, size: float) -> Row:
    seed = random.randrange(2**32)
    print(f"  B9 seed {seed}", flush=True)
    running = portal.Portal(database=bench.fresh_database(), var=bench.var)
    prepare(points=1_000_000_000)
    asked = passed = 0
    with tempfile.TemporaryDirectory() as folder:
        armed = world.Armed(Path(folder) / "points")
        armed.arm("")
        try:
            running.start_worker(CRASH_POINTS=str(armed.file))
            for _ in range(max(round(ROUNDS * size), 1)):
                for point, work in WORKER_POINTS.items():
                    asked += 1
                    passed += _tried(
                        point, lambda point=point, work=work: world.survives(running, armed, point, work())
                    )
            count = max(round(KILLS * size), 1)
            asked += count
            passed += count * _tried("kills at random", lambda: at_random(running, armed, count, random.Random(seed)))
        finally:
            running.stop()
    return _row("B9", "deaths survived", passed, asked)


def at_random(running: portal.Portal, armed: world.Armed, count: int, chance: random.Random) -> None:
    """Kill a child at any moment, every tenth time the worker with all its children; in the end all is final, once."""
    armed.arm("")
    ids: list[int] = []
    for number in range(count):
        ids += world.fill(RECORDS)
        current_app.send_task("credits.quantify_pending")
        time.sleep(chance.random() * 0.4)
        worker = running.processes[-1]
        children = _children(worker.popen.pid)
        if number % 10 == 9 or not children:
            worker.kill()
            running.start_worker(CRASH_POINTS=str(armed.file))
        else:
            os.kill(chance.choice(children), signal.SIGKILL)
    current_app.send_task("credits.quantify_pending")
    done = f"all {len(ids)} records"
    running.wait_until(lambda: world.in_state(ids, "final"), done, running.processes[-1], RECOVERY_SECONDS)
    found = world.violations()
    assert not found, found


def _children(parent: int) -> list[int]:
    """The worker's own processes; each is in the worker's process group, which the test started."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in listed]


def _tried(name: str, deed) -> bool:  # type: ignore[no-untyped-def]
    try:
        deed()
    except AssertionError as error:
        print(f"  B9 {name}: {error}", flush=True)
        return False
    return True


def machine(size: float) -> Row:
    """The state machine from a new seed, in a process of its own; its output says how to repeat a divergence."""
    examples = max(round(EXAMPLES * size), 1)
    command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/stateful", "-k", "from_a_new_seed"]
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    environment |= {"STATEFUL_SEEDED": str(examples), "STATEFUL_STEPS": str(STEPS)}
    done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    print("\n".join(f"  B8 {line}" for line in done.stdout.splitlines() if "STATEFUL_SEED" in line), flush=True)
    if done.returncode:
        print(done.stdout[-4_000:], flush=True)
    return _row("B8", f"examples of {STEPS} steps without divergence", examples * (done.returncode == 0), examples)


def _row(goal: str, what: str, passed: int, total: int) -> Row:
    ours = {"name": "passed", "unit": what, "median": passed, "min": passed, "max": passed}
    against = {"name": what, "unit": what, "median": total, "min": total, "max": total}
    return Row(goal, ours, against, ratio=passed / total, target=1.0, better="higher", rounds=[[passed, total]])

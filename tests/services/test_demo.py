"""bin/demo brings the whole portal up, and stops all of it, whatever ends it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from carbon_portal.kernel.services import launcher, paths
from carbon_portal.kernel.services.processes import wait_until
from tests.portal import free_port

ROOT = paths.BASE_DIR
READY = "Ctrl-C"


class Demo:
    def __init__(self, var, *arguments):
        self.port = free_port()
        self.output = var.parent / f"{var.name}.out"
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PORTAL_", "DJANGO_"))}
        with self.output.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "carbon_portal.workflows.run_demo", "--port", str(self.port), *arguments],
                cwd=ROOT,
                env={**environment, "PORTAL_VAR": str(var)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def text(self):
        return self.output.read_text()

    def wait_ready(self):
        assert wait_until(lambda: READY in self.text() or self.process.poll() is not None, seconds=600, step=0.2)
        assert self.process.poll() is None, self.text()

    def status(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@pytest.fixture
def var():
    folder = Path(tempfile.mkdtemp(prefix="portal-demo-"))
    folder.chmod(0o755)
    yield folder
    launcher.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
    (folder.parent / f"{folder.name}.out").unlink(missing_ok=True)


@pytest.fixture
def demo(var):
    started = []

    def start(*arguments):
        started.append(Demo(var, *arguments))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.end(signal.SIGTERM)


def processes_of(var):
    """Every process whose environment or command names the folder."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if str(var).encode() in told and not zombie:
                found.append((folder.name, told.split(b"\0")[:4]))
    return found


_COUNTS = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT count(*), count(DISTINCT left(region, 4)), count(DISTINCT date_trunc('month', occurred_on)),"
                   " (SELECT count(*) FROM accounts_participant) FROM behaviors_behaviorrecord")
    print(*cursor.fetchone())
"""


def seeded(var):
    """Records, cities, months and accounts of a running demo."""
    environment = {**os.environ, "PORTAL_VAR": str(var), "PORTAL_DEMO": "1", "PORTAL_DB_ROLE": "worker"}
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", _COUNTS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


@pytest.mark.slow
def test_the_demo_starts_answers_and_leaves_nothing(demo, var):
    first = demo()
    first.wait_ready()
    assert [first.status(path) for path in ("/", "/healthz", "/readyz")] == [200, 200, 200]
    people_file = var / "demo-accounts.json"
    assert people_file.stat().st_mode & 0o777 == 0o600
    told = json.loads(people_file.read_text())
    assert told["url"] == f"http://127.0.0.1:{first.port}"
    assert all(person["name"] in first.text() for person in told["people"])
    assert len(processes_of(var)) >= 5
    records, cities, months, accounts = seeded(var)
    assert records >= 60_000
    assert cities == 21
    assert months >= 12
    assert accounts >= 2_000
    second = demo()
    assert second.process.wait(timeout=60) == 1
    assert "already runs" in second.text()
    assert first.status("/healthz") == 200
    assert first.end(signal.SIGINT) == 0
    assert wait_until(lambda: processes_of(var) == [], seconds=10), processes_of(var)
    # What was seeded is there again, at once; and a demo that was killed is cleared away by the next.
    began = time.monotonic()
    third = demo()
    third.wait_ready()
    assert time.monotonic() - began < 60
    third.process.kill()
    third.process.wait()
    assert processes_of(var)
    fourth = demo("--reset", "--scale", "small")
    fourth.wait_ready()
    assert fourth.status("/readyz") == 200
    assert fourth.end(signal.SIGTERM) == 0
    assert wait_until(lambda: processes_of(var) == [], seconds=10), processes_of(var)


def test_a_taken_port_is_said_before_anything_starts(var):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "carbon_portal.workflows.run_demo", "--port", str(taken.getsockname()[1])]
        environment = {**os.environ, "PORTAL_VAR": str(var)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is taken" in done.stderr
    assert not (var / "pg").exists()


def test_an_error_on_the_way_stops_what_had_started(var):
    environment = {**os.environ, "PORTAL_VAR": str(var), "PORTAL_BROKER_DB": "nonsense"}
    command = [sys.executable, "-m", "carbon_portal.workflows.run_demo", "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "PORTAL_BROKER_DB" in done.stderr
    assert "postgres: started" in done.stdout
    assert processes_of(var) == []


def test_reset_touches_no_folder_that_is_not_the_portals(var):
    (var / "thesis.txt").write_text("precious")
    environment = {**os.environ, "PORTAL_VAR": str(var)}
    command = [sys.executable, "-m", "carbon_portal.workflows.run_demo", "--reset", "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "will not touch it" in done.stderr
    assert (var / "thesis.txt").read_text() == "precious"

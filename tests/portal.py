"""The real processes of the portal, for tests that walk, race and kill: gunicorn, Celery worker, beat."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from carbon_portal.kernel.services.paths import BASE_DIR

START_SECONDS = 90.0
STOP_SECONDS = 20.0
WORKER_QUEUES = "interactive,bulk"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_chromium() -> str:
    """The path of Chromium; skips the test without one, or fails it where REQUIRE_BROWSER=1."""
    named = os.environ.get("CHROMIUM")
    # The shell is the same browser without a window: it opens a page in a quarter of the time.
    known = ["chromium-headless-shell", "/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"]
    candidates = [named] if named else known
    for candidate in candidates:
        found = shutil.which(candidate)
        if found:
            return found
    reason = f"no Chromium found (looked for {', '.join(candidates)})"
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1 and {reason}: install the package chromium")
    pytest.skip(reason)


@dataclass
class Process:
    """One started process with its log; its children are in its process group."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def alive(self) -> bool:
        return self.popen.poll() is None

    def kill(self) -> None:
        """``kill -9`` of the whole group: a power cut, as far as the program is concerned."""
        _signal_group(self.popen.pid, signal.SIGKILL)
        self.popen.wait(timeout=STOP_SECONDS)

    def stop(self) -> None:
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        _signal_group(self.popen.pid, signal.SIGKILL)  # children that outlived their parent

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


@dataclass
class Portal:
    """A portal on one test database. Processes are started one by one and stopped together."""

    database: str
    var: Path
    port: int = field(default_factory=free_port)
    processes: list[Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, role: str) -> dict[str, str]:
        return {
            **os.environ,
            "PORTAL_VAR": str(self.var),
            "PORTAL_DB_NAME": self.database,
            "PORTAL_DB_ROLE": role,
            "DJANGO_ALLOW_ASYNC_UNSAFE": "",
            "CSRF_TRUSTED_ORIGINS": self.url,
        }

    def start_web(
        self, application: str = "carbon_portal.wsgi:application", *, workers: int = 1, **environment: str
    ) -> Process:
        """gunicorn with threads on a free port, as the demo runs it; returns once /healthz answers 200.

        Further variables of the environment may be given, such as ``SWITCHED_OFF="stock:conditional"``.
        """
        web = self._spawn(
            "web",
            [
                *("gunicorn", application, "-b", f"127.0.0.1:{self.port}", "--preload"),
                *("-k", "gthread", "--threads", "8", "-w", str(workers), "--graceful-timeout", "5"),
            ],
            "web",
            environment,
        )
        self.wait_until(lambda: self.status("/healthz") == 200, "the web process", web)
        return web

    def start_worker(self, concurrency: int = 2, **environment: str) -> Process:
        """A prefork Celery worker; returns once it is ready for tasks. Environment as for ``start_web``."""
        worker = self._spawn(
            "worker",
            [
                *("celery", "-A", "carbon_portal", "worker", "-c", str(concurrency), "-Q", WORKER_QUEUES),
                *("-l", "INFO", "--without-mingle", "--without-gossip"),
            ],
            "worker",
            environment,
        )
        self.wait_until(lambda: " ready." in worker.log.read_text(errors="replace"), "the worker", worker)
        return worker

    def start_beat(self, **environment: str) -> Process:
        schedule = ["celery", "-A", "carbon_portal", "beat", "-l", "INFO", "--pidfile="]
        return self._spawn("beat", schedule, "worker", environment)

    def manage(
        self, *arguments: str, role: str = "", check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a management command against this portal's database; without a role manage.py picks it."""
        environment = self.environment(role) | environment
        if not role:
            del environment["PORTAL_DB_ROLE"]
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(
                f"manage.py {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def status(self, path: str) -> int:
        """The status of a GET; 0 while nothing listens."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_until(self, condition, what: str, process: Process | None = None, seconds: float = START_SECONDS) -> None:  # type: ignore[no-untyped-def]
        """Wait for a condition, with the process's log in the failure."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            if process and not process.alive():
                raise AssertionError(f"{what} stopped:\n{process.tail()}")
            time.sleep(0.1)
        log = f"\n{process.tail()}" if process else ""
        raise AssertionError(f"{what} was not ready within {seconds:.0f} s{log}")

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()

    def _spawn(self, name: str, arguments: list[str], role: str, environment: dict[str, str] | None = None) -> Process:
        folder = self.var / "log"
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / f"{self.database}-{name}-{len(self.processes)}.log"
        stream: IO[bytes]
        with log.open("wb") as stream:
            popen = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=BASE_DIR,
                env=self.environment(role) | (environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(name, popen, log)
        self.processes.append(process)
        return process

"""bin/demo: the whole portal on this machine, in the foreground, until Ctrl-C.

Services, tables, methodologies and sample people first; then web, worker and beat as separate processes, watched.
Whatever ends the demo (Ctrl-C, SIGTERM, a process that dies, an error on the way) everything is stopped.
"""

import argparse
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from carbon_portal.kernel.services import launcher, paths
from carbon_portal.kernel.services.processes import ServiceError, command_line, runs_with, stop_pid, tail

HOST = "127.0.0.1"
READY_SECONDS = 90.0
STOP_LADDER = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))
QUEUES = "interactive,bulk"


class DemoError(RuntimeError):
    """The demo cannot go on; the sentence says why and what to do."""


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Child:
    """A supervised process. Its pid file lets the next demo stop what a killed one left behind."""

    def __init__(self, name: str, arguments: list[str], *, role: str, var: Path) -> None:
        self.name, self.log, self.pid_file = name, var / "log" / f"{name}.log", _pid_file(var, name)
        with self.log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=paths.BASE_DIR,
                env=_environment(role),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                # Ctrl-C must reach the supervisor alone, which stops the children in order.
                start_new_session=True,
            )
        self.pid_file.write_text(f"{self.process.pid}\n")

    def stop(self) -> None:
        stop_pid(self.process.pid, ladder=STOP_LADDER)
        self.pid_file.unlink(missing_ok=True)


def _pid_file(var: Path, name: str) -> Path:
    return var / f"demo-{name}.pid"


def _environment(role: str) -> dict[str, str]:
    settled = {"PORTAL_DEMO": "1", "DJANGO_SETTINGS_MODULE": "carbon_portal.settings", "PYTHONUNBUFFERED": "1"}
    environment = {**os.environ, **settled}
    environment.pop("PORTAL_DB_ROLE", None)  # manage.py picks the role by command
    if role:
        environment["PORTAL_DB_ROLE"] = role
    return environment


# -- steps -------------------------------------------------------------------------------------------------------------


def reset(var: Path) -> None:
    """Discard everything that earlier demos wrote: the databases, the uploads, the keys."""
    if not var.is_dir():
        return
    ours = {"services.lock", "demo.lock", "log", "keys", "pg", "valkey", "test", "bench"}
    strangers = [path for path in var.iterdir() if path.name not in ours]
    if not (var / "services.lock").exists() and strangers:
        raise DemoError(f"{var} holds {strangers[0].name} and was not made by this portal: --reset will not touch it")
    for folder in (var, *(var / name for name in ("test", "bench"))):
        if (folder / "services.lock").exists():
            launcher.stop(folder)
    for path in var.iterdir():
        if path.name == "demo.lock":
            continue
        if path.is_symlink():  # data that stand outside because the server's user cannot enter var
            shutil.rmtree(os.readlink(path), ignore_errors=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def stop_leftovers(var: Path) -> None:
    """Stop web, worker and beat of a demo that was killed before it could stop them."""
    for path in var.glob("demo-*.pid"):
        text = path.read_text().strip()
        if text.isdecimal() and runs_with(int(text), "carbon_portal"):
            say(f"停止上次遗留的进程 / stopping a leftover: {' '.join(command_line(int(text)))[:100]}")
            stop_pid(int(text), ladder=STOP_LADDER)
        path.unlink(missing_ok=True)


def manage(*arguments: str, title: str) -> None:
    """Run a management command and wait; its output is shown when it fails."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=paths.BASE_DIR,
        env=_environment(""),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoError(f"{title} failed:\n{done.stdout}{done.stderr}")
    say(f"  {title}  {time.monotonic() - began:.1f} s")


def seed(url: str, scale: str) -> None:
    """In a process of its own, as the worker role: sample people and records. Harmless at each start."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")
    os.environ.setdefault("PORTAL_DB_ROLE", "worker")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("seed_demo", url=url, scale=scale)


def start_children(var: Path, port: int) -> Iterator[Child]:
    yield Child(
        "web",
        [
            *("gunicorn", "carbon_portal.wsgi:application", "-b", f"{HOST}:{port}", "--preload"),
            *("-k", "gthread", "-w", "2", "--threads", "4", "--graceful-timeout", "5", "--access-logfile", "-"),
        ],
        role="web",
        var=var,
    )
    # Threads would not enforce time limits, so the worker forks.
    worker = ["celery", "-A", "carbon_portal", "worker", "-c", "2", "-Q", QUEUES, "-l", "INFO"]
    yield Child("worker", [*worker, "--without-mingle", "--without-gossip"], role="worker", var=var)
    yield Child("beat", ["celery", "-A", "carbon_portal", "beat", "-l", "INFO", "--pidfile="], role="worker", var=var)


def check_alive(children: list[Child]) -> None:
    for child in children:
        if child.process.poll() is not None:
            raise DemoError(f"{child.name} stopped by itself; the end of {child.log}:\n{tail(child.log, 30)}")


def wait_ready(children: list[Child], url: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        check_alive(children)
        if all(_status(url + path) == 200 for path in ("/healthz", "/readyz", "/")):
            return
        time.sleep(0.2)
    answers = ", ".join(f"{path} {_status(url + path) or 'no answer'}" for path in ("/healthz", "/readyz", "/"))
    logs = "\n".join(f"{child.log}:\n{tail(child.log)}" for child in children)
    raise DemoError(f"not ready after {READY_SECONDS:.0f} s ({answers})\n{logs}")


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  (loopback, written above)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def show_people(var: Path, url: str, seconds: float) -> None:
    say(f"\n碳普惠推广平台已启动 / the portal is running ({seconds:.0f} s):  {url}\n")
    accounts = var / "demo-accounts.json"
    if accounts.exists():
        people = json.loads(accounts.read_text(encoding="utf-8"))["people"]
        for person in people:
            login = person.get("username") or person.get("phone") or ""
            if person.get("phone") and person["phone"] != login:
                login = f"{login} / {person['phone']}"
            secret = person.get("password") or "短信验证码 SMS code （见发件箱 outbox）"
            say(f"  {person['role']:<22} {person['name']:<8} {person.get('region') or '':<7} {login:<28} {secret}")
        say(f"\n  {accounts}")
    say("  按 Ctrl-C 停止 / Ctrl-C stops everything\n")


# -- the run -----------------------------------------------------------------------------------------------------------


def run(port: int, *, fresh: bool, scale: str) -> None:
    """Bring everything up, then watch it until a signal comes or a process dies."""
    var, url, began = paths.var_folder(), f"http://{HOST}:{port}", time.monotonic()
    var.mkdir(parents=True, exist_ok=True)
    children: list[Child] = []
    with _only_demo(var):
        stop_leftovers(var)
        if fresh:
            reset(var)
        _port_is_free(port)
        try:
            for report in launcher.start(var):
                say(f"  {report}")
            manage("manage.py", "migrate", "--no-input", "-v", "0", title="manage.py migrate")
            manage("manage.py", "methodology", "sync", title="manage.py methodology sync")
            manage(
                "-m",
                "carbon_portal.workflows.run_demo",
                "--seed",
                url,
                "--scale",
                scale,
                title="seed_demo",
            )
            for child in start_children(var, port):
                children.append(child)  # one by one: those started before an error are stopped too
            wait_ready(children, url)
            show_people(var, url, time.monotonic() - began)
            while True:
                check_alive(children)
                time.sleep(1)
        finally:
            # A second Ctrl-C must not leave servers behind.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            say("正在停止 / stopping …")
            for child in children:
                child.stop()
            launcher.stop(var)


@contextmanager
def _only_demo(var: Path) -> Iterator[None]:
    with (var / "demo.lock").open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"a demo already runs on {var}: stop it, or set PORTAL_VAR to another folder") from None
        yield


def _port_is_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DemoError(f"port {port} is taken ({error.strerror}): try bin/demo --port {port + 1}") from None


def _stop_by_signal(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/demo", description="启动演示平台 / run the demo portal")
    parser.add_argument("--port", type=int, default=8000, help="on 127.0.0.1 (default 8000)")
    parser.add_argument("--reset", action="store_true", help="discard the data of earlier demos first")
    parser.add_argument("--scale", choices=("full", "small"), default="full", help="small: a tenth of the people")
    parser.add_argument("--seed", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not 1 <= options.port <= 65535:
        parser.error("--port is a number from 1 to 65535")
    if options.seed:
        seed(options.seed, options.scale)
        return 0
    # SIGINT too: a script that starts the demo in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop_by_signal)
    try:
        run(options.port, fresh=options.reset, scale=options.scale)
    except KeyboardInterrupt:
        return 0
    except (DemoError, ServiceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

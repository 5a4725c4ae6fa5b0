"""Processes as the launcher sees them: alive or not, ours or not, and under which user they run."""

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carbon_portal.kernel.services.paths import folder_key

#: Where root keeps what an unprivileged server must reach when the checkout lies in a closed home.
STATE_ROOT = Path("/var/lib/carbon-portal")


class ServiceError(RuntimeError):
    """A service could not be found, started or stopped; the sentence says why and what to do."""


@dataclass(frozen=True)
class Runner:
    """The user under whom servers run: the caller, or somebody unprivileged when the caller is root."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def popen_options(self) -> dict[str, Any]:
        if not self.dropped:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.dropped:
            os.chown(path, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """True when the runner may enter (a folder) or execute (a file) this path."""
        if not self.dropped:
            return os.access(path, os.X_OK)
        test = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
        return subprocess.run(test, cwd="/", check=False, **self.popen_options()).returncode == 0


def runner() -> Runner:
    """PostgreSQL refuses to run as root: drop to ``postgres``, else ``nobody``."""
    if os.geteuid() != 0:
        return Runner(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid(), dropped=False)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Runner(name=name, uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)
    raise ServiceError("running as root and neither the user postgres nor nobody exists: make one, or run as yourself")


def clean_environment() -> dict[str, str]:
    """What a server sees: no PG* variable, no language and no time zone of the caller."""
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LD_LIBRARY_PATH"}}
    return {**kept, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "TZ": "UTC"}


def alive(pid: int) -> bool:
    """True for a running process; a zombie is dead, and is collected when it is our own child."""
    if pid <= 1:
        return False
    try:
        done, _ = os.waitpid(pid, os.WNOHANG)
        if done == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return Path("/proc").exists() is False or Path(f"/proc/{pid}").exists()
    return state not in {"Z", "X"}


def command_line(pid: int) -> list[str]:
    """The words of a process's command; empty when it is gone or hidden."""
    try:
        return [
            word.decode(errors="replace") for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word
        ]
    except OSError:
        pass
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.split()


def runs_with(pid: int, mark: str) -> bool:
    """True when the process is alive and its command holds the mark: pids are reused, names of folders are not."""
    return alive(pid) and any(mark in word for word in command_line(pid))


def wait_until(condition: Callable[[], bool], *, seconds: float, step: float = 0.02) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(step)
    return condition()


def stop_pid(pid: int, *, ladder: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal of the ladder and wait its seconds; True when the process is gone."""
    for number, seconds in ladder:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        if wait_until(lambda: not alive(pid), seconds=seconds):
            return True
    return not alive(pid)


def spawn(command: Sequence[str], *, user: Runner, log: Path) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C in the terminal does not reach it before its clients."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
            **user.popen_options(),
        )


def private_folder(path: Path, *, user: Runner) -> Path:
    """Make (or check) a 0700 folder of the runner. A folder of somebody else's in its place is refused."""
    try:
        path.mkdir(mode=0o700)
        user.own(path)
    except FileExistsError:
        pass
    found = path.lstat()
    if not path.is_dir() or path.is_symlink() or found.st_uid not in {user.uid, os.geteuid()}:
        raise ServiceError(f"{path} exists and is not a folder of {user.name}: remove it, then start again")
    user.own(path)
    path.chmod(0o700)
    return path


def data_folder(var: Path, name: str, *, user: Runner) -> Path:
    """The folder of a server's data: in var, or under /var/lib when the runner cannot enter var.

    A checkout in root's closed home is unreachable for the unprivileged runner. Its permissions are left as they
    are: the data stand outside, named by the hash of the var folder, and a link in var shows where.
    """
    here = var / name
    if here.is_symlink():
        return private_folder(Path(os.readlink(here)), user=user)
    if user.can_reach(var):
        return private_folder(here, user=user)
    if here.exists():
        raise ServiceError(f"{user.name} can no longer enter {var}: give its parent folders the x permission back")
    outside = STATE_ROOT / folder_key(var)
    outside.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = private_folder(outside / name, user=user)
    here.symlink_to(folder)
    return folder


def reachable_copy(folder: Path, *, probe: str, user: Runner) -> Path:
    """The folder of binaries itself, or a copy that the runner can reach (the venv may stand in a closed home).

    ``probe`` is a program inside the folder, as a relative path.
    """
    if user.can_reach(folder / probe):
        return folder
    stamp = f"{folder.name}-{int(folder.stat().st_mtime)}-{zlib.crc32(str(folder).encode()):08x}"
    target = STATE_ROOT / "bin" / stamp
    if target.exists():
        return target
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(folder, fresh, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o111 else 0o644)
    fresh.rename(target)
    return target


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One launcher at a time for a var folder: the second waits and then finds the first one's servers."""
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def tail(log: Path, lines: int = 12) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"

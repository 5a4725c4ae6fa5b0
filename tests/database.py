"""Databases for tests: a template migrated once by the owner, and copies of it.

Tests connect as ``portal_web``, the role of the real web process, so a missing grant is found here and not in
production. Corruption fixtures use the private cluster's superuser.
"""

import fcntl
import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
from django.db import connections

from carbon_portal.kernel.services import launcher, paths
from tests.founding import let_be_owner

ROOT = paths.BASE_DIR
PACKAGES = ("carbon_portal", "accounts", "methodologies", "behaviors", "credits", "merchants", "pilots")
KEPT_TEMPLATES = 2
#: How long a session of a test that races may wait for a lock. On a machine that does other work beside, a queue of
#: forty takes longer than the three seconds after which the product asks people to try again.
PATIENCE = "60s"

_numbers = itertools.count(1)


def connect(role: str, name: str) -> psycopg2.extensions.connection:
    """A raw connection to a database of the private cluster: no Django, no transaction but the caller's."""
    dsn = paths.database_dsn(role, name=name)
    return psycopg2.connect(host=dsn["HOST"], port=dsn["PORT"], user=dsn["USER"], dbname=dsn["NAME"])


@contextmanager
def _administration() -> Iterator[Any]:
    connection = connect(paths.SUPERUSER, "postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _template_inputs() -> Iterator[Path]:
    """Every file that can change what ``migrate`` makes: migrations, models, the kernel with its grants."""
    for package in PACKAGES:
        folder = ROOT / package
        yield from folder.rglob("migrations/*")
        yield from folder.rglob("apps.py")
        yield from folder.rglob("*.sql")
        yield from folder.rglob("models.py")
        yield from folder.rglob("models/*.py")
        yield from folder.rglob("constants.py")
    for path in (ROOT / "carbon_portal/kernel").rglob("*"):
        if "services" not in path.parts and "management" not in path.parts:
            yield path
    yield ROOT / "carbon_portal/settings.py"
    yield ROOT / "requirements.txt"


def template_name() -> str:
    """The template's name carries the hash of what it is made from, so a stale one is never used."""
    digest = hashlib.sha256()
    for path in sorted({path for path in _template_inputs() if path.is_file() and "__pycache__" not in path.parts}):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return f"template_{digest.hexdigest()[:16]}"


def ensure_template(var: Path) -> str:
    """Make the template unless it stands; a second session waits for the first."""
    name = template_name()
    with (var / "template.lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with _administration() as cursor:
            let_be_owner(cursor)
            cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%' ORDER BY oid DESC")
            present = [row[0] for row in cursor.fetchall() if row[0] not in {"template0", "template1"}]
            if name in present:
                return name
            for old in [*present[KEPT_TEMPLATES - 1 :], "building"]:
                cursor.execute(f'DROP DATABASE IF EXISTS "{old}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE building OWNER "{paths.OWNER}"')
            _migrate("building")
            cursor.execute(f'ALTER DATABASE building RENAME TO "{name}"')
    return name


def _migrate(name: str) -> None:
    environment = {**os.environ, "PORTAL_DB_NAME": name, "PORTAL_DB_ROLE": "owner"}
    command = [sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"migrating the test template failed:\n{done.stdout}{done.stderr}")


def new_name(purpose: str) -> str:
    """A name that no other database has; leftovers of killed runs are known by it."""
    return f"{purpose}_{os.getpid()}_{next(_numbers)}"


def make_copy(template: str, purpose: str, *, name: str = "") -> str:
    """A fresh database with the template's content, owned by the tables' owner; of this name, where one is given."""
    name = name or new_name(purpose)
    with _administration() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER "{paths.OWNER}" STRATEGY FILE_COPY')
    return name


def be_patient(name: str) -> None:
    """Let who waits for a lock in this database wait, so that a race ends the same however slow the machine is."""
    with _administration() as cursor:
        for role in (paths.WEB, paths.WORKER):
            for setting in ("lock_timeout", "statement_timeout"):
                cursor.execute(f'ALTER ROLE "{role}" IN DATABASE "{name}" SET {setting} = \'{PATIENCE}\'')


def drop(name: str) -> None:
    """Drop a copy, ending whoever is still connected."""
    with _administration() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def drop_leftovers() -> None:
    """Drop copies of test runs that were killed: their process is gone."""
    with _administration() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname ~ '^(tests|own)_[0-9]+_[0-9]+$'")
        for (name,) in cursor.fetchall():
            try:
                os.kill(int(name.split("_")[1]), 0)
            except ProcessLookupError:
                cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            except PermissionError:
                continue


def point_django_at(name: str, role: str = paths.WEB) -> None:
    """Let Django's default connection, in every thread, speak to another database.

    The settings dictionary is the one that all threads' connections share, so it is changed in place.
    """
    connections["default"].close()
    connections.settings["default"].update(paths.database_dsn(role, name=name))
    connections["default"].settings_dict.update(paths.database_dsn(role, name=name))
    # Since the driver's parameters are computed per connection, the next query opens the new database.


@contextmanager
def pointed_at(name: str, role: str = paths.WEB) -> Iterator[None]:
    """Within the block Django's default connection speaks to this database, afterwards to the one before, as the web does."""
    before = connections["default"].settings_dict["NAME"]
    point_django_at(name, role)
    try:
        yield
    finally:
        point_django_at(before)


def _spread(folder: Path) -> None:
    """Have ext4 give each folder in this one a part of the disk of its own, as it does with the homes of users.

    It does not take an inode again within minutes of its deletion, and looks at each such inode anew for every file. Side
    by side, the copy of a database after one that was dropped takes more than a second instead of a tenth of one.
    Other file systems know no such mark, and have no need of it.
    """
    with suppress(FileNotFoundError):
        subprocess.run(["chattr", "+T", folder], stderr=subprocess.DEVNULL, check=False)


@contextmanager
def services(var: Path) -> Iterator[None]:
    """The private servers of the test runs, stopped by the last session that uses them."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / "sessions.lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        launcher.start(var, durable=False)
        _spread(var / "pg" / "base")
        try:
            yield
        finally:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # another session still runs its tests on these servers
            else:
                launcher.stop(var)

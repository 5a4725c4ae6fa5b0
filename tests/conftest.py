"""What every test stands on: real servers, a database per session, and the means to take one's own.

* ``db`` / ``@pytest.mark.django_db``: a transaction of ``portal_web`` that is rolled back;
* ``own_database``: a fresh copy of the migrated template for a test that commits, races or attacks;
* ``as_role("portal_worker")``: a raw connection to the current test database under any role;
* ``live_portal``: gunicorn and a Celery worker on a database of their own; ``page`` is a Chromium page.
"""

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Before settings are read: they take the sockets, keys and uploads of the test runs from here. This is also why
# pyproject.toml does not name DJANGO_SETTINGS_MODULE to pytest-django, which would read them earlier.
# Each process of a parallel run (pytest -n) has servers of its own, so that nobody flushes another's cache or broker.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
GIVEN_VAR = os.environ.get("PORTAL_VAR", "")
TEST_VAR = Path(GIVEN_VAR or ROOT / "var").resolve() / (f"test-{WORKER}" if WORKER else "test")
for _foreign in ("DATABASE_URL", "DATABASE_URL_OWNER", "DATABASE_URL_WORKER", "REDIS_URL", "PORTAL_DB_NAME"):
    os.environ.pop(_foreign, None)
os.environ.update(
    PORTAL_VAR=str(TEST_VAR),
    PORTAL_DB_ROLE="web",
    PORTAL_DEMO="1",
    DJANGO_SETTINGS_MODULE="carbon_portal.settings",
)

import psycopg2.extensions  # noqa: E402
import pytest  # noqa: E402
import redis  # noqa: E402
from pytest_django.plugin import DjangoDbBlocker  # noqa: E402

from carbon_portal.kernel import scope  # noqa: E402
from carbon_portal.kernel.services import paths  # noqa: E402
from tests import database, founding, portal  # noqa: E402

#: The flags of every Chromium in this project: no sandbox (CI is root), no traffic of its own.
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--no-opt --no-maglev",  # a page is gone before its scripts, compiled to run fast, have run
    "--font-render-hinting=none",  # the shell would round the width of each letter up, which Chromium does not
]


# Tests call services and selectors as an officer of the whole province would. Requests of theirs do not: they see what
# whoever sends them may see (kernel.scope), as in production.
scope.OUTSIDE = lambda: scope.Scope(regions=scope.within(["440000"]))


def pytest_configure(config: pytest.Config) -> None:
    # Reading a setting also configures Django, which pytest-django waits for.
    if str(settings.VAR) != str(TEST_VAR):
        raise pytest.UsageError("settings were read before tests/conftest.py: unset DJANGO_SETTINGS_MODULE and --ds")


def pytest_sessionstart() -> None:
    # Before any test's module takes the name.
    founding.sync_as_owner()
    _look_for_static_files_once()


def _look_for_static_files_once() -> None:
    """Every client of a test has middleware of its own, which looks through the folders of all apps when it is made."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    WhiteNoiseMiddleware.add_files_from_finders = once


def pytest_xdist_setupnodes() -> None:
    """The processes of a parallel run choose their folder themselves, from what this one was given."""
    del os.environ["DJANGO_SETTINGS_MODULE"]
    os.environ.pop("PORTAL_VAR")
    if GIVEN_VAR:
        os.environ["PORTAL_VAR"] = GIVEN_VAR


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Files with slow tests come first: a parallel run should not end with one process waiting for the demo.
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        marker = item.get_closest_marker("django_db")
        asked = set(getattr(item, "fixturenames", ()))
        if (marker and marker.kwargs.get("transaction")) or "transactional_db" in asked:
            raise pytest.UsageError(
                f"{item.nodeid}: portal_web may not TRUNCATE; a test that commits takes own_database"
            )
        if {"own_database", "renewed_database"} & asked and (marker or "db" in asked):
            raise pytest.UsageError(f"{item.nodeid}: take own_database or the rolled-back db, not both")


def pytest_collection_finish() -> None:
    """What is imported by now stays: the garbage collector need not walk over it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Seconds of each folder, for the table of docs/testing.md; files side by side count one after the other."""
    spent: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                spent[Path(report.nodeid.partition("::")[0]).parent.as_posix()] += report.duration
    if len(spent) > 1:
        terminalreporter.section("seconds of each folder")
        for folder, seconds in spent.most_common():
            terminalreporter.write_line(f"{seconds:7.0f}  {folder}")


# -- servers and databases ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def services() -> Iterator[Path]:
    """The private PostgreSQL (fsync off) and Valkey; the var folder they live in."""
    with database.services(TEST_VAR):
        database.drop_leftovers()
        yield TEST_VAR


@pytest.fixture(scope="session")
def template_database(services: Path) -> str:
    """The migrated, empty database that all copies come from."""
    return database.ensure_template(services)


@pytest.fixture(scope="session")
def django_db_setup(template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Replaces pytest-django's: the session's database is a copy of the template, seen as ``portal_web``."""
    with django_db_blocker.unblock():
        name = database.make_copy(template_database, "tests")
        database.point_django_at(name)
    yield
    with django_db_blocker.unblock():
        database.point_django_at("postgres")
        database.drop(name)


@pytest.fixture
def own_database(django_db_setup: None, template_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database that this test alone has, and may commit to from as many threads and processes as it likes."""
    with django_db_blocker.unblock(), _fresh_database(template_database) as name:
        yield name


@contextmanager
def _fresh_database(template: str, name: str = "") -> Iterator[str]:
    name = database.make_copy(template, "own", name=name)
    try:
        database.be_patient(name)
        with database.pointed_at(name):
            os.environ["PORTAL_DB_NAME"] = name  # child processes of the test find it too
            _clear_cache()
            yield name
    finally:
        os.environ.pop("PORTAL_DB_NAME", None)
        database.drop(name)


@pytest.fixture(scope="module")
def one_database_name(template_database: str) -> str:
    """For a module whose tests share servers and not data: what the database is called that each test has anew."""
    return database.new_name("own")


@pytest.fixture
def renewed_database(
    django_db_setup: None, template_database: str, one_database_name: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """As ``own_database``, under the module's one name: servers that were started on it serve the fresh one."""
    with django_db_blocker.unblock(), _fresh_database(template_database, one_database_name) as name:
        yield name


@pytest.fixture
def as_role(django_db_setup: None) -> Iterator[Callable[[str], psycopg2.extensions.connection]]:
    """``as_role("portal_worker")``: a raw connection to the current test database, closed after the test.

    It sees what is committed, so in a rolled-back ``db`` test it sees the empty template only.
    """
    from django.db import connections

    opened = []

    def connect(role: str) -> psycopg2.extensions.connection:
        connection = database.connect(role, connections["default"].settings_dict["NAME"])
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def _clear_cache() -> None:
    from django.core.cache import cache

    cache.clear()


@pytest.fixture(autouse=True)
def _chinese_first() -> Iterator[None]:
    """A page that was asked for in English leaves its language on the thread."""
    from django.utils import translation

    with translation.override(settings.LANGUAGE_CODE):
        yield


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests(request: pytest.FixtureRequest) -> None:
    """Rate limits and cached pages of the test before would change the result of this one."""
    if "django_db_setup" in request.fixturenames or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("services")
        _clear_cache()


# -- the whole portal, and a browser -----------------------------------------------------------------------------------


@pytest.fixture
def portal_processes(own_database: str) -> Iterator[portal.Portal]:
    """A portal on ``own_database`` of which nothing runs yet: start_web(), start_worker(), start_beat().

    It shares the broker and the cache with the test's own process, so what the test commits wakes its worker.
    """
    redis.from_url(f"unix://{paths.valkey_socket()}").flushall()  # messages of tests before
    running = portal.Portal(database=own_database, var=TEST_VAR)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def live_portal(portal_processes: portal.Portal) -> portal.Portal:
    """Web and worker as in production, with the test's own database; ``live_portal.url`` is its address."""
    portal_processes.start_web()
    portal_processes.start_worker()
    return portal_processes


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; without one browser tests are skipped, or fail where REQUIRE_BROWSER=1 (CI)."""
    found = portal.find_chromium()
    # Playwright keeps an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    return found


@pytest.fixture(scope="session")
def browser_type_launch_args(chromium: str) -> dict[str, Any]:
    """pytest-playwright's hook: the system's Chromium instead of a downloaded one."""
    return {"executable_path": chromium, "args": CHROMIUM_FLAGS, "headless": True}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    """A resident's phone in Guangdong."""
    return {
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
    }

"""One portal for all tests of the browser: real web and worker, the shipped methodologies, a merchant with two tills."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import redis
from playwright.sync_api import expect
from pytest_django.plugin import DjangoDbBlocker

from carbon_portal.kernel.services import paths
from tests import database, portal
from tests.conftest import TEST_VAR

if TYPE_CHECKING:  # models can be imported once Django is set up, which is after this file is read
    from tests.browser.world import World


#: What is waited for comes within a second; on a machine that does other work beside, within this.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def _running(
    chromium: str, django_db_setup: None, template_database: str, django_db_blocker: DjangoDbBlocker
) -> "Iterator[tuple[str, World]]":
    from django.db import connections

    from tests.browser.world import build_world

    with django_db_blocker.unblock():
        before = connections["default"].settings_dict["NAME"]
        name = database.make_copy(template_database, "own")
        database.point_django_at(name, role=paths.WORKER)
        redis.from_url(f"unix://{paths.valkey_socket()}").flushall()  # messages of modules before
        running = portal.Portal(database=name, var=TEST_VAR)
        try:
            running.manage("methodology", "sync")
            built = build_world(running)
            running.start_web()
            running.start_worker()
            yield name, built
        finally:
            running.stop()
            database.point_django_at(before)
            database.drop(name)


@pytest.fixture(scope="module")
def world(_running: "tuple[str, World]", django_db_blocker: DjangoDbBlocker) -> "Iterator[World]":
    """A portal on a database of this folder's own. The test's process writes as the worker does."""
    name, built = _running
    with django_db_blocker.unblock():
        database.point_django_at(name, role=paths.WORKER)  # a module between may have gone back to another
        yield built

"""Attacks leave no picture behind; and two cities that stand once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from tests import database

if TYPE_CHECKING:  # models are not there yet when pytest reads this
    from tests.security.planted import Planted
    from tests.security.world import World


@pytest.fixture(autouse=True)
def _own_uploads(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(scope="session")
def _two_cities(
    django_db_setup: None,
    template_database: str,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, "Planted"]]:
    """A database in which both worlds are committed, planted by the worker's role, which passes row policies by."""
    from tests.security.planted import plant

    with django_db_blocker.unblock():
        name = database.make_copy(template_database, "own")
        try:
            with database.pointed_at(name, "worker"):
                planted = plant(tmp_path_factory.mktemp("uploads"))
            yield name, planted
        finally:
            database.drop(name)


@pytest.fixture
def planted(
    _two_cities: tuple[str, "Planted"], django_db_blocker: DjangoDbBlocker, settings: Any, _own_uploads: None
) -> Iterator["Planted"]:
    """Both worlds as ``portal_web`` sees them. Nothing holds a transaction open: the gate undoes each request."""
    name, made = _two_cities
    with django_db_blocker.unblock(), database.pointed_at(name):
        _clear_cache()
        settings.MEDIA_ROOT = made.uploads
        yield made


@pytest.fixture
def world(planted: "Planted") -> Iterator["World"]:
    """The world of Guangzhou, and a transaction that undoes whatever the test does to it."""
    with transaction.atomic():
        yield planted.near_again()
        transaction.set_rollback(True)


def _clear_cache() -> None:
    from django.core.cache import cache

    cache.clear()

"""What an installation does in tests: the connection is the web's, which the database lets found nothing.

The roles of the test servers may take the owner's with SET ROLE and inherit none of it, so that they may do without it
exactly what they may in production.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

from django.db import connection, transaction

from carbon_portal.kernel.services import paths


@contextmanager
def as_owner() -> Iterator[None]:
    """A transaction, or a part of one, whose statements are the owner's of the tables."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{paths.OWNER}"')
        yield
        cursor.execute("SET LOCAL ROLE NONE")


def by_owner(deed: Callable[..., Any]) -> Callable[..., Any]:
    """The same deed in the owner's name."""

    @wraps(deed)
    def done(*args: Any, **kwargs: Any) -> Any:
        with as_owner():
            return deed(*args, **kwargs)

    return done


def sync_as_owner() -> None:
    """Let every test that syncs do so in the owner's name, as `manage.py methodology sync` does.

    Hundreds do, and what a document says depends on its bytes alone: each is read once in a process.
    """
    from methodologies import services
    from methodologies.services import library

    library.sync_library = services.sync_library = by_owner(library.sync_library)
    library.load_document = cache(library.load_document)


def let_be_owner(cursor: Any) -> None:
    """Once per cluster of tests, by its superuser."""
    for role in (paths.WEB, paths.WORKER):
        cursor.execute(f'ALTER ROLE "{role}" NOINHERIT')
        cursor.execute(f'GRANT "{paths.OWNER}" TO "{role}"')

"""Row-level security: whose rows the database shows to the statement at hand (ADR 0020, integrity: T1).

The policies on the tables of people admit a row whose region is in `app.regions`, which is `app.person`'s own, or whose
key is in `app.keys`. A scope holds for a block of code (a request, a deed); the three settings are made local to the
transaction of each statement that names such a table, in the same round trip, so nothing is left behind on a pooled
connection and nobody has to remember to open a transaction. Without a scope there are no rows.

Models say that they stand under policies by `row_level = True`. The worker's database role passes the policies by.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from django.apps import apps
from django.db.backends.signals import connection_created

from . import regions


@dataclass(frozen=True, slots=True)
class Scope:
    """What the policies ask for. `regions` are six-digit codes, each for itself; `keys` name single rows."""

    person: str = ""
    regions: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()

    def settings_sql(self) -> str:
        """One SELECT that makes the settings for the running transaction alone."""
        values = {"person": self.person, "regions": ",".join(self.regions), "keys": ",".join(sorted(self.keys))}
        made = ", ".join(f"set_config('app.{name}', '{value}', true)" for name, value in values.items())
        return f"SELECT {made}"


Reader = Callable[[], Scope]
NOTHING = Scope()
#: What code outside a request and outside `scoped` may see.
OUTSIDE: Reader = lambda: NOTHING  # noqa: E731  (a value of this kind, which tests replace)

_scope: ContextVar[Reader | None] = ContextVar("row_scope", default=None)
_staff_regions: list[Callable[[Any], Iterable[str]]] = []

_KEY = re.compile(r"[0-9A-Za-z:_-]{1,80}", re.ASCII)
_READS_OR_WRITES = re.compile(r"[\s(]*(?:SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|EXPLAIN)\b", re.IGNORECASE)
# A prepared statement does not say which tables it names.
_PREPARED = re.compile(r"\s*EXECUTE\b", re.IGNORECASE)


def staff_regions_from(reader: Callable[[Any], Iterable[str]]) -> None:
    """The app that knows people's roles says here for which areas a login is staff."""
    _staff_regions[:] = [reader]


def of(user: Any) -> Scope:
    """A login's scope: its own person, and the areas it is staff for with everything inside them."""
    if user is None or not user.is_authenticated or not user.is_active or user.person_id is None:
        return NOTHING
    known = getattr(user, "_row_scope", None)
    if known is None or known.person != str(user.person_id):
        codes = [code for reader in _staff_regions for code in reader(user)]
        known = Scope(person=str(user.person_id), regions=within(codes))
        user._row_scope = known
    return known


@cache
def _inside(code: str) -> frozenset[str]:
    return frozenset(area.six for area in regions.all_regions() if regions.covers(code, area.six))


def within(codes: Iterable[str]) -> tuple[str, ...]:
    """These divisions and all inside them, as rows carry them."""
    return tuple(sorted(frozenset[str]().union(*(_inside(code) for code in codes))))


# -- blocks of code ----------------------------------------------------------------------------------------------------


@contextmanager
def scoped(user: Any) -> Iterator[None]:
    """Within the block the database shows what this login may see; nobody (None, a visitor) sees nothing."""
    with _reading(lambda: of(user)):
        yield


@contextmanager
def scoped_request(request: Any) -> Iterator[None]:
    """The same for whoever turns out to send this request: the API learns it later than a page does."""
    with _reading(lambda: of(getattr(request, "user", None))):
        yield


@contextmanager
def admitting(*keys: Any) -> Iterator[None]:
    """Within the block, single rows by key beside what is in scope already: the system's own right, row by row.

    A key is a person's or household's uuid, `meter_key(…)` or a picture's SHA-256: what one must know to be admitted.
    """
    named = frozenset(str(key) for key in keys)
    for key in named:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a key of a row: {key[:80]!r}")
    before = _scope.get() or OUTSIDE
    with _reading(lambda: _with_keys(before(), named)):
        yield


def meter_key(kind: str, number: str) -> str:
    """The key of a supply account: who asks whether it is bound knows its number from the bill."""
    return f"{kind}:{number}"


def _with_keys(scope: Scope, keys: frozenset[str]) -> Scope:
    return replace(scope, keys=scope.keys | keys)


@contextmanager
def _reading(reader: Reader) -> Iterator[None]:
    token = _scope.set(reader)
    try:
        yield
    finally:
        _scope.reset(token)


# -- the connection ----------------------------------------------------------------------------------------------------


def tables() -> list[str]:
    """The tables under row policies."""
    return sorted(model._meta.db_table for model in apps.get_models() if getattr(model, "row_level", False))


@cache
def _names() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(tables())})\b")


def install() -> None:
    """Let every connection of this process carry the scope."""
    connection_created.connect(_wrap, dispatch_uid="kernel.scope")


def _wrap(connection: Any, **_: Any) -> None:
    if connection.vendor == "postgresql" and _carry not in connection.execute_wrappers:
        connection.execute_wrappers.append(_carry)


def _concerned(sql: str) -> bool:
    return bool((_names().search(sql) and _READS_OR_WRITES.match(sql)) or _PREPARED.match(sql))


def _carry(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Put the settings in front of a statement that names a table under policies: one round trip, one transaction."""
    if not isinstance(sql, str) or not _concerned(sql):
        return execute(sql, params, many, context)
    # Asked before anything is sent: finding out who the user is may take statements of its own.
    settings = (_scope.get() or OUTSIDE)().settings_sql()
    if getattr(context["cursor"].cursor, "name", None) is None:
        return execute(f"{settings}; {sql}", params, many, context)
    if not context["connection"].in_atomic_block:
        raise RuntimeError("a server-side cursor over people's tables needs a transaction around it (kernel.scope)")
    with context["connection"].connection.cursor() as plain:  # DECLARE takes one statement only
        plain.execute(settings)
    return execute(sql, params, many, context)

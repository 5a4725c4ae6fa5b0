"""Where the private services live, and how Django and Celery reach them.

Imports nothing but the standard library: settings read this module before Django is ready.
Environment: PORTAL_VAR names the var folder; DATABASE_URL (with _OWNER and _WORKER) and REDIS_URL name
servers of one's own instead of the private ones; PORTAL_DB_NAME and PORTAL_BROKER_DB pick another database
and another pair of Valkey databases on the private servers (tests use them).
"""

import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

BASE_DIR = Path(__file__).resolve().parents[3]

#: Role names as the database knows them; the short name is accepted wherever a role is asked for.
OWNER, WEB, WORKER, SUPERUSER = "portal_owner", "portal_web", "portal_worker", "portal_super"
ROLES = (OWNER, WEB, WORKER, SUPERUSER)
_SHORT = {"owner": OWNER, "web": WEB, "worker": WORKER, "super": SUPERUSER, "superuser": SUPERUSER}

DATABASE_NAME = "portal"
POSTGRES_PORT = 5432
VALKEY_SOCKET = "valkey.sock"

_URL_VARIABLE = {OWNER: "DATABASE_URL_OWNER", WEB: "DATABASE_URL", WORKER: "DATABASE_URL_WORKER"}


class ConfigurationError(ValueError):
    """An environment variable of the services says something that cannot be meant."""


def var_folder() -> Path:
    """The folder of everything that this checkout writes: cluster, uploads, keys, logs."""
    named = os.environ.get("PORTAL_VAR", "").strip()
    return Path(os.path.realpath(os.path.expanduser(named))) if named else BASE_DIR / "var"


def folder_key(var: Path) -> str:
    """A short name for a var folder, different for every user: sockets and moved-out data carry it."""
    return hashlib.sha256(f"{os.getuid()}:{os.path.realpath(var)}".encode()).hexdigest()[:12]


def socket_dir(var: Path | None = None) -> Path:
    """The folder of the Unix sockets.

    A socket's path holds 107 bytes, so it cannot stand in a deep checkout; and it must not follow TMPDIR,
    which differs between a terminal, a service manager and a test run.
    """
    return Path("/tmp") / f"carbon-portal-{folder_key(var or var_folder())}"  # noqa: S108  (owner and mode are checked)


def role_name(role: str) -> str:
    """The database's name of a role: ``web`` and ``portal_web`` are the same."""
    name = _SHORT.get(role, role)
    if name not in ROLES:
        raise ConfigurationError(f"unknown database role {role!r}: expected one of {', '.join(ROLES)}")
    return name


def external_database() -> bool:
    """True when the operator brings a PostgreSQL of their own."""
    return bool(os.environ.get("DATABASE_URL"))


def external_broker() -> bool:
    """True when the operator brings a Redis or Valkey of their own."""
    return bool(os.environ.get("REDIS_URL"))


def database_dsn(role: str = WEB, *, name: str | None = None) -> dict[str, Any]:
    """The entry of Django's DATABASES for a role, on the private server or the operator's own."""
    role = role_name(role)
    if external_database():
        return _from_url(role, name)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name or os.environ.get("PORTAL_DB_NAME") or DATABASE_NAME,
        "USER": role,
        "PASSWORD": "",
        "HOST": str(socket_dir()),
        "PORT": str(POSTGRES_PORT),
    }


def _from_url(role: str, name: str | None) -> dict[str, Any]:
    variable = _URL_VARIABLE.get(role)
    if variable is None:
        raise ConfigurationError(f"the role {role} exists on the private server only, and DATABASE_URL is set")
    url = os.environ.get(variable)
    if not url:
        # Working as the wrong role would fail late and half-way (or worse, succeed): say it now.
        raise ConfigurationError(f"DATABASE_URL is set but {variable} is not: name the server for role {role} too")
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ConfigurationError(f"{variable} must start with postgresql://")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{variable} has a port that is no number") from error
    found: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name or os.environ.get("PORTAL_DB_NAME") or unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
    }
    if not found["NAME"]:
        raise ConfigurationError(f"{variable} names no database: postgresql://user:password@host:5432/DATABASE")
    if options:
        found["OPTIONS"] = options
    return found


def valkey_socket(var: Path | None = None) -> Path:
    return socket_dir(var) / VALKEY_SOCKET


def _database_number() -> int:
    text = os.environ.get("PORTAL_BROKER_DB", "0")
    if not text.isdecimal() or not 0 <= int(text) <= 14:
        raise ConfigurationError("PORTAL_BROKER_DB must be a number from 0 to 14 (the next one holds the cache)")
    return int(text)


def broker_url() -> str:
    """Celery's broker."""
    if external_broker():
        return os.environ["REDIS_URL"]
    return f"redis+socket://{valkey_socket()}?virtual_host={_database_number()}"


def cache_url() -> str:
    """The LOCATION of Django's Redis cache: the database after the broker's."""
    if external_broker():
        parts = urlsplit(os.environ["REDIS_URL"])
        digits = parts.path.lstrip("/")
        number = int(digits) + 1 if digits.isdecimal() else 1
        return urlunsplit(parts._replace(path=f"/{number}"))
    return f"unix://{valkey_socket()}?db={_database_number() + 1}"

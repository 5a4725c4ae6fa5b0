"""Readers of the environment. They fail loudly on nonsense instead of guessing."""

import os
import secrets
from pathlib import Path

from carbon_portal.kernel.services.paths import broker_url, cache_url, database_dsn, var_folder

ROLES = ("owner", "web", "worker")

__all__ = [
    "ROLES",
    "broker_url",
    "cache_url",
    "database_dsn",
    "flag",
    "number",
    "role",
    "secret_key",
    "text",
    "var_folder",
    "words",
]


def text(name: str, default: str = "") -> str:
    """The variable as it stands, or the default."""
    return os.environ.get(name, default)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list without empty entries."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def flag(name: str, default: bool = False) -> bool:
    """A yes/no switch: 1, true, yes, on or 0, false, no, off; anything else is an error."""
    value = text(name, "1" if default else "0").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise SystemExit(f"{name}={value!r}: write 1 or 0 (是 1,否 0)")


def number(name: str, default: int) -> int:
    """A whole number."""
    value = text(name, str(default)).strip()
    if not value.isascii() or not value.isdigit():
        raise SystemExit(f"{name}={value!r}: write a whole number (请写整数)")
    return int(value)


def role() -> str:
    """The database role of this process (architecture: owner migrates, web serves, worker computes)."""
    value = text("PORTAL_DB_ROLE", "web")
    if value not in ROLES:
        raise SystemExit(f"PORTAL_DB_ROLE={value!r}: one of {', '.join(ROLES)}")
    return value


def secret_key(folder: Path) -> str:
    """`SECRET_KEY`, else one generated at first run and kept in the var folder with mode 0600."""
    given = text("SECRET_KEY")
    if given:
        return given
    path = folder / "keys" / "django.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(64))
    return path.read_text(encoding="ascii").strip()

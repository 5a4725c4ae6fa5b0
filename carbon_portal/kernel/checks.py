"""The start-up guard: a production process refuses to start on a weak configuration (integrity, section 6; T55).

Registered as deployment checks (`manage.py check --deploy`) and run by web, worker and beat outside the demo.
"""

import shutil
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import connection

from . import faults

KNOWN_BAD_KEYS = {"secret", "changeme", "django-insecure", "password"}


@checks.register(checks.Tags.security, deploy=True)
def guard_settings(app_configs: Any, **_: Any) -> list[checks.CheckMessage]:
    """What can be told from settings alone."""
    rules: Iterable[tuple[bool, str, str]] = (
        (not settings.DEBUG, "E001", "DEBUG must be off. 请关闭 DEBUG。"),
        (
            _strong_key(settings.SECRET_KEY),
            "E002",
            "SECRET_KEY needs 50 random characters. 密钥须为 50 位以上随机字符。",
        ),
        (
            bool(settings.ALLOWED_HOSTS) and "*" not in settings.ALLOWED_HOSTS,
            "E003",
            "Name ALLOWED_HOSTS. 请写明域名。",
        ),
        (settings.DEMO or settings.SESSION_COOKIE_SECURE, "E004", "Session cookie must be Secure."),
        (settings.DEMO or settings.CSRF_COOKIE_SECURE, "E005", "CSRF cookie must be Secure."),
        (settings.DEMO or settings.SECURE_HSTS_SECONDS >= 31_536_000, "E006", "HSTS needs a year."),
        ("Argon2" in settings.PASSWORD_HASHERS[0], "E007", "Argon2 must be the first password hasher."),
        (settings.CELERY_ACCEPT_CONTENT == ["json"], "E008", "Celery must accept JSON only."),
        (settings.CELERY_TASK_ACKS_LATE and settings.CELERY_TASK_REJECT_ON_WORKER_LOST, "E009", "Tasks must ack late."),
        (
            settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT,
            "E010",
            "A task's time limit must be under the broker's visibility timeout.",
        ),
        (settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1, "E011", "Prefetch must be 1."),
        (_broker_is_private(settings.CELERY_BROKER_URL), "E012", "The broker needs a unix socket or a password."),
        (bool(settings.DATA_UPLOAD_MAX_MEMORY_SIZE), "E013", "DATA_UPLOAD_MAX_MEMORY_SIZE must be set."),
        (not str(settings.MEDIA_ROOT).startswith(str(settings.STATIC_ROOT)), "E014", "Uploads lie in the web root."),
        (settings.DEMO or "Outbox" not in settings.SMS_GATEWAY, "E015", "The demo's SMS outbox is not a gateway."),
        (
            settings.DEMO or not faults.asked_for(),
            "E016",
            "Unset CRASH_POINTS and SWITCHED_OFF: tests alone break things on purpose. 请去掉这两个测试变量。",
        ),
    )
    return [checks.Error(text, id=f"portal.{code}") for fine, code, text in rules if not fine]


@checks.register(checks.Tags.database, deploy=True)
def guard_database(app_configs: Any, databases: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """What only the server can tell: durability, the role, the zone."""
    if not databases:
        return []
    wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "TimeZone": "UTC"}
    found: list[checks.CheckMessage] = []
    with connection.cursor() as cursor:
        for name, value in wanted.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            actual = cursor.fetchone()[0]
            if actual != value and not (settings.DEMO and name == "fsync"):
                found.append(checks.Error(f"PostgreSQL {name} is {actual}, must be {value}.", id="portal.E020"))
        found += _role_problems(cursor)
    if shutil.disk_usage(settings.VAR).free < 1 << 30:
        found.append(checks.Error("Less than 1 GiB of disk is free. 磁盘不足 1 GiB。", id="portal.E022"))
    return found


def _role_problems(cursor: Any) -> list[checks.CheckMessage]:
    """The web role stands under the row policies; the worker's must not, or it would find nobody's rows (ADR 0020)."""
    cursor.execute("SELECT rolsuper, rolbypassrls, rolname FROM pg_roles WHERE rolname = current_user")
    superuser, bypasses, name = cursor.fetchone()
    found: list[checks.CheckMessage] = []
    if superuser:
        found.append(checks.Error(f"The role {name} is a superuser.", id="portal.E021"))
    if bypasses and settings.DATABASE_ROLE == "web":
        text = (
            f"The role {name} passes row-level security by: ALTER ROLE {name} NOBYPASSRLS. 网页角色不得绕过行级安全。"
        )
        found.append(checks.Error(text, id="portal.E023"))
    if not bypasses and not superuser and settings.DATABASE_ROLE == "worker":
        text = f"The role {name} sees no people's rows: ALTER ROLE {name} BYPASSRLS. 后台角色需要绕过行级安全。"
        found.append(checks.Error(text, id="portal.E024"))
    return found


def _strong_key(key: str) -> bool:
    return len(key) >= 50 and len(set(key)) >= 15 and not any(bad in key.lower() for bad in KNOWN_BAD_KEYS)


def _broker_is_private(url: str) -> bool:
    return url.startswith("redis+socket://") or "@" in url


def refuse_weak_start() -> None:
    """Called by web, worker and beat as they start: outside the demo an unsafe configuration does not run at all."""
    if settings.DEMO:
        return
    # A process that is refused for its settings does not ask the database.
    found = guard_settings(None) or guard_database(None, databases=["default"])
    if found:
        lines = "\n".join(f"  {problem.id}: {problem.msg}" for problem in found)
        raise SystemExit(f"The portal does not start on this configuration (配置不安全，拒绝启动):\n{lines}")

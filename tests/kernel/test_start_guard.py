"""A production process refuses to start on a weak configuration (integrity: T55, B36); the demo starts on none of them."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import override_settings

from carbon_portal.kernel import checks, faults
from carbon_portal.kernel.services import paths
from tests import database

GOOD = {
    "DEMO": False,
    "DEBUG": False,
    "SECRET_KEY": "vJ3kQ9zXw7Lm2Rt5Yb8Nc1Hd4Gf6Ps0Ua-Ei_Ko-Tz3Qx9Wv7Mn2",
    "ALLOWED_HOSTS": ["portal.example"],
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
    "SECURE_HSTS_SECONDS": 63_072_000,
    "CELERY_BROKER_URL": "rediss://:secret@broker.example/0",
    "SMS_GATEWAY": "province.sms.Gateway",
}

WEAK = {
    "debug on": ({"DEBUG": True}, "portal.E001"),
    "short key": ({"SECRET_KEY": "abc"}, "portal.E002"),
    "well-known key": ({"SECRET_KEY": "django-insecure-" + "x7Kq9" * 12}, "portal.E002"),
    "monotonous key": ({"SECRET_KEY": "ab" * 40}, "portal.E002"),
    "any host": ({"ALLOWED_HOSTS": ["*"]}, "portal.E003"),
    "no host": ({"ALLOWED_HOSTS": []}, "portal.E003"),
    "session over http": ({"SESSION_COOKIE_SECURE": False}, "portal.E004"),
    "csrf over http": ({"CSRF_COOKIE_SECURE": False}, "portal.E005"),
    "no hsts": ({"SECURE_HSTS_SECONDS": 0}, "portal.E006"),
    "weak password hash": ({"PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"]}, "portal.E007"),
    "pickle": ({"CELERY_ACCEPT_CONTENT": ["json", "pickle"]}, "portal.E008"),
    "early ack": ({"CELERY_TASK_ACKS_LATE": False}, "portal.E009"),
    "task outlives visibility": ({"CELERY_TASK_TIME_LIMIT": 4000}, "portal.E010"),
    "greedy prefetch": ({"CELERY_WORKER_PREFETCH_MULTIPLIER": 4}, "portal.E011"),
    "open broker": ({"CELERY_BROKER_URL": "redis://broker.example:6379/0"}, "portal.E012"),
    "no body limit": ({"DATA_UPLOAD_MAX_MEMORY_SIZE": None}, "portal.E013"),
    "uploads in the web root": ({"MEDIA_ROOT": settings.STATIC_ROOT / "uploads"}, "portal.E014"),
    "demo outbox as gateway": ({"SMS_GATEWAY": "accounts.sms.OutboxGateway"}, "portal.E015"),
}


def problems(**changes: object) -> set[str]:
    with override_settings(**{**GOOD, **changes}):
        return {str(problem.id) for problem in checks.guard_settings(None)}


def test_a_sound_configuration_passes() -> None:
    assert problems() == set()


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_configuration_is_named(name: str) -> None:
    change, code = WEAK[name]
    assert problems(**change) == {code}


@pytest.mark.parametrize("variable", ["CRASH_POINTS", "SWITCHED_OFF"])
def test_faults_on_purpose_are_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "stock:conditional")
    assert problems() == {"portal.E016"}
    assert problems(DEMO=True) == set()


@pytest.mark.parametrize(("demo", "answer"), [("1", "True"), ("0", "False"), ("", "False")])
def test_faults_on_purpose_are_honoured_in_a_declared_demo_alone(demo: str, answer: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from carbon_portal.kernel import faults; print(faults.switched_off('stock:conditional'))",
        ],
        env={**os.environ, "PORTAL_DEMO": demo, "SWITCHED_OFF": "stock:conditional", "CRASH_POINTS": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == answer


def test_unarmed_hooks_do_nothing() -> None:
    assert faults.crash_point is faults._nothing
    assert faults.switched_off is faults._never


def test_the_web_process_refuses_to_start(tmp_path: object) -> None:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PORTAL_")},
        "PORTAL_DEMO": "0",
        "PORTAL_VAR": str(tmp_path),
        "SECRET_KEY": "abc",
        "DATABASE_URL": "postgresql://portal_web@127.0.0.1:1/portal",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    done = subprocess.run(
        [sys.executable, "-c", "import carbon_portal.wsgi"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "portal.E002" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_database_guard_names_a_superuser(db: None) -> None:
    found = checks.guard_database(None, databases=["default"])
    assert "portal.E021" not in {problem.id for problem in found}


def test_the_database_guard_holds_each_process_to_its_role(own_database: str) -> None:
    def found() -> set[str]:
        codes = {str(problem.id) for problem in checks.guard_database(None, databases=["default"])}
        return codes & {"portal.E021", "portal.E023", "portal.E024"}

    for role, wrong in (("web", "portal.E024"), ("worker", "portal.E023")):
        database.point_django_at(own_database, role=f"portal_{role}")
        with override_settings(DATABASE_ROLE=role):
            assert found() == set()
        with override_settings(DATABASE_ROLE="worker" if role == "web" else "web"):
            assert found() == {wrong}
    database.point_django_at(own_database, role=paths.SUPERUSER)
    assert "portal.E021" in found()

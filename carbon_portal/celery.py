"""The distributed engine. A task carries ids or nothing; PostgreSQL is the only truth."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")
os.environ.setdefault("PORTAL_DB_ROLE", "worker")

app = Celery("carbon_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def _guard(**_: Any) -> None:
    from carbon_portal.kernel.checks import refuse_weak_start

    refuse_weak_start()

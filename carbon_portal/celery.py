"""The distributed engine. A task carries ids or nothing; PostgreSQL is the only truth."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carbon_portal.settings")
os.environ.setdefault("PORTAL_DB_ROLE", "worker")

app = Celery("carbon_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

"""Every beat entry names a task that a worker knows."""

from django.conf import settings

from carbon_portal.celery import app


def test_beat_entries_name_known_tasks() -> None:
    app.loader.import_default_modules()
    app.autodiscover_tasks(force=True)
    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert wanted <= set(app.tasks), wanted - set(app.tasks)

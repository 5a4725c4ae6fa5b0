from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """The composition root's app: loads the Celery app, so that every process sends to the same broker."""

    name = "carbon_portal.workflows"
    label = "workflows"

    def ready(self) -> None:
        import carbon_portal.celery  # noqa: F401

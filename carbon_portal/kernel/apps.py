import gc

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class KernelConfig(AppConfig):
    name = "carbon_portal.kernel"
    label = "kernel"
    verbose_name = "内核"

    def ready(self) -> None:
        from . import checks, grants, scope  # noqa: F401  (checks register themselves)

        post_migrate.connect(grants.on_post_migrate, dispatch_uid="kernel.grants")
        scope.install()
        gc.freeze()

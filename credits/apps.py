from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "credits"

    def ready(self) -> None:
        from . import statement
        from .selectors import origins

        origins.register(statement.record_origins)

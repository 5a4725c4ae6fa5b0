from django.apps import AppConfig


class MethodologiesConfig(AppConfig):
    name = "methodologies"

    def ready(self) -> None:
        from . import decisions
        from .services import adoption

        decisions.register()
        adoption.register_kind()

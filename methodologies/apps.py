from django.apps import AppConfig


class MethodologiesConfig(AppConfig):
    name = "methodologies"

    def ready(self) -> None:
        from carbon_portal.kernel import worklist

        from . import decisions
        from .selectors import local_values, proposals
        from .services import adoption, forwarding

        decisions.register()
        worklist.register(decisions.work_items)
        adoption.register_kind()
        forwarding.register_kinds()
        worklist.register(proposals.waiting)
        worklist.register(local_values.work_items)

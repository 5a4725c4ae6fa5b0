from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from carbon_portal.kernel import scope

        from . import selectors

        scope.staff_regions_from(selectors.staff_regions)

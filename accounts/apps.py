from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from carbon_portal.kernel import approvals, scope

        from . import actors, selectors

        scope.staff_regions_from(selectors.staff_regions)
        approvals.people_from(actors)

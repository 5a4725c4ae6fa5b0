from django.apps import AppConfig


class MerchantsConfig(AppConfig):
    name = "merchants"

    def ready(self) -> None:
        from credits.selectors import origins

        from . import selectors

        origins.register(selectors.voucher_origins)

from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "carbon_portal.pages"
    label = "pages"

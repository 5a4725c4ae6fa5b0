from django.apps import AppConfig


class BehaviorsConfig(AppConfig):
    name = "behaviors"

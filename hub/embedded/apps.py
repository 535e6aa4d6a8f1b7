from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    name = "hub.embedded"
    label = "embedded"

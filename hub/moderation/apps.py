from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "hub.moderation"
    label = "moderation"

    def ready(self) -> None:
        from hub.moderation import exporting  # noqa: F401 - connects it

from django.apps import AppConfig


class ReposConfig(AppConfig):
    name = "hub.repos"
    label = "repos"

    def ready(self) -> None:
        from hub.repos import receivers  # noqa: F401 - connects the receivers

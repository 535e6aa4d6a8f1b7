from django.apps import AppConfig


class ReposConfig(AppConfig):
    name = "hub.repos"
    label = "repos"

    def ready(self) -> None:
        from hub.core import metrics
        from hub.repos import receivers  # noqa: F401 - connects the receivers
        from hub.repos.metrics import SECONDS, values

        metrics.add("storage", values, seconds=SECONDS)

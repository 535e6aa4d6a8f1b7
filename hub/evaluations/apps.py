from django.apps import AppConfig


class EvaluationsConfig(AppConfig):
    name = "hub.evaluations"
    label = "evaluations"

    def ready(self) -> None:
        from hub.evaluations import exporting, receivers  # noqa: F401 - connects the receivers

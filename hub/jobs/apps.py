"""Registers the app, its receivers and its part of the health report."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "hub.jobs"

    def ready(self) -> None:
        from hub.core import health, metrics
        from hub.jobs import receivers  # noqa: F401 - connects the receivers
        from hub.jobs.health import check_workers
        from hub.jobs.metrics import SECONDS, values

        health.add(check_workers)
        metrics.add("jobs", values, seconds=SECONDS)

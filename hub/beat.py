"""The clock of the hub worker: `celery --app=hub.beat beat`. It sends what is due by name and loads none of the code
that does it, so it needs half the memory of a process with the whole site in it."""

from typing import Any

from celery import Celery
from celery.beat import PersistentScheduler

from hub.core.alive import note_alive

# Without Celery's support of Django, which would load every app.
app = Celery("hub", fixups=[])
app.config_from_object("hub.settings", namespace="CELERY")


class Clock(PersistentScheduler):
    """Celery's own, which says with every look at what is due that it lives."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        note_alive()
        return float(super().tick(*args, **kwargs))


app.conf.beat_scheduler = Clock

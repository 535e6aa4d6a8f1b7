"""The clock of the hub worker: `celery --app=hub.beat beat`. It sends what is due by name and loads none of the code
that does it, so it needs half the memory of a process with the whole site in it."""

from celery import Celery

# Without Celery's support of Django, which would load every app.
app = Celery("hub", fixups=[])
app.config_from_object("hub.settings", namespace="CELERY")

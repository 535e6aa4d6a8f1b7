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
# What is due every so many seconds.
app.conf.beat_schedule = {
    "sweep search rows": {"task": "hub.catalog.tasks.sweep", "schedule": 60},
    "rate models": {"task": "hub.catalog.tasks.rate_all", "schedule": 3600},
    "drain download counts": {"task": "hub.catalog.tasks.drain_downloads", "schedule": 15},
    "score what is trending": {"task": "hub.catalog.tasks.score_trending", "schedule": 600},
    "reap jobs": {"task": "hub.jobs.tasks.reap", "schedule": 5},
    "prune jobs": {"task": "hub.jobs.tasks.prune", "schedule": 3600},
    "end suspensions": {"task": "hub.accounts.tasks.end_suspensions", "schedule": 60},
    "prune sign-ins": {"task": "hub.accounts.tasks.prune", "schedule": 3600},
    "sweep access requests": {"task": "hub.repos.tasks.sweep_requests", "schedule": 300},
    "collect garbage": {"task": "hub.repos.tasks.collect_garbage", "schedule": 1800},
    "count storage": {"task": "hub.repos.tasks.count_storage", "schedule": 3600},
    "chunk large files": {"task": "hub.repos.tasks.chunk_large_files", "schedule": 300},
    "work on passes over the storage": {"task": "hub.repos.tasks.work_on_passes", "schedule": 300},
    "tell what happened": {"task": "hub.community.notifications.tasks.tell_untold", "schedule": 60},
    "send mails that wait": {"task": "hub.community.notifications.tasks.send_waiting_mails", "schedule": 60},
    "send daily mails": {"task": "hub.community.notifications.tasks.send_digests", "schedule": 600},
    "index comments": {"task": "hub.community.discussions.tasks.index_comments", "schedule": 300},
    "send webhooks": {"task": "hub.community.webhooks.tasks.send_webhooks", "schedule": 15},
    "prune notifications": {"task": "hub.community.notifications.tasks.prune", "schedule": 3600},
    "prune messages to webhooks": {"task": "hub.community.webhooks.tasks.prune", "schedule": 3600},
    "beat": {"task": "hub.core.tasks.beat", "schedule": 10},
}

"""Background work of jobs. All of it can run twice."""

import time

from celery import shared_task
from django.core.cache import cache

from hub.jobs import services

# When it last ran to its end.
REAPED_KEY = "jobs-reaped"


@shared_task(soft_time_limit=60, time_limit=90, expires=5)
def reap() -> None:
    """Give on jobs that lost their worker or their message, and end those that nobody waits for."""
    services.reap()
    cache.set(REAPED_KEY, time.time(), timeout=600)


@shared_task(soft_time_limit=300, time_limit=330, expires=600)
def prune() -> int:
    """Forget what demos were asked; returns how many were forgotten."""
    return services.prune()

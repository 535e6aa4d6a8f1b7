"""The hub worker's sign of life."""

import time

from celery import shared_task
from django.core.cache import cache

HEARTBEAT_KEY = "hub-worker-heartbeat"


@shared_task(expires=10)
def beat() -> None:
    """Leave a sign of life: that this ran means beat, broker and hub worker all do."""
    cache.set(HEARTBEAT_KEY, time.time(), timeout=120)

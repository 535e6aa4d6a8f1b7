"""Housekeeping of the hub worker."""

import time

from celery import shared_task
from django.core.cache import cache

from hub.core.blobs import scratch, store

HEARTBEAT_KEY = "hub-worker-heartbeat"


@shared_task(expires=10)
def beat() -> None:
    """Leave a sign of life: that this ran means beat, broker and hub worker all do."""
    cache.set(HEARTBEAT_KEY, time.time(), timeout=120)


@shared_task
def sweep_staging() -> int:
    """Drop the scratch files of uploads that died, after a day, which is longer than any single request lives; and the parts
    of those that nobody has gone on with for longer than an upload may take, a week. Some servers give what was put together
    the time at which its upload began, so one that is being checked just then gets a day more."""
    return scratch.sweep_scratch(older_than=24 * 3600) + store().sweep_parts(older_than=8 * 24 * 3600)

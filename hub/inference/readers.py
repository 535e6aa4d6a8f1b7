"""Who reads a demo's stream on the site: a page may lose its connection and come back, but nobody computes for nobody."""

from celery import current_app
from django.conf import settings
from django.core.cache import cache

# How long a page has to come back before its request is stopped.
GRACE_SECONDS = 10
STOP_UNREAD = "hub.inference.tasks.stop_unread"


def join(job_id: str) -> None:
    """One more reads."""
    cache.add(_key(job_id), 0, settings.DEMO_SECONDS * 2)
    cache.incr(_key(job_id))


def leave(job_id: str) -> None:
    """One less reads; where that was the last, the request is stopped unless one comes back."""
    try:
        left = cache.decr(_key(job_id))
    except ValueError:  # Long forgotten, and so is the request.
        return
    if left <= 0:
        current_app.send_task(STOP_UNREAD, args=(job_id,), countdown=GRACE_SECONDS)


def any_left(job_id: str) -> bool:
    """Tell whether somebody reads."""
    return (cache.get(_key(job_id)) or 0) > 0


def _key(job_id: str) -> str:
    return f"demo-readers:{job_id}"

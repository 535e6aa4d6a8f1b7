"""Who reads a demo's stream on the site: a page may lose its connection and come back, but nobody computes for nobody."""

from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.utils.translation import gettext as _

from hub.core.errors import Unavailable
from hub.core.streaming import RETRY_SECONDS

# How long a page has to come back before its request is stopped.
GRACE_SECONDS = 10
# Of one request at once. Each holds one of the places that all streams share.
MAX_READERS = 4
STOP_UNREAD = "hub.inference.tasks.stop_unread"


def join(job_id: str) -> None:
    """One more reads; whoever joins leaves in the end. Raises Unavailable where as many read as may."""
    cache.add(_key(job_id), 0, settings.DEMO_SECONDS * 2)
    if cache.incr(_key(job_id)) > MAX_READERS:
        leave(job_id)
        raise Unavailable(
            _("As many streams are open as this hub can serve at once. Try again in a few seconds."),
            retry_after=RETRY_SECONDS,
        )


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

"""Background work of webhooks. All of it can run twice."""

from celery import shared_task

from hub.community.webhooks import sending
from hub.community.webhooks.giving_up import give_up_on_full

# Seconds after which a task begins no other message; the next one goes on.
_SENDING = 40


@shared_task(soft_time_limit=120, time_limit=150, expires=60)
def send_webhooks() -> int:
    """Send what waits for webhooks; returns how many tries were made."""
    give_up_on_full()
    return sending.send_due(_SENDING)


@shared_task(soft_time_limit=240, time_limit=270, expires=3600)
def prune() -> int:
    """Forget what was sent to webhooks long ago; returns how many messages."""
    return sending.prune()

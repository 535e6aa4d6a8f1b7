"""Background work of telling people. All of it can run twice."""

from celery import shared_task

from hub.community.models import Notification
from hub.community.notifications import mails, telling
from hub.core.background import queue

# Seconds after which a task that sends begins nothing more; the next sweep goes on.
_SENDING = 40


@shared_task(soft_time_limit=60, time_limit=90)
def tell(activity_id: int) -> int:
    """Notify whom one activity concerns, and have the mails about it sent; returns how many were notified."""
    told = telling.tell(activity_id)
    if any(notification.mail == Notification.Mail.NOW for notification in told):
        queue(send_mails, activity_id)
    return len(told)


@shared_task(soft_time_limit=240, time_limit=270, expires=300)
def tell_untold() -> int:
    """Tell what was written down and never queued, or whose task was lost; returns how many notifications came of it."""
    return sum(tell(activity_id) for activity_id in telling.untold())


@shared_task(soft_time_limit=80, time_limit=110)
def send_mails(activity_id: int) -> int:
    """Send the mails about one activity; returns how many went out."""
    return mails.send_for(activity_id, seconds=_SENDING)


@shared_task(soft_time_limit=80, time_limit=110, expires=60)
def send_waiting_mails() -> int:
    """Send the mails whose task was lost, or that the mail server did not take; returns how many went out."""
    return mails.send_waiting(seconds=_SENDING)


@shared_task(soft_time_limit=80, time_limit=110, expires=600)
def send_digests() -> int:
    """Send the daily mails that are due; returns how many went out."""
    return mails.send_digests(seconds=_SENDING)


@shared_task(soft_time_limit=240, time_limit=270, expires=3600)
def prune() -> int:
    """Forget old notifications; returns how many."""
    return telling.prune()

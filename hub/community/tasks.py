"""Background work of the community. All of it can run twice."""

from celery import shared_task

from hub.community import notifications


@shared_task(soft_time_limit=60, time_limit=90)
def tell(activity_id: int) -> int:
    """Notify whom one activity concerns; returns how many were."""
    return notifications.tell(activity_id)


@shared_task(soft_time_limit=240, time_limit=270, expires=300)
def tell_untold() -> int:
    """Tell what was written down and never queued, or whose task was lost; returns how many notifications came of it."""
    return sum(notifications.tell(activity_id) for activity_id in notifications.untold())

"""Background work of the community as a whole; each part of it has its own `tasks.py`. All of it can run twice."""

from celery import shared_task

from hub.community import release_changes


@shared_task(soft_time_limit=60, time_limit=90)
def compare_release(activity_id: int) -> bool:
    """Write down what a release changed since the one before."""
    return release_changes.keep_changes(activity_id)

"""Background work of the community that belongs to no part of it; each part has `tasks.py` of its own. All of it can run
twice."""

from celery import shared_task

from hub.community import release_changes


@shared_task(soft_time_limit=60, time_limit=90)
def compare_release(activity_id: int) -> bool:
    """Write down what a release changed since the one before."""
    return release_changes.keep_changes(activity_id)

"""Background work of jobs. All of it can run twice."""

from celery import shared_task

from hub.jobs import services


@shared_task(soft_time_limit=60, time_limit=90, expires=5)
def reap() -> None:
    """Give on jobs that lost their worker or their message, and end those that nobody waits for."""
    services.reap()


@shared_task(soft_time_limit=300, time_limit=330, expires=600)
def prune() -> int:
    """Forget what demos were asked; returns how many were forgotten."""
    return services.prune()

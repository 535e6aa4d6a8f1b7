"""Background work of demos. All of it can run twice."""

from celery import shared_task

from hub.inference import readers
from hub.inference.services import stop_demo
from hub.jobs.models import Job


@shared_task(name=readers.STOP_UNREAD, soft_time_limit=30, time_limit=60, expires=600)
def stop_unread(job_id: str) -> None:
    """Stop a request whose reader has not come back."""
    job = Job.objects.filter(pk=job_id).first()
    if job is not None and not readers.any_left(job_id):
        stop_demo(job=job)

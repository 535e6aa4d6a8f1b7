"""What evaluations do when a job ends: keep its result, in the transaction that ends it."""

from typing import Any

from django.dispatch import receiver

from hub.evaluations.services import keep_result
from hub.jobs.models import Job, State
from hub.jobs.signals import job_finished
from workers.contracts import JobKind


@receiver(job_finished)
def keep(job: Job, **_kwargs: Any) -> None:
    if job.kind == JobKind.EVALUATION and job.state == State.DONE:
        keep_result(job=job)

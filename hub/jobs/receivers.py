"""What jobs do before the site starts: the workers that run beside it get their keys; when a repository is taken down: those
that read it end; and when one ends well: who has run which model is kept."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.dispatch import receiver
from django.utils import timezone

from hub.accounts.models import digest_of
from hub.core.signals import prepared
from hub.embedded.workers import CARRIED, key_file
from hub.jobs.errors import JobFinished
from hub.jobs.models import Job, State, Worker
from hub.jobs.services import cancel_job, create_worker, renew_worker_key
from hub.jobs.signals import job_finished
from hub.repos.models import Kind, Repository
from hub.repos.signals import repository_taken_down
from hub.repos.uses import keep_run
from workers.contracts import JobKind, WorkerKind


@receiver(prepared)
def keep_keys(workers: bool, **_kwargs: Any) -> None:
    """See that the key of each worker beside the site opens, and lies in the data folder."""
    if not workers:
        return
    for name, kind in CARRIED.items():
        path = key_file(settings.DATA_DIR, name)
        worker = Worker.objects.filter(name=name).first()
        kept = path.read_text() if path.exists() else ""
        if worker is None:
            key = create_worker(name=name, kind=WorkerKind(kind))[1]
        elif worker.revoked_at is not None or worker.digest != digest_of(kept):
            key = renew_worker_key(worker=worker)
        else:
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(key)


@receiver(job_finished)
def keep_use(job: Job, **_kwargs: Any) -> None:
    """A demo or an evaluation that came to its end is a use of the model, whatever somebody thinks of what it said."""
    if job.state != State.DONE or job.user is None or job.kind not in (JobKind.INFERENCE, JobKind.EVALUATION):
        return
    model = job.repositories.filter(kind=Kind.MODEL).first()
    if model is not None and "model" in job.spec:
        keep_run(user=job.user, repo=model, commit=job.spec["model"]["commit"], at=timezone.now())


@receiver(repository_taken_down)
def end_jobs(repository: Repository, **_kwargs: Any) -> None:
    """End what reads the repository. A job that is queued in this very moment is claimed, finds nothing to read, and fails."""
    for job in Job.objects.unfinished().filter(repositories=repository).order_by("pk"):
        with suppress(JobFinished):
            cancel_job(job=job)

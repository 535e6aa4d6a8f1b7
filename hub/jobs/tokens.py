"""The short-lived token that a worker gets with a job: it reads the job's repositories while that attempt runs."""

from django.core import signing

from hub.accounts.models import RepoReader
from hub.jobs.models import Job, State

PREFIX = "job_"
_SALT = "hub.jobs.tokens"


def token_of(job: Job) -> str:
    """Return the token of the job's present attempt."""
    return PREFIX + signing.dumps([str(job.pk), job.attempt], salt=_SALT)


def reader_of(secret: str) -> RepoReader | None:
    """Return who may read what the job may; None once the attempt is over, and for what is no such token."""
    try:
        job_id, attempt = signing.loads(secret.removeprefix(PREFIX), salt=_SALT)
    except signing.BadSignature:
        return None
    running = Job.objects.filter(pk=job_id, attempt=attempt, state=State.RUNNING)
    repositories = list(running.values_list("repositories", flat=True))
    return RepoReader(repositories) if repositories else None

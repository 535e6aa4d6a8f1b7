"""The short-lived token that a worker gets with a job: it reads the job's repositories while that attempt runs."""

from django.contrib.auth.models import AnonymousUser
from django.core import signing

from hub.accounts.models import RepoReader
from hub.jobs.models import Job, State
from hub.repos.models import Repository

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
    job = Job.objects.filter(pk=job_id, attempt=attempt, state=State.RUNNING).select_related("user").first()
    if job is None:
        return None
    # What whoever asked may fetch no more, their job does not fetch either.
    readable = Repository.objects.readable_by(job.user or AnonymousUser())
    return RepoReader(readable.filter(jobs=job).values_list("pk", flat=True))

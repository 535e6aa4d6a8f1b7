"""Background work for repositories: mails about access to gated ones; garbage, and what repositories take up; large files that
are to be cut into chunks; passes over the storage. All of it can run twice."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from hub.repos import chunking, mails
from hub.repos.models import AccessRequest, Gate, Repository
from hub.repos.storage import accounting, collecting, overview, passes

# Requests that the sweep looks at: older ones were told of, or will not be.
SWEPT = timedelta(hours=6)
# What one task works on a pass over the storage, in seconds.
PASS_SECONDS = 20


@shared_task(soft_time_limit=120, time_limit=150)
def mail_owners(repo_id: int) -> None:
    """Tell the owners of a repository how many wait to be let in, unless they were told less than an hour ago."""
    mails.tell_owners(repo_id)


@shared_task(soft_time_limit=120, time_limit=150)
def mail_decisions(request_ids: list[int]) -> None:
    """Tell each who asked what was decided."""
    mails.tell_askers(request_ids)


@shared_task(soft_time_limit=240, time_limit=290, expires=240)
def sweep_requests() -> None:
    """Tell of the requests that came within an hour of the last mail, and of those whose message was lost."""
    since = timezone.now() - SWEPT
    fresh = AccessRequest.objects.filter(
        status=AccessRequest.Status.PENDING, requested_at__gte=since, repository__gate=Gate.MANUAL
    )
    for repo_id in fresh.order_by().values_list("repository", flat=True).distinct():
        mails.tell_owners(repo_id)


@shared_task(soft_time_limit=540, time_limit=600, expires=600)
def collect_garbage() -> None:
    """Work on collecting garbage for some minutes, and again while there is more. Ticks the clock by which content ages."""
    if collecting.collect_due(seconds=240):
        collect_garbage.apply_async(countdown=5)


@shared_task(soft_time_limit=540, time_limit=600, expires=3600)
def count_storage() -> None:
    """Count what all repositories take up, some minutes at a time, once a day."""
    if accounting.count_due(seconds=240):
        count_storage.apply_async(countdown=5)


@shared_task(soft_time_limit=240, time_limit=290)
def count_usage(repo_id: int) -> None:
    """Count what a repository takes up, since it has changed."""
    for repo in Repository.objects.filter(pk=repo_id):
        accounting.count(repo)


@shared_task(soft_time_limit=47 * 3600, time_limit=48 * 3600, expires=290)
def chunk_large_files() -> None:
    """Cut files that came whole into chunks, for about half an hour: the next one goes on. A single file has as long as it
    takes, which for the largest is a day; whoever is told to begin meanwhile leaves it at that."""
    chunking.chunk_pending(seconds=1800)


@shared_task(soft_time_limit=840, time_limit=900, expires=240)
def work_on_passes() -> None:
    """Check the storage and read it again, some seconds at a time: whatever else waits gets its turn in between."""
    passes.start_due()
    if passes.work(seconds=PASS_SECONDS):
        work_on_passes.delay()


@shared_task(soft_time_limit=840, time_limit=900)
def collect_all_garbage() -> None:
    """Collect garbage in all repositories at once, for an administrator. What is left when the time is over, `collect_garbage`
    goes on with."""
    collecting.collect_now()


@shared_task(soft_time_limit=840, time_limit=900)
def estimate_garbage() -> None:
    """Find out what a collection would do, for an administrator."""
    overview.note_estimate(collecting.what_would_go())

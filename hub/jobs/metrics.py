"""What is asked of jobs and workers by who watches over the hub."""

from collections.abc import Iterator

from django.db.models import Count, Min
from django.utils import timezone

from hub.core.metrics import Value
from hub.jobs.models import UNFINISHED, Job, State, Worker
from workers.contracts import JobKind, WorkerKind

SECONDS = 10


def values() -> Iterator[Value]:
    """Two queries, each over what is unfinished or alive."""
    rows = Job.objects.unfinished().values_list("kind", "state").annotate(Count("pk"), Min("created_at")).order_by()
    found = {(kind, state): (count, since) for kind, state, count, since in rows}
    now = timezone.now()
    for kind in JobKind:
        for state in UNFINISHED:
            count, _since = found.get((kind, state), (0, now))
            yield Value("grove_jobs", "Jobs that are not done.", count, {"kind": kind.value, "state": state.value})
        waits = (now - found.get((kind, State.QUEUED), (0, now))[1]).total_seconds()
        yield Value("grove_job_oldest_seconds", "Age of the oldest job that waits.", waits, {"kind": kind.value})
    live = list(Worker.objects.live().values_list("kind", "loaded"))
    for of in WorkerKind:
        loaded = [models for kind_of_it, models in live if kind_of_it == of]
        yield Value("grove_workers", "Workers that have been heard of just now.", len(loaded), {"kind": of.value})
        models = sum(len(each) for each in loaded)
        yield Value("grove_worker_models", "Models that workers hold ready.", models, {"kind": of.value})

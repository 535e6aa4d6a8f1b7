"""Collecting garbage: a pass over everything that the hub stores, in steps, each in batches.

A pass is a row (`StorageRun`) that says how far it has come. A task works on it for a few minutes and is queued again while
there is more, so other tasks get their turn, and a pass that was killed goes on where it stopped. One process at a time does.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from hub.core import locks
from hub.core.blobs import StoreAway, scratch, store
from hub.repos import large_uploads
from hub.repos.git.receipts import sweep_receipts
from hub.repos.models import StorageRun
from hub.repos.storage import clock, content_garbage, git_garbage
from hub.repos.storage.garbage import Batch, Pass, Step
from hub.repos.xet import grants

log = logging.getLogger(__name__)

# How often a pass begins.
EVERY = timedelta(hours=6)
# What died on its way in: files that a request left behind, which outlive any request; and parts that nobody adds to, a day
# later than uploads are forgotten: some servers give what was put together the time at which its upload began, and it may be
# under check just then.
_DEAD_SCRATCH, _DEAD_PARTS = timedelta(days=1), large_uploads.UPLOAD_LIFE + timedelta(days=1)
_RUNS_KEPT = timedelta(days=90)
LOCK = "garbage collection"
# Of StorageRun.counts: the step and where in it, the clock as the pass began, which part of the repositories.
_AT, _CLOCK, _PART = "_at", "_clock", "_part"


def _dead_uploads(work: Pass, _after: str) -> Iterator[Batch]:
    """Drop what nobody goes on with: uploads in parts, leave to send xorbs, scratch files, receipts of commits."""
    if work.dry:
        return
    sweep_receipts()
    uploads = large_uploads.drop_old_uploads() + grants.drop_old_grants()
    uploads += store().sweep_parts(older_than=_DEAD_PARTS.total_seconds())
    files = scratch.sweep_scratch(older_than=_DEAD_SCRATCH.total_seconds())
    if uploads or files:
        yield Batch("", {"uploads dropped": uploads, "scratch files deleted": files})


def _old_runs(work: Pass, _after: str) -> Iterator[Batch]:
    old = StorageRun.objects.filter(started_at__lt=timezone.now() - _RUNS_KEPT)
    if not work.dry and (count := old.delete()[0]):
        yield Batch("", {"old passes forgotten": count})


# In this order, so that what one step lets go of can be marked by a later one of the same pass.
STEPS: dict[str, Step] = {
    "dead uploads": _dead_uploads,
    "claims": content_garbage.expired_claims,
    "marks of blobs": content_garbage.marks_of_blobs,
    "condemned blobs": content_garbage.condemned_blobs,
    "deleted blobs": content_garbage.deleted_blobs,
    "files": content_garbage.unused_files,
    "marks of xorbs": content_garbage.marks_of_xorbs,
    "condemned xorbs": content_garbage.condemned_xorbs,
    "deleted xorbs": content_garbage.deleted_xorbs,
    "whole content without rows": content_garbage.unnamed_whole,
    "xorbs without rows": content_garbage.unnamed_xorbs,
    "git objects": git_garbage.unreached_objects,
    "object pools": git_garbage.empty_pools,
    "git caches": git_garbage.dead_caches,
    "old passes": _old_runs,
}


def collect_due(*, seconds: float) -> bool:
    """Go on with the pass that is under way, or begin one if the last is EVERY ago; return whether there is more to do now."""
    clock.tick()
    run = StorageRun.latest(StorageRun.Task.COLLECT)
    if run is None or (run.finished_at is not None and timezone.now() - run.started_at >= EVERY):
        run = _begin(part=clock.now() // int(EVERY.total_seconds()) % git_garbage.PARTS)
    return run is not None and run.finished_at is None and _work_on(run, time.monotonic() + seconds)


def collect_now() -> StorageRun | None:
    """Make a whole pass, over all repositories; return it, or None where another process collects just now."""
    clock.tick()
    # One that was cut off is no use to whoever asks for a whole one.
    StorageRun.objects.filter(task=StorageRun.Task.COLLECT, finished_at=None).update(finished_at=timezone.now())
    run = _begin(part=None)
    _work_on(run, float("inf"))
    return run if run.finished_at else None


def what_would_go() -> dict[str, int]:
    """Return what a pass would do now, less what would only follow from it. Changes nothing."""
    counts: Counter[str] = Counter()
    for step in STEPS.values():
        for batch in step(Pass(clock.now(), dry=True), ""):
            counts.update(batch.counts)
    return {what: count for what, count in counts.items() if count}


def _begin(part: int | None) -> StorageRun:
    return StorageRun.objects.create(
        task=StorageRun.Task.COLLECT, counts={_CLOCK: clock.now(), _PART: part, _AT: [next(iter(STEPS)), ""]}
    )


def _work_on(run: StorageRun, until: float) -> bool:
    """Work on a pass until then; return whether to go on with it at once."""
    with locks.alone(LOCK) as own:
        if own is None:
            return False
        work = Pass(run.counts[_CLOCK], part=run.counts[_PART])
        names = list(STEPS)
        step, after = run.counts[_AT]
        for name in names[names.index(step) :]:
            try:
                for batch in STEPS[name](work, after):
                    _note(run, [name, batch.after], batch.counts)
                    if time.monotonic() > until:
                        return True
            except StoreAway as error:
                log.warning("collecting garbage goes on later, since the store is away: %s", error)
                return False
            after = ""
            _note(run, [name, ""], {})
        run.counts = {what: count for what, count in run.results.items() if count}
        run.finished_at = timezone.now()
        run.save(update_fields=["counts", "finished_at"])
    return False


def _note(run: StorageRun, at: list[str], counts: Any) -> None:
    run.counts[_AT] = at
    for what, count in counts.items():
        run.counts[what] = run.counts.get(what, 0) + count
    run.save(update_fields=["counts"])

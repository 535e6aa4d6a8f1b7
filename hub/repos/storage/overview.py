"""How the storage is, for administrators: what it holds, what waits to go, what passes have found."""

import time
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Q, Sum

from hub.core.blobs import scratch, store
from hub.core.errors import HubError
from hub.repos.models import Blob, LargeUpload, RepoBlob, RepositoryUsage, StorageRun, Xorb, XorbGrant
from hub.repos.storage.deletion_pause import is_paused
from hub.repos.storage.passes import TARGET

Task = StorageRun.Task

# Sums over all content are kept for so long, in seconds: they read every row.
_SUMS_KEPT = 60


class StoreState(NamedTuple):
    """``where``: a folder, or a bucket and its server. ``free``: bytes, None where the store does not tell. ``problem``: what
    keeps it from working, "" if nothing does."""

    is_s3: bool
    where: str
    free: int | None
    problem: str


def store_state() -> StoreState:
    """Ask the store how it is. Takes some seconds where it does not answer."""
    if settings.S3 is None:
        is_s3, where = False, str(scratch.blobs_folder())
    else:
        is_s3, where = True, f"{settings.S3.bucket} · {settings.S3.endpoint}"
    try:
        store().try_out()
        return StoreState(is_s3, where, store().free_bytes(), "")
    except HubError as error:
        return StoreState(is_s3, where, None, error.message)
    except Exception as error:  # Whatever a client library raises means that the store does not work.
        return StoreState(is_s3, where, None, " ".join(str(error).split())[:200] or type(error).__name__)


@dataclass(frozen=True)
class Sizes:
    """Bytes, but for ``files`` and the counts.

    held: of the large files of all repositories, each content once for each of them; different: each once; whole, chunked:
    what is in the store, in which form; unreferenced, condemned: what nothing refers to, and what goes in a pass to come.
    """

    files: int
    held: int
    different: int
    whole: int
    chunked: int
    unreferenced: int
    unreferenced_count: int
    condemned: int
    condemned_count: int

    @property
    def stored(self) -> int:
        return self.whole + self.chunked

    @property
    def saved(self) -> int:
        """What is not stored because it is there already, as a file or as a chunk, or because it was compressed."""
        return max(self.held - self.stored, 0)


def sizes() -> Sizes:
    """Return sums over all content, at most a minute old."""
    kept = cache.get("storage-sizes")
    if kept is None:
        kept = _sizes()
        cache.set("storage-sizes", kept, _SUMS_KEPT)
    return Sizes(**kept)


def _sizes() -> dict[str, int]:
    waits, goes = Q(unreferenced_at__isnull=False), Q(condemned_at__isnull=False)
    blobs = Blob.objects.aggregate(
        files=Count("pk"),
        different=Sum("size", default=0),
        stored=Sum("size", filter=Q(whole=True), default=0),
        unreferenced=Sum("size", filter=waits & Q(whole=True), default=0),
        unreferenced_count=Count("pk", filter=waits),
        condemned=Sum("size", filter=goes & Q(whole=True), default=0),
        condemned_count=Count("pk", filter=goes),
    )
    xorbs = Xorb.objects.aggregate(
        chunked=Sum("stored_size", default=0),
        unreferenced=Sum("stored_size", filter=waits, default=0),
        unreferenced_count=Count("pk", filter=waits),
        condemned=Sum("stored_size", filter=goes, default=0),
        condemned_count=Count("pk", filter=goes),
    )
    held = RepositoryUsage.objects.aggregate(held=Sum("large_size"))["held"]
    if held is None:
        held = RepoBlob.objects.aggregate(held=Sum("blob__size", default=0))["held"]
    both = ("unreferenced", "unreferenced_count", "condemned", "condemned_count")
    return {
        "files": blobs["files"],
        "held": held,
        "different": blobs["different"],
        "whole": blobs["stored"],
        "chunked": xorbs["chunked"],
        **{name: blobs[name] + xorbs[name] for name in both},
    }


class UnderWay(NamedTuple):
    """Uploads that have begun. ``scratch``: bytes of this machine's disk in files that are not whole yet."""

    in_parts: int
    granted: int
    scratch: int


def uploads_under_way() -> UnderWay:
    size = 0
    for path in (scratch.blobs_folder() / "staging").glob("*"):
        try:
            size += path.stat().st_size if path.is_file() else sum(part.stat().st_size for part in path.iterdir())
        except FileNotFoundError:
            continue  # It is whole now.
    return UnderWay(LargeUpload.objects.count(), XorbGrant.objects.count(), size)


@dataclass(frozen=True)
class PassState:
    """The newest pass of a task. ``counts``: what -> how many, or bytes. ``share``: how much of it is done, in percent."""

    task: str
    label: str
    run: StorageRun | None
    counts: dict[str, int]
    share: int | None
    running: bool


def last_passes() -> list[PassState]:
    """Return the newest pass of each task, in the order of the tasks. One query."""
    newest = StorageRun.objects.order_by("task", "-started_at").distinct("task")
    runs = {run.task: run for run in newest}
    return [_state(Task(task), runs.get(task)) for task in Task.values]


def _state(task: Task, run: StorageRun | None) -> PassState:
    if run is None:
        return PassState(task, str(task.label), None, {}, None, running=False)
    counts = {what: count for what, count in run.results.items() if isinstance(count, int)}
    share = None
    if run.finished_at is None and (target := run.counts.get(TARGET)):
        share = min(100 * counts.get("bytes", 0) // target, 99)
    # Tasks go on with what was cut off; a backup that was killed stays so.
    running = run.finished_at is None and (task != Task.BACKUP or is_paused())
    return PassState(task, str(task.label), run, counts, share, running)


# --- what garbage collection would do, which takes a while to find out ----------------------------------------------

_ESTIMATE = "storage-estimate"
_ESTIMATE_KEPT = 3600  # seconds


class Estimate(NamedTuple):
    """``counts``: what -> how many, or bytes; None while it is being found out. ``at``: seconds since the epoch."""

    at: float
    counts: dict[str, int] | None


def estimate() -> Estimate | None:
    """Return what a collection would do, as far as somebody has asked within the hour."""
    kept = cache.get(_ESTIMATE)
    return Estimate(kept[0], kept[1]) if kept else None


def note_estimate(counts: dict[str, int] | None) -> None:
    cache.set(_ESTIMATE, [time.time(), counts], _ESTIMATE_KEPT)

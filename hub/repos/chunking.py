"""One identity, two forms: files that came whole are cut into chunks in the background, so that later uploads of what is much
like them send and store only what is new. Afterwards the whole form goes, once nobody is likely to fetch by it any more.

The cutting is done by the clients' own library in a process of its own (`chunker`), which speaks the Xet protocol with this
one over a unix socket: what it sends is checked and kept exactly as if a client had sent it, and it asks in the same way for
what is stored already. So there is one way in for chunks, and the borders are those that clients find.

All of it can be killed at any moment and begins again: rows are written when everything else is there.
"""

import logging
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from hub.core import locks
from hub.core.blobs import StoreAway, lfs_key, store
from hub.core.errors import HubError
from hub.repos import chunker
from hub.repos.chunk_calls import answering
from hub.repos.content import has_its_sha256, open_blob
from hub.repos.models import Blob, BucketFile, RepoBlob, Repository, StorageRun, XetFileXorb
from hub.repos.storage.keys import delete_unnamed
from hub.repos.xet.reading import open_file

log = logging.getLogger(__name__)

# No address that was signed for whole content lives longer.
_LINKS_LIVE = timedelta(hours=2)
# A file is given so long to be cut: a start, and seconds for each byte (10 MB/s).
_START_SECONDS, _BYTES_PER_SECOND = 600, 10_000_000
# What could not be cut is tried again after this long.
_RETRY_SECONDS = 24 * 3600
_ONE_LOOK = 100


class NotChunked(Exception):
    """A file could not be cut into chunks. It stays as it is."""


def whole_until(blob: Blob) -> datetime | None:
    """Return until when the whole form of `blob` stays for certain; None where nothing takes it away. `xet_file` is loaded."""
    if blob.xet_file is None or settings.KEEP_WHOLE_HOURS < 0:
        return None
    return blob.xet_file.created_at + _grace()


def stays_whole(blob: Blob, seconds: int) -> bool:
    """Tell whether the whole form of `blob` stays for this long."""
    until = whole_until(blob)
    return until is None or until > timezone.now() + timedelta(seconds=seconds)


def _grace() -> timedelta:
    kept = timedelta(hours=settings.KEEP_WHOLE_HOURS)
    return max(kept, _LINKS_LIVE) if store().is_direct else kept


# --- the pass -----------------------------------------------------------------------------------------------------


def chunk_pending(*, seconds: float) -> StorageRun | None:
    """Cut files into chunks, and drop whole forms whose time is over, for about `seconds`, or as long as one large file takes.

    One process at a time does; it returns None at once to others, and where there is nothing to do. Its row tells how much of
    what was done.
    """
    with locks.alone("cutting into chunks") as own:
        if own is None:
            return None
        shutil.rmtree(_folder(), ignore_errors=True)
        counts: Counter[str] = Counter()
        run: StorageRun | None = None
        until = time.monotonic() + seconds
        for step in _steps(counts):
            if run is None:
                run = StorageRun.objects.create(task=StorageRun.Task.CHUNK)
            step()
            StorageRun.objects.filter(pk=run.pk).update(counts=counts)
            if time.monotonic() > until:
                break
        if run is not None:
            if too_large := _waiting().filter(size__gt=settings.CHUNK_UP_TO).count():
                counts["too large"] = too_large
            run.counts, run.finished_at = counts, timezone.now()
            run.save(update_fields=["counts", "finished_at"])
        return run


def _steps(counts: "Counter[str]") -> "Iterator[_Step]":
    """Yield what is to be done, one to be cut and one to be dropped in turn, so that neither waits for all of the other."""
    cuts = (_Step(sha256, "cut", counts) for sha256 in _due("cut", _waiting().filter(size__lte=settings.CHUNK_UP_TO)))
    # A damaged whole form helps nobody, and tools do not send again what is in chunks.
    droppable = Q(damaged_at__isnull=False)
    if settings.KEEP_WHOLE_HOURS >= 0:
        droppable |= Q(xet_file__created_at__lt=timezone.now() - _grace())
    both = Blob.objects.filter(droppable, whole=True, xet_file__isnull=False)
    drops = (_Step(sha256, "dropped", counts) for sha256 in _due("dropped", both))
    for pair in zip_longest(cuts, drops):
        yield from (step for step in pair if step is not None)


def _waiting() -> QuerySet[Blob]:
    """Return what is whole and not in chunks, or in such that are damaged, and held by a repository. Files of buckets, too,
    however small they are: tools know of them, and fetch them, by the hash of their chunks."""
    held = RepoBlob.objects.filter(blob=OuterRef("pk"))
    in_buckets = BucketFile.objects.filter(blob=OuterRef("pk"))
    large = Q(size__gte=settings.CHUNK_FROM)
    damaged = XetFileXorb.objects.filter(file=OuterRef("xet_file"), xorb__damaged_at__isnull=False)
    return Blob.objects.filter(
        Q(xet_file=None) | Exists(damaged),
        Exists(held),
        large | Exists(in_buckets),
        whole=True,
        damaged_at=None,
        size__gte=1,
    )


def _due(what: str, blobs: QuerySet[Blob]) -> Iterator[str]:
    """Yield the names of `blobs` with which this did not fail lately, those that came first at first."""
    later = blobs
    while found := list(later.order_by("created_at", "pk").values_list("created_at", "pk")[:_ONE_LOOK]):
        for _created_at, sha256 in found:
            if not cache.get(_failed(what, sha256)):
                yield sha256
        created_at, last = found[-1]
        later = blobs.filter(Q(created_at__gt=created_at) | Q(created_at=created_at, pk__gt=last))


class _Step:
    """One file, cut or dropped, and counted. What goes wrong with it keeps no other from its turn."""

    def __init__(self, sha256: str, what: str, counts: "Counter[str]") -> None:
        self._sha256, self._what, self._counts = sha256, what, counts

    def __call__(self) -> None:
        done = chunk_blob if self._what == "cut" else drop_whole
        try:
            size = done(sha256=self._sha256)
        except StoreAway:
            raise
        except (NotChunked, HubError, OSError) as error:
            log.warning("%s could not be %s: %s", self._sha256, self._what, error)
            cache.set(_failed(self._what, self._sha256), 1, _RETRY_SECONDS)
            self._counts["failed"] += 1
        else:
            self._counts[f"files {self._what}"] += bool(size)
            self._counts[f"bytes {self._what}"] += size


def _failed(what: str, sha256: str) -> str:
    return f"chunking-failed-{what}-{sha256}"


# --- one file -----------------------------------------------------------------------------------------------------


def chunk_blob(*, sha256: str) -> int:
    """Cut one whole file into chunks, anew where those that it is in are damaged; return its bytes, 0 where that need not be.

    Memory: about 250 MB in the process that cuts, and what checking a xorb takes. Disk: a few hundred bytes for each chunk.
    Raises NotChunked, DamagedContentError, StoreAway.
    """
    blob = _waiting().filter(pk=sha256).select_related("xet_file").first()
    repo = Repository.objects.filter(pk__in=RepoBlob.objects.filter(blob=sha256).values("repository")).first()
    if blob is None or repo is None:
        return 0
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A socket's path has at most 107 bytes, which that of the data folder may pass.
    with tempfile.TemporaryDirectory(prefix="grove-") as short:
        socket = str(Path(short) / "hub")
        try:
            with answering(socket, repo) as troubles:
                _cut(blob, socket, folder, troubles)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if _waiting().filter(pk=sha256).exists():
        raise NotChunked("nothing came of it")
    return blob.size


def _cut(blob: Blob, socket: str, folder: Path, troubles: list[str]) -> None:
    environment = {
        "HOME": str(folder),
        "HF_XET_CACHE": str(folder),
        "HF_XET_CLIENT_UNIX_SOCKET_PATH": socket,
        "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "2",
        "HF_XET_TELEMETRY_ENABLED": "0",
    }
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-I", chunker.__file__, blob.sha256],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=environment,
            cwd=folder,
        )
    assert child.stdin is not None
    patience = threading.Timer(_START_SECONDS + blob.size / _BYTES_PER_SECOND, child.kill)
    patience.start()
    try:
        # A child that has ended says why, below.
        with suppress(BrokenPipeError):
            for piece in open_blob(blob, 0, blob.size):
                child.stdin.write(piece)
            child.stdin.close()
        if child.wait():
            text = (folder / "said").read_text(errors="replace").strip()[-500:]
            raise NotChunked("; ".join(troubles[:3]) or text or f"the chunker ended with {child.returncode}")
    finally:
        patience.cancel()
        child.kill()
        child.wait()
        with suppress(BrokenPipeError):
            child.stdin.close()


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "chunking"


def drop_whole(*, sha256: str) -> int:
    """Take away the whole form of content that is in chunks too, and that is damaged or whose time is over; return the bytes
    that this freed.

    The chunks are read back first: they must give the content. Raises NotChunked where they do not, DamagedContentError.
    """
    blob = Blob.objects.filter(pk=sha256, whole=True).select_related("xet_file").first()
    if blob is None or blob.xet_file is None or (blob.damaged_at is None and stays_whole(blob, 0)):
        return 0
    if not has_its_sha256(blob, open_file(blob.xet_file)):
        raise NotChunked("its chunks do not give its content, so the whole form stays")
    with transaction.atomic():
        # Whoever sends the same content whole meanwhile has put it there already, and names it again after this.
        kept = Blob.objects.select_for_update().filter(pk=sha256, whole=True, xet_file=blob.xet_file_id)
        if not kept.exists():
            return 0
        Blob.objects.filter(pk=sha256).update(whole=False, block_sums=None, damaged_at=None)
    return delete_unnamed(lfs_key(sha256))

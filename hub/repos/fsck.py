"""Checking that what the hub promises is there: refs, commits, trees, files, large content, and the bytes in the store.

Each repository is read as it is at one moment, while the hub goes on working. Without `rehash` nothing of the store is read but
its listing. What is read of it is noted in its row: when that was, and whether it is damaged.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from django.db import connection, transaction
from django.db.models import Count, Sum
from django.utils import timezone

from hub.core.errors import HubError
from hub.repos.git.soundness import RepositoryCheck
from hub.repos.models import Blob, BucketFile, BucketTotals, GitRef, Kind, RepoBlob, Repository, Xorb
from hub.repos.storage import scrubbing
from hub.repos.storage.checking import ROWS_AT_ONCE, ContentCheck
from hub.repos.storage.damages import Damage
from hub.repos.xet.reading import open_file

# Damages of one kind that are named for each bucket.
_NAMED = 100


@dataclass
class Check:
    """Goes through repositories, then through large content. `counts` tells what has been looked at.

    rehash: read all bytes, and compare every name with the content. Memory: about 200 bytes for each object of a repository.
    """

    rehash: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    # Called now and then, for whoever shows how far it has come.
    progress: Callable[[], object] = lambda: None

    def repository(self, repo: Repository) -> Iterator[str]:
        """Yield what is wrong with a repository's rows, one sentence for each damage."""
        self.counts["repositories"] += 1
        self.progress()
        with _one_moment():
            if repo.kind == Kind.BUCKET:
                found = _bucket(repo, self.counts)
            else:
                found = RepositoryCheck(repo, rehash=self.rehash, counts=self.counts).damages()
            for damage in found:
                yield f"{repo.audit_name}: {damage}"

    def content(self, blobs: Iterable[Blob]) -> Iterator[str]:
        """Yield what is wrong with some large content, and with the bytes in the store that it needs."""
        check = ContentCheck(self.counts)
        waiting = iter(blobs)
        while batch := list(islice(waiting, ROWS_AT_ONCE)):
            damages = list(check.some(batch))
            yield from (damage.text for damage in damages)
            self.progress()
            if self.rehash:
                yield from self._reread(batch, damages)
            else:
                yield from _found_before("large file", batch, {damage.blob for damage in damages})

    def all_content(self) -> Iterator[str]:
        """Yield what is wrong with all large content: rows and the store's listing are read side by side."""
        check = ContentCheck(self.counts)
        for batch in check.large_files():
            yield from (damage.text for damage in batch.damages)
            self.progress()
            if self.rehash:
                yield from self._reread(batch.rows, batch.damages)
            else:
                yield from _found_before("large file", batch.rows, {damage.blob for damage in batch.damages})
        for found in check.xorbs():
            yield from (damage.text for damage in found.damages)
            self.progress()
            missing = {damage.xorb for damage in found.damages}
            if not self.rehash:
                yield from _found_before("xorb", found.rows, missing)
            else:
                for xorb in found.rows:
                    if xorb.pk not in missing:
                        yield from self._reread_one(scrubbing.Kept(xorb.pk, True, xorb.stored_size))

    def rolling(self, share: float) -> Iterator[str]:
        """Read the part of all content again that was read longest ago, and yield what is wrong with it. share: 0 to 1."""
        left = scrubbing.total_bytes() * share
        before = timezone.now()
        scrubbing.note_arrivals()
        while left > 0 and (waiting := [*scrubbing.damaged(before), *scrubbing.least_recent(before)]):
            for kept in waiting:
                if left > 0:
                    left -= kept.size
                    yield from self._reread_one(kept)

    def _reread(self, blobs: Iterable[Blob], known: list[Damage]) -> Iterator[str]:
        missing = {damage.blob for damage in known}
        for blob in blobs:
            if blob.whole and blob.pk not in missing:
                yield from self._reread_one(scrubbing.Kept(blob.pk, False, blob.size))
            if blob.xet_file is not None:
                yield from _read_back(blob)

    def _reread_one(self, kept: scrubbing.Kept) -> Iterator[str]:
        self.counts["bytes read"] += kept.size
        self.progress()
        damage = scrubbing.reread(kept, scrubbing.Pace(0)).damage
        if damage is not None:
            yield damage.text


def _found_before(kind: str, rows: Iterable[Blob | Xorb], named: set[str]) -> Iterator[str]:
    """Yield what is marked as damaged: somebody read it, and it has not been read again and found well since."""
    for row in rows:
        if row.damaged_at is not None and row.pk not in named:
            yield f"{kind} {row.pk}: its bytes were not what they should be when they were read last."


def _read_back(blob: Blob) -> Iterator[str]:
    """Put a file together from its chunks, which are compared as they are read, and compare the whole with its sha256."""
    file = blob.xet_file
    assert file is not None
    digest = hashlib.sha256()
    try:
        for piece in open_file(file):
            digest.update(piece)
    except HubError as error:
        yield f"large file {blob.pk}: its chunks cannot be read back: {error}"
        return
    if digest.hexdigest() != blob.pk:
        yield f"large file {blob.pk}: its chunks are those of {digest.hexdigest()}."


def _bucket(repo: Repository, counts: Counter[str]) -> Iterator[str]:
    """Yield what is wrong with a bucket, which has rows of files where others have commits."""
    files = BucketFile.objects.filter(repository=repo)
    found = files.aggregate(files=Count("pk"), size=Sum("blob__size", default=0))
    counts["files of buckets"] += found["files"]
    totals = BucketTotals.objects.filter(repository=repo).values("files", "size").first() or {"files": 0, "size": 0}
    if totals != found:
        said = f"it is said to have {totals['files']} of {totals['size']}"
        yield f"it has {found['files']} files of {found['size']} bytes, and {said}."
    if GitRef.objects.filter(repository=repo).exists():
        yield "it has branches or tags, and is a bucket."
    held = RepoBlob.objects.filter(repository=repo)
    for path, sha256 in files.exclude(blob__in=held.values("blob")).values_list("path", "blob")[:_NAMED]:
        yield f"the content {sha256} of “{path}” is not held by the bucket."
    for sha256 in held.exclude(blob__in=files.values("blob")).values_list("blob", flat=True)[:_NAMED]:
        yield f"the large file {sha256} can be read, and no file of the bucket has it."


@contextmanager
def _one_moment() -> Iterator[None]:
    """Let all queries see the same state, whatever is committed meanwhile."""
    alone = not connection.in_atomic_block
    with transaction.atomic():
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield

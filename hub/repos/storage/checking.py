"""Comparing what rows say of large content with what the store has. No content is read: `scrubbing` does that.

Rows and the store's own listing are both in the order of names, so they are read side by side, a batch at a time: a million
files cost a listing instead of a million questions, and little memory. What looks wrong is looked at once more by itself, since
content comes and goes meanwhile.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from django.db import connection
from django.db.models import QuerySet

from hub.core.blobs import lfs_key, store, xorb_key
from hub.core.blobs.contract import Stored
from hub.repos.models import Blob, XetFile, XetFileXorb, Xorb
from hub.repos.storage.damages import Damage

# Rows of one batch, and files whose terms are in memory at once.
ROWS_AT_ONCE = 1000
_FILES_AT_ONCE = 50

_INDEXES = """
SELECT xorb_id, length(chunk_hashes), length(raw_ends), length(stored_ends),
    substring(raw_ends FROM greatest(length(raw_ends) - 3, 1)), substring(stored_ends FROM greatest(length(stored_ends) - 3, 1))
FROM repos_xorbindex WHERE xorb_id = ANY(%s)
"""


Row = TypeVar("Row")


class Batch(NamedTuple, Generic[Row]):
    """What came of some rows. ``last``: the name of the last one, after which another check can go on."""

    last: str
    damages: list[Damage]
    rows: list[Row]


class ContentCheck:
    """Goes through large content, or some of it. `counts` tells what has been looked at."""

    def __init__(self, counts: Counter[str] | None = None) -> None:
        self.counts: Counter[str] = Counter() if counts is None else counts

    def large_files(self, after: str = "") -> Iterator[Batch[Blob]]:
        """Check all large files whose sha256 comes after `after`, and count what nothing knows of. Memory: a batch."""
        listing = _Listing("lfs/", lfs_key, after)
        while blobs := list(Blob.objects.filter(**_after(after)).order_by("pk")[:ROWS_AT_ONCE]):
            after = blobs[-1].pk
            sizes = listing.take({blob.pk for blob in blobs if blob.whole}, up_to=after)
            self.counts["orphans"] += listing.strays()
            yield Batch(after, [*self._whole(blobs, sizes.get), *self._chunked(blobs)], blobs)
        listing.take(set(), up_to="")
        self.counts["orphans"] += listing.strays()

    def xorbs(self, after: str = "") -> Iterator[Batch[Xorb]]:
        """Check all xorbs whose hash comes after `after`, and count what nothing knows of. Memory: a batch."""
        listing = _Listing("xorbs/", xorb_key, after)
        while rows := list(Xorb.objects.filter(**_after(after)).order_by("pk")[:ROWS_AT_ONCE]):
            after = rows[-1].pk
            sizes = listing.take({row.pk for row in rows}, up_to=after)
            self.counts["orphans"] += listing.strays()
            yield Batch(after, list(self._xorbs(rows, sizes.get)), rows)
        listing.take(set(), up_to="")
        self.counts["orphans"] += listing.strays()

    def some(self, blobs: Iterable[Blob]) -> Iterator[Damage]:
        """Check these large files, and the xorbs that they need, with a question to the store for each."""
        waiting = iter(blobs)
        seen: set[str] = set()
        while batch := list(islice(waiting, ROWS_AT_ONCE)):
            yield from self._whole(batch, lambda sha256: _size(store().stat(lfs_key(sha256))))
            yield from self._chunked(batch)
            files = [blob.xet_file_id for blob in batch if blob.xet_file_id]
            needed = XetFileXorb.objects.filter(file__in=files).values("xorb")
            for xorbs in _in_batches(Xorb.objects.filter(pk__in=needed).order_by("pk")):
                fresh = [xorb for xorb in xorbs if xorb.pk not in seen]
                # Files of one repository share many.
                seen.update(xorb.pk for xorb in fresh)
                if fresh:
                    yield from self._xorbs(fresh, lambda name: _size(store().stat(xorb_key(name))))

    def _whole(self, blobs: list[Blob], size_of: Callable[[str], int | None]) -> Iterator[Damage]:
        self.counts["large files"] += len(blobs)
        for blob in blobs:
            if blob.whole and size_of(blob.pk) != blob.size and Blob.objects.filter(pk=blob.pk, whole=True).exists():
                there = store().stat(lfs_key(blob.pk))
                if there is None:
                    yield Damage(f"large file {blob.pk}: it is not in the store.", blob=blob.pk)
                elif there.size != blob.size:
                    said = f"large file {blob.pk}: it has {there.size} bytes in the store, not {blob.size}."
                    yield Damage(said, blob=blob.pk)

    def _chunked(self, blobs: list[Blob]) -> Iterator[Damage]:
        by_file: dict[str, list[Blob]] = {}
        for blob in blobs:
            if blob.xet_file_id:
                by_file.setdefault(blob.xet_file_id, []).append(blob)
        waiting = XetFile.objects.filter(pk__in=list(by_file)).iterator(chunk_size=_FILES_AT_ONCE)
        while files := list(islice(waiting, _FILES_AT_ONCE)):
            names = {term[0] for file in files for term in file.terms}
            lengths = dict(Xorb.objects.filter(pk__in=list(names)).values_list("pk", "chunks"))
            noted: dict[str, set[str]] = {}
            for pair in XetFileXorb.objects.filter(file__in=files).values_list("file", "xorb"):
                noted.setdefault(pair[0], set()).add(pair[1])
            for file in files:
                for blob in by_file[file.pk]:
                    if (file.sha256, file.size) != (blob.pk, blob.size):
                        said = f"its chunks are those of {file.sha256}, of {file.size} bytes."
                        yield Damage(f"large file {blob.pk}: {said}")
                    for said in _wrong_terms(file, lengths, noted.get(file.pk, set())):
                        yield Damage(f"large file {blob.pk}: {said}")

    def _xorbs(self, rows: list[Xorb], size_of: Callable[[str], int | None]) -> Iterator[Damage]:
        self.counts["xorbs"] += len(rows)
        indexes: dict[str, tuple[int, int, int, bytes, bytes]] = {}
        with connection.cursor() as cursor:
            cursor.execute(_INDEXES, [[bytes.fromhex(row.pk) for row in rows]])
            for name, *facts in cursor.fetchall():
                indexes[bytes(name).hex()] = (facts[0], facts[1], facts[2], bytes(facts[3]), bytes(facts[4]))
        for row in rows:
            entries = (32 * row.chunks, 4 * row.chunks, 4 * row.chunks)
            wanted = (*entries, row.raw_size.to_bytes(4, "little"), row.stored_size.to_bytes(4, "little"))
            right_size = size_of(row.pk) == row.stored_size
            if (right_size and indexes.get(row.pk) == wanted) or not Xorb.objects.filter(pk=row.pk).exists():
                continue
            if indexes.get(row.pk) != wanted:
                yield Damage(f"xorb {row.pk}: its index does not fit its row.", xorb=row.pk)
            there = None if right_size else store().stat(xorb_key(row.pk))
            if not right_size and there is None:
                yield Damage(f"xorb {row.pk}: it is not in the store.", xorb=row.pk)
            elif there is not None and there.size != row.stored_size:
                said = f"xorb {row.pk}: it has {there.size} bytes in the store, not {row.stored_size}."
                yield Damage(said, xorb=row.pk)


def _wrong_terms(file: XetFile, lengths: dict[str, int], noted: set[str]) -> Iterator[str]:
    """Yield what is wrong with how a file is put together. lengths: chunks of each xorb; noted: the xorbs kept for it."""
    names = {term[0] for term in file.terms}
    for name in sorted(names - lengths.keys()):
        yield f"its xorb {name} is not there."
    if names != noted:
        yield "its terms name other xorbs than are kept for it."
    if any(name in lengths and not 0 <= first < end <= lengths[name] for name, first, end, _size in file.terms):
        yield "its terms name chunks that its xorbs do not have."
    if sum(size for _name, _first, _end, size in file.terms) != file.size:
        yield f"its terms have other than its {file.size} bytes."


class _Listing:
    """The store's listing below a prefix, taken as far as rows go."""

    def __init__(self, prefix: str, key_of: Callable[[str], str], after: str) -> None:
        self._key_of = key_of
        self._found = store().walk(prefix, key_of(after) if after else "")
        self._next = next(self._found, None)
        self._strays = 0

    def take(self, names: set[str], *, up_to: str) -> dict[str, int]:
        """Return name -> bytes for those of `names` that are there, reading on to the name `up_to` ("": to the end)."""
        sizes = {}
        end = self._key_of(up_to) if up_to else ""
        while self._next is not None and (not end or self._next.key <= end):
            name = self._next.key.rsplit("/", 1)[-1]
            if name in names:
                sizes[name] = self._next.size
            else:
                self._strays += 1
            self._next = next(self._found, None)
        return sizes

    def strays(self) -> int:
        """Return how much was passed that was not asked for, since the last time."""
        found, self._strays = self._strays, 0
        return found


def _in_batches(rows: QuerySet[Xorb]) -> Iterator[list[Xorb]]:
    waiting = rows.iterator(chunk_size=ROWS_AT_ONCE)
    while batch := list(islice(waiting, ROWS_AT_ONCE)):
        yield batch


def _after(name: str) -> dict[str, str]:
    return {"pk__gt": name} if name else {}


def _size(found: Stored | None) -> int | None:
    return found.size if found else None

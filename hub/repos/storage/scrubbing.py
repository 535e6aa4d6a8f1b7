"""Reading stored content again, all of it, and comparing it with the name that it has.

Disks and networks change bytes without saying so. A whole file is compared with its sha256, and a xorb with its index chunk by
chunk, and with its name. What is damaged is marked (`damaged_at`), so that nothing relies on it and whoever has the same
content is let send it once more; what is found well again loses the mark.
"""

import hashlib
import math
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from hub.core.blobs import BlobMissing, lfs_key, store, xorb_key
from hub.core.blobs.sums import BLOCK, SUM, BlockSums, DamagedBlock, compared, in_blocks
from hub.repos.models import Blob, Xorb, XorbIndex
from hub.repos.storage.damages import Damage, marked
from hub.repos.xet.errors import FormatError
from hub.repos.xet.hashing import to_hex
from hub.repos.xet.xorb import PiecesReader, name_of, scan

# Whole content above this size is compared with its block sums, where it has them: that can stop and go on at any block.
_IN_ONE_GO = 1024**3
_ROWS_AT_ONCE = 100


class Pace:
    """Keeps reading below a number of bytes per second; 0 sets no bound."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._begun = time.monotonic()
        self._read = 0

    def spend(self, size: int) -> None:
        """Note that `size` bytes have been read, and wait where that was too fast."""
        self._read += size
        if self._rate and (ahead := self._read / self._rate - (time.monotonic() - self._begun)) > 0:
            # One long wait would hold up whoever wants this process to end.
            time.sleep(min(ahead, 1))


class Kept(NamedTuple):
    """Stored content to read again. ``size``: bytes in the store; ``damaged_at``: since when it is marked, if it is."""

    name: str
    is_xorb: bool
    size: int
    damaged_at: datetime | None = None


def total_bytes() -> int:
    """Return how many bytes there are to read again: whole content, and xorbs."""
    whole = Blob.objects.filter(whole=True).aggregate(total=Sum("size"))["total"] or 0
    return whole + (Xorb.objects.aggregate(total=Sum("stored_size"))["total"] or 0)


def damaged(before: datetime) -> list[Kept]:
    """Return what is marked as damaged and was not read since `before`: it may have become well."""
    due = Q(damaged_at__isnull=False) & (Q(checked_at=None) | Q(checked_at__lt=before))
    blobs = Blob.objects.filter(due, whole=True).values_list("pk", "size", "damaged_at")
    xorbs = Xorb.objects.filter(due).values_list("pk", "stored_size", "damaged_at")
    return [Kept(pk, False, size, at) for pk, size, at in blobs] + [Kept(pk, True, size, at) for pk, size, at in xorbs]


def note_arrivals() -> None:
    """Count what has come since the last time as read when it came: it was compared with its name then."""
    Xorb.objects.filter(checked_at=None).update(checked_at=F("created_at"))
    Blob.objects.filter(checked_at=None, block_sums__isnull=False).update(checked_at=F("created_at"))


def least_recent(before: datetime) -> list[Kept]:
    """Return the next few to read again of those that were not read since `before`: what never was, then the longest ago."""
    blobs: QuerySet[Any] = Blob.objects.filter(whole=True, damaged_at=None)
    xorbs = Xorb.objects.filter(damaged_at=None)
    never = [Kept(*row) for row in _rows(blobs.filter(checked_at=None), xorbs.filter(checked_at=None))]
    if never:
        return never
    blobs = blobs.filter(checked_at__lt=before).order_by("checked_at")
    xorbs = xorbs.filter(checked_at__lt=before).order_by("checked_at")
    return [Kept(*row[1:]) for row in sorted(_rows(blobs, xorbs, "checked_at"))[:_ROWS_AT_ONCE]]


def _rows(blobs: QuerySet[Any], xorbs: QuerySet[Any], *fields: str) -> list[tuple[Any, ...]]:
    found = [(*row[2:], row[0], False, row[1]) for row in blobs.values_list("pk", "size", *fields)[:_ROWS_AT_ONCE]]
    return found + [
        (*row[2:], row[0], True, row[1]) for row in xorbs.values_list("pk", "stored_size", *fields)[:_ROWS_AT_ONCE]
    ]


class Outcome(NamedTuple):
    """What came of reading. ``position``: how far it went, in bytes; below the size, it ran out of time and can go on there."""

    damage: Damage | None
    position: int


def reread(kept: Kept, pace: Pace, *, start: int = 0, until: float = math.inf) -> Outcome:
    """Read one of them again, and note in its row how it is.

    start: where an earlier reading stopped; until: when very large content stops at the next block, by time.monotonic().
    May raise StoreAway.
    """
    if kept.is_xorb:
        return Outcome(_reread_xorb(kept, pace), kept.size)
    if kept.size > _IN_ONE_GO:
        sums = Blob.objects.filter(pk=kept.name).values_list("block_sums", flat=True).first()
        if sums is not None and len(sums) == SUM * -(-kept.size // BLOCK):
            return _compare_blocks(kept, bytes(sums), pace, start, until)
    return Outcome(_rehash(kept, pace), kept.size)


def _rehash(kept: Kept, pace: Pace) -> Damage | None:
    digest, sums = hashlib.sha256(), BlockSums()
    length = 0
    try:
        for piece in _paced(store().read(lfs_key(kept.name)), pace):
            digest.update(piece)
            sums.update(piece)
            length += len(piece)
    except BlobMissing:
        return _harmed(kept, "it is not in the store.")
    if length != kept.size:
        return _harmed(kept, f"it has {length} bytes in the store, not {kept.size}.")
    if (found := digest.hexdigest()) != kept.name:
        return _harmed(kept, f"its bytes have the sha256 {found}.")
    made = sums.finish()
    Blob.objects.filter(Q(block_sums=None) | ~Q(block_sums=made), pk=kept.name).update(block_sums=made)
    _well(kept)
    return None


def _compare_blocks(kept: Kept, sums: bytes, pace: Pace, start: int, until: float) -> Outcome:
    at = start
    expected = (sums[where : where + SUM] for where in range(start // BLOCK * SUM, len(sums), SUM))
    try:
        for block in compared(in_blocks(_paced(store().read(lfs_key(kept.name), start), pace)), expected):
            at += len(block)
            if at < kept.size and time.monotonic() > until:
                return Outcome(None, at)
    except BlobMissing:
        return Outcome(_harmed(kept, "it is not in the store."), kept.size)
    except DamagedBlock:
        return Outcome(_harmed(kept, f"its bytes from {at} on are not what they were."), kept.size)
    _well(kept)
    return Outcome(None, kept.size)


def _reread_xorb(kept: Kept, pace: Pace) -> Damage | None:
    index = XorbIndex.objects.filter(pk=kept.name).first()
    try:
        layout = scan(PiecesReader(_paced(store().read(xorb_key(kept.name)), pace)), kept.size)
    except BlobMissing:
        return _harmed(kept, "it is not in the store.")
    except FormatError as error:
        return _harmed(kept, f"it cannot be read: {error}")
    if to_hex(name_of(layout)) != kept.name:
        return _harmed(kept, "its chunks are not those that its name stands for.")
    rows = (layout.hashes, layout.raw_ends.tobytes(), layout.ends.tobytes())
    if index is None or (bytes(index.chunk_hashes), bytes(index.raw_ends), bytes(index.stored_ends)) != rows:
        return _harmed(kept, "its index does not fit its bytes.")
    _well(kept)
    return None


def _well(kept: Kept) -> None:
    rows = Xorb.objects if kept.is_xorb else Blob.objects
    rows.filter(pk=kept.name).update(checked_at=timezone.now(), damaged_at=None)


def _harmed(kept: Kept, said: str) -> Damage | None:
    if kept.is_xorb:
        return marked(Damage(f"xorb {kept.name}: {said}", xorb=kept.name))
    return marked(Damage(f"large file {kept.name}: {said}", blob=kept.name))


def _paced(pieces: Iterator[bytes], pace: Pace) -> Iterator[bytes]:
    for piece in pieces:
        pace.spend(len(piece))
        yield piece

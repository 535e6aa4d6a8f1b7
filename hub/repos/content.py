"""The bytes of a file, wherever they lie: in a git object, whole in the blob store, or as Xet chunks.

What leaves has been compared: chunks with their hashes, whole content with the sums of its blocks. Content that is stored in
both forms is read from the other one where the first is damaged.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator

from django.db.models import BinaryField
from django.db.models.functions import Substr
from django.utils.translation import gettext as _

from hub.core.blobs import BlobMissing, lfs_key, store
from hub.core.blobs.intake import ContentCheck
from hub.core.blobs.sums import BLOCK, SUM, DamagedBlock, compared, in_blocks
from hub.core.database import give_back_connection
from hub.repos.errors import EntryNotFound
from hub.repos.git.files import FileEntry, blob_of
from hub.repos.git.objects import open_object
from hub.repos.models import Blob, Repository
from hub.repos.models.keeping import mark_damaged
from hub.repos.xet.errors import DamagedContentError
from hub.repos.xet.reading import open_file

log = logging.getLogger(__name__)

# Blocks whose sums are fetched at a time: half a megabyte of them, for 64 GB of content.
_SUMS_AT_ONCE = 65536


def open_content(repo: Repository, file: FileEntry, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Return bytes `start` to `end` (exclusive; None: the end) of what the file really holds, in pieces of about 1 MB.

    Raises EntryNotFound where git has a pointer to content that was deleted, or never sent; DamagedContentError.
    """
    stop = file.size if end is None else min(end, file.size)
    if file.sha256 is None:
        return open_object(repo.store_id, file.oid, start, stop)
    blob = blob_of(repo, file)
    if blob is None:
        raise missing_content(file)
    return open_blob(blob, start, stop)


def missing_content(file: FileEntry) -> EntryNotFound:
    """Return what to raise where git has a pointer to large content that the repository does not hold.

    It names no commit: tools would remember for good that this commit lacks the file, which may come back.
    """
    return EntryNotFound(
        _(
            "This repository does not hold the content of “%(path)s”: its owner deleted it, or it was never uploaded. "
            "Whoever has the file can upload it again."
        )
        % {"path": file.path}
    )


def open_blob(blob: Blob, start: int, stop: int) -> Iterator[bytes]:
    """Yield bytes `start` to `stop` (exclusive) of large content, in pieces of about 1 MB. `blob` has its `xet_file` loaded.

    Raises DamagedContentError rather than yield a byte that is not what was stored, and notes it for the operator.
    """
    at = start
    forms = _forms(blob)
    for form in forms:
        try:
            for piece in form(blob, at, stop):
                at += len(piece)
                yield piece
        except DamagedContentError:
            if form is forms[-1]:
                raise
            log.warning("%s goes on with its other form from byte %d on", blob.sha256, at)
        else:
            return


def _forms(blob: Blob) -> list[Callable[[Blob, int, int], Iterator[bytes]]]:
    """Return the ways to read it, the better one first."""
    forms: list[Callable[[Blob, int, int], Iterator[bytes]]] = []
    if blob.xet_file_id:
        forms.append(_open_chunks)
    if blob.whole:
        # Parts of what is damaged may be sound, and are compared like all.
        forms.insert(len(forms) if blob.damaged_at else 0, _open_whole)
    return forms


def _open_chunks(blob: Blob, start: int, stop: int) -> Iterator[bytes]:
    assert blob.xet_file is not None
    return open_file(blob.xet_file, start, stop)


def _open_whole(blob: Blob, start: int, stop: int) -> Iterator[bytes]:
    if start >= stop:
        return
    first, last = start // BLOCK, -(-stop // BLOCK)
    try:
        sums = _sums(blob, first, last)
        known = next(sums, None)
        if known is None:
            yield from _unsummed(blob, start, stop)
            return
        pieces = store().read(lfs_key(blob.sha256), first * BLOCK, min(last * BLOCK, blob.size))
        at = first * BLOCK
        for block in compared(in_blocks(pieces), _split(known, sums)):
            low, high = max(start - at, 0), min(stop - at, len(block))
            at += len(block)
            yield block[low:high] if (low, high) != (0, len(block)) else block
    except (BlobMissing, DamagedBlock) as error:
        raise damaged(blob, error) from error


def _sums(blob: Blob, first: int, last: int) -> Iterator[bytes]:
    """Yield the sums of the blocks `first` to `last` (exclusive), many at a time; nothing where there are none yet."""
    for low in range(first, last, _SUMS_AT_ONCE):
        count = min(last - low, _SUMS_AT_ONCE)
        part = Substr("block_sums", SUM * low + 1, SUM * count, output_field=BinaryField())
        found = Blob.objects.filter(pk=blob.pk).values_list(part, flat=True).first()
        # Whoever reads slowly holds a thread, not a connection to the database.
        give_back_connection()
        if found is None:
            return
        yield bytes(found)


def _split(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    part: bytes | None = first
    while part is not None:
        for at in range(0, len(part), SUM):
            yield part[at : at + SUM]
        part = next(others, None)


def _unsummed(blob: Blob, start: int, stop: int) -> Iterator[bytes]:
    """Read content whose sums nobody has made yet. Read as a whole, it is compared with its sha256, and its sums are kept; the
    last piece leaves when that is done. A range of it leaves as it is."""
    pieces = store().read(lfs_key(blob.sha256), start, stop)
    if (start, stop) != (0, blob.size):
        yield from pieces
        return
    check = ContentCheck()
    held = b""
    for piece in pieces:
        check.update(piece)
        if held:
            yield held
        held = piece
    if check.sha256 != blob.sha256:
        raise DamagedBlock("it does not have its sha256")
    Blob.objects.filter(pk=blob.pk, whole=True, block_sums=None).update(block_sums=check.sums())
    yield held


def damaged(blob: Blob, reason: object) -> DamagedContentError:
    """Note that the whole form of `blob` is damaged; return what to raise."""
    mark_damaged(Blob.objects.filter(pk=blob.pk, whole=True))
    log.error("%s is damaged: %s", lfs_key(blob.sha256), reason)
    return DamagedContentError(
        _("A part of this file is damaged in the hub's storage, so it is not served. Tell its operator.")
    )


def has_its_sha256(blob: Blob, pieces: Iterator[bytes]) -> bool:
    """Read content to its end; tell whether it is that of `blob`."""
    digest = hashlib.sha256()
    size = 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return size == blob.size and digest.hexdigest() == blob.sha256


def read_content(repo: Repository, file: FileEntry, start: int = 0, end: int | None = None) -> bytes:
    """Return bytes `start` to `end` of the file in one piece; the caller knows that they are few."""
    return b"".join(open_content(repo, file, start, end))
